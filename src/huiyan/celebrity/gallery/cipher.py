"""Embeddings and pictures at rest.

Owns: how they are encrypted under a gallery's data key, how that key is sealed under the instance
key, and an embedding's form as bytes. Has no opinion on: where they are stored, and when keys
change.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from huiyan.celebrity.gallery.model import PhotoId
from huiyan.celebrity.gallery.store_model import GalleryId, GalleryState, StoredPhoto
from huiyan.iam.model import SealedSecret
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.units import FloatArray

_PURPOSE = b"huiyan gallery key v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_STORED = np.dtype("<f2")
_MOST_KEYS = 256
_LEAST_LENGTH = 0.5
"""Half precision changes a unit vector's length by less than a hundredth."""


class GalleryCipher:
    """Seals and opens what galleries store. Serves all threads.

    Parameters
    ----------
    vault : Vault
        Holds the instance keys.

    Notes
    -----
    Each gallery has a random key of its own (AES-256-GCM), so a change of the instance key touches
    that key alone. What is sealed is bound to the gallery and the photo: it opens in no other row.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._sealer = vault.sealer(_PURPOSE)
        self._known: OrderedDict[GalleryId, AESGCM] = OrderedDict()
        self._changing = threading.Lock()

    def new_key(self, gallery_id: GalleryId) -> SealedSecret:
        """Make a data key for a new gallery.

        Returns
        -------
        SealedSecret
            The key, sealed for this gallery alone.
        """
        return self._seal_key(secrets.token_bytes(_KEY_BYTES), gallery_id)

    def reseal(self, state: GalleryState) -> SealedSecret:
        """Seal a gallery's data key under the instance key that seals now.

        Raises
        ------
        InstanceKeyError
            It does not open, or the gallery has none.
        """
        return self._seal_key(self._open_key(state), state.id)

    def seal_embedding(
        self, state: GalleryState, photo_id: PhotoId, embedding: FloatArray
    ) -> bytes:
        """Bring a (D,) float32 embedding of unit length into the form in which it is stored."""
        data = embedding.astype(_STORED).tobytes()
        return self._seal(state, photo_id, b"embedding", data)

    def seal_picture(self, state: GalleryState, photo_id: PhotoId, picture: bytes) -> bytes:
        """Bring a picture into the form in which it is stored."""
        return self._seal(state, photo_id, b"picture", picture)

    def open_picture(self, state: GalleryState, photo_id: PhotoId, stored: bytes) -> bytes:
        """Open a stored picture; raises ``InstanceKeyError`` as ``embeddings`` does."""
        if state.sealed_key is None:
            return stored
        return _open(self._cipher(state), stored, _bound(state.id, photo_id, b"picture"), photo_id)

    def embeddings(self, state: GalleryState, photos: Sequence[StoredPhoto]) -> FloatArray:
        """Open stored embeddings.

        Parameters
        ----------
        state : GalleryState
            The gallery that they were read from.
        photos : sequence of StoredPhoto
            N photos.

        Returns
        -------
        ndarray of shape (N, D), float32
            Unit length, in the order given.

        Raises
        ------
        InstanceKeyError
            The instance key is missing, or a row was altered or is another gallery's.
        """
        if state.sealed_key is None:
            opened = [photo.embedding for photo in photos]
        else:
            cipher = self._cipher(state)
            opened = [
                _open(cipher, it.embedding, _bound(state.id, it.id, b"embedding"), it.id)
                for it in photos
            ]
        for photo, data in zip(photos, opened, strict=True):
            if len(data) != state.dimensions * _STORED.itemsize:
                raise _altered(photo.id)
        flat = np.frombuffer(b"".join(opened), _STORED).astype(np.float32)
        found = flat.reshape(len(photos), state.dimensions)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            is_sound = (lengths > _LEAST_LENGTH) & (lengths < 1.0 / _LEAST_LENGTH)
        if not is_sound.all():
            raise _altered(photos[int(np.argmin(is_sound[:, 0]))].id)
        return np.asarray(found / lengths, np.float32)

    def forget(self, gallery_id: GalleryId) -> None:
        """Forget a gallery's data key."""
        with self._changing:
            self._known.pop(gallery_id, None)

    def _seal(self, state: GalleryState, photo_id: PhotoId, kind: bytes, data: bytes) -> bytes:
        if state.sealed_key is None:
            return data
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = _bound(state.id, photo_id, kind)
        return nonce + self._cipher(state).encrypt(nonce, data, bound)

    def _cipher(self, state: GalleryState) -> AESGCM:
        with self._changing:
            known = self._known.get(state.id)
            if known is not None:
                self._known.move_to_end(state.id)
                return known
        cipher = AESGCM(self._open_key(state))
        with self._changing:
            self._known[state.id] = cipher
            while len(self._known) > _MOST_KEYS:
                self._known.popitem(last=False)
        return cipher

    def _open_key(self, state: GalleryState) -> bytes:
        key = (
            None
            if state.sealed_key is None
            else self._sealer.find(state.sealed_key, state.id.encode())
        )
        if key is None:
            raise InstanceKeyError(
                f"the data key of gallery {state.id} does not open under the instance keys "
                f"(it was sealed under id {state.instance_key_id}): copy instance.key from the "
                "first machine, or restore the database"
            )
        return key

    def _seal_key(self, key: bytes, gallery_id: GalleryId) -> SealedSecret:
        while True:
            # The instance key may change in between; then the id would be another key's.
            key_id = self._vault.key_id
            sealed = self._sealer.seal(key, gallery_id.encode())
            if self._vault.key_id == key_id:
                return SealedSecret(sealed, key_id)


def _bound(gallery_id: GalleryId, photo_id: PhotoId, kind: bytes) -> bytes:
    return b"/".join((gallery_id.encode(), photo_id.encode(), kind))


def _open(cipher: AESGCM, sealed: bytes, bound: bytes, photo_id: PhotoId) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except (InvalidTag, ValueError) as error:
        raise _altered(photo_id) from error


def _altered(photo_id: PhotoId) -> InstanceKeyError:
    return InstanceKeyError(
        f"the stored embedding or picture of photo {photo_id} was altered: restore the database, "
        "or remove the photo"
    )
