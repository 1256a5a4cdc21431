"""Accounts of an installation, for its operator.

Owns: which names accounts may have, and how they are made, found, stopped and let go on. Has no
opinion on: how an operator asks, and what a disabled account's callers are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from huiyan.iam.accounts.repository import AccountRepository
from huiyan.iam.bootstrap import FIRST_OWNER, found_account
from huiyan.iam.model import IMAGE_SERVICE, Account, FirstStart
from huiyan.iam.people.rules import check_description, check_user_name
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import ConflictError, InvalidParameterError, NotFoundError

_ACCOUNT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


class AccountService:
    """Makes accounts, stops them and lets them go on.

    Parameters
    ----------
    identity : IdentityService
        Its memory answers, and is renewed after a change.
    identities : IdentityRepository
        Stores new accounts.
    repository : AccountRepository
        Changes accounts.
    vault : Vault
        Seals the first key's secret.
    regions : sequence of str
        The configured regions: an account has a project in each.
    clock : Clock
        The clock.
    """

    def __init__(  # noqa: PLR0913 -- what it is composed of
        self,
        identity: IdentityService,
        identities: IdentityRepository,
        repository: AccountRepository,
        vault: Vault,
        *,
        regions: Sequence[str],
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._identities = identities
        self._repository = repository
        self._vault = vault
        self._regions = tuple(regions)
        self._clock = clock

    def create(
        self,
        name: str,
        owner_name: str = FIRST_OWNER,
        *,
        description: str = "",
        is_image_open: bool = False,
        announce: Callable[[Account], None] = lambda _: None,
    ) -> FirstStart:
        """Make a further account with its owner, its projects and a first key.

        Parameters
        ----------
        name : str
            1 to 64 letters, digits and ``-_.``, a letter first; unique in the installation.
        owner_name : str, default 'admin'
            Name of the user who owns it, by the rule for users' names.
        description : str, default ''
            Free text of at most 255 bytes.
        is_image_open : bool, default False
            Whether image recognition is open in its projects at once.
        announce : callable, optional
            Told of the account before it is stored; what it raises keeps it from being stored.

        Returns
        -------
        FirstStart
            What was made, with the secret that is shown this once.

        Raises
        ------
        InvalidParameterError
            A name or the description is impossible.
        ConflictError
            An account of that name is there.
        DatabaseError
            The database failed.
        """
        if not _ACCOUNT_NAME.fullmatch(name):
            raise InvalidParameterError(
                "name", "must be 1 to 64 letters, digits and -_. and begin with a letter"
            )
        check_user_name(owner_name, "owner")
        check_description(description, "description")
        founding, key = found_account(
            name,
            owner_name,
            self._regions,
            self._vault,
            self._clock.now(),
            description=description,
            services=(IMAGE_SERVICE,) if is_image_open else (),
        )
        announce(founding.account)
        self._identities.add_account(founding)
        self._identity.refresh()
        return FirstStart(founding.account, founding.owner, founding.projects, key)

    def list_accounts(self) -> tuple[Account, ...]:
        """List every account.

        Returns
        -------
        tuple of Account
            By name.
        """
        accounts = self._identity.directory.accounts.values()
        return tuple(sorted(accounts, key=lambda account: account.name))

    def get(self, name_or_id: str) -> Account:
        """Get an account.

        Parameters
        ----------
        name_or_id : str
            Its id or its name.

        Returns
        -------
        Account
            The account.

        Raises
        ------
        NotFoundError
            There is none.
        ConflictError
            It is the id of one and the name of another.
        """
        found = [
            account for account in self.list_accounts() if name_or_id in {account.id, account.name}
        ]
        if not found:
            raise NotFoundError(f"Could not find domain: {name_or_id}.")
        if len(found) > 1:
            raise ConflictError(
                f"{name_or_id} is the id of one account and the name of another; "
                "give the first one's name or the other's id"
            )
        return found[0]

    def set_enabled(self, account: Account, *, enabled: bool) -> None:
        """Let an account's users call, or refuse them all, whatever their credential.

        Parameters
        ----------
        account : Account
            The account.
        enabled : bool
            Which of both; it takes effect in every process within about a second.

        Raises
        ------
        NotFoundError
            The account is gone.
        DatabaseError
            The database failed.
        """
        self._repository.set_enabled(account.id, enabled=enabled)
        self._identity.refresh()
