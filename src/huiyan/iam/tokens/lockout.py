"""How many wrong passwords are too many.

Owns: what is counted (a name from one address, a name from everywhere, an address, an IPv6 site),
the limits, and what becomes of a count. Has no opinion on: where counts are stored.

A name is locked for one address after few failures, so that nobody can lock its owner out from
elsewhere; for all addresses only after many, which a guesser reaches from twenty addresses or three
sites of IPv6. Even then the name stays open where its right password was given of late: many
addresses keep nobody out of the usual one. Names that do not exist are counted like those that do.
Only digests are kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from huiyan.kernel.ids import AccountId

WINDOW = timedelta(minutes=15)
"""Failures count together for this long after the first, and lock for as long."""

FAMILIAR_FOR = timedelta(days=30)
"""How long a right password makes its address one of the name's usual ones."""

NOWHERE = AccountId("")
"""Whose the counts of addresses and of names without an account are."""

NAME_FROM_ADDRESS_LIMIT = 5
ADDRESS_LIMIT = 20
SITE_LIMIT = 40
NAME_LIMIT = 100

_IPV6_NETWORK_BITS = 64
_IPV6_SITE_BITS = 48
_SHARED_NETWORKS = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


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
    familiar_digest : str, default ''
        64 hexadecimal digits under which a success is remembered: who had one is not refused by
        this count. Empty where it refuses everyone.
    shared_address : str, default ''
        The address, where it is one of an inside network: of a proxy, perhaps, that many callers
        share. Kept out of ``repr``.
    """

    kind: Literal["user", "address"]
    digest: str
    account_id: AccountId
    limit: int
    familiar_digest: str = ""
    shared_address: str = field(default="", repr=False)

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
            Begun anew where the window, or the last lock, is over. A lock that holds is not
            lengthened.
        """
        if self.is_locked(now):
            return replace(self, failures=self.failures + 1)
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
        Two to four, in the order in which they must be locked in the database.
    """
    named, origin = (account_id, *name), _origin(address)
    counters = [
        Counter(
            "user", _digest("pair", *named, origin.network), account_id, NAME_FROM_ADDRESS_LIMIT
        ),
        Counter(
            "user",
            _digest("name", *named),
            account_id,
            NAME_LIMIT,
            # Of the site, so that one caller's many networks make one row.
            familiar_digest=_digest("familiar", *named, origin.site) if origin.site else "",
        ),
    ]
    if origin.network:
        counters.append(
            Counter(
                "address",
                _digest("address", origin.network),
                NOWHERE,
                ADDRESS_LIMIT,
                shared_address=origin.shared_address,
            )
        )
    if origin.site != origin.network:
        counters.append(Counter("address", _digest("site", origin.site), NOWHERE, SITE_LIMIT))
    return tuple(sorted(counters, key=lambda counter: (counter.kind, counter.digest)))


@dataclass(frozen=True, slots=True)
class _Origin:
    """What one party has: an IPv4 address; 64 bits of IPv6, and 48 that are to be had cheaply."""

    network: str
    site: str
    shared_address: str = ""


def _origin(address: str) -> _Origin:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return _Origin(address, address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    is_shared = any(parsed in ipaddress.ip_network(network) for network in _SHARED_NETWORKS)
    shared_address = str(parsed) if is_shared else ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return _Origin(str(parsed), str(parsed), shared_address)
    network, site = (
        str(ipaddress.ip_network((parsed, bits), strict=False))
        for bits in (_IPV6_NETWORK_BITS, _IPV6_SITE_BITS)
    )
    return _Origin(network, site, shared_address)


def _digest(*parts: str) -> str:
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(told.encode("utf-8", errors="surrogatepass")).hexdigest()
