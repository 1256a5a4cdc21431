"""What is in memory is what is stored, in this process at once and in others after following."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_gallery import FOREIGN, KEY, MODEL, ONE, TWO, facts, make_projects, make_service, photo
from migrated import open_migrated

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.comparison import Comparison
from huiyan.celebrity.gallery.memory import GalleryMemory
from huiyan.celebrity.gallery.model import NewPhoto, Person, PersonId
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.celebrity.search.model import KeyArray
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    make_projects(database)
    yield database
    database.close()


class NoStarter:
    model = MODEL
    people: tuple[Person, ...] = ()
    owners: KeyArray = np.empty(0, np.int64)
    embeddings: FloatArray = np.empty((0, 128), np.float32)


class SureByLikeness:
    def confidence(self, similarity: FloatArray, photos: int, side_px: FloatArray) -> FloatArray:
        assert photos
        assert similarity.shape == side_px.shape
        return np.clip(similarity, 0, 1)


def memory_of(database: Database, key: bytes = KEY) -> GalleryMemory:
    comparison = Comparison(MODEL, 128, SureByLikeness())
    cipher = GalleryCipher(Vault(key))
    return GalleryMemory(
        GalleryRepository(database), cipher, NoStarter(), comparison, 64 * MIB_BYTES
    )


def owner(memory: GalleryMemory, scope: Scope, seed: int) -> Person | None:
    """Whose photo that of a seed is, if it is anybody's."""
    taken = photo(seed)
    found = memory.identify(scope, taken.embedding[None], np.array([90], np.float32), 3)[0]
    return found[0].person if found and found[0].similarity > 0.99 else None


class Deeds:
    """Does one thing after the other to a gallery, and knows what is then true."""

    def __init__(self, service: GalleryService) -> None:
        self.owners: dict[int, PersonId] = {}
        self.disabled: set[PersonId] = set()
        self.photos = 0
        self._service = service

    def do(self, deed: str, who: PersonId | None, other: PersonId | None) -> None:
        if deed == "add" or who is None or other is None:
            added = self._service.add_person(ONE, facts("p"), [self._take(), self._take()])
            self.owners |= dict.fromkeys((self.photos - 2, self.photos - 1), added.person.id)
        elif deed == "more":
            self._service.add_photos(ONE, who, [self._take()])
            self.owners[self.photos - 1] = who
        elif deed == "remove":
            self._service.remove_person(ONE, who)
            self.owners = {it: whose for it, whose in self.owners.items() if whose != who}
        elif deed == "drop photo":
            stored = self._service.list_photos(ONE, who)[0]
            self._service.remove_photo(ONE, who, stored.id)
            del self.owners[next(it for it in self.owners if photo(it).digest == stored.digest)]
        elif deed == "merge":
            self._service.merge(ONE, who, [other])
            self.owners = {it: who if of == other else of for it, of in self.owners.items()}
        else:
            self._service.change_person(ONE, who, enabled=who in self.disabled)
            self.disabled ^= {who}

    def check(self, memory: GalleryMemory) -> None:
        for it in range(self.photos):
            whose = self.owners.get(it)
            known = whose is not None and whose not in self.disabled
            expected = self._service.get_person(ONE, whose) if known and whose else None
            assert owner(memory, ONE, it) == expected, it

    def _take(self) -> NewPhoto:
        self.photos += 1
        return photo(self.photos - 1)


@pytest.mark.parametrize("encrypts", [True, False])
def test_any_deeds_are_seen_here_at_once_and_elsewhere_after_following(
    database: Database, *, encrypts: bool
) -> None:
    here, elsewhere = memory_of(database), memory_of(database)
    rules = GalleryRules(encrypts=encrypts)
    deeds = Deeds(make_service(database, rules=rules, memory=here, finder=here))
    random = np.random.default_rng(encrypts)
    for turn in range(40):
        people = sorted(set(deeds.owners.values()))
        who, other = random.permutation(people)[:2].tolist() if len(people) > 2 else (None, None)
        deed = random.choice(["add", "more", "remove", "drop photo", "merge", "switch"])
        deeds.do(str(deed), who, other)
        deeds.check(here)
        if turn % 7 == 3:
            elsewhere.follow()
            deeds.check(elsewhere)
        assert owner(here, TWO, 0) is None
        assert owner(here, FOREIGN, 0) is None


def test_what_was_there_before_is_loaded_in_batches_after_a_restart(database: Database) -> None:
    service = make_service(database)
    for number in range(48):
        service.add_person(ONE, facts(f"p{number}"), [photo(100 * number + it) for it in range(90)])
    memory = memory_of(database)
    for number in (0, 17, 47):
        found = owner(memory, ONE, 100 * number + 89)
        assert found is not None
        assert (found.facts.name_en, found.photo_count) == (f"p{number}", 90)


def test_under_another_instance_key_nobody_is_named(database: Database) -> None:
    make_service(database).add_person(ONE, facts("p"), [photo(1)])
    memory = memory_of(database, bytes(32))
    with pytest.raises(InstanceKeyError):
        owner(memory, ONE, 1)
    assert memory.nbytes == 0


def test_a_dropped_gallery_is_gone_here_at_once_and_elsewhere_after_following(
    database: Database,
) -> None:
    here, elsewhere = memory_of(database), memory_of(database)
    service = make_service(database, memory=here)
    service.add_person(ONE, facts("p"), [photo(1)])
    assert owner(here, ONE, 1)
    assert owner(elsewhere, ONE, 1)
    service.drop(ONE)
    assert owner(here, ONE, 1) is None
    service.add_person(ONE, facts("q"), [photo(2)])
    elsewhere.follow()
    for memory in (here, elsewhere):
        assert owner(memory, ONE, 1) is None
        assert owner(memory, ONE, 2)
