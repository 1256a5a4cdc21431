"""Exported galleries: what is written is read, and what anyone may send is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from made_gallery import (
    FOREIGN,
    ONE,
    OTHER_MODEL,
    TWO,
    facts,
    make_projects,
    make_service,
    photo,
    unit_vector,
)
from made_pictures import jpeg, png_bomb
from migrated import open_migrated

from huiyan.celebrity.gallery.bundle import MOST_LINE_BYTES, split_lines
from huiyan.celebrity.gallery.model import ImportReport, PersonFacts
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.kernel.errors import ConflictError, GalleryFileError, GalleryModelError, NotFoundError
from huiyan.kernel.units import AnyArray
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope

JPEG = jpeg(64, 64)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    make_projects(database)
    yield database
    database.close()


@pytest.fixture
def service(database: Database) -> GalleryService:
    return make_service(database, rules=GalleryRules(keeps_pictures=True))


def fill(service: GalleryService) -> None:
    yao = PersonFacts("姚明", "Yao Ming", ("小巨人",), "player", "https://example.com/")
    service.add_person(ONE, yao, [photo(n, picture=JPEG if n == 3 else None) for n in range(40)])
    quiet = service.add_person(ONE, facts("Quiet"), [photo(100)]).person
    service.change_person(ONE, quiet.id, enabled=False)
    service.add_person(ONE, facts("Without photos"))


def sealed(lines: list[dict[str, object]]) -> bytes:
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    end = {"end": True, "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def parsed(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()][:-1]


def test_what_is_exported_is_imported_with_ids_names_and_switches(service: GalleryService) -> None:
    fill(service)
    lines = list(service.export(ONE, pictures=True))
    header = json.loads(lines[0])
    assert header == {
        "format": "huiyan-gallery",
        "version": 1,
        "model": service.describe(ONE).model,
        "dimensions": 128,
        "people": 3,
        "photos": 41,
    }
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    report = service.import_(TWO, lines)
    assert report == ImportReport(3, 0, 41, 0, ())
    mine, theirs = service.list_people(ONE).people, service.list_people(TWO).people
    for one, two in zip(mine, theirs, strict=True):
        assert (one.id, one.facts, one.enabled, one.photo_count) == (
            two.id,
            two.facts,
            two.enabled,
            two.photo_count,
        )
        for left, right in zip(
            service.list_photos(ONE, one.id), service.list_photos(TWO, two.id), strict=True
        ):
            assert (left.digest, left.quality, left.side_px, left.has_picture) == (
                right.digest,
                right.quality,
                right.side_px,
                right.has_picture,
            )
            assert left.id != right.id
    asked = np.stack([unit_vector(n) for n in range(40)])
    assert (service.likeness(TWO, theirs[0].id, asked) > 0.999).all()


def test_pictures_leave_only_when_asked_for(service: GalleryService) -> None:
    fill(service)
    assert base64.b64encode(JPEG)[:40] not in b"".join(service.export(ONE))
    assert base64.b64encode(JPEG)[:40] in b"".join(service.export(ONE, pictures=True))


def test_a_second_import_changes_nothing(service: GalleryService) -> None:
    fill(service)
    data = b"".join(service.export(ONE))
    service.import_(TWO, [data])
    before = service.describe(TWO)
    assert service.import_(TWO, [data]) == ImportReport(0, 3, 0, 41, ())
    assert service.describe(TWO) == before
    assert service.import_(ONE, [data]).photos_added == 0


def test_somebody_who_is_here_gains_the_photos_they_lack_and_keeps_their_name(
    service: GalleryService,
) -> None:
    fill(service)
    data = b"".join(service.export(ONE))
    person = service.list_people(ONE).people[0]
    service.change_person(ONE, person.id, facts=facts("Renamed"))
    service.remove_photo(ONE, person.id, service.list_photos(ONE, person.id)[0].id)
    report = service.import_(ONE, [data])
    assert (report.people_known, report.photos_added, report.photos_known) == (3, 1, 40)
    assert service.get_person(ONE, person.id).facts == facts("Renamed")


def test_too_many_photos_for_a_person_are_passed_over_and_told(database: Database) -> None:
    wide, narrow = make_service(database), make_service(database, rules=GalleryRules(100, 10))
    fill(wide)
    report = narrow.import_(TWO, wide.export(ONE))
    assert report.photos_added == 11
    assert sum("passed over" in it.reason for it in report.refusals) == 3
    assert all(it.where.startswith("line ") and "姚" not in it.reason for it in report.refusals)


def test_an_empty_gallery_goes_there_and_back(service: GalleryService) -> None:
    service.configure(ONE, uses_starter=True)
    assert service.import_(TWO, service.export(ONE)) == ImportReport(0, 0, 0, 0, ())
    with pytest.raises(NotFoundError):
        list(service.export(TWO))


def test_an_export_that_was_overtaken_by_a_change_has_no_end(service: GalleryService) -> None:
    fill(service)
    lines = service.export(ONE)
    held = [next(lines)]
    service.add_person(ONE, facts())
    with pytest.raises(ConflictError):
        held += lines
    with pytest.raises(GalleryFileError, match="cut off"):
        service.import_(TWO, held)


def test_another_networks_file_is_refused_whole(database: Database) -> None:
    service = make_service(database)
    fill(service)
    data = list(service.export(ONE))
    with pytest.raises(GalleryModelError):
        make_service(database, model=OTHER_MODEL).import_(TWO, data)
    assert not service.describe(TWO).exists


def test_a_file_cut_anywhere_is_noticed_before_anything_is_stored(service: GalleryService) -> None:
    fill(service)
    data = b"".join(service.export(ONE))
    for length in [*range(0, len(data), 1217), len(data) - 1]:
        with pytest.raises(GalleryFileError):
            service.import_(TWO, [data[:length]])
    for at in range(0, len(data), 1571):
        with pytest.raises(GalleryFileError):
            service.import_(TWO, [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]])
    with pytest.raises(GalleryFileError, match="behind the end"):
        service.import_(TWO, [data, b"{}\n"])
    assert not service.describe(TWO).exists


def test_pieces_may_be_cut_anywhere(service: GalleryService) -> None:
    fill(service)
    data = b"".join(service.export(ONE))
    pieces = (data[start : start + 777] for start in range(0, len(data), 777))
    assert service.import_(TWO, pieces).people_added == 3


def encoded(vector: AnyArray) -> str:
    return base64.b64encode(vector.astype("<f2").tobytes()).decode()


def spoil(**values: object) -> Callable[[dict[str, object]], None]:
    def change(person: dict[str, object]) -> None:
        person.update(values)

    return change


def spoil_photo(**values: object) -> Callable[[dict[str, object]], None]:
    def change(person: dict[str, object]) -> None:
        photos = person["photos"]
        assert isinstance(photos, list)
        photos[0].update(values)

    return change


def repeat_photo(count: int) -> Callable[[dict[str, object]], None]:
    def change(person: dict[str, object]) -> None:
        photos = person["photos"]
        assert isinstance(photos, list)
        photos *= count

    return change


DEEP: object = "x"
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "change",
    [
        spoil(id="../../etc"),
        spoil(id="A" * 32),
        spoil(name_zh="", name_en=""),
        spoil(name_en="a\u202eb"),
        spoil(aliases=["x"] * 1, link="javascript:x"),
        spoil(aliases=DEEP),
        spoil(extra=DEEP),
        spoil(enabled="yes"),
        spoil(photos={}),
        spoil_photo(embedding=encoded(unit_vector(1)[:64])),
        spoil_photo(embedding=encoded(np.zeros(128))),
        spoil_photo(embedding=encoded(np.full(128, np.nan))),
        spoil_photo(embedding=encoded(np.full(128, np.inf))),
        spoil_photo(embedding=encoded(unit_vector(1) * 3)),
        spoil_photo(embedding="***"),
        spoil_photo(embedding=None),
        spoil_photo(digest="x"),
        spoil_photo(quality=1.5),
        spoil_photo(quality=1e999),
        spoil_photo(side_px=-1),
        spoil_photo(picture=base64.b64encode(b"GIF89a").decode()),
        spoil_photo(picture=base64.b64encode(JPEG[:-1]).decode()),
        spoil_photo(picture=base64.b64encode(JPEG[:3] + JPEG[-2:]).decode()),
        spoil_photo(picture=base64.b64encode(jpeg(513, 16)).decode()),
        spoil_photo(picture=base64.b64encode(png_bomb(16, 16)).decode()),
        spoil_photo(picture=base64.b64encode(JPEG[:-2] + bytes(400_000) + JPEG[-2:]).decode()),
        spoil(aliases=["x"] * 21),
        spoil(aliases=[""] * 5_000_000),
        repeat_photo(101),
    ],
)
def test_a_hostile_person_is_refused_although_the_hash_is_right(
    service: GalleryService, change: Callable[[dict[str, object]], None]
) -> None:
    service.add_person(ONE, facts(), [photo(1)])
    lines = parsed(b"".join(service.export(ONE)))
    assert service.import_(TWO, [sealed(lines)]).photos_added == 1
    service.drop(TWO)
    change(lines[1])
    with pytest.raises(GalleryFileError, match="line 2"):
        service.import_(TWO, [sealed(lines)])
    assert not service.describe(TWO).exists


@pytest.mark.parametrize(
    "header",
    [
        {"format": "other"},
        {"version": 2},
        {"dimensions": 512},
        {"people": 7},
        {"photos": 10**18},
        {"photos": -1},
        {"model": 5},
    ],
)
def test_a_hostile_header_is_refused(service: GalleryService, header: dict[str, object]) -> None:
    service.add_person(ONE, facts(), [photo(1)])
    lines = parsed(b"".join(service.export(ONE)))
    lines[0] |= header
    with pytest.raises(GalleryFileError):
        service.import_(TWO, [sealed(lines)])


def test_an_id_that_comes_twice_is_refused(service: GalleryService) -> None:
    service.add_person(ONE, facts("A"), [photo(1)])
    service.add_person(ONE, facts("B"), [photo(2)])
    lines = parsed(b"".join(service.export(ONE)))
    lines[0] |= {"people": 2, "photos": 3}
    with pytest.raises(GalleryFileError, match="line 4: a person's id comes twice"):
        service.import_(TWO, [sealed([*lines, lines[1]])])


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"{}\n", b"[" * 100_000 + b"\n", b"\xff\xfe\n", b"PK\x03\x04"]
)
def test_what_is_no_gallery_is_refused(service: GalleryService, data: bytes) -> None:
    with pytest.raises(GalleryFileError):
        service.import_(TWO, [data])


def test_a_line_without_end_is_refused_before_it_fills_the_memory(service: GalleryService) -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        while True:
            given += 1 << 20
            yield bytes(1 << 20)

    with pytest.raises(GalleryFileError, match="longer"):
        service.import_(TWO, endless())
    assert given <= MOST_LINE_BYTES + (2 << 20)


def test_lines_are_cut_where_their_ends_are() -> None:
    assert list(split_lines([])) == []
    assert list(split_lines([b"a\nb", b"", b"c\n\n", b"d"])) == [b"a\n", b"bc\n", b"\n", b"d"]


class Threads:
    """A memory that notes which thread stored something."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def refresh(self, scope: Scope) -> None:
        assert scope in {ONE, TWO}
        self.seen.append(threading.get_ident())

    def forget(self, scope: Scope) -> None:
        raise AssertionError(scope)


