"""The first start of an installation.

Owns: which account, owner, projects and key exist from the beginning. Has no opinion on: how they
are shown to the operator.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence

from huiyan.iam.model import (
    IMAGE_SERVICE,
    Account,
    FirstStart,
    Founding,
    IssuedKey,
    NewKey,
    Project,
    User,
)
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.ids import AccessKey, AccountId, ProjectId, UserId, new_hex_id

FIRST_ACCOUNT = "huiyan"
FIRST_OWNER = "admin"

_ACCESS_ALPHABET = string.ascii_uppercase + string.digits
_ACCESS_CHARACTERS = 20
_SECRET_ALPHABET = string.ascii_letters + string.digits
_SECRET_CHARACTERS = 40


def new_key() -> IssuedKey:
    """Make an access key and its secret.

    Returns
    -------
    IssuedKey
        An AK of 20 upper-case letters and digits, an SK of 40 letters and digits (238 bits).
    """
    access = "".join(secrets.choice(_ACCESS_ALPHABET) for _ in range(_ACCESS_CHARACTERS))
    secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_CHARACTERS))
    return IssuedKey(AccessKey(access), secret)


def first_start(
    repository: IdentityRepository, vault: Vault, regions: Sequence[str], clock: Clock
) -> FirstStart | None:
    """Make sure that an account exists, and that accounts have every configured region.

    All in one transaction: a process that is killed leaves nothing half made, and of several that
    start at once one makes the account.

    Parameters
    ----------
    repository : IdentityRepository
        Where identities are stored.
    vault : Vault
        Seals the key's secret.
    regions : sequence of str
        The configured regions, which are the names of projects.
    clock : Clock
        The server's clock.

    Returns
    -------
    FirstStart or None
        What was made, with the secret that is shown this once; None if an account was there.

    Raises
    ------
    DatabaseError
        The database failed.
    InstanceKeyError
        Another process made the account under another instance key.
    """
    account = Account(AccountId(new_hex_id()), FIRST_ACCOUNT, "", enabled=True)
    owner = User(UserId(new_hex_id()), account.id, FIRST_OWNER, is_owner=True)
    projects = tuple(_project(account, region) for region in dict.fromkeys(regions))
    key = new_key()
    sealed = vault.seal(key.access_key, key.secret_key)
    stored = NewKey(key.access_key, owner.id, sealed, "first start")
    founding = Founding(account, owner, projects, stored, clock.now())
    if repository.found_or_extend(founding):
        return FirstStart(account, owner, projects, key)
    for stored_id in repository.stored_key_ids() - {vault.key_id}:
        raise InstanceKeyError(
            f"the instance key (id {vault.key_id}) is not the one that the stored secrets need "
            f"(id {stored_id}): copy instance.key from the machine that started first"
        )
    return None


def _project(account: Account, region: str) -> Project:
    return Project(
        id=ProjectId(new_hex_id()),
        account_id=account.id,
        name=region,
        parent_id=account.id,
        description="",
        enabled=True,
        services=frozenset({IMAGE_SERVICE}),
    )
