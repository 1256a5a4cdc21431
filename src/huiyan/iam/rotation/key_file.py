"""The file that holds the instance keys.

Owns: the form of keys as text, and how the file is read, made and replaced so that nobody ever
reads half of it. Has no opinion on: what is encrypted under the keys, and when they change.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NewType

from huiyan.kernel.errors import InstanceKeyError

KEY_BYTES = 32
PREPARED_WORD = "next"
"""Stands before a key of the file that opens secrets and does not seal any yet."""

Stamp = NewType("Stamp", tuple[int, int, int, int])
"""What a file system tells of a file and what differs once the file is replaced."""

_FORM = "64 hexadecimal digits, or 32 bytes in base64 (openssl rand -hex 32 makes one)"
_OTHERS_BITS = stat.S_IRWXG | stat.S_IRWXO
_MOST_FILE_BYTES = 4096
_DRAFT_SUFFIX = ".draft"


@dataclass(frozen=True, slots=True)
class InstanceKeys:
    """The instance keys that are in force; none of them shows in ``repr``.

    Parameters
    ----------
    sealing : bytes of length 32
        Seals and opens.
    older : tuple of bytes of length 32
        Open what was sealed before; empty unless a key is being replaced.
    prepared : bytes of length 32, optional
        Opens already, and is to seal after the next rotation.
    """

    sealing: bytes = field(repr=False)
    older: tuple[bytes, ...] = field(default=(), repr=False)
    prepared: bytes | None = field(default=None, repr=False)

    @property
    def opening(self) -> tuple[bytes, ...]:
        """Every key that opens.

        Returns
        -------
        tuple of bytes of length 32
            Each once, the one that seals first.
        """
        prepared = () if self.prepared is None else (self.prepared,)
        return tuple(dict.fromkeys((self.sealing, *self.older, *prepared)))


def parse_keys(text: str, where: str) -> InstanceKeys:
    """Read keys that stand one after the other, the one that seals first.

    Parameters
    ----------
    text : str
        Keys separated by commas or white space.
    where : str
        Where they stand, for the error.

    Returns
    -------
    InstanceKeys
        At least one.

    Raises
    ------
    InstanceKeyError
        There is none, or one is no key; it is not repeated.
    """
    words = [word for word in re.split(r"[,\s]+", text) if word]
    keys = [_parse_key(word, where) for word in words] or [_parse_key("", where)]
    return InstanceKeys(keys[0], tuple(dict.fromkeys(keys[1:])))


def _parse_key(text: str, where: str) -> bytes:
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        return bytes.fromhex(text)
    padded = text + "=" * (-len(text) % 4)
    for alphabet in (b"-_", b"+/"):
        with suppress(binascii.Error, ValueError):
            key = base64.b64decode(padded, altchars=alphabet, validate=True)
            if len(key) == KEY_BYTES:
                return key
    raise InstanceKeyError(f"{where}: not a key of 32 bytes; it needs {_FORM}")


class KeyFile:
    """The file ``instance.key``: a key a line, the one that seals first.

    A line ``next KEY`` holds the key that the next rotation takes into use. Safe for many threads
    and processes: whoever reads sees the file before a change or after it.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def stamp(self) -> Stamp | None:
        """Tell what differs once the file has been replaced; one look at the file system.

        Returns
        -------
        Stamp or None
            None if there is no file, or it cannot be looked at.
        """
        try:
            found = self.path.stat()
        except OSError:
            return None
        return Stamp((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))

    def find(self) -> InstanceKeys | None:
        """Read the keys.

        Returns
        -------
        InstanceKeys or None
            None if there is no file.

        Raises
        ------
        InstanceKeyError
            The file can be read by others, holds what is no key, or cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(_MOST_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InstanceKeyError(f"instance key {self.path}: {error.strerror}") from error
        if mode & _OTHERS_BITS:
            raise InstanceKeyError(
                f"instance key {self.path} can be read by others (mode {mode & 0o777:04o}): "
                f"chmod 600 {self.path}"
            )
        if len(text) > _MOST_FILE_BYTES:
            raise InstanceKeyError(f"instance key {self.path}: too large for a file of keys")
        return self._parse(text.decode("latin-1"))

    def get(self) -> InstanceKeys:
        """Read the keys of a file that must be there.

        Returns
        -------
        InstanceKeys
            At least the one that seals.

        Raises
        ------
        InstanceKeyError
            There is no file, or see ``find``.
        """
        keys = self.find()
        if keys is None:
            raise InstanceKeyError(
                f"instance key {self.path} is missing: restore the file, or set "
                "HUIYAN_INSTANCE_KEY to the key of this installation"
            )
        return keys

    def create(self) -> InstanceKeys:
        """Write a new key where there is no file; another process that is faster decides.

        Returns
        -------
        InstanceKeys
            What the file holds now.

        Raises
        ------
        InstanceKeyError
            It cannot be written.
        """
        draft = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                _write_draft(draft, _render(InstanceKeys(secrets.token_bytes(KEY_BYTES))))
                try:
                    os.link(draft, self.path)
                except FileExistsError:
                    pass  # another process was faster; its key is the installation's
                else:
                    _sync_folder(self.path.parent)
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise InstanceKeyError(
                f"instance key {self.path} cannot be made: {error.strerror}; check that data_dir "
                "can be written, or set HUIYAN_INSTANCE_KEY"
            ) from error
        keys = self.find()
        if keys is None:
            raise InstanceKeyError(
                f"instance key {self.path} vanished while it was made: start again"
            )
        return keys

    def replace(self, keys: InstanceKeys) -> None:
        """Put other keys into the file at once; only for the holder of ``locked``.

        The file keeps its owner, so that an administrator's deed never locks out the server.

        Parameters
        ----------
        keys : InstanceKeys
            What it holds from now on, durably.

        Raises
        ------
        InstanceKeyError
            It cannot be written; then it is as it was.
        """
        try:
            path = self.path.resolve(strict=True)
            draft = path.with_name(path.name + _DRAFT_SUFFIX)
            draft.unlink(missing_ok=True)  # of one who was killed while holding the lock
            try:
                _write_draft(draft, _render(keys), like=path)
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            _sync_folder(path.parent)
        except OSError as error:
            raise InstanceKeyError(
                f"instance key {self.path} cannot be replaced: {error.strerror}; run this as the "
                "user who owns the file, or as root, on a file system that can be written"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other rotations of this machine away; the lock dies with the process.

        Yields
        ------
        None
            While nobody else holds it.

        Raises
        ------
        InstanceKeyError
            Somebody else rotates now, or the folder is missing.
        """
        try:
            descriptor = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise InstanceKeyError(f"instance key {self.path}: {error.strerror}") from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InstanceKeyError(
                    f"instance key {self.path} is being rotated by another process: wait for it"
                ) from error
            yield
        finally:
            os.close(descriptor)

    def _parse(self, text: str) -> InstanceKeys:
        where = f"instance key {self.path}"
        lines = [line.split() for line in text.splitlines() if line.strip()]
        prepared = [line[1:] for line in lines if line[0] == PREPARED_WORD]
        keys = parse_keys(
            " ".join(w for line in lines if line[0] != PREPARED_WORD for w in line), where
        )
        if not prepared:
            return keys
        return InstanceKeys(
            keys.sealing, keys.older, parse_keys(" ".join(prepared[-1]), where).sealing
        )


def _render(keys: InstanceKeys) -> bytes:
    lines = [key.hex() for key in (keys.sealing, *keys.older)]
    if keys.prepared is not None:
        lines.append(f"{PREPARED_WORD} {keys.prepared.hex()}")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _write_draft(path: Path, content: bytes, like: Path | None = None) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if like is not None:
            owner = like.stat()
            if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
