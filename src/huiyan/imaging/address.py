"""Which hosts and addresses a caller's URL may lead to.

Owns: the list of networks and names that are never visited, and the judgement of one address.
Has no opinion on: how a URL is written, how a name is resolved, how bytes travel.

The rule is a whitelist: an address passes only if it is ordinary public unicast, or lies in a
network that the operator allowed. Cloud metadata services never pass, whatever is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from huiyan.kernel.errors import SettingsError

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

REFUSED_NETWORKS: Final[tuple[IpNetwork, ...]] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast at its end
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
"""Networks inside the public space that hold no public host."""

PUBLIC_IPV6: Final = IPv6Network("2000::/3")
"""All of IPv6 that has been given out as global unicast.

Loopback, mapped and compatible IPv4, NAT64, discard, unique-local, link-local, site-local and
multicast addresses all lie outside.
"""

METADATA_ADDRESSES: Final[frozenset[IpAddress]] = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",  # a public address by its number, yet it is the host of an Azure machine
        "169.254.0.23",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "192.0.0.192",
        "fd00:c1::a9fe:a9fe",
        "fd00:ec2::23",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    )
)
"""Where clouds serve credentials to their machines."""

METADATA_NAMES: Final = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.azure.internal",
        "metadata.google",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.tencentyun.com",
    }
)
"""Names under which clouds serve credentials to their machines."""

LOCAL_SUFFIXES: Final = ("localhost", "localdomain", "local", "internal", "home.arpa")
"""Last labels of names that belong to one machine or one network."""

_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


def parse_networks(texts: Iterable[str]) -> tuple[IpNetwork, ...]:
    """Read the operator's allowed networks.

    Parameters
    ----------
    texts : iterable of str
        Networks such as ``10.20.0.0/16`` or ``fd12:3456::/32``; a bare address is a network of one.

    Returns
    -------
    tuple of IPv4Network or IPv6Network
        In the order given.

    Raises
    ------
    SettingsError
        A text is no network, or has bits set behind its prefix.
    """
    networks: list[IpNetwork] = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise SettingsError(
                f"setting fetch_allowed_networks: {text!r} is no network; write for example "
                "10.20.0.0/16"
            ) from error
    return tuple(networks)


def is_metadata_name(host: str) -> bool:
    """Tell whether a name is known to be a cloud's metadata service.

    Parameters
    ----------
    host : str
        A host name in lower case, without a trailing dot.

    Returns
    -------
    bool
        True if it must never be visited.
    """
    return host in METADATA_NAMES


def is_local_name(host: str) -> bool:
    """Tell whether a name belongs to one machine or one network by its form alone.

    Parameters
    ----------
    host : str
        A host name in lower case, without a trailing dot.

    Returns
    -------
    bool
        True for ``localhost``, ``*.localhost``, ``*.local``, ``*.internal`` and their like.
    """
    return any(host == suffix or host.endswith(f".{suffix}") for suffix in LOCAL_SUFFIXES)


def is_public(address: IpAddress) -> bool:
    """Tell whether an address is ordinary public unicast.

    Parameters
    ----------
    address : IPv4Address or IPv6Address
        The address.

    Returns
    -------
    bool
        True if it lies in no special network. An IPv6 address that carries an IPv4 address is
        never public.
    """
    # Python's own list knows later additions to the registry, but calls multicast global.
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv6Address) and (
        address.scope_id is not None or address not in PUBLIC_IPV6
    ):
        return False
    return not _lies_in(address, REFUSED_NETWORKS)


def is_permitted(address: IpAddress, allowed_networks: tuple[IpNetwork, ...] = ()) -> bool:
    """Tell whether an address may be connected to.

    Parameters
    ----------
    address : IPv4Address or IPv6Address
        The address.
    allowed_networks : tuple of IPv4Network or IPv6Network
        What the operator permits beyond the public space. An IPv4 network says nothing about the
        same addresses written as IPv6.

    Returns
    -------
    bool
        True if the address is public or allowed, is no metadata service, and the IPv4 address that
        it may carry passes as well.
    """
    if address in METADATA_ADDRESSES:
        return False
    carried = carried_ipv4(address)
    if carried is not None and not is_permitted(carried, allowed_networks):
        return False
    return is_public(address) or is_allowed(address, allowed_networks)


def is_allowed(address: IpAddress, allowed_networks: tuple[IpNetwork, ...]) -> bool:
    """Tell whether an address lies in a network that the operator named.

    Parameters
    ----------
    address : IPv4Address or IPv6Address
        The address.
    allowed_networks : tuple of IPv4Network or IPv6Network
        The operator's networks.

    Returns
    -------
    bool
        True if one of them holds the address. Addresses with a zone are never allowed.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return _lies_in(address, allowed_networks)


def carried_ipv4(address: IpAddress) -> IPv4Address | None:
    """Find the IPv4 address that traffic to an IPv6 address ends at.

    Parameters
    ----------
    address : IPv4Address or IPv6Address
        The address.

    Returns
    -------
    IPv4Address or None
        The address inside a mapped, compatible, NAT64, 6to4 or Teredo address; None if there is
        none.
    """
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    in_compatible = address in _COMPATIBLE and int(address) > 1  # :: and ::1 carry nothing
    if address in _NAT64 or in_compatible:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def _lies_in(address: IpAddress, networks: tuple[IpNetwork, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
