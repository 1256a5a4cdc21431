"""Access keys: made, shown, stopped and removed.

Owns: what may be done with them. Has no opinion on: who may ask for it, wires and tables.
"""

from __future__ import annotations

import re

from huiyan.iam.bootstrap import new_key
from huiyan.iam.model import IssuedKey, KeyStatus, NewKey
from huiyan.iam.people.keys.model import StoredKey
from huiyan.iam.people.keys.repository import KeyRepository
from huiyan.iam.people.roster import Roster
from huiyan.iam.people.rules import check_description, whole_milliseconds
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccessKey, AccountId

_ACCESS_KEY = re.compile(r"[0-9A-Za-z]{1,64}")


class KeyService:
    """Makes and changes access keys.

    Parameters
    ----------
    repository : KeyRepository
        Where they are stored.
    identity : IdentityService
        Told of every change.
    vault : Vault
        Seals the secrets.
    clock : Clock
        The server's clock.
    """

    def __init__(
        self, repository: KeyRepository, identity: IdentityService, vault: Vault, clock: Clock
    ) -> None:
        self._repository = repository
        self._identity = identity
        self._vault = vault
        self._clock = clock
        self.roster = Roster(identity)

    def create(
        self, account_id: AccountId, user_id: str, description: str = ""
    ) -> tuple[StoredKey, IssuedKey]:
        """Make a further key for a user.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : str
            The user.
        description : str, default ''
            Free text.

        Returns
        -------
        stored : StoredKey
            The key as it is listed from now on.
        issued : IssuedKey
            The key with its secret, which is shown this once.

        Raises
        ------
        NotFoundError
            The account has no such user.
        InvalidParameterError
            The description is not good.
        QuotaError
            The user has two keys.
        DatabaseError
            The database failed.
        """
        check_description(description, "credential.description")
        user = self.roster.get_user(account_id, user_id)
        issued, at = new_key(), self._clock.now()
        sealed = self._vault.seal(issued.access_key, issued.secret_key)
        new = NewKey(issued.access_key, user.id, sealed, description)
        self._repository.add(account_id, new, at)
        self._identity.refresh()
        stored = StoredKey(
            access_key=issued.access_key,
            account_id=account_id,
            user_id=user.id,
            status="active",
            description=description,
            created_at=whole_milliseconds(at),
            last_used_at=None,
        )
        return stored, issued

    def keys_of(self, account_id: AccountId, user_id: str) -> tuple[StoredKey, ...]:
        """List a user's keys.

        Parameters
        ----------
        account_id : AccountId
            The user's account.
        user_id : str
            The user.

        Returns
        -------
        tuple of StoredKey
            The oldest first.

        Raises
        ------
        NotFoundError
            The account has no such user.
        DatabaseError
            The database failed.
        """
        user = self.roster.get_user(account_id, user_id)
        return self._repository.keys_of(account_id, user.id)

    def find(self, account_id: AccountId, access_key: str) -> StoredKey | None:
        """Find a key.

        Parameters
        ----------
        account_id : AccountId
            The account.
        access_key : str
            As the caller wrote it.

        Returns
        -------
        StoredKey or None
            None if the account has no such key; another account may have.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        if _ACCESS_KEY.fullmatch(access_key) is None:
            return None
        return self._repository.find(account_id, AccessKey(access_key))

    def get(self, account_id: AccountId, access_key: str) -> StoredKey:
        """Get a key.

        Parameters
        ----------
        account_id : AccountId
            The account.
        access_key : str
            As the caller wrote it.

        Returns
        -------
        StoredKey
            The key.

        Raises
        ------
        NotFoundError
            The account has no such key; another account may have.
        DatabaseError
            The database failed.
        """
        key = self.find(account_id, access_key)
        if key is None:
            raise NotFoundError(f"Could not find credential: {access_key}.")
        return key

    def change(
        self,
        account_id: AccountId,
        access_key: AccessKey,
        status: KeyStatus | None = None,
        description: str | None = None,
    ) -> StoredKey:
        """Let a key sign, stop it, or describe it otherwise.

        Parameters
        ----------
        account_id : AccountId
            The key's account.
        access_key : AccessKey
            The key.
        status : {'active', 'inactive'}, optional
            The new status.
        description : str, optional
            The new description.

        Returns
        -------
        StoredKey
            As it is now.

        Raises
        ------
        NotFoundError
            The account has no such key.
        InvalidParameterError
            The description is not good.
        DatabaseError
            The database failed.
        """
        if description is not None:
            check_description(description, "credential.description")
        key = self._repository.change(account_id, access_key, status, description)
        self._identity.refresh()
        return key

    def delete(self, account_id: AccountId, access_key: AccessKey) -> None:
        """Remove a key; it ends at once.

        Parameters
        ----------
        account_id : AccountId
            The key's account.
        access_key : AccessKey
            The key.

        Raises
        ------
        NotFoundError
            The account has no such key.
        DatabaseError
            The database failed.
        """
        self._repository.remove(account_id, access_key)
        self._identity.refresh()
