from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_gallery import ONE, TWO, facts, make_projects, make_service, near, photo, unit_vector

from huiyan.celebrity.gallery.service import GalleryService
from huiyan.kernel.errors import InvalidParameterError
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'huiyan.db'}")
    migrate(database)
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
