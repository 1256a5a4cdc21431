"""The network address that a request comes from.

Owns: how an address is read, and which addresses are one client. Has no opinion on: what is counted
by address, and whose word about an address is taken.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

IPV6_PREFIX_BITS = 64
"""What one client of IPv6 is given: all its addresses are one."""

_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]+))(?::[0-9]*)?")


def plain_address(text: str) -> str:
    """Read an address that may have a port after it, as some proxies tell it.

    Parameters
    ----------
    text : str
        As the connection or the proxy has it: ``192.0.2.1``, ``192.0.2.1:5678``, ``2001:db8::1``,
        ``[2001:db8::1]:5678``.

    Returns
    -------
    str
        The address in its one usual form; empty if it is none, so that what cannot be read never
        tells one client from another.
    """
    text = text.strip()
    with_port = _WITH_PORT.fullmatch(text)
    if with_port is not None:
        text = with_port[1] or with_port[2] or ""
    try:
        address = ip_address(text.partition("%")[0])  # which of our interfaces is not theirs to say
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def address_party(text: str) -> str:
    """Tell which client an address belongs to.

    Parameters
    ----------
    text : str
        As for ``plain_address``.

    Returns
    -------
    str
        The network of an IPv6 address, so that a client with a whole one is one; any other
        address as it is; empty for all that are none.
    """
    address = plain_address(text)
    if ":" not in address:
        return address
    return f"{int(IPv6Address(address)) >> (128 - IPV6_PREFIX_BITS):x}/{IPV6_PREFIX_BITS}"
