"""Whether there are accounts, and where their state is changed.

Owns: the statements for that. Has no opinion on: who may ask for it, and how accounts
are made (``iam/repository.py`` stores them whole).
"""

from __future__ import annotations

from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, select_everywhere, select_in, update_in
from huiyan.persistence.revision import leave_revision
from huiyan.persistence.schema import ACCOUNT


class AccountRepository:
    """Changes accounts.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def has_any(self) -> bool:
        """Tell whether the installation has been started before.

        Returns
        -------
        bool
            Whether there is an account.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = select_everywhere("whether there is any", ACCOUNT).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def set_enabled(self, account_id: AccountId, *, enabled: bool) -> None:
        """Let an account's users call, or refuse them all.

        Parameters
        ----------
        account_id : AccountId
            The account.
        enabled : bool
            Which of both.

        Raises
        ------
        NotFoundError
            There is no such account.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        with self._database.changing() as connection:
            stored = connection.execute(select_in(scope, ACCOUNT).with_for_update()).one_or_none()
            if stored is None:
                raise NotFoundError(f"Could not find domain: {account_id}.")
            if stored.enabled == enabled:
                leave_revision(connection)
                return
            connection.execute(update_in(scope, ACCOUNT).values(enabled=enabled))
