"""A client that sends whatever it is told to, byte by byte."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from signed_call import Answer


@dataclass(frozen=True)
class Heard:
    """All that came back until the server closed or the time was over."""

    raw: bytes
    closed: bool
    seconds: float

    @property
    def answers(self) -> list[Answer]:
        answers, rest = [], self.raw
        while rest:
            head, found, rest = rest.partition(b"\r\n\r\n")
            assert found, f"half a reply: {self.raw[:500]!r}"
            lines = head.decode("latin-1").split("\r\n")
            status = re.fullmatch(r"HTTP/1\.1 (\d{3})( .*)?", lines[0])
            assert status is not None, lines[0]
            if status.group(1) == "100":
                continue
            headers = dict(line.lower().split(": ", 1) for line in lines[1:])
            length = int(headers["content-length"])
            answers.append(Answer(int(status.group(1)), headers, rest[:length]))
            assert len(rest) >= length
            rest = rest[length:]
        return answers

    @property
    def answer(self) -> Answer:
        answers = self.answers
        assert len(answers) == 1, self.raw[:500]
        return answers[0]


def converse(
    port: int, pieces: Iterable[bytes | float], *, wait_s: float = 8.0, until_closed: bool = True
) -> Heard:
    """Send the pieces (a number is a pause in seconds), then read to the end.

    What the server refuses early may make sending fail; the reply must be readable all the same.
    """
    started_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as link:
        try:
            for piece in pieces:
                if isinstance(piece, float):
                    time.sleep(piece)
                else:
                    link.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        raw, closed = _read(link, wait_s, until_closed=until_closed)
    return Heard(raw, closed, time.monotonic() - started_s)


def _read(link: socket.socket, wait_s: float, *, until_closed: bool) -> tuple[bytes, bool]:
    raw = b""
    deadline_s = time.monotonic() + wait_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        link.settimeout(left_s)
        try:
            data = link.recv(65536)
        except TimeoutError:
            return raw, False
        except ConnectionResetError:
            return raw, True
        if not data:
            return raw, True
        raw += data
        if not until_closed and _is_whole(raw):
            return raw, False
    return raw, False


def _is_whole(raw: bytes) -> bool:
    head, found, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(found) and length is not None and len(body) >= int(length.group(1))
