"""Where recorded use is stored.

Owns: every statement about it. Has no opinion on: when records are written and who waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select

from huiyan.kernel.errors import RecordingError
from huiyan.kernel.ids import AccountId, ProjectId, RegionId, RequestId, UserId
from huiyan.metering.model import UseRecord
from huiyan.persistence.appender import RefusedRowsError
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, append_once, count_in, select_in
from huiyan.persistence.schema import USE_RECORD, to_milliseconds

_COLUMNS = tuple(column.name for column in USE_RECORD.columns)


class UseRepository:
    """Stores recorded use.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._appender = database.appender(append_once(database.engine.dialect.name, USE_RECORD))

    def append(self, uses: Sequence[UseRecord]) -> None:
        """Store records in one transaction; durable when this returns.

        Parameters
        ----------
        uses : sequence of UseRecord
            Any number; one whose request id is stored already is passed over.

        Raises
        ------
        DatabaseError
            The database could not be written; a later try may succeed.
        RecordingError
            The database refuses one of these records for what it holds; none was stored.
        """
        try:
            self._appender.append([_to_row(use) for use in uses])
        except RefusedRowsError as error:
            raise RecordingError(f"the database refuses the record: {error}") from error

    def count_uses(
        self, scope: Scope, since: datetime | None = None, until: datetime | None = None
    ) -> int:
        """Count the records of one account.

        Parameters
        ----------
        scope : Scope
            Whose records.
        since : datetime, optional
            From this instant on.
        until : datetime, optional
            Before this instant.

        Returns
        -------
        int
            How many there are.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = _between(count_in(scope, USE_RECORD), since, until)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def list_uses(
        self,
        scope: Scope,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
    ) -> tuple[UseRecord, ...]:
        """List the records of one account, oldest first.

        Parameters
        ----------
        scope : Scope
            Whose records.
        since : datetime, optional
            From this instant on.
        until : datetime, optional
            Before this instant.
        limit : int, default 1000
            The most that is listed.

        Returns
        -------
        tuple of UseRecord
            By instant, then by request id.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        query = (
            _between(select_in(scope, USE_RECORD), since, until)
            .order_by(USE_RECORD.c.at_ms, USE_RECORD.c.request_id)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(_from_row(row) for row in connection.execute(query))


def _between(query: Select[Any], since: datetime | None, until: datetime | None) -> Select[Any]:
    if since is not None:
        query = query.where(USE_RECORD.c.at_ms >= since)
    if until is not None:
        query = query.where(USE_RECORD.c.at_ms < until)
    return query


def _to_row(use: UseRecord) -> tuple[object, ...]:
    return (
        use.request_id,
        to_milliseconds(use.at),
        use.account_id,
        use.project_id,
        use.region,
        use.user_id,
        use.credential_id,
        use.interface,
        use.version,
        use.succeeded,
        use.error_code,
        use.http_status,
        use.bytes_in,
        use.width_px,
        use.height_px,
        use.duration_ms,
    )


def _from_row(row: Any) -> UseRecord:  # noqa: ANN401 - the database library's rows have no types
    return UseRecord(
        request_id=RequestId(row.request_id),
        at=row.at_ms,
        account_id=AccountId(row.account_id),
        project_id=ProjectId(row.project_id),
        region=RegionId(row.region),
        user_id=UserId(row.user_id),
        credential_id=row.credential_id,
        interface=row.interface,
        version=row.version,
        succeeded=row.succeeded,
        error_code=row.error_code,
        http_status=row.http_status,
        bytes_in=row.bytes_in,
        width_px=row.width_px,
        height_px=row.height_px,
        duration_ms=row.duration_ms,
    )
