from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from made_gallery import KEY, MODEL, unit_vector

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.model import PhotoId
from huiyan.celebrity.gallery.store_model import GalleryId, GalleryState, StoredPhoto
from huiyan.iam.vault import Vault, key_id_of
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.units import FloatArray

ID, OTHER_ID = PhotoId("a" * 32), PhotoId("b" * 32)


def state_for(cipher: GalleryCipher | None, gallery_id: str = "1" * 32) -> GalleryState:
    key = None if cipher is None else cipher.new_key(GalleryId(gallery_id))
    return GalleryState(
        id=GalleryId(gallery_id),
        model=MODEL,
        dimensions=128,
        revision=1,
        oldest_revision=0,
        next_number=1,
        uses_starter=True,
        keeps_pictures=False,
        created_at=datetime.now(UTC),
        sealed_key=None if key is None else key.ciphertext,
        instance_key_id=None if key is None else key.instance_key_id,
    )


def stored(data: bytes, photo_id: PhotoId = ID) -> StoredPhoto:
    return StoredPhoto(1, 1, photo_id, data, 100.0, 0.5)


@pytest.fixture
def cipher() -> GalleryCipher:
    return GalleryCipher(Vault(KEY))


def test_no_photo_gives_no_embedding(cipher: GalleryCipher) -> None:
    for state in (state_for(cipher), state_for(None)):
        found = cipher.embeddings(state, [])
        assert found.shape == (0, 128)
        assert found.dtype == np.float32


@pytest.mark.parametrize("kind", ["encrypted", "plain"])
def test_what_was_sealed_opens_with_unit_length(cipher: GalleryCipher, kind: str) -> None:
    encrypted = kind == "encrypted"
    state = state_for(cipher if encrypted else None)
    photos = [
        stored(
            cipher.seal_embedding(state, PhotoId(f"{n:032x}"), unit_vector(n)), PhotoId(f"{n:032x}")
        )
        for n in range(5)
    ]
    found = GalleryCipher(Vault(KEY)).embeddings(state, photos)
    np.testing.assert_allclose(found, np.stack([unit_vector(n) for n in range(5)]), atol=2e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    picture = cipher.seal_picture(state, ID, b"pixels")
    assert (picture == b"pixels") is not encrypted
    assert cipher.open_picture(state, ID, picture) == b"pixels"


def test_each_seal_is_another(cipher: GalleryCipher) -> None:
    state = state_for(cipher)
    assert cipher.seal_embedding(state, ID, unit_vector(1)) != cipher.seal_embedding(
        state, ID, unit_vector(1)
    )


def test_what_was_altered_or_stands_in_another_row_does_not_open(cipher: GalleryCipher) -> None:
    state, other = state_for(cipher), state_for(cipher, "2" * 32)
    sealed = cipher.seal_embedding(state, ID, unit_vector(1))
    picture = cipher.seal_picture(state, ID, b"x" * 256)
    for at, bad in (
        (state, stored(sealed[:-1] + bytes([sealed[-1] ^ 1]))),
        (state, stored(sealed[:10])),
        (state, stored(b"")),
        (state, stored(sealed, OTHER_ID)),
        (state, stored(picture)),
        (other, stored(sealed)),
    ):
        with pytest.raises(InstanceKeyError, match="altered"):
            cipher.embeddings(at, [bad])
    with pytest.raises(InstanceKeyError, match="altered"):
        cipher.open_picture(state, OTHER_ID, picture)


@pytest.mark.parametrize(
    "bad",
    [np.zeros(128), np.full(128, np.nan), np.full(128, np.inf), np.ones(64), np.ones(128) * 9],
)
def test_a_plain_row_that_holds_no_embedding_is_refused(
    cipher: GalleryCipher, bad: FloatArray
) -> None:
    state = state_for(None)
    good = stored(cipher.seal_embedding(state, ID, unit_vector(1)))
    with pytest.raises(InstanceKeyError, match=OTHER_ID):
        cipher.embeddings(state, [good, stored(bad.astype("<f2").tobytes(), OTHER_ID)])


def test_a_data_key_opens_for_its_own_gallery_only(cipher: GalleryCipher) -> None:
    state = state_for(cipher)
    moved = replace(state, id=GalleryId("3" * 32))
    with pytest.raises(InstanceKeyError, match="data key"):
        cipher.seal_embedding(moved, ID, unit_vector(1))


def test_sealing_the_key_anew_leaves_what_it_sealed(cipher: GalleryCipher) -> None:
    state = state_for(cipher)
    sealed = cipher.seal_embedding(state, ID, unit_vector(1))
    new_key = bytes(32)
    fresh = GalleryCipher(Vault(new_key, (KEY,))).reseal(state)
    assert fresh.instance_key_id == key_id_of(new_key)
    later = replace(state, sealed_key=fresh.ciphertext, instance_key_id=fresh.instance_key_id)
    found = GalleryCipher(Vault(new_key)).embeddings(later, [stored(sealed)])
    np.testing.assert_allclose(found[0], unit_vector(1), atol=2e-4)


def test_a_forgotten_key_is_opened_again(cipher: GalleryCipher) -> None:
    state = state_for(cipher)
    sealed = cipher.seal_embedding(state, ID, unit_vector(1))
    cipher.forget(state.id)
    cipher.forget(GalleryId("9" * 32))
    assert cipher.embeddings(state, [stored(sealed)]).shape == (1, 128)


def test_nothing_secret_shows_in_words(cipher: GalleryCipher) -> None:
    state = state_for(cipher)
    assert str(state.sealed_key) not in repr(state)
    assert "embedding" not in repr(stored(b"secret"))