@pytest.fixture
def pauses_s(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the pauses of long changes, and see that others can write meanwhile."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        with database.writing():
            pass

    monkeypatch.setattr("huiyan.celebrity.gallery.writer.time.sleep", sleep)
    return slept


def test_an_import_lets_others_write_between_its_small_transactions(
    service: GalleryService, database: Database, pauses_s: list[float]
) -> None:
    for number in range(250):
        service.add_person(ONE, facts(f"n{number}"))
    threads = Threads()
    report = make_service(database, memory=threads).import_(TWO, service.export(ONE))
    assert report.people_added == 250
    assert len(threads.seen) == 3
    assert pauses_s[0] == 0.0
    assert len(pauses_s) == 3
    assert min(pauses_s[1:]) >= 0.1


def test_a_person_with_many_bytes_is_stored_in_several_transactions(
    service: GalleryService, database: Database, pauses_s: list[float]
) -> None:
    picture = JPEG[:-2] + bytes(300_000) + JPEG[-2:]
    service.add_person(ONE, facts(), [photo(number, picture=picture) for number in range(16)])
    lines = list(service.export(ONE, pictures=True))
    assert len(lines) == 3
    threads = Threads()
    other = make_service(database, rules=GalleryRules(keeps_pictures=True), memory=threads)
    assert other.import_(TWO, lines) == ImportReport(1, 0, 16, 0, ())
    assert len(threads.seen) == 6
    assert len(pauses_s) == 6
    (person,) = other.list_people(TWO).people
    assert person.photo_count == 16
    assert all(it.has_picture for it in other.list_photos(TWO, person.id))


def test_two_imports_at_once_stand_in_a_line(
    service: GalleryService, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.transfer._LINES_A_TRANSACTION", 1)
    monkeypatch.setattr("huiyan.celebrity.gallery.writer._LEAST_PAUSE_S", 0.01)
    for number in range(8):
        service.add_person(FOREIGN, facts(f"n{number}"), [photo(number)])
    lines = list(service.export(FOREIGN))
    memory = Threads()
    shared = make_service(database, memory=memory)
    imports = [threading.Thread(target=shared.import_, args=(it, lines)) for it in (ONE, TWO)]
    for one in imports:
        one.start()
    for one in imports:
        one.join()
    assert len(memory.seen) == 16
    assert len(set(memory.seen[:8])) == len(set(memory.seen[8:])) == 1
    assert memory.seen[0] != memory.seen[-1]
