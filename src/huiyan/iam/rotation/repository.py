"""Stored secrets as rows that name the instance key that opens them.

Owns: every statement of a rotation. Has no opinion on: how secrets are sealed, and when a key may
be dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from huiyan.iam.model import SealedSecret
from huiyan.kernel.ids import AccessKey, AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, select_everywhere, update_in
from huiyan.persistence.schema import ACCESS_KEY


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret in its row.

    Parameters
    ----------
    account_id : AccountId
        Whose it is.
    access_key : AccessKey
        The access key that it belongs to.
    sealed : SealedSecret
        As stored.
    """

    account_id: AccountId
    access_key: AccessKey
    sealed: SealedSecret


class RotationRepository:
    """Reads and replaces stored secrets.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def reseal(
        self, current_key_id: str, seal: Callable[[StoredSecret], SealedSecret], *, most: int
    ) -> int:
        """Replace some secrets that are under other keys than the current one, all or none.

        Parameters
        ----------
        current_key_id : str
            The instance key whose secrets are left alone.
        seal : callable
            Makes the new form of a secret; what it raises undoes the transaction.
        most : int
            How many in this transaction.

        Returns
        -------
        int
            How many were looked at; 0 if none is left.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            select_everywhere("the instance key seals the secrets of all", ACCESS_KEY)
            .where(ACCESS_KEY.c.instance_key_id != current_key_id)
            .order_by(ACCESS_KEY.c.access)
            .limit(most)
        )
        with self._database.writing() as connection:
            stored = [
                StoredSecret(
                    AccountId(row.account_id),
                    AccessKey(row.access),
                    SealedSecret(bytes(row.secret_ciphertext), row.instance_key_id),
                )
                for row in connection.execute(query)
            ]
            for secret in stored:
                fresh = seal(secret)
                connection.execute(
                    update_in(Scope(secret.account_id), ACCESS_KEY)
                    .where(
                        ACCESS_KEY.c.access == secret.access_key,
                        ACCESS_KEY.c.instance_key_id == secret.sealed.instance_key_id,
                    )
                    .values(
                        secret_ciphertext=fresh.ciphertext, instance_key_id=fresh.instance_key_id
                    )
                )
        return len(stored)

    def tell_processes(self) -> None:
        """Raise the revision: every process then looks for other keys within about a second.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._database.changing():
            pass  # the number is all that changes
