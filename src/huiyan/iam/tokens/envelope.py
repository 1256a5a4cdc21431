"""Sealed text that says something, and the memory of what was read from it.

Owns: the text's form, and that each text is opened once while it is in use. Has no opinion on: what
is said in it and whether that still holds.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from huiyan.iam.vault import Vault

MOST_TEXT_BYTES = 16 * 1024
"""Longer texts are neither made nor looked at; a header may hold twice as much."""

_Claims = TypeVar("_Claims")


class Envelope(Generic[_Claims]):
    """Seals claims of one kind, and opens them again; used by any number of threads.

    Only what could be opened is remembered, so nobody fills the memory without the instance key.
    What was opened under instance keys that are no longer these is opened anew.

    Parameters
    ----------
    vault : Vault
        Holds the instance keys.
    purpose : bytes
        The kind; texts of one kind do not open as another.
    parse : callable
        From the opened bytes to claims; None if they cannot be read.
    most_remembered : int
        Texts kept in memory; the one not used for longest goes first.
    """

    def __init__(
        self,
        vault: Vault,
        purpose: bytes,
        parse: Callable[[bytes], _Claims | None],
        most_remembered: int,
    ) -> None:
        self._vault = vault
        self._sealer = vault.sealer(purpose)
        self._parse = parse
        self._most_remembered = most_remembered
        self._remembered: OrderedDict[bytes, tuple[frozenset[str], _Claims]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Tell how many texts are remembered."""
        return len(self._remembered)

    def seal(self, data: bytes) -> str:
        """Seal.

        Parameters
        ----------
        data : bytes
            Claims as bytes.

        Returns
        -------
        str
            Letters, digits, ``-`` and ``_`` only.
        """
        return _encode(self._sealer.seal(data)).decode("ascii")

    def find(self, text: bytes) -> _Claims | None:
        """Open.

        Parameters
        ----------
        text : bytes
            From ``seal``, or from anyone.

        Returns
        -------
        claims or None
            None if it was not sealed here, for this purpose, or was altered in any byte.
        """
        key_ids = self._vault.key_ids
        with self._lock:
            known = self._remembered.get(text)
            if known is not None and known[0] == key_ids:
                self._remembered.move_to_end(text)
                return known[1]
        claims = self._open(text)
        with self._lock:
            if claims is None:
                self._remembered.pop(text, None)
                return None
            self._remembered[text] = (key_ids, claims)
            if len(self._remembered) > self._most_remembered:
                self._remembered.popitem(last=False)
        return claims

    def _open(self, text: bytes) -> _Claims | None:
        if len(text) > MOST_TEXT_BYTES:
            return None
        try:
            sealed = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        # Decoding passes over spare bits and foreign characters; a token has one spelling only.
        if _encode(sealed) != text:
            return None
        data = self._sealer.find(sealed)
        return None if data is None else self._parse(data)


def _encode(sealed: bytes) -> bytes:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=")
