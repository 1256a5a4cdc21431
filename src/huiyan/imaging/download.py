"""One request to one checked host, within its time and size.

Owns: the connection to exactly the addresses given, TLS by name, HTTP/1.1 (spoken by h11) and the
limits on time, headers and bytes while they arrive. Has no opinion on: which addresses are good,
redirects, pictures.

Nothing is taken from the environment: no proxy, no cookie, no credentials. Every wait on the
network is cut to what is left of one deadline, so a peer that sends a byte now and then gains
nothing.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Final

import certifi
import h11

from huiyan.imaging.address import IpAddress
from huiyan.imaging.target import Target
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import DownloadError, DownloadTooLargeError

MAX_HEADER_BYTES: Final = 131_072
"""Received before the final response's headers are complete, interim responses counted."""

MAX_FRAMING_BYTES: Final = 1_048_576
"""Received beyond the body itself: headers, chunk sizes, trailers."""

MAX_PIECES: Final = 65_536
"""Pieces a body may come in. Chunks of a byte cost far more to read than to send."""

MAX_ADDRESSES_TRIED: Final = 4
REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})

_RECEIVE_BYTES: Final = 65_536


class Deadline:
    """The moment at which a whole fetch must be over.

    Parameters
    ----------
    timeout_s : float
        Time from now, in seconds.
    clock : Clock
        What tells the time.
    """

    def __init__(self, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._end_s = clock.monotonic_s() + timeout_s

    def remaining_s(self) -> float:
        """Tell how long one may still wait.

        Returns
        -------
        float
            Seconds, more than 0.

        Raises
        ------
        DownloadError
            The time is over.
        """
        remaining_s = self._end_s - self._clock.monotonic_s()
        if remaining_s <= 0:
            raise self.too_slow()
        return remaining_s

    def too_slow(self) -> DownloadError:
        """Make the error that says that the time is over.

        Returns
        -------
        DownloadError
            To be raised.
        """
        return DownloadError(
            f"the url's host was too slow: the download did not end within {self._timeout_s:g} s; "
            "use a faster host, or send the picture itself in image"
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a host answered.

    Parameters
    ----------
    body : bytes
        The whole body of a 200; empty for a redirect.
    location : str, optional
        Where a redirect leads, as the host wrote it; None for a 200.
    """

    body: bytes
    location: str | None = None


def load_tls_context() -> ssl.SSLContext:
    """Load the certificates of authorities to trust.

    Returns
    -------
    SSLContext
        Checks certificate and name, TLS 1.2 or later. Trusts the machine's store (or
        ``SSL_CERT_FILE``); where the machine has none, the one that Mozilla publishes.
    """
    paths = ssl.get_default_verify_paths()
    has_folder = bool(paths.capath) and any(Path(paths.capath).iterdir())
    has_store = bool(paths.cafile) or has_folder
    context = ssl.create_default_context(cafile=None if has_store else certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def download(
    target: Target,
    addresses: tuple[IpAddress, ...],
    *,
    tls_context: ssl.SSLContext,
    deadline: Deadline,
    max_bytes: int,
) -> Reply:
    """Ask a host once.

    Parameters
    ----------
    target : Target
        What to ask for.
    addresses : tuple of IPv4Address or IPv6Address
        The checked addresses of ``target.host``. No other is connected to and no name is resolved.
    tls_context : SSLContext
        Used for https; must check names.
    deadline : Deadline
        When all must be over.
    max_bytes : int
        The largest body, in bytes.

    Returns
    -------
    Reply
        The body of a 200, or where a redirect leads.

    Raises
    ------
    DownloadError
        No connection, no trust, no HTTP, another status, too slow; or the body is empty, compressed
        or cut short.
    DownloadTooLargeError
        The body is, or says that it is, larger than ``max_bytes``.
    """
    connection = _connect(addresses, target.port, deadline)
    try:
        if target.scheme == "https":
            connection = _start_tls(connection, target.host, tls_context, deadline)
        return _Exchange(connection, deadline, max_bytes).ask(target)
    finally:
        connection.close()


def _connect(addresses: tuple[IpAddress, ...], port: int, deadline: Deadline) -> socket.socket:
    tried = addresses[:MAX_ADDRESSES_TRIED]
    failure: OSError | None = None
    for position, address in enumerate(tried):
        # A dead first address leaves time for the next ones.
        share_s = deadline.remaining_s() / (len(tried) - position)
        family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
        try:
            connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            failure = error
            continue
        connection.settimeout(share_s)
        try:
            connection.connect((str(address), port))
        except OSError as error:
            connection.close()
            failure = error
            continue
        return connection
    deadline.remaining_s()
    if isinstance(failure, TimeoutError):
        raise deadline.too_slow() from failure
    raise DownloadError(
        "the url's host takes no connection; check that it is up and the port is right"
    ) from failure


def _start_tls(
    connection: socket.socket, host: str, context: ssl.SSLContext, deadline: Deadline
) -> ssl.SSLSocket:
    connection.settimeout(deadline.remaining_s())
    try:
        # The handshake as a whole keeps to the socket's timeout, not each read of it.
        return context.wrap_socket(connection, server_hostname=host)
    except TimeoutError as error:
        raise deadline.too_slow() from error
    except ssl.SSLCertVerificationError as error:
        raise DownloadError(
            f"the certificate of the url's host is not trusted ({error.verify_message}); "
            "use a host with a valid certificate"
        ) from error
    except OSError as error:
        raise DownloadError(
            "the url's host did not agree on TLS 1.2 or later; check that it speaks https"
        ) from error


class _Exchange:
    """One request and its response over a connection."""

    def __init__(self, connection: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._allowance_bytes = MAX_HEADER_BYTES
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_RECEIVE_BYTES)

    def ask(self, target: Target) -> Reply:
        try:
            self._send(target)
            response = self._receive_response()
            return self._reply(response)
        except TimeoutError as error:
            raise self._deadline.too_slow() from error
        except h11.RemoteProtocolError as error:
            raise DownloadError(
                "the url's host broke off or did not speak proper HTTP; check the url in a browser"
            ) from error
        except OSError as error:
            raise DownloadError("the connection to the url's host broke; try again") from error

    def _send(self, target: Target) -> None:
        request = h11.Request(
            method="GET",
            target=target.request_target,
            headers=[
                ("Host", target.host_header),
                ("User-Agent", "huiyan"),
                ("Accept", "image/*, */*;q=0.1"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        # One sendall: since its timeout covers the whole of it, a peer cannot stretch it.
        self._connection.settimeout(self._deadline.remaining_s())
        self._connection.sendall(
            (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        )

    def _receive_response(self) -> h11.Response:
        while True:
            event = self._next_event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise DownloadError("the url's host gave no HTTP response; check the url")

    def _reply(self, response: h11.Response) -> Reply:
        headers = dict(response.headers)
        status = response.status_code
        if status in REDIRECT_STATUSES:
            return Reply(b"", _parse_location(headers.get(b"location")))
        if status != 200:
            raise DownloadError(
                f"the url's host answered with status {status} instead of 200; check that the "
                "picture can be read without signing in"
            )
        if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"identity", b""}:
            raise DownloadError(
                "the url's host sent the picture compressed although it was asked not to; "
                "switch compression of pictures off there"
            )
        if int(headers.get(b"content-length", b"0")) > self._max_bytes:
            raise self._too_large()
        return Reply(self._receive_body())

    def _receive_body(self) -> bytes:
        self._allowance_bytes += self._max_bytes + MAX_FRAMING_BYTES
        body = bytearray()
        for _ in range(MAX_PIECES):
            event = self._next_event()
            if isinstance(event, h11.EndOfMessage):
                if not body:
                    raise DownloadError("the url's host sent an empty body; check the url")
                return bytes(body)
            if not isinstance(event, h11.Data):
                raise DownloadError("the url's host broke off; try again")
            body += event.data
            if len(body) > self._max_bytes:
                raise self._too_large()
        raise DownloadError(
            "the url's host sent the picture in very many tiny pieces; use another host"
        )

    def _next_event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._allowance_bytes <= 0:
                raise DownloadError(
                    "the url's host sent far more than a picture itself; use another host"
                )
            self._connection.settimeout(self._deadline.remaining_s())
            data = self._connection.recv(_RECEIVE_BYTES)
            self._allowance_bytes -= len(data)
            self._http.receive_data(data)
        return event

    def _too_large(self) -> DownloadTooLargeError:
        return DownloadTooLargeError(
            f"the picture at the url is larger than {self._max_bytes} bytes; use a smaller one"
        )


def _parse_location(value: bytes | None) -> str:
    try:
        location = (value or b"").decode()
    except UnicodeDecodeError as error:
        raise DownloadError("the url's host redirects to a malformed place") from error
    if not location:
        raise DownloadError("the url's host redirects without saying where; use the final url")
    return location
