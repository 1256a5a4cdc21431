"""Secrets at rest, encrypted under the instance key.

Owns: the instance key (where it comes from, who may read it) and how secrets are sealed with it.
Has no opinion on: which secrets there are and where they are stored.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huiyan.iam.model import SealedSecret
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.ids import AccessKey

KEY_BYTES = 32
KEY_FILE_NAME = "instance.key"

_NONCE_BYTES = 12
_ID_BYTES = 8
_FORM = "64 hexadecimal digits, or 32 bytes in base64 (openssl rand -hex 32 makes one)"
_OTHERS_BITS = stat.S_IRWXG | stat.S_IRWXO
_MOST_FILE_BYTES = 1024


class Vault:
    """Seals and opens secrets of access keys.

    Parameters
    ----------
    instance_key : bytes of length 32
        The instance key; what encrypts is derived from it, so that the same key can serve other
        purposes beside this one.
    """

    def __init__(self, instance_key: bytes) -> None:
        self._cipher = AESGCM(_derive(instance_key, b"huiyan secret of access key v1", KEY_BYTES))
        self._key_id = _derive(instance_key, b"huiyan instance key id v1", _ID_BYTES).hex()

    @property
    def key_id(self) -> str:
        """Which instance key this is; tells nothing about the key itself.

        Returns
        -------
        str
            16 hexadecimal digits.
        """
        return self._key_id

    def seal(self, access_key: AccessKey, secret: str) -> SealedSecret:
        """Encrypt a secret so that it opens for its own access key only.

        Parameters
        ----------
        access_key : AccessKey
            The AK; authenticated along with the secret.
        secret : str
            The SK.

        Returns
        -------
        SealedSecret
            AES-256-GCM under a fresh nonce.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), access_key.encode())
        return SealedSecret(nonce + sealed, self._key_id)

    def open(self, access_key: AccessKey, sealed: SealedSecret) -> bytes:
        """Decrypt a secret.

        Parameters
        ----------
        access_key : AccessKey
            The AK it was sealed for.
        sealed : SealedSecret
            As stored.

        Returns
        -------
        bytes
            The SK as UTF-8.

        Raises
        ------
        InstanceKeyError
            It was sealed under another instance key, for another access key, or was altered.
        """
        if sealed.instance_key_id != self._key_id:
            raise InstanceKeyError(_other_key(self._key_id, sealed.instance_key_id))
        nonce, body = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, access_key.encode())
        except (InvalidTag, ValueError) as error:
            raise InstanceKeyError(
                f"the stored secret of access key {access_key} was altered: restore the database"
            ) from error


def open_vault(configured: str | None, path: Path, stored_key_ids: frozenset[str]) -> Vault:
    """Open the vault with the installation's key; make the key where there is none yet.

    Parameters
    ----------
    configured : str or None
        The setting ``instance_key``; it goes before the file.
    path : Path
        The key file; made if there is no key and no secret is stored yet.
    stored_key_ids : frozenset of str
        The ids of the instance keys under which secrets are stored.

    Returns
    -------
    Vault
        It opens every stored secret's key id.

    Raises
    ------
    InstanceKeyError
        The key is malformed, its file can be read by others, it is missing although secrets are
        stored, or these were stored under another one.
    """
    if configured is not None:
        key = _parse(configured, "setting instance_key")
    else:
        found = _read(path)
        if found is None and stored_key_ids:
            raise InstanceKeyError(
                f"instance key {path} is missing, and the database holds secrets stored under it: "
                "restore the file, or set HUIYAN_INSTANCE_KEY to the key of this installation"
            )
        key = found if found is not None else _create(path)
    vault = Vault(key)
    for stored in sorted(stored_key_ids - {vault.key_id}):
        raise InstanceKeyError(_other_key(vault.key_id, stored))
    return vault


def _other_key(ours: str, stored: str) -> str:
    return (
        f"the instance key (id {ours}) is not the one that the stored secrets need (id {stored}): "
        "every machine of an installation needs the same key; copy instance.key from the first "
        "machine, or set HUIYAN_INSTANCE_KEY to it"
    )


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key)


def _parse(text: str, where: str) -> bytes:
    text = text.strip()
    if re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InstanceKeyError(f"{where}: not a key; it needs {_FORM}") from error
    if len(key) != KEY_BYTES:
        raise InstanceKeyError(f"{where}: not a key of 32 bytes; it needs {_FORM}")
    return key


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MOST_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InstanceKeyError(f"instance key {path}: {error.strerror}") from error
    if mode & _OTHERS_BITS:
        raise InstanceKeyError(
            f"instance key {path} can be read by others (mode {mode & 0o777:04o}): chmod 600 {path}"
        )
    return _parse(text.decode("latin-1"), f"instance key {path}")


def _create(path: Path) -> bytes:
    """Write a new key under another name, then link it: nobody ever reads half a key."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_hex(KEY_BYTES).encode("ascii") + b"\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass  # another process was faster; its key is the installation's
            else:
                _sync_folder(path.parent)
        finally:
            draft.unlink()
    except OSError as error:
        raise InstanceKeyError(
            f"instance key {path} cannot be made: {error.strerror}; check that data_dir can be "
            "written, or set HUIYAN_INSTANCE_KEY"
        ) from error
    key = _read(path)
    if key is None:
        raise InstanceKeyError(f"instance key {path} vanished while it was made: start again")
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
