"""Imports: what becomes of each photo, and what an import that ended early leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from made_faces import BLURRED, MadeFaceReader, photo

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.folder import read_folder
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.model import NewPhoto, Person, PersonFacts, PersonId
from huiyan.celebrity.gallery.photo_import import (
    MAX_BATCH,
    ImportRules,
    Outcome,
    PhotoImport,
    SameName,
)
from huiyan.celebrity.gallery.source import PhotoFile, Unusable
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.errors import ConflictError, DatabaseError, QuotaError
from huiyan.kernel.units import FloatArray


@dataclass
class Kept:
    """People in memory, with the rules of the real gallery."""

    people: dict[str, Person] = field(default_factory=dict)
    photos: dict[str, list[NewPhoto]] = field(default_factory=dict)
    most_photos: int = 10_000
    fails_after: int = 1_000_000

    def find_by_id(self, text: str) -> Person | None:
        return self.people.get(text)

    def find_by_name(self, facts: PersonFacts) -> Sequence[Person]:
        return [one for one in self.people.values() if one.facts.label == facts.label]

    def digests(self, person_id: PersonId) -> frozenset[str]:
        return frozenset(it.digest for it in self.photos[person_id])

    def likeness(self, person_id: PersonId, embeddings: FloatArray) -> FloatArray:
        stored = np.stack([it.embedding for it in self.photos[person_id]])
        return np.asarray((embeddings @ stored.T).max(axis=1), np.float32)

    def add_person(self, facts: PersonFacts, photos: Sequence[NewPhoto]) -> Person:
        made = Person(
            id=PersonId(f"{len(self.people):032x}"),
            facts=facts,
            enabled=True,
            photo_count=len(photos),
            origin="project",
        )
        self._keep(made.id, photos)
        self.people[made.id] = made
        return made

    def add_photos(self, person_id: PersonId, photos: Sequence[NewPhoto]) -> None:
        self._keep(person_id, photos)

    def _keep(self, person_id: str, photos: Sequence[NewPhoto]) -> None:
        if len(self.people) >= self.fails_after:
            raise DatabaseError("the disk is full")
        there = self.photos.get(person_id, [])
        if {it.digest for it in there} & {it.digest for it in photos}:
            raise ConflictError("photos[0] is there already")
        if len(there) + len(photos) > self.most_photos:
            raise QuotaError("too many photos")
        self.photos[person_id] = [*there, *photos]


class House:
    """A folder to import and a gallery."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kept = Kept()
        self.reader = MadeFaceReader()

    def put(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def importing(self, same_name: SameName = "add", *, is_strict: bool = False) -> PhotoImport:
        rules = ImportRules(
            limits=PICTURE_LIMITS,
            keeps_pictures=False,
            same_name=same_name,
            is_strict=is_strict,
            threads=2,
        )
        return PhotoImport(Intake(self.reader), self.kept, MemoryBudget(2**28), rules)

    def run(self, same_name: SameName = "add", *, is_strict: bool = False) -> dict[str, Outcome]:
        importing = self.importing(same_name, is_strict=is_strict)
        return {it.name: it for it in importing.run(read_folder(self.root))}

    def names(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for one in self.kept.people.values():
            counts[one.facts.label] += len(self.kept.photos[one.id])
        return counts


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_nothing_is_imported_from_nothing(house: House) -> None:
    assert house.run() == {}


def test_everybody_comes_in_with_their_photos(house: House) -> None:
    house.put("Adele/1.png", photo(1, 1))
    house.put("Adele/2.png", photo(1, 2))
    house.put("Bob/1.png", photo(2, 1))
    done = house.run()
    assert {it.fate for it in done.values()} == {"added"}
    assert sum(it.is_new for it in done.values()) == 2
    assert house.names() == {"Adele": 2, "Bob": 1}


def test_a_broken_photo_never_stops_the_others(house: House) -> None:
    house.put("Adele/1.png", b"")
    house.put("Adele/2.png", photo(1)[:200])
    house.put("Adele/3.txt", b"no picture")
    house.put("Adele/4.png", photo(1, kind=BLURRED))
    house.put("Adele/5.png", b"\xff\xd8\xff" + bytes(PICTURE_LIMITS.max_file_bytes))
    house.put("Adele/6.png", photo(1, 6))
    house.put("stray.png", photo(1))
    done = house.run()
    assert [name for name, it in done.items() if it.fate == "added"] == ["Adele/6.png"]
    assert all(it.reason for it in done.values() if it.fate == "refused")
    assert len(done) == 7
    assert "empty" in done["Adele/1.png"].reason
    assert "blurred" in done["Adele/4.png"].reason
    assert "more than" in done["Adele/5.png"].reason


def test_a_file_that_vanishes_is_told(house: House) -> None:
    gone = PhotoFile(house.root / "gone.png", "gone.png", "a", PersonFacts("", "Adele"))
    (done,) = house.importing().run([gone])
    assert done.fate == "refused"
    assert "cannot be read" in done.reason
    assert house.kept.people == {}


def test_a_second_import_changes_nothing_and_reads_no_face(house: House) -> None:
    house.put("Adele/1.png", photo(1, 1))
    house.put("Adele/2.png", photo(1, 2))
    house.run()
    before = house.reader.read_count
    assert {it.fate for it in house.run().values()} == {"there"}
    assert house.reader.read_count == before
    assert house.names() == {"Adele": 2}


def test_the_same_file_twice_is_one_photo(house: House) -> None:
    house.put("Adele/1.png", photo(1, 1))
    house.put("Adele/2.png", photo(1, 1))
    assert sorted(it.fate for it in house.run().values()) == ["added", "there"]


def test_an_import_that_failed_half_way_is_completed_by_the_next(house: House) -> None:
    for person in range(100):
        house.put(f"P{person:03}/1.png", photo(person, 1))
        house.put(f"P{person:03}/2.png", photo(person, 2))
    house.kept.fails_after = 50
    with pytest.raises(DatabaseError):
        house.run()
    assert 0 < len(house.kept.people) <= 50
    house.kept.fails_after = 1000
    house.run()
    assert house.names() == {f"P{person:03}": 2 for person in range(100)}


class TestSameName:
    @pytest.fixture(autouse=True)
    def adele(self, house: House) -> None:
        house.put("Adele/1.png", photo(1, 1))
        house.run()
        (house.root / "Adele/1.png").unlink()
        house.put("Adele/2.png", photo(1, 2))

    def test_photos_go_to_the_one_who_has_the_name(self, house: House) -> None:
        assert house.run("add")["Adele/2.png"].fate == "added"
        assert len(house.kept.people) == 1

    def test_or_to_somebody_new_and_the_same_import_again_makes_nobody(self, house: House) -> None:
        assert house.run("new")["Adele/2.png"].is_new
        assert len(house.kept.people) == 2
        assert house.run("new")["Adele/2.png"].fate == "there"
        assert house.run("add")["Adele/2.png"].fate == "there"
        assert len(house.kept.people) == 2

    def test_or_nowhere(self, house: House) -> None:
        assert house.run("skip")["Adele/2.png"].fate == "refused"

    def test_where_several_have_the_name_an_id_is_asked_for(self, house: House) -> None:
        house.run("new")
        house.put("Adele/2.png", photo(1, 3))
        refused = house.run("add")["Adele/2.png"]
        assert refused.fate == "refused"
        assert all(one in refused.reason for one in house.kept.people)

    def test_a_key_that_is_an_id_names_the_person(self, house: House) -> None:
        key = next(iter(house.kept.people))
        path = house.root / "Adele" / "2.png"
        (done,) = house.importing().run([PhotoFile(path, "2", key, PersonFacts("", ""))])
        assert (done.fate, done.person_id) == ("added", key)


def test_two_keys_of_one_name_are_two_people(house: House) -> None:
    files: list[PhotoFile | Unusable] = []
    for number, key in enumerate(("a", "b", "a")):
        house.put(f"{number}.png", photo(1 if key == "a" else 2, number))
        path = house.root / f"{number}.png"
        files.append(PhotoFile(path, f"{number}", key, PersonFacts("", "Li Wei")))
    done = {it.name: it for it in house.importing().run(files)}
    assert len(house.kept.people) == 2
    assert done["0"].person_id == done["2"].person_id != done["1"].person_id


def test_nobody_comes_in_without_a_name(house: House) -> None:
    house.put("1.png", photo(1))
    file = PhotoFile(house.root / "1.png", "1", "k", PersonFacts("", ""))
    (done,) = house.importing().run([file])
    assert "no name" in done.reason


def test_a_photo_that_looks_like_somebody_else_is_told(house: House) -> None:
    for number in range(3):
        house.put(f"Adele/{number}.png", photo(1, number))
    house.put("Adele/9.png", photo(2))
    done = house.run()
    assert done["Adele/9.png"].fate == "odd"
    assert "does not look like" in done["Adele/9.png"].reason
    assert house.names() == {"Adele": 4}


def test_and_refused_where_that_is_wanted_also_beside_what_is_there(house: House) -> None:
    house.put("Adele/1.png", photo(1, 1))
    house.run()
    house.put("Adele/2.png", photo(2))
    house.put("Adele/3.png", photo(1, 3))
    done = house.run(is_strict=True)
    assert done["Adele/2.png"].fate == "refused"
    assert done["Adele/3.png"].fate == "added"
    assert house.names() == {"Adele": 2}


def test_one_photo_too_many_does_not_keep_the_others_out(house: House) -> None:
    house.kept.most_photos = 3
    for number in range(5):
        house.put(f"Adele/{number}.png", photo(1, number))
    done = house.run()
    assert Counter(it.fate for it in done.values()) == {"added": 3, "refused": 2}
    assert sum(it.is_new for it in done.values()) == 1
    assert house.names() == {"Adele": 3}


def test_a_photo_that_somebody_else_brought_meanwhile_is_told_by_its_name(house: House) -> None:
    house.put("Adele/1.png", photo(1, 1))
    house.put("Adele/2.png", photo(1, 2))
    house.run()
    (adele,) = house.kept.people
    stored = house.kept.photos[adele]
    # The photos come in between the look and the deed, so the look sees none.
    house.kept.digests = lambda _person_id: frozenset()  # type: ignore[method-assign]
    house.put("Adele/3.png", photo(1, 3))
    done = house.run()
    assert len(stored) == 2
    assert [done[f"Adele/{number}.png"].reason for number in (1, 2)] == ["it is there already"] * 2
    assert done["Adele/3.png"].fate == "added"


def test_memory_holds_one_batch_however_long_the_source_is(house: House) -> None:
    house.put("1.png", photo(1))
    path = house.root / "1.png"
    taken = 0

    def endless() -> Iterator[PhotoFile]:
        nonlocal taken
        while True:
            taken += 1
            yield PhotoFile(path, str(taken), "k", PersonFacts("", "Adele"))

    outcomes = house.importing().run(endless())
    for _ in range(3 * MAX_BATCH):
        next(outcomes)
    assert taken <= 5 * MAX_BATCH
    outcomes.close()
    assert house.names() == {"Adele": 1}
