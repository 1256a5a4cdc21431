"""A file that is read twice, kept meanwhile so that nobody else can read it.

Owns: lines on disk under a key that only this object knows. Has no opinion on: what they hold.
"""

from __future__ import annotations

import secrets
import struct
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from huiyan.kernel.errors import StoreError

_LENGTH = struct.Struct("<Q")
_KEY_BYTES = 32
_NONCE = struct.Struct("<QI")


class Spool:
    """Lines in a nameless temporary file, encrypted: what an import holds is personal data."""

    def __init__(self) -> None:
        self._cipher = AESGCM(secrets.token_bytes(_KEY_BYTES))
        self._count = 0
        try:
            self._file = tempfile.TemporaryFile(prefix="huiyan-")  # noqa: SIM115 -- closed by exit
        except OSError as error:
            raise StoreError(f"no temporary file can be made: {error.strerror}") from error

    def __enter__(self) -> Self:
        """Give the spool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the file go."""
        self._file.close()

    def append(self, line: bytes) -> None:
        """Keep a line; raises ``StoreError`` where the disk is full."""
        sealed = self._cipher.encrypt(_NONCE.pack(self._count, 0), line, None)
        try:
            self._file.write(_LENGTH.pack(len(sealed)))
            self._file.write(sealed)
        except OSError as error:
            raise StoreError(f"the temporary file cannot be written: {error.strerror}") from error
        self._count += 1

    def lines(self) -> Iterator[bytes]:
        """Give all lines in their order.

        Yields
        ------
        bytes
            A line.
        """
        self._file.seek(0)
        for number in range(self._count):
            (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            yield self._cipher.decrypt(_NONCE.pack(number, 0), self._file.read(length), None)
