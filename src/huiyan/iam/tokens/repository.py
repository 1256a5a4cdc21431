"""Where wrong passwords are counted.

Owns: every statement about them. Has no opinion on: how many are too many, and what a try is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, or_

from huiyan.iam.tokens.lockout import NOWHERE, WINDOW, Counter, Tally
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, append_once, delete_in, select_in, update_in
from huiyan.persistence.schema import LOGIN_FAILURE

_SWEPT_AT_ONCE = 100


class LockoutRepository:
    """Counts wrong passwords, exactly, however many are tried at once and by how many processes.

    A try is counted as a failure before the password is looked at, and taken back if it was right:
    so there are never more looks than the limit allows.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, counters: Sequence[Counter], now: datetime) -> datetime | None:
        """Count a try as a failure, unless it is refused unseen.

        Parameters
        ----------
        counters : sequence of Counter
            What it counts for, in their order.
        now : datetime
            The instant, in UTC.

        Returns
        -------
        datetime or None
            Until when tries are refused; None if this one may be looked at.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        # Refusing takes no write lock, so nobody hinders others by trying on.
        with self._database.reading() as connection:
            found = [_find(connection, counter, to_change=False) for counter in counters]
        locked_until = _locked_until([tally for tally in found if tally is not None], now)
        if locked_until is not None:
            return locked_until
        with self._database.writing() as connection:
            tallies = [self._claim(connection, counter, now) for counter in counters]
            locked_until = _locked_until(tallies, now)
            if locked_until is not None:
                return locked_until
            for counter, tally in zip(counters, tallies, strict=True):
                _store(connection, counter, tally.with_failure(counter.limit, now))
            for account_id in sorted({counter.account_id for counter in counters}):
                _sweep(connection, account_id, now)
        return None

    def forgive(self, counters: Sequence[Counter]) -> None:
        """Take a try back: the password was right.

        Parameters
        ----------
        counters : sequence of Counter
            What it was counted for, in their order.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        self._take_back(counters, is_right=True)

    def take_back(self, counters: Sequence[Counter]) -> None:
        """Take a try back that was not looked at after all, for example for lack of room.

        Parameters
        ----------
        counters : sequence of Counter
            What it was counted for, in their order.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        self._take_back(counters, is_right=False)

    def clear(self, account_id: AccountId) -> None:
        """Forget every count of an account's names, and every count of addresses.

        Parameters
        ----------
        account_id : AccountId
            The account.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        with self._database.writing() as connection:
            for owner in (account_id, NOWHERE):
                connection.execute(delete_in(Scope(owner), LOGIN_FAILURE))

    def _take_back(self, counters: Sequence[Counter], *, is_right: bool) -> None:
        with self._database.writing() as connection:
            for counter in counters:
                tally = _find(connection, counter, to_change=True)
                if tally is None:
                    continue
                rest = tally.without_failure(counter.limit)
                if rest.failures == 0 or (is_right and counter.is_forgotten_by_success):
                    connection.execute(
                        delete_in(Scope(counter.account_id), LOGIN_FAILURE).where(_is(counter))
                    )
                else:
                    _store(connection, counter, rest)

    def _claim(self, connection: Connection, counter: Counter, now: datetime) -> Tally:
        """Get a row, made if need be, and keep others from changing it."""
        statement = append_once(self._database.engine.dialect.name, LOGIN_FAILURE)
        row = {
            "kind": counter.kind,
            "digest": counter.digest,
            "account_id": counter.account_id,
            "failures": 0,
            "counted_from_ms": now,
            "locked_until_ms": None,
        }
        while True:
            connection.execute(statement, row)
            tally = _find(connection, counter, to_change=True)
            # None if someone has swept the row away in between.
            if tally is not None:
                return tally


def _is(counter: Counter) -> ColumnElement[bool]:
    return and_(
        LOGIN_FAILURE.c.kind == counter.kind,
        LOGIN_FAILURE.c.digest == counter.digest,
    )


def _find(connection: Connection, counter: Counter, *, to_change: bool) -> Tally | None:
    query = select_in(Scope(counter.account_id), LOGIN_FAILURE).where(_is(counter))
    row = connection.execute(query.with_for_update() if to_change else query).one_or_none()
    if row is None:
        return None
    return Tally(row.failures, row.counted_from_ms, row.locked_until_ms)


def _locked_until(tallies: Sequence[Tally], now: datetime) -> datetime | None:
    return max(
        (
            tally.locked_until
            for tally in tallies
            if tally.locked_until is not None and tally.is_locked(now)
        ),
        default=None,
    )


def _store(connection: Connection, counter: Counter, tally: Tally) -> None:
    connection.execute(
        update_in(Scope(counter.account_id), LOGIN_FAILURE)
        .where(_is(counter))
        .values(
            failures=tally.failures,
            counted_from_ms=tally.counted_from,
            locked_until_ms=tally.locked_until,
        )
    )


def _sweep(connection: Connection, account_id: AccountId, now: datetime) -> None:
    """Remove rows whose time is over; rows that others work on are left for another time.

    It comes last in its transaction and waits for nobody, so nobody waits for one another.
    """
    over = and_(
        LOGIN_FAILURE.c.counted_from_ms <= now - WINDOW,
        or_(LOGIN_FAILURE.c.locked_until_ms.is_(None), LOGIN_FAILURE.c.locked_until_ms <= now),
    )
    scope = Scope(account_id)
    query = (
        select_in(scope, LOGIN_FAILURE)
        .where(over)
        .limit(_SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    digests = [row.digest for row in connection.execute(query)]
    if digests:
        connection.execute(
            delete_in(scope, LOGIN_FAILURE).where(LOGIN_FAILURE.c.digest.in_(digests), over)
        )
