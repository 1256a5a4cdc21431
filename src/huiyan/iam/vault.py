"""Secrets at rest, encrypted under the instance key.

Owns: how secrets are sealed with the instance key, and how a running process follows a change of
it. Has no opinion on: which secrets there are and where they are stored, and when keys change.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huiyan.iam.model import SealedSecret
from huiyan.iam.rotation.key_file import KEY_BYTES, InstanceKeys, KeyFile, Stamp, parse_keys
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.ids import AccessKey

KEY_FILE_NAME = "instance.key"

_NONCE_BYTES = 12
_ID_BYTES = 8
_SECRET_PURPOSE = b"huiyan secret of access key v1"
_ID_PURPOSE = b"huiyan instance key id v1"


class KeySource(Protocol):
    """Where the instance keys stand and may change while the process runs."""

    def stamp(self) -> Stamp | None:
        """Tell what differs once the keys have changed; cheap."""
        ...

    def get(self) -> InstanceKeys:
        """Read the keys; raises ``InstanceKeyError`` where that fails."""
        ...


class _Ring:
    """The keys at one moment, and what follows from them; never changed once made."""

    def __init__(self, keys: InstanceKeys, stamp: Stamp | None) -> None:
        self.keys = keys.opening
        self.stamp = stamp
        self.ids = tuple(key_id_of(key) for key in self.keys)
        self.opening_ids = frozenset(self.ids)
        self.secret_ciphers = {
            key_id: AESGCM(_derive(key, _SECRET_PURPOSE, KEY_BYTES))
            for key_id, key in zip(self.ids, self.keys, strict=True)
        }


class Sealer:
    """Encrypts data of one kind so that only this installation can read or make it.

    Opens what was sealed under any key of the vault, so data lives on while the instance key is
    replaced, until the old key is dropped.

    Parameters
    ----------
    vault : Vault
        Its keys.
    purpose : bytes
        The kind.
    """

    def __init__(self, vault: Vault, purpose: bytes) -> None:
        self._vault = vault
        self._purpose = purpose
        ring = vault.ring
        self._known = (ring, self._derive(ring))

    def seal(self, data: bytes, bound_to: bytes = b"") -> bytes:
        """Encrypt.

        Parameters
        ----------
        data : bytes
            Anything.
        bound_to : bytes, optional
            Authenticated along with it; opening needs the same.

        Returns
        -------
        bytes
            A fresh nonce, then AES-256-GCM's output; 28 bytes longer than ``data``.
        """
        self._vault.follow()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ciphers()[0].encrypt(nonce, data, bound_to)

    def find(self, sealed: bytes, bound_to: bytes = b"") -> bytes | None:
        """Decrypt.

        Parameters
        ----------
        sealed : bytes
            From ``seal``, or from anyone.
        bound_to : bytes, optional
            As it was given to ``seal``.

        Returns
        -------
        bytes or None
            None if it was not sealed here, for this, or was altered.
        """
        ring = self._vault.ring
        found = self._find(sealed, bound_to)
        if found is not None:
            return found
        self._vault.follow()
        # Another thread may have followed first: what counts is whether the keys are others now.
        return None if self._vault.ring is ring else self._find(sealed, bound_to)

    def _find(self, sealed: bytes, bound_to: bytes) -> bytes | None:
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for cipher in self._ciphers():
            try:
                return cipher.decrypt(nonce, body, bound_to)
            except (InvalidTag, ValueError):
                continue
        return None

    def _ciphers(self) -> tuple[AESGCM, ...]:
        ring, ciphers = self._known
        current = self._vault.ring
        if ring is not current:
            ciphers = self._derive(current)
            self._known = (current, ciphers)
        return ciphers

    def _derive(self, ring: _Ring) -> tuple[AESGCM, ...]:
        return tuple(AESGCM(_derive(key, self._purpose, KEY_BYTES)) for key in ring.keys)


class Vault:
    """Seals and opens secrets of access keys. Serves all threads.

    Seals under the first instance key and opens under any. What encrypts is derived from the
    instance key, so that the same key can serve other purposes beside this one.

    Parameters
    ----------
    instance_key : bytes of length 32
        The instance key that seals.
    older : iterable of bytes of length 32, optional
        Instance keys that only open.
    source : KeySource, optional
        Where to look for other keys while the process runs; without it the keys never change.

    Notes
    -----
    With a source the vault looks for news before it seals, when it meets a secret of a key that it
    does not know, and when ``follow`` is called.
    """

    def __init__(
        self,
        instance_key: bytes,
        older: Iterable[bytes] = (),
        source: KeySource | None = None,
    ) -> None:
        self._source = source
        self._renewing = threading.Lock()
        self.ring = _Ring(InstanceKeys(instance_key, tuple(older)), None)

    @property
    def key_id(self) -> str:
        """Which instance key seals; tells nothing about the key itself.

        Returns
        -------
        str
            16 hexadecimal digits.
        """
        return self.ring.ids[0]

    @property
    def key_ids(self) -> frozenset[str]:
        """Which instance keys open.

        Returns
        -------
        frozenset of str
            The one that seals among them.
        """
        return self.ring.opening_ids

    def sealer(self, purpose: bytes) -> Sealer:
        """Make what seals data of another kind.

        Parameters
        ----------
        purpose : bytes
            The kind, for example ``b"huiyan token v1"``; kinds cannot read each other.

        Returns
        -------
        Sealer
            Under keys of its own, derived from the instance keys.
        """
        return Sealer(self, purpose)

    def follow(self) -> bool:
        """Take other keys if the source has changed since it was read; one look at the source.

        Returns
        -------
        bool
            Whether it had changed. A source that cannot be read now, for example because it is
            being copied, changes nothing and is asked again at the next occasion.
        """
        source = self._source
        if source is None or source.stamp() in {None, self.ring.stamp}:
            return False
        try:
            return self.reload()
        except InstanceKeyError:
            return False

    def reload(self) -> bool:
        """Read the keys anew.

        Returns
        -------
        bool
            Whether they are others than before.

        Raises
        ------
        InstanceKeyError
            The source cannot be read; the keys stay as they were.
        """
        if self._source is None:
            return False
        with self._renewing:
            # The stamp first: a change in between is then seen as one more change.
            stamp = self._source.stamp()
            before, self.ring = self.ring, _Ring(self._source.get(), stamp)
            return before.ids != self.ring.ids

    def require(self, stored_key_ids: frozenset[str]) -> None:
        """See that every stored secret has its key here.

        Parameters
        ----------
        stored_key_ids : frozenset of str
            The ids of the instance keys under which secrets are stored.

        Raises
        ------
        InstanceKeyError
            One has not, even after the keys were read anew.
        """
        if stored_key_ids <= self.key_ids:
            return
        self.reload()
        for stored in sorted(stored_key_ids - self.key_ids):
            raise InstanceKeyError(_other_key(self.key_id, stored))

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
        self.follow()
        ring = self.ring
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = ring.secret_ciphers[ring.ids[0]]
        sealed = cipher.encrypt(nonce, secret.encode(), access_key.encode())
        return SealedSecret(nonce + sealed, ring.ids[0])

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
        key_id = sealed.instance_key_id
        cipher = self.ring.secret_ciphers.get(key_id)
        if cipher is None:
            self.reload()
            cipher = self.ring.secret_ciphers.get(key_id)
        if cipher is None:
            raise InstanceKeyError(_other_key(self.key_id, key_id))
        nonce, body = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, body, access_key.encode())
        except (InvalidTag, ValueError) as error:
            raise InstanceKeyError(
                f"the stored secret of access key {access_key} was altered: restore the database"
            ) from error


def open_vault(configured: str | None, path: Path, stored_key_ids: frozenset[str]) -> Vault:
    """Open the vault with the installation's keys; make the key where there is none yet.

    Parameters
    ----------
    configured : str or None
        The setting ``instance_key``; it goes before the file. Several keys are separated by commas
        or white space, the one that seals first.
    path : Path
        The key file; made if there is no key and no secret is stored yet. The vault follows its
        changes.
    stored_key_ids : frozenset of str
        The ids of the instance keys under which secrets are stored.

    Returns
    -------
    Vault
        It opens every stored secret's key id.

    Raises
    ------
    InstanceKeyError
        A key is malformed, its file can be read by others, it is missing although secrets are
        stored, or these were stored under another one.
    """
    if configured is not None:
        keys = parse_keys(configured, "setting instance_key")
        vault = Vault(keys.sealing, keys.older)
    else:
        file = KeyFile(path)
        if file.find() is None:
            if stored_key_ids:
                raise InstanceKeyError(
                    f"instance key {path} is missing, and the database holds secrets stored under "
                    "it: restore the file, or set HUIYAN_INSTANCE_KEY to the key of this "
                    "installation"
                )
            file.create()
        vault = Vault(file.get().sealing, source=file)
        vault.reload()
    vault.require(stored_key_ids)
    return vault


def key_id_of(key: bytes) -> str:
    """Name an instance key without telling anything about it.

    Parameters
    ----------
    key : bytes of length 32
        The instance key.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return _derive(key, _ID_PURPOSE, _ID_BYTES).hex()


def _other_key(ours: str, stored: str) -> str:
    return (
        f"the instance key (id {ours}) is not the one that the stored secrets need (id {stored}): "
        "every machine of an installation needs the same key; copy instance.key from the first "
        "machine, or set HUIYAN_INSTANCE_KEY to it"
    )


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(key)
