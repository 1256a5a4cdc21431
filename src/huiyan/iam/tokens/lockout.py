"""How many wrong passwords are too many.

Owns: what is counted (a name from one address, a name from everywhere, an address), the limits, and
what becomes of a count. Has no opinion on: where counts are stored.

A name is locked for one address after few failures, so that nobody can lock its owner out from
elsewhere; for all addresses only after many, which a guesser reaches from twenty addresses or more.
Names that do not exist are counted like those that do. Only digests are kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from huiyan.kernel.ids import AccountId

WINDOW = timedelta(minutes=15)
"""Failures count together for this long after the first, and lock for as long."""

NOWHERE = AccountId("")
"""Whose the counts of addresses and of names without an account are."""

NAME_FROM_ADDRESS_LIMIT = 5
ADDRESS_LIMIT = 20
NAME_LIMIT = 100

_IPV6_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing whose failures are counted.

    Parameters
    ----------
    kind : {'user', 'address'}
        A name, from one or from all addresses; or an address.
    digest : str
        64 hexadecimal digits that stand for it.
    account_id : AccountId
        The name's account; empty for addresses and where there is no such account.
    limit : int
        The failure that locks.
    """

    kind: Literal["user", "address"]
    digest: str
    account_id: AccountId
    limit: int

    @property
    def is_forgotten_by_success(self) -> bool:
        """Whether a right password wipes the count out.

        Returns
        -------
        bool
            True for a name from one address. From elsewhere others may be guessing still.
        """
        return self.limit == NAME_FROM_ADDRESS_LIMIT


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted so far.

    Parameters
    ----------
    failures : int
        Since ``counted_from``.
    counted_from : datetime
        The first failure, in UTC.
    locked_until : datetime or None
        Until when no try is looked at.
    """

    failures: int
    counted_from: datetime
    locked_until: datetime | None

    def is_locked(self, now: datetime) -> bool:
        """Tell whether a try is refused unseen.

        Parameters
        ----------
        now : datetime
            The instant, in UTC.

        Returns
        -------
        bool
            True while locked.
        """
        return self.locked_until is not None and now < self.locked_until

    def with_failure(self, limit: int, now: datetime) -> Tally:
        """Count one more failure.

        Parameters
        ----------
        limit : int
            The failure that locks.
        now : datetime
            The instant, in UTC.

        Returns
        -------
        Tally
            Begun anew where the window, or the last lock, is over.
        """
        is_over = self.locked_until is not None or now - self.counted_from >= WINDOW
        begun = Tally(0, now, None) if is_over or self.failures == 0 else self
        failures = begun.failures + 1
        return replace(
            begun, failures=failures, locked_until=now + WINDOW if failures >= limit else None
        )

    def without_failure(self, limit: int) -> Tally:
        """Take one failure back: it was none.

        Parameters
        ----------
        limit : int
            The failure that locks.

        Returns
        -------
        Tally
            Unlocked, if that failure had locked.
        """
        failures = max(self.failures - 1, 0)
        return replace(
            self,
            failures=failures,
            locked_until=self.locked_until if failures >= limit else None,
        )


def counters_for(account_id: AccountId, name: tuple[str, ...], address: str) -> tuple[Counter, ...]:
    """Tell what a try counts for.

    Parameters
    ----------
    account_id : AccountId
        The account; empty if there is none of that name.
    name : tuple of str
        What was tried: equal for equal users, however the caller named them.
    address : str
        From where; empty if unknown, which then is not counted by itself.

    Returns
    -------
    tuple of Counter
        Two or three, in the order in which they must be locked in the database.
    """
    named, network = (account_id, *name), _network(address)
    counters = [
        Counter("user", _digest("pair", *named, network), account_id, NAME_FROM_ADDRESS_LIMIT),
        Counter("user", _digest("name", *named), account_id, NAME_LIMIT),
    ]
    if network:
        counters.append(
            Counter("address", _digest("address", network), AccountId(""), ADDRESS_LIMIT)
        )
    return tuple(sorted(counters, key=lambda counter: (counter.kind, counter.digest)))


def _network(address: str) -> str:
    """Name what one party has: an IPv4 address, or the 64 bits that IPv6 gives to everyone."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_NETWORK_BITS), strict=False))
    return str(parsed)


def _digest(*parts: str) -> str:
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(told.encode("utf-8", errors="surrogatepass")).hexdigest()
