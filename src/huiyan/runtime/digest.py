"""Bytes moved under a limit and under their SHA-256.

Owns: bounded copying to disk, hashing, and putting a finished file in its place. Has no opinion on:
where bytes come from or which hash is right.
"""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Protocol

from huiyan.kernel.errors import ModelSourceError, StoreError
from huiyan.kernel.units import MIB_BYTES
from huiyan.runtime.progress import Progress

_BLOCK_BYTES = MIB_BYTES
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Reader(Protocol):
    """Whatever bytes can be read from in blocks."""

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; none at the end."""
        ...


def store_error(error: OSError, where: Path, needed_bytes: int) -> StoreError:
    """Word a failed write for the operator.

    Parameters
    ----------
    error : OSError
        What the system said.
    where : Path
        The file or folder written to.
    needed_bytes : int
        Bytes that the file takes.

    Returns
    -------
    StoreError
        To be raised by the caller.
    """
    if error.errno in _FULL:
        return StoreError(f"no room for {needed_bytes:,} bytes at {where}: {error.strerror}")
    return StoreError(f"cannot write {where}: {error.strerror or error}")


def write_bounded(reader: Reader, target: Path, limit_bytes: int, progress: Progress) -> str:
    """Copy bytes into a new file, never more than allowed.

    Parameters
    ----------
    reader : Reader
        What is read to its end.
    target : Path
        A file that is made, or emptied.
    limit_bytes : int
        The largest size that is accepted.
    progress : Progress
        Told of each block.

    Returns
    -------
    str
        SHA-256 of what was written, 64 hex digits; the file is on disk when this returns.

    Raises
    ------
    ModelSourceError
        The source holds more than `limit_bytes`.
    StoreError
        The disk is full or refuses the write.
    """
    digest = hashlib.sha256()
    written_bytes = 0
    try:
        file = target.open("wb")
    except OSError as error:
        raise store_error(error, target, limit_bytes) from error
    with file:
        while block := reader.read(_BLOCK_BYTES):
            written_bytes += len(block)
            if written_bytes > limit_bytes:
                raise ModelSourceError(f"it holds more than the {limit_bytes:,} bytes of the card")
            digest.update(block)
            try:
                file.write(block)
                file.flush()
            except OSError as error:
                raise store_error(error, target, limit_bytes) from error
            progress.advance(len(block))
        try:
            os.fsync(file.fileno())
        except OSError as error:
            raise store_error(error, target, limit_bytes) from error
    return digest.hexdigest()


def hash_file(path: Path, progress: Progress) -> str:
    """Hash a file.

    Parameters
    ----------
    path : Path
        The file.
    progress : Progress
        Told of each block.

    Returns
    -------
    str
        SHA-256, 64 hex digits.

    Raises
    ------
    StoreError
        The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                progress.advance(len(block))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
    return digest.hexdigest()


def move_into_place(staged: Path, target: Path) -> None:
    """Put a finished file where it belongs, at once and durably.

    Parameters
    ----------
    staged : Path
        A complete file on the same filesystem.
    target : Path
        Where it goes; a file there is replaced.

    Raises
    ------
    StoreError
        The filesystem refuses.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise store_error(error, target, 0) from error
