"""Where wrong passwords are counted.

Owns: every statement about them and about the usual addresses of names, which are rows of the same
table without failures: their lock's end is the end of their time. Has no opinion on: how many are
too many, and what a try is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, Connection, and_, or_

from huiyan.iam.tokens.lockout import FAMILIAR_FOR, NOWHERE, WINDOW, Counter, Tally
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, append_once, delete_in, select_in, update_in
from huiyan.persistence.schema import LOGIN_FAILURE

_SWEPT_AT_ONCE = 100
_log = structlog.get_logger(__name__)


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
            refusing = [
                counter for counter in counters if not _is_familiar(connection, counter, now)
            ]
            found = [_find(connection, counter, to_change=False) for counter in refusing]
        locked_until = _locked_until([tally for tally in found if tally is not None], now)
        if locked_until is not None:
            return locked_until
        with self._database.writing() as connection:
            tallies = {counter: self._claim(connection, counter, now) for counter in counters}
            locked_until = _locked_until([tallies[counter] for counter in refusing], now)
            if locked_until is not None:
                return locked_until
            for counter, tally in tallies.items():
                _store(connection, counter, tally.with_failure(counter.limit, now))
            for account_id in sorted({counter.account_id for counter in counters}):
                _sweep(connection, account_id, now)
        for counter, tally in tallies.items():
            if counter.shared_address and tally.with_failure(counter.limit, now).is_locked(now):
                _log.warning("lockout_shared_address", address=counter.shared_address)
        return None

    def forgive(self, counters: Sequence[Counter]) -> None:
        """Take a try back: the password was right, and its address is now a usual one.

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

        Which addresses are usual is remembered still.

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
                connection.execute(
                    delete_in(Scope(owner), LOGIN_FAILURE).where(LOGIN_FAILURE.c.failures > 0)
                )

    def _take_back(self, counters: Sequence[Counter], *, is_right: bool) -> None:
        familiar: list[tuple[Counter, datetime]] = []
        with self._database.writing() as connection:
            for counter in counters:
                tally = _find(connection, counter, to_change=True)
                if tally is None:
                    continue
                if is_right and counter.familiar_digest:
                    familiar.append((counter, tally.counted_from))
                rest = tally.without_failure(counter.limit)
                if rest.failures == 0 or (is_right and counter.is_forgotten_by_success):
                    connection.execute(
                        delete_in(Scope(counter.account_id), LOGIN_FAILURE).where(
                            _is(counter.kind, counter.digest)
                        )
                    )
                else:
                    _store(connection, counter, rest)
            # Last of all, and one for a name: so nobody waits for one another.
            for counter, about_now in familiar:
                self._remember(connection, counter, about_now)

    def _remember(self, connection: Connection, counter: Counter, since: datetime) -> None:
        """Remember a success for a while, reckoned from the count's begin, minutes ago."""
        row = {
            "kind": counter.kind,
            "digest": counter.familiar_digest,
            "account_id": counter.account_id,
            "failures": 0,
            "counted_from_ms": since,
            "locked_until_ms": since + FAMILIAR_FOR,
        }
        connection.execute(append_once(self._database.engine.dialect.name, LOGIN_FAILURE), row)
        connection.execute(
            update_in(Scope(counter.account_id), LOGIN_FAILURE)
            .where(_is(counter.kind, counter.familiar_digest))
            .values(counted_from_ms=since, locked_until_ms=since + FAMILIAR_FOR)
        )

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


def _is(kind: str, digest: str) -> ColumnElement[bool]:
    return and_(LOGIN_FAILURE.c.kind == kind, LOGIN_FAILURE.c.digest == digest)


def _is_familiar(connection: Connection, counter: Counter, now: datetime) -> bool:
    """Tell whether this caller had a success that lets it past the counter's lock."""
    if not counter.familiar_digest:
        return False
    query = select_in(Scope(counter.account_id), LOGIN_FAILURE).where(
        _is(counter.kind, counter.familiar_digest), LOGIN_FAILURE.c.locked_until_ms > now
    )
    return connection.execute(query).first() is not None


def _find(connection: Connection, counter: Counter, *, to_change: bool) -> Tally | None:
    query = select_in(Scope(counter.account_id), LOGIN_FAILURE).where(
        _is(counter.kind, counter.digest)
    )
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
        .where(_is(counter.kind, counter.digest))
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
