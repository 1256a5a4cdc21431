"""How an account begins, and the first start of an installation.

Owns: which owner, projects and key an account has from the beginning, and that the first start
makes one. Has no opinion on: who may ask for a further one, and how it is shown to the operator.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Sequence
from datetime import datetime

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
    founding, key = found_account(
        FIRST_ACCOUNT, FIRST_OWNER, regions, vault, clock.now(), note="first start"
    )
    if repository.found_or_extend(founding):
        return FirstStart(founding.account, founding.owner, founding.projects, key)
    vault.require(repository.stored_key_ids())
    return None


def found_account(  # noqa: PLR0913 -- an account begins with all of these
    name: str,
    owner_name: str,
    regions: Sequence[str],
    vault: Vault,
    at: datetime,
    *,
    description: str = "",
    services: Iterable[str] = (IMAGE_SERVICE,),
    note: str = "first key",
) -> tuple[Founding, IssuedKey]:
    """Make everything that an account begins with; nothing is stored.

    Parameters
    ----------
    name : str
        The account's name.
    owner_name : str
        The name of the user who owns it.
    regions : sequence of str
        The names of its projects.
    vault : Vault
        Seals the key's secret.
    at : datetime
        The instant, in UTC.
    description : str, default ''
        Free text.
    services : iterable of str, default ('image',)
        The services that are open in its projects.
    note : str, default 'first key'
        The description of the key.

    Returns
    -------
    tuple of Founding and IssuedKey
        What to store, and the key with its secret.
    """
    account = Account(AccountId(new_hex_id()), name, description, enabled=True)
    owner = User(UserId(new_hex_id()), account.id, owner_name, is_owner=True, created_at=at)
    opened = frozenset(services)
    projects = tuple(
        Project(
            id=ProjectId(new_hex_id()),
            account_id=account.id,
            name=region,
            parent_id=account.id,
            description="",
            enabled=True,
            services=opened,
        )
        for region in dict.fromkeys(regions)
    )
    key = new_key()
    sealed = vault.seal(key.access_key, key.secret_key)
    stored = NewKey(key.access_key, owner.id, sealed, note)
    return Founding(account, owner, projects, stored, at), key
