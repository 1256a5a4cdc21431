"""Where limits of single users and projects are stored.

Owns: every statement that changes them; the directory reads them with all else. Has no opinion on:
what a limit means, and who may set one.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from huiyan.iam.directory.model import Limits
from huiyan.iam.limits.model import LimitSubject
from huiyan.kernel.errors import ConflictError, NotFoundError
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, delete_in, insert_in, select_in, update_in
from huiyan.persistence.revision import leave_revision
from huiyan.persistence.schema import THROTTLE_LIMIT

_TABLE = THROTTLE_LIMIT.c


class LimitRepository:
    """Stores limits.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_limits(self, account_id: AccountId) -> tuple[tuple[LimitSubject, Limits], ...]:
        """List the limits of one account.

        Parameters
        ----------
        account_id : AccountId
            Whose.

        Returns
        -------
        tuple of tuple of LimitSubject and Limits
            Projects before users, each by id.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = select_in(Scope(account_id), THROTTLE_LIMIT).order_by(
            _TABLE.subject, _TABLE.subject_id
        )
        with self._database.reading() as connection:
            return tuple(
                (
                    LimitSubject(row.subject, row.subject_id),
                    Limits(row.calls_per_minute, row.concurrent_calls),
                )
                for row in connection.execute(query)
            )

    def set_limit(self, account_id: AccountId, subject: LimitSubject, limits: Limits) -> None:
        """Store the limits of a user or project, in place of those that are there.

        Parameters
        ----------
        account_id : AccountId
            Whose user or project it is.
        subject : LimitSubject
            The user or project.
        limits : Limits
            The limits.

        Raises
        ------
        ConflictError
            Somebody else set them at the same time.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        values = {
            "calls_per_minute": limits.calls_per_minute,
            "concurrent_calls": limits.concurrent_calls,
        }
        is_it = (_TABLE.subject == subject.kind, _TABLE.subject_id == subject.id)
        known = select_in(scope, THROTTLE_LIMIT).where(*is_it).with_for_update()
        try:
            with self._database.changing() as connection:
                stored = connection.execute(known).one_or_none()
                if stored is None:
                    connection.execute(
                        insert_in(scope, THROTTLE_LIMIT).values(
                            subject=subject.kind, subject_id=subject.id, **values
                        )
                    )
                elif Limits(stored.calls_per_minute, stored.concurrent_calls) == limits:
                    leave_revision(connection)
                else:
                    change = update_in(scope, THROTTLE_LIMIT).where(*is_it)
                    connection.execute(change.values(**values))
        except IntegrityError as error:
            raise ConflictError(
                f"the limits of {subject.kind} {subject.id} were changed by someone else at the "
                "same time: try again"
            ) from error

    def remove_limit(self, account_id: AccountId, subject: LimitSubject) -> None:
        """Take away the limits of a user or project: the settings count again.

        Parameters
        ----------
        account_id : AccountId
            Whose user or project it is.
        subject : LimitSubject
            The user or project.

        Raises
        ------
        NotFoundError
            It has none of its own.
        DatabaseError
            The database failed.
        """
        removal = delete_in(Scope(account_id), THROTTLE_LIMIT).where(
            _TABLE.subject == subject.kind, _TABLE.subject_id == subject.id
        )
        with self._database.changing() as connection:
            if connection.execute(removal).rowcount == 0:
                raise NotFoundError(f"Could not find limit: {subject.id}.")
