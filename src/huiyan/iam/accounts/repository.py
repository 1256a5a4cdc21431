"""Whether there are accounts, and where their state is changed.

Owns: the statements for that. Has no opinion on: who may ask for it, and how accounts
are made (``iam/repository.py`` stores them whole).
"""

from __future__ import annotations

from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, select_everywhere, update_in
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
        change = update_in(Scope(account_id), ACCOUNT).values(enabled=enabled)
        with self._database.changing() as connection:
            if connection.execute(change).rowcount == 0:
                raise NotFoundError(f"Could not find domain: {account_id}.")
