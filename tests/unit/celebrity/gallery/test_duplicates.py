from __future__ import annotations

import hashlib
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from made_gallery import ONE, TWO, facts, make_projects, make_service, near, photo, unit_vector
from migrated import open_migrated

from huiyan.celebrity.gallery.duplicates import _BestPairs, _compare
from huiyan.celebrity.gallery.model import PersonId
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.kernel.errors import InvalidParameterError
from huiyan.kernel.units import FloatArray
from huiyan.persistence.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    make_projects(database)
    yield database
    database.close()


@pytest.fixture
def service(database: Database) -> GalleryService:
    return make_service(database)


@pytest.mark.parametrize("batch_rows", [4096, 3, 1])
def test_people_who_look_alike_are_offered_the_most_alike_first(
    service: GalleryService, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    # Small batches and blocks: pairs lie within one and across several.
    monkeypatch.setattr("huiyan.celebrity.gallery.repository.BATCH_ROWS", batch_rows)
    monkeypatch.setattr("huiyan.celebrity.gallery.duplicates._BATCHES_HELD", 2)
    if batch_rows < 10:
        monkeypatch.setattr("huiyan.celebrity.gallery.duplicates.ROWS", 2)
        monkeypatch.setattr("huiyan.celebrity.gallery.duplicates.COLUMNS", 4)
    people = [
        service.add_person(
            ONE, facts(f"n{seed}"), [photo(seed), photo(seed + 50, near(unit_vector(seed), 7))]
        ).person
        for seed in range(12)
    ]
    far = service.add_person(ONE, facts(), [photo(200, near(unit_vector(1), 8, 0.3))]).person
    close = service.add_person(ONE, facts(), [photo(201, near(unit_vector(3), 9, 0.1))]).person
    service.add_person(TWO, facts(), [photo(300, unit_vector(5))])
    found = service.duplicates(ONE)
    assert [(it.first.id, it.second.id) for it in found] == [
        (people[3].id, close.id),
        (people[1].id, far.id),
    ]
    assert found[0].similarity > found[1].similarity > 0.9
    assert service.duplicates(ONE, limit=1) == found[:1]
    assert service.duplicates(ONE, similarity=1.0) == ()
    service.merge(ONE, people[3].id, [close.id])
    assert service.duplicates(ONE) == found[1:]


def test_more_pairs_than_are_asked_for_keep_the_best(service: GalleryService) -> None:
    for seed in range(30):
        service.add_person(ONE, facts(), [photo(seed, near(unit_vector(0), seed, seed / 100))])
    everything = service.duplicates(ONE, limit=1000)
    assert len(everything) == 30 * 29 // 2
    assert service.duplicates(ONE, limit=2) == everything[:2]


@pytest.mark.parametrize("seed", range(4))
def test_the_best_pairs_are_those_of_an_exhaustive_search(seed: int) -> None:
    chance = np.random.default_rng(seed)
    owners = np.sort(chance.integers(0, 300, 3000))
    centres = chance.normal(size=(60, 128))
    moved = centres[owners % 60] + 0.6 * chance.normal(size=(3000, 128))
    embeddings = np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), np.float32)
    pairs = _BestPairs(50, 0.5)
    half = len(owners) // 2
    first = owners[:half], embeddings[:half]
    second = owners[half:], embeddings[half:]
    _compare(pairs, first, first, is_same=True)
    _compare(pairs, first, second, is_same=False)
    _compare(pairs, second, second, is_same=True)
    expected = every_pair(owners.tolist(), embeddings)[:50]
    found = pairs.best()
    np.testing.assert_allclose(
        [value for _, value in found], [value for _, value in expected], atol=1e-6
    )
    assert {pair for pair, _ in found[:40]} <= {pair for pair, _ in expected}


def every_pair(owners: list[int], embeddings: FloatArray) -> list[tuple[tuple[int, int], float]]:
    cosines = embeddings @ embeddings.T
    best: dict[tuple[int, int], float] = {}
    for row, column in zip(*np.nonzero(cosines >= 0.5), strict=True):
        one, two = owners[row], owners[column]
        if one < two:
            best[one, two] = max(best.get((one, two), -2.0), float(cosines[row, column]))
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def test_thousands_of_people_with_one_face_take_little_time_and_memory(
    service: GalleryService,
) -> None:
    now = datetime.now(UTC)
    with service._writer.changing(ONE) as edit:
        for number in range(4000):
            digest = hashlib.sha256(str(number).encode()).hexdigest()
            person = edit.insert_person(PersonId(digest[:32]), facts(), enabled=True, at=now)
            service._writer.insert_photos(edit, person, [photo(number, unit_vector(1))])
    tracemalloc.start()
    began_s = time.process_time()
    found = service.duplicates(ONE, limit=100)
    took_s = time.process_time() - began_s
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len({(it.first.id, it.second.id) for it in found}) == 100
    assert min(it.similarity for it in found) > 0.999
    assert peak_bytes < 300 << 20
    assert took_s < 5.0
    assert service.misfits(ONE) == ()


def test_the_oddest_of_many_misfits_are_told_however_they_are_read(
    service: GalleryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(12):
        odd = near(unit_vector(seed + 500), seed, seed / 60)
        alike = [photo(seed * 10 + n, near(unit_vector(seed), n, 0.3)) for n in range(3)]
        service.add_person(ONE, facts(), [*alike, photo(seed * 10 + 9, odd)])
    everything = service.misfits(ONE, limit=1000)
    assert len(everything) >= 10
    monkeypatch.setattr("huiyan.celebrity.gallery.duplicates._PHOTOS_A_STEP", 5)
    assert service.misfits(ONE, limit=1000) == everything
    monkeypatch.setattr("huiyan.celebrity.gallery.duplicates._PEOPLE_A_STEP", 3)
    assert service.misfits(ONE, limit=4) == everything[:4]


def test_a_photo_that_does_not_look_like_the_others_is_told(
    service: GalleryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.duplicates._PEOPLE_A_STEP", 2)
    for seed in range(5):
        alike = [photo(seed * 10 + n, near(unit_vector(seed), n, 0.3)) for n in range(4)]
        service.add_person(ONE, facts(), alike)
    service.add_person(ONE, facts(), [photo(900)])
    service.add_person(ONE, facts())
    assert service.misfits(ONE) == ()
    victim = service.list_people(ONE).people[3]
    listed = service.add_photos(ONE, victim.id, [photo(901, unit_vector(77))])
    (found,) = service.misfits(ONE)
    assert (found.person.id, found.photo_id) == (victim.id, listed[-1].id)
    assert found.similarity < 0.2


@pytest.mark.parametrize("bad", [{"limit": 0}, {"limit": 1001}])
def test_limits_out_of_range_are_refused(service: GalleryService, bad: dict[str, int]) -> None:
    with pytest.raises(InvalidParameterError):
        service.duplicates(ONE, **bad)
    with pytest.raises(InvalidParameterError):
        service.misfits(ONE, **bad)


@pytest.mark.parametrize("similarity", [-0.1, 1.1, float("nan")])
def test_similarities_out_of_range_are_refused(service: GalleryService, similarity: float) -> None:
    with pytest.raises(InvalidParameterError):
        service.duplicates(ONE, similarity=similarity)
    with pytest.raises(InvalidParameterError):
        service.misfits(ONE, similarity=similarity)
