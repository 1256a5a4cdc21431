"""The HTTP connection, guarded.

Owns: limits on the request's head (size, time), that even a broken request gets an answer of the
vendor's shape, and that a client has time to read an answer it did not wait for. Has no opinion on:
bodies (``receive``) and everything after the head, which uvicorn's own protocol does.

Source: ``docs/wire.md``, "Errors of the gateway".
"""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle
from dataclasses import dataclass

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from huiyan.gateway.envelope import reply_headers
from huiyan.gateway.errors_wire import render_error
from huiyan.gateway.observe import Observer
from huiyan.kernel.errors import (
    BodyTimeoutError,
    HeadersTooLargeError,
    MalformedRequestError,
    TransportError,
    UriTooLongError,
)
from huiyan.kernel.ids import new_request_id
from huiyan.kernel.units import KIB_BYTES, MIB_BYTES

MAX_URI_BYTES = 32 * KIB_BYTES
MAX_HEADER_BYTES = 32 * KIB_BYTES
MAX_HEAD_BYTES = 128 * KIB_BYTES
GUARD_STATE_KEY = "connection_guard"

_MAX_DISCARDED_BYTES = 64 * MIB_BYTES


@dataclass(frozen=True, slots=True)
class ConnectionGuard:
    """What each connection is given through the server's state.

    Parameters
    ----------
    head_timeout_s : float
        Seconds in which a request's head, or the discarded rest of a refused body, must arrive.
    observer : Observer
        Told about refusals.
    """

    head_timeout_s: float
    observer: Observer


class GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol with limits on the head of a request."""

    _guard: ConnectionGuard
    _timer: TimerHandle | None = None
    _stalled: TimerHandle | None = None
    url = b""
    _in_head = True
    _lingering = False
    _refusal: TransportError | None = None
    _declining_upgrade = False
    _heard = False
    _unheard_bytes = 0
    _field_bytes = 0
    _discarded_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first head.

        Parameters
        ----------
        transport : asyncio.Transport
            The connection.
        """
        super().connection_made(transport)
        self._guard = self.app_state[GUARD_STATE_KEY]
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock.

        Parameters
        ----------
        exc : Exception or None
            Why the connection ended.
        """
        self._disarm()
        self._unstall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, as long as the head stays within its limits.

        Parameters
        ----------
        data : bytes
            What arrived.
        """
        if self._lingering:
            self._discard(len(data))
            return
        if self.transport.is_closing():
            return
        if self._in_head and self._timer is None:
            self._arm()
        self._heard = False
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.send_400_response("this is no valid HTTP")
        self._judge(len(data))

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = True
        self._heard = True
        self._field_bytes = 0
        self._discarded_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target.

        Parameters
        ----------
        url : bytes
            The piece.
        """
        super().on_url(url)
        self._heard = True
        if len(self.url) > MAX_URI_BYTES:
            self._refuse(UriTooLongError())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer.

        Parameters
        ----------
        name, value : bytes
            The header.
        """
        self._heard = True
        size_bytes = len(name) + len(value)
        self._field_bytes += size_bytes
        if size_bytes > MAX_HEADER_BYTES or self._field_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadersTooLargeError())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head; the body has its own clock."""
        self._heard = True
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._declining_upgrade = True
            return
        self._disarm()
        self._in_head = False
        super().on_headers_complete()
        self.cycle.transport = _PatientTransport(self)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body.

        Parameters
        ----------
        body : bytes
            The piece.
        """
        self._heard = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._declining_upgrade:
            return
        super().on_message_complete()
        self.url = b""
        self._in_head = True
        self._heard = True
        self._disarm()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """After the reply, give a body that is still coming a limited time."""
        if self._lingering:
            return
        super().on_response_complete()
        if self.transport.is_closing() or self._owes_reply():
            return
        if self._refusal is not None:
            self._hang_up(self._refusal)
        elif not self._in_head:
            self._unset_keepalive_if_required()
            self._arm()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no acceptable request, in the vendor's shape, and hang up.

        Parameters
        ----------
        msg : str
            Uvicorn's own text; not sent.
        """
        if self._lingering or self.transport.is_closing():
            return
        self._refusal = self._refusal or MalformedRequestError(msg)
        if self._in_head and self._owes_reply():
            return
        self._hang_up(self._refusal)

    def pause_writing(self) -> None:
        """Give a client that does not read its reply a limited time."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing to a client that reads again."""
        self._unstall()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Let go of a connection that nobody has used for a while."""
        self.transport.abort()

    def close_patiently(self) -> None:
        """Close as the reply asked for, without cutting off a client that is still sending."""
        if self._in_head:
            self.transport.close()
        else:
            self._linger()

    def _feed(self, data: bytes) -> None:
        """Let the parser read; an offer to speak another protocol is passed over."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                # The parser takes what follows such a head for the other protocol and skips the
                # body, so the head is read once more without the offer.
                data = self._head_without_offer() + data[offer.args[0] :]
                self._declining_upgrade = False
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    def _head_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _judge(self, size_bytes: int) -> None:
        """Look at where the parser stands after so many further bytes."""
        if self._lingering or self.transport.is_closing():
            return
        # The parser keeps an unfinished header (or trailer) line to itself, however long it grows.
        self._unheard_bytes = 0 if self._heard else self._unheard_bytes + size_bytes
        if self._unheard_bytes > MAX_HEAD_BYTES:
            self._refusal = HeadersTooLargeError()
            self.send_400_response("")
        elif not self._in_head and self.cycle.response_complete:
            self._discard(size_bytes)

    def _owes_reply(self) -> bool:
        # Uvicorn's annotation leaves out that there is none before the first request.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _refuse(self, error: TransportError) -> None:
        self._refusal = error
        raise error

    def _hang_up(self, error: TransportError) -> None:
        if self._owes_reply():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        request_id = new_request_id()
        reply = render_error(error, request_id)
        head = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Bad Request')}".encode()]
        head += [b"%s: %s" % header for header in reply_headers(reply, request_id)]
        head.append(b"connection: close")
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + reply.body)
        self._guard.observer.request_refused(reply, request_id)
        self._linger()

    def _linger(self) -> None:
        """Close only after the client had time to read: an abrupt close would lose the reply."""
        self._lingering = True
        self._unset_keepalive_if_required()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._arm()

    def _discard(self, size_bytes: int) -> None:
        self._discarded_bytes += size_bytes
        if self._discarded_bytes > _MAX_DISCARDED_BYTES:
            self.transport.close()

    def _arm(self) -> None:
        self._disarm()
        self._timer = self.loop.call_later(self._guard.head_timeout_s, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _unstall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _expire(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self._in_head and not self._lingering and self._owes_reply():
            self._arm()
        elif self._in_head and not self._lingering and self.url:
            seconds = f"{self._guard.head_timeout_s:g} seconds"
            self._hang_up(BodyTimeoutError(f"the headers did not arrive within {seconds}"))
        else:
            self.transport.abort()


class _PatientTransport:
    """What a reply is written to: closing leaves a client that still sends time to read."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: GuardedProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.close_patiently()


_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    494: "Request Header Too Large",
}
