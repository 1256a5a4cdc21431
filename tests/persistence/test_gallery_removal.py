"""What is removed from a gallery is in none of the database's files, and never was if encrypted."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_gallery import ONE, TWO, facts, make_projects, make_service, photo, unit_vector
from migrated import open_migrated

from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope

JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "huiyan.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    database = open_migrated(f"sqlite:///{file}")
    make_projects(database)
    yield database
    database.close()


@pytest.fixture
def plain(database: Database) -> GalleryService:
    return make_service(database, rules=GalleryRules(encrypts=False, keeps_pictures=True))


def stored_form(seed: int) -> bytes:
    return unit_vector(seed).astype("<f2").tobytes()


def all_bytes(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in file.parent.glob(file.name + "*"))


def seen(file: Path, seeds: list[int]) -> set[int]:
    held = all_bytes(file)
    # A part is enough to betray it: a row may be split over pages.
    return {seed for seed in seeds if any(part in held for part in parts(stored_form(seed)))}


def parts(data: bytes) -> list[bytes]:
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def test_without_encryption_an_embedding_can_be_found_while_it_is_stored(
    plain: GalleryService, file: Path
) -> None:
    plain.add_person(ONE, facts(), [photo(1)])
    assert seen(file, [1, 2]) == {1}


def test_a_removed_photo_is_in_no_file(plain: GalleryService, file: Path) -> None:
    person = plain.add_person(
        ONE, facts("Betrayed By Name"), [photo(1, picture=JPEG), photo(2), photo(3)]
    ).person
    assert JPEG[1000:1100] in all_bytes(file)
    first, *_ = plain.list_photos(ONE, person.id)
    plain.remove_photo(ONE, person.id, first.id)
    assert seen(file, [1, 2, 3]) == {2, 3}
    assert JPEG[1000:1100] not in all_bytes(file)
    plain.remove_person(ONE, person.id)
    assert seen(file, [1, 2, 3]) == set()
    assert b"Betrayed" not in all_bytes(file)
    assert b"betrayed" not in all_bytes(file)


def test_people_removed_in_any_order_leave_nothing_behind_as_pages_split_and_join(
    plain: GalleryService, file: Path
) -> None:
    chance = random.Random(7)
    ids = {}
    for seed in range(0, 400, 4):
        own = range(seed, seed + chance.randint(1, 4))
        added = plain.add_person(ONE, facts(f"n{seed}"), [photo(it) for it in own])
        ids[added.person.id] = list(own)
    order = sorted(ids, key=lambda _: chance.random())
    gone: list[int] = []
    for number, person_id in enumerate(order[:80]):
        plain.remove_person(ONE, person_id)
        gone += ids[person_id]
        if number % 10 == 9:
            assert seen(file, gone) == set()
            fresh = plain.add_person(ONE, facts(), [photo(1000 + number)])
            ids[fresh.person.id] = [1000 + number]
    kept = [it for person_id in order[80:] for it in ids[person_id]]
    assert seen(file, kept) == set(kept)
    assert seen(file, gone) == set()


def test_a_merged_or_dropped_gallery_leaves_nothing_behind(
    plain: GalleryService, file: Path
) -> None:
    one = plain.add_person(ONE, facts(), [photo(1), photo(2)]).person
    two = plain.add_person(ONE, facts("Other"), [photo(3)]).person
    plain.add_person(TWO, facts(), [photo(4)])
    plain.merge(ONE, one.id, [two.id])
    plain.drop(ONE)
    assert seen(file, [1, 2, 3, 4]) == {4}


def test_old_names_are_in_no_file_after_a_change(plain: GalleryService, file: Path) -> None:
    person = plain.add_person(ONE, facts("Betrayed By Name", occupation="Whistleblower")).person
    assert b"Betrayed" in all_bytes(file)
    plain.change_person(ONE, person.id, facts=facts("Someone Else"))
    held = all_bytes(file)
    assert b"Someone Else" in held
    for old in (b"Betrayed", b"betrayed", b"Whistleblower"):
        assert old not in held


class FailsLater:
    """A memory that breaks when it is told a second time."""

    def __init__(self) -> None:
        self.told = 0

    def refresh(self, scope: Scope) -> None:
        self.told += 1
        if self.told == 2:
            raise MemoryError(scope)

    def forget(self, scope: Scope) -> None:
        raise AssertionError(scope)


def test_a_drop_that_breaks_off_leaves_nothing_of_what_it_removed(
    plain: GalleryService, database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.writer._ROWS_DROPPED_AT_ONCE", 2)
    for seed in range(5):
        plain.add_person(ONE, facts(), [photo(seed)])
    breaking = make_service(database, memory=FailsLater())
    assert breaking.scrub()
    with pytest.raises(MemoryError):
        breaking.drop(ONE)
    assert seen(file, list(range(5))) == {2, 3, 4}


def test_a_reader_holds_up_the_wiping_and_it_is_done_later(
    plain: GalleryService, database: Database, file: Path
) -> None:
    person = plain.add_person(ONE, facts(), [photo(1)]).person
    assert plain.scrub()
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM gallery_photo").fetchone()
    plain.remove_person(ONE, person.id)
    assert not plain.scrub()
    assert seen(file, [1]) == {1}
    reader.execute("COMMIT")
    reader.close()
    assert plain.scrub()
    assert seen(file, [1]) == set()
    assert database.truncate_log()


def test_what_a_killed_process_left_is_wiped_by_the_next_one(
    plain: GalleryService, database: Database, file: Path
) -> None:
    person = plain.add_person(ONE, facts(), [photo(1)]).person
    with plain._repository.editing(ONE, None) as edit:  # stored, and killed before the wiping
        edit.delete_person(edit.get_person(person.id).number)
    assert seen(file, [1]) == {1}
    assert make_service(database).scrub()
    assert seen(file, [1]) == set()


def test_with_encryption_no_embedding_and_no_picture_ever_reaches_a_file(
    database: Database, file: Path
) -> None:
    service = make_service(database, rules=GalleryRules(keeps_pictures=True))
    person = service.add_person(ONE, facts(), [photo(1, picture=JPEG)]).person
    assert seen(file, [1]) == set()
    assert JPEG[1000:1100] not in all_bytes(file)
    (kept,) = service.list_photos(ONE, person.id)
    assert service.get_picture(ONE, person.id, kept.id) == JPEG


def test_a_dropped_gallerys_data_key_is_in_no_file(database: Database, file: Path) -> None:
    service = make_service(database)
    service.add_person(ONE, facts(), [photo(1)])
    state = service._repository.state(ONE)
    assert state is not None
    assert state.sealed_key is not None
    assert state.sealed_key in all_bytes(file)
    service.drop(ONE)
    assert state.sealed_key not in all_bytes(file)
