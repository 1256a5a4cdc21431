"""Compiled networks on disk, so that a second start is fast.

Owns: names, integrity and age of cached compilations. Has no opinion on: what is in them. A cache
that cannot be read or written is only a slower start, never a failed one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

_DIGEST_BYTES = 32
_KEPT_PER_CARD = 8


class CompileCache:
    """Compilations by what they were made from.

    Parameters
    ----------
    folder : Path
        Where they are kept; made when first written to.
    card_name : str
        Whose compilations these are.
    ingredients : tuple of str
        Everything that a compilation depends on.
    """

    def __init__(self, folder: Path, card_name: str, ingredients: tuple[str, ...]) -> None:
        key = hashlib.sha256("\0".join(ingredients).encode()).hexdigest()[:32]
        self._folder = folder
        self._pattern = f"{card_name}~*.blob"
        self._path = folder / f"{card_name}~{key}.blob"

    def find(self) -> bytes | None:
        """Give the compilation.

        Returns
        -------
        bytes or None
            Exactly what was recorded; None where there is none or where it is damaged, because an
            engine may crash on a damaged one.
        """
        try:
            content = self._path.read_bytes()
        except OSError:
            return None
        blob = content[_DIGEST_BYTES:]
        if hashlib.sha256(blob).digest() != content[:_DIGEST_BYTES]:
            return None
        return blob

    def record(self, blob: bytes) -> None:
        """Keep a compilation, and forget the oldest ones of the card.

        Parameters
        ----------
        blob : bytes
            The compilation.
        """
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, staged = tempfile.mkstemp(prefix=".", dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(blob).digest())
                    file.write(blob)
                Path(staged).replace(self._path)
            except OSError:
                Path(staged).unlink(missing_ok=True)
                raise
            kept = sorted(
                self._folder.glob(self._pattern), key=lambda path: path.stat().st_mtime_ns
            )
            for old in kept[:-_KEPT_PER_CARD]:
                old.unlink(missing_ok=True)
