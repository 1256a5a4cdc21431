"""A caller's URL, read strictly.

Owns: which spellings of a URL are understood, and what host, port and request line they mean.
Has no opinion on: whether that host may be visited.

Two readers that split one URL differently are how guards get bypassed. So every spelling on which
readers disagree is refused here, and nothing later looks at the text again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, urlsplit

import idna

from huiyan.imaging.address import IpAddress
from huiyan.kernel.errors import RefusedUrlError

MAX_URL_CHARS: Final = 8192
MAX_HOST_CHARS: Final = 253
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_UNSAFE_CHARACTER: Final = re.compile(r"[\x00-\x20\x7f\\]")
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
# What RFC 3986 lets stand in a path or a query; '%' so that escapes of signed URLs stay untouched.
_KEPT: Final = "/:@!$&'()*+,;=-._~%?"


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes.

    Parameters
    ----------
    scheme : str
        ``http`` or ``https``.
    host : str
        A name in lower case (punycode where needed), or a literal address without brackets.
    port : int
        1 to 65535, written or implied.
    request_target : str
        Path and query, ASCII only, starting with ``/``.
    address : IPv4Address or IPv6Address, optional
        The address, if the host is written as one.
    """

    scheme: str
    host: str
    port: int
    request_target: str
    address: IpAddress | None = None

    @property
    def host_header(self) -> str:
        """Give the value of the ``Host`` header.

        Returns
        -------
        str
            Host, in brackets for IPv6, with the port unless it is the scheme's own.
        """
        host = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """Read a URL.

    Parameters
    ----------
    url : str
        An absolute http or https URL of at most 8,192 characters. Characters beyond ASCII may
        stand in the path and the query, and in the host where IDNA 2008 allows them.

    Returns
    -------
    Target
        What it means.

    Raises
    ------
    RefusedUrlError
        The URL is no such URL, holds credentials, or is spelled in a way that readers of URLs
        disagree on.
    """
    if not url:
        raise RefusedUrlError("the url is empty; give an http or https URL")
    if len(url) > MAX_URL_CHARS:
        raise RefusedUrlError(f"the url is longer than {MAX_URL_CHARS} characters; shorten it")
    if _UNSAFE_CHARACTER.search(url):
        raise RefusedUrlError(
            "the url holds a space, a control character or a backslash; percent-encode it"
        )
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise RefusedUrlError("the url is malformed; check its host and brackets") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise RefusedUrlError("the url must begin with http:// or https://")
    if "@" in parts.netloc:
        raise RefusedUrlError(
            "the url holds a user name or password; use a temporary signed URL instead"
        )
    match = _AUTHORITY.fullmatch(parts.netloc)
    if match is None:
        raise RefusedUrlError("the url has no usable host; write it as http://host/path")
    host, address = _parse_host(match[1])
    port = DEFAULT_PORTS[parts.scheme] if match[2] is None else int(match[2])
    if not 1 <= port <= 65535:
        raise RefusedUrlError("the url's port is no number from 1 to 65535; correct it")
    return Target(
        parts.scheme, host, port, _encode_request_target(parts.path, parts.query), address
    )


def _parse_host(text: str) -> tuple[str, IpAddress | None]:
    try:
        if text.startswith("["):
            ipv6 = IPv6Address(text[1:-1])
            return str(ipv6), ipv6
        name = _encode_name(text)
        # A last label that is a number makes an IPv4 address of any host, in whatever base.
        if _NUMBER.fullmatch(name.rpartition(".")[2]):
            ipv4 = IPv4Address(name)
            return str(ipv4), ipv4
    except AddressValueError as error:
        raise RefusedUrlError(
            "the url's address is spelled unusually; write IPv4 as four decimal numbers, "
            "IPv6 in brackets"
        ) from error
    if _HOST.fullmatch(name) is None or len(name) > MAX_HOST_CHARS:
        raise RefusedUrlError(
            "the url's host is no plain host name; write it without escapes, empty labels or a "
            "trailing dot"
        )
    return name, None


def _encode_name(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        # Cut, since encoding is costly and a name one character too long already fails.
        return idna.encode(text[: MAX_HOST_CHARS + 1], strict=True).decode("ascii")
    except idna.IDNAError as error:
        raise RefusedUrlError(
            "the url's host holds characters that no host name may have; write it in lower case, "
            "with plain digits and dots, or in punycode"
        ) from error


def _encode_request_target(path: str, query: str) -> str:
    text = f"{path or '/'}?{query}" if query else path or "/"
    try:
        return quote(text, safe=_KEPT)
    except UnicodeEncodeError as error:
        raise RefusedUrlError("the url holds half a character; percent-encode it") from error
