"""Galleries in memory: who a face may be, and never anybody who is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from huiyan.celebrity.gallery.comparison import Comparison
from huiyan.celebrity.gallery.memory import GalleryMemory
from huiyan.celebrity.gallery.model import ModelId, Person, PersonFacts, PersonId, PhotoId
from huiyan.celebrity.gallery.nothing_stored import NothingStored
from huiyan.celebrity.gallery.snapshot import Owners
from huiyan.celebrity.gallery.store_model import (
    GalleryId,
    GalleryMark,
    GalleryState,
    StoredPerson,
    StoredPhoto,
)
from huiyan.celebrity.model import Candidate
from huiyan.celebrity.search.flat import FlatIndex
from huiyan.celebrity.search.model import KeyArray
from huiyan.kernel.errors import (
    DatabaseError,
    GalleryModelError,
    InstanceKeyError,
    OperatorError,
)
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.persistence.query import Scope

D = 16
MODEL = ModelId("net:0123456789ab")
OTHER = ModelId("net:ffffffffffff")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def scope_of(name: str) -> Scope:
    return Scope(AccountId("account-" + name), ProjectId("project-" + name))


ONE, TWO = scope_of("one"), scope_of("two")


def face(seed: int, like: float = 1.0) -> FloatArray:
    """One made-up face; ``like`` below 1 turns it away from itself."""
    random = np.random.default_rng(seed)
    vector = random.standard_normal(D)
    vector /= np.linalg.norm(vector)
    side = random.standard_normal(D)
    side -= (side @ vector) * vector
    side /= np.linalg.norm(side)
    return (like * vector + np.sqrt(1 - like * like) * side).astype(np.float32)


def person_of(name: str, *, enabled: bool = True) -> Person:
    return Person(PersonId(name), PersonFacts(name, ""), enabled, 0, "project", NOW, NOW)


@dataclass
class Gallery:
    """A gallery as a store holds it, each row with the revision that wrote it."""

    state: GalleryState
    people: dict[int, tuple[int, Person]] = field(default_factory=dict)
    photos: dict[int, tuple[int, StoredPhoto]] = field(default_factory=dict)
    removed: list[tuple[int, int]] = field(default_factory=list)


class FakeStore:
    """A store and the opener of its embeddings, in plain dictionaries."""

    def __init__(self) -> None:
        self.galleries: dict[Scope, Gallery] = {}
        self.reads: list[tuple[Scope, int]] = []
        self.failure: Exception | None = None
        self.while_reading: Callable[[Scope], None] | None = None
        self._lock = threading.RLock()
        self._made = 0

    def make(self, scope: Scope, model: ModelId = MODEL) -> None:
        self._made += 1
        state = GalleryState(
            id=GalleryId(f"gallery-{self._made}"),
            model=model,
            dimensions=D,
            revision=1,
            oldest_revision=0,
            next_number=1,
            uses_starter=True,
            keeps_pictures=False,
            created_at=NOW,
        )
        self.galleries[scope] = Gallery(state)

    def change(self, scope: Scope, **values: object) -> int:
        """Raise the revision; give the new one."""
        gallery = self.galleries[scope]
        revision = gallery.state.revision + 1
        # The fields come by name from the tests, so their types are not seen here.
        gallery.state = replace(gallery.state, revision=revision, **values)  # type: ignore[arg-type]
        return revision

    def enrol(self, scope: Scope, name: str, *faces: FloatArray) -> int:
        """Add somebody; give their number."""
        with self._lock:
            gallery = self.galleries[scope]
            number = gallery.state.next_number
            photos = len(gallery.photos) + len(faces)
            numbers = {"next_number": number + 1 + len(faces), "photo_count": photos}
            revision = self.change(scope, **numbers)
            gallery.people[number] = (revision, person_of(name))
            for offset, vector in enumerate(faces, 1):
                self.put(scope, number + offset, number, vector, revision)
            return number

    def put(self, scope: Scope, number: int, owner: int, vector: FloatArray, revision: int) -> None:
        photo = StoredPhoto(number, owner, PhotoId(str(number)), vector.tobytes(), 100.0, 1.0)
        self.galleries[scope].photos[number] = (revision, photo)

    def drop(self, scope: Scope, number: int) -> None:
        """Remove somebody with their photos, or a photo."""
        with self._lock:
            gallery = self.galleries[scope]
            revision = self.change(scope)
            gone = [
                it for it, (_, photo) in gallery.photos.items() if photo.person_number == number
            ]
            for it in (*gone, number):
                gallery.people.pop(it, None)
                gallery.photos.pop(it, None)
                gallery.removed.append((revision, it))

    def switch(self, scope: Scope, number: int, *, enabled: bool) -> None:
        with self._lock:
            gallery = self.galleries[scope]
            revision = self.change(scope)
            _, person = gallery.people[number]
            gallery.people[number] = (revision, replace(person, enabled=enabled))
            for it, (_, photo) in gallery.photos.items():
                if enabled and photo.person_number == number:
                    gallery.photos[it] = (revision, photo)

    def merge(self, scope: Scope, into: int, gone: int) -> None:
        with self._lock:
            gallery = self.galleries[scope]
            revision = self.change(scope)
            for it, (_, photo) in gallery.photos.items():
                if photo.person_number == gone:
                    gallery.photos[it] = (revision, replace(photo, person_number=into))
            del gallery.people[gone]
            gallery.removed.append((revision, gone))

    def state(self, scope: Scope) -> GalleryState | None:
        if self.failure:
            raise self.failure
        gallery = self.galleries.get(scope)
        return gallery.state if gallery else None

    def revisions(self, projects: Sequence[ProjectId]) -> Mapping[ProjectId, GalleryMark]:
        return {
            scope.project_id: gallery.state.mark
            for scope, gallery in self.galleries.items()
            if scope.project_id in projects and scope.project_id is not None
        }

    def load(self, scope: Scope, since_revision: int = 0) -> Iterator[Sequence[StoredPhoto]]:
        self.reads.append((scope, since_revision))
        if self.while_reading:
            self.while_reading(scope)
        with self._lock:
            rows = self.galleries[scope].photos.values()
            photos = [photo for revision, photo in rows if revision > since_revision]
        for start in range(0, len(photos), 7):
            yield photos[start : start + 7]
            if self.failure:
                raise self.failure

    def people(self, scope: Scope, since_revision: int = 0) -> Iterator[Sequence[StoredPerson]]:
        with self._lock:
            rows = list(self.galleries[scope].people.items())
        yield [StoredPerson(it, who) for it, (revision, who) in rows if revision > since_revision]

    def removals(self, scope: Scope, since_revision: int) -> Sequence[int]:
        removed = self.galleries[scope].removed
        return [number for revision, number in removed if revision > since_revision]

    def embeddings(self, state: GalleryState, photos: Sequence[StoredPhoto]) -> FloatArray:
        rows = [np.frombuffer(it.embedding, np.float32) for it in photos]
        return np.array(rows, np.float32).reshape(-1, state.dimensions)


@dataclass(frozen=True)
class FakeStarter:
    model: ModelId = MODEL
    people: tuple[Person, ...] = ()
    owners: KeyArray = field(default_factory=lambda: np.empty(0, np.int64))
    embeddings: FloatArray = field(default_factory=lambda: np.empty((0, D), np.float32))


class SureByLikeness:
    """Half the similarity, less with more photos."""

    def __init__(self) -> None:
        self.photos: list[int] = []

    def confidence(self, similarity: FloatArray, photos: int, side_px: FloatArray) -> FloatArray:
        self.photos.append(photos)
        assert similarity.shape == side_px.shape
        return similarity / 2


STAR = FakeStarter(
    people=tuple(replace(person_of(name), origin="starter") for name in ("star-a", "star-b")),
    owners=np.array([0, 1, 1]),
    embeddings=np.stack([face(900), face(901), face(902)]),
)


def memory_of(
    store: FakeStore, starter: FakeStarter = STAR, limit_bytes: int = 64 * MIB_BYTES
) -> GalleryMemory:
    comparison = Comparison(MODEL, D, SureByLikeness())
    return GalleryMemory(store, store, starter, comparison, limit_bytes)


def ask(
    memory: GalleryMemory, scope: Scope, vector: FloatArray, count: int = 1
) -> tuple[Candidate, ...]:
    return memory.identify(scope, vector[None], np.array([80], np.float32), count)[0]


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [it.person.id for it in candidates]


def best(memory: GalleryMemory, scope: Scope, vector: FloatArray) -> str:
    """Who is meant if the likeness is beyond doubt, else nothing."""
    found = ask(memory, scope, vector)
    return found[0].person.id if found and found[0].similarity > 0.95 else ""


@pytest.fixture
def store() -> FakeStore:
    made = FakeStore()
    made.make(ONE)
    made.make(TWO)
    return made


class TestNothingThere:
    def test_no_face_is_nobody(self, store: FakeStore) -> None:
        none = np.empty((0, D), np.float32)
        assert memory_of(store).identify(ONE, none, np.empty(0, np.float32), 3) == ()

    def test_an_empty_gallery_knows_nobody(self, store: FakeStore) -> None:
        memory = memory_of(store, FakeStarter())
        assert ask(memory, ONE, face(1), 5) == ()

    def test_a_project_without_a_gallery_knows_the_starter_gallery(self) -> None:
        memory = memory_of(FakeStore())
        assert ids(ask(memory, ONE, face(901), 5))[0] == "star-b"

    def test_without_a_database_the_starter_gallery_is_searched_alike(self) -> None:
        nothing = NothingStored()
        comparison = Comparison(MODEL, D, SureByLikeness())
        memory = GalleryMemory(nothing, nothing, STAR, comparison, MIB_BYTES)
        memory.follow()
        assert best(memory, ONE, face(900)) == "star-a"
        memory.follow()
        memory.refresh(ONE)
        assert ids(ask(memory, ONE, face(901), 9)) == ["star-b", "star-a"]


class TestIdentify:
    def test_each_person_comes_once_with_the_best_of_their_photos(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1, 0.7), face(1), face(1, 0.8))
        store.enrol(ONE, "ben", face(1, 0.9))
        found = ask(memory_of(store), ONE, face(1), 9)
        assert ids(found)[:2] == ["anna", "ben"]
        assert len(found) == 4
        assert found[0].similarity == pytest.approx(1, abs=1e-3)
        assert found[0].confidence == pytest.approx(0.5, abs=1e-3)

    def test_many_photos_of_one_crowd_nobody_out(self, store: FakeStore) -> None:
        store.enrol(ONE, "many", *(face(1, 0.999) for _ in range(300)))
        for number in range(5):
            store.enrol(ONE, f"few-{number}", face(1, 0.9 - 0.1 * number))
        found = ask(memory_of(store, FakeStarter()), ONE, face(1), 4)
        assert ids(found) == ["many", "few-0", "few-1", "few-2"]

    def test_confidence_counts_all_photos_that_were_searched(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1), face(2))
        sure = SureByLikeness()
        memory = GalleryMemory(store, store, STAR, Comparison(MODEL, D, sure), MIB_BYTES)
        ask(memory, ONE, face(1))
        assert sure.photos == [5]

    def test_faces_of_a_group_are_told_apart(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        store.enrol(ONE, "ben", face(2))
        faces = np.stack([face(2), face(1), face(902)])
        found = memory_of(store).identify(ONE, faces, np.full(3, 50, np.float32), 1)
        assert [it[0].person.id for it in found] == ["ben", "anna", "star-b"]

    def test_a_project_may_do_without_the_starter_gallery(self, store: FakeStore) -> None:
        memory = memory_of(store)
        assert best(memory, ONE, face(900)) == "star-a"
        store.change(ONE, uses_starter=False)
        memory.refresh(ONE)
        assert ask(memory, ONE, face(900)) == ()
        assert best(memory, TWO, face(900)) == "star-a"

    def test_two_projects_never_see_each_other(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        store.enrol(TWO, "ben", face(2))
        memory = memory_of(store, FakeStarter())
        assert ids(ask(memory, ONE, face(2), 9)) == ["anna"]
        assert ids(ask(memory, TWO, face(1), 9)) == ["ben"]
        other = Scope(TWO.account_id, ONE.project_id)
        assert ask(memory, other, face(1), 9) == ()


class TestModels:
    def test_a_gallery_of_another_network_is_refused_and_says_the_cure(self) -> None:
        store = FakeStore()
        store.make(ONE, OTHER)
        store.enrol(ONE, "anna", face(1))
        memory = memory_of(store)
        with pytest.raises(GalleryModelError, match="huiyan celebrity reembed"):
            ask(memory, ONE, face(1))
        assert store.reads == []
        store.change(ONE, model=MODEL)
        memory.follow()
        assert best(memory, ONE, face(1)) == "anna"

    def test_a_starter_gallery_of_another_network_is_refused_at_once(self) -> None:
        with pytest.raises(OperatorError, match="starter_gallery"):
            memory_of(FakeStore(), replace(STAR, model=OTHER))


class TestChanges:
    def test_what_is_added_is_known_after_refresh(self, store: FakeStore) -> None:
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == ""
        store.enrol(ONE, "anna", face(1))
        memory.refresh(ONE)
        assert best(memory, ONE, face(1)) == "anna"
        assert store.reads == [(ONE, 0), (ONE, 1)]

    def test_what_is_removed_is_unknown_after_refresh(self, store: FakeStore) -> None:
        anna = store.enrol(ONE, "anna", face(1), face(2))
        memory = memory_of(store)
        assert best(memory, ONE, face(2)) == "anna"
        store.drop(ONE, anna + 2)
        memory.refresh(ONE)
        assert (best(memory, ONE, face(1)), best(memory, ONE, face(2))) == ("anna", "")
        store.drop(ONE, anna)
        memory.refresh(ONE)
        assert best(memory, ONE, face(1)) == ""

    def test_disabled_people_are_out_and_come_back(self, store: FakeStore) -> None:
        anna = store.enrol(ONE, "anna", face(1))
        ben = store.enrol(ONE, "ben", face(2))
        store.switch(ONE, ben, enabled=False)
        memory = memory_of(store)
        assert (best(memory, ONE, face(1)), best(memory, ONE, face(2))) == ("anna", "")
        store.switch(ONE, anna, enabled=False)
        store.switch(ONE, ben, enabled=True)
        memory.refresh(ONE)
        assert (best(memory, ONE, face(1)), best(memory, ONE, face(2))) == ("", "ben")

    def test_merged_photos_are_the_other_persons(self, store: FakeStore) -> None:
        anna, ben = store.enrol(ONE, "anna", face(1)), store.enrol(ONE, "ben", face(2))
        memory = memory_of(store)
        assert best(memory, ONE, face(2)) == "ben"
        store.merge(ONE, anna, ben)
        memory.refresh(ONE)
        assert best(memory, ONE, face(2)) == "anna"

    def test_names_change_without_reading_photos_again(self, store: FakeStore) -> None:
        anna = store.enrol(ONE, "anna", face(1))
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == "anna"
        gallery, revision = store.galleries[ONE], store.change(ONE)
        gallery.people[anna] = (revision, person_of("anne"))
        memory.refresh(ONE)
        assert best(memory, ONE, face(1)) == "anne"

    def test_a_dropped_gallery_is_gone_and_a_new_one_begins_anew(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == "anna"
        del store.galleries[ONE]
        memory.refresh(ONE)
        assert best(memory, ONE, face(1)) == ""
        store.make(ONE)
        store.enrol(ONE, "ben", face(2))
        memory.follow()
        assert (best(memory, ONE, face(1)), best(memory, ONE, face(2))) == ("", "ben")

    def test_refreshing_what_is_not_in_memory_loads_nothing(self, store: FakeStore) -> None:
        memory = memory_of(store)
        memory.refresh(ONE)
        memory.forget(ONE)
        memory.follow()
        assert store.reads == []

    def test_a_gallery_that_is_too_far_behind_is_read_from_nothing(self, store: FakeStore) -> None:
        anna = store.enrol(ONE, "anna", face(1))
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == "anna"
        store.drop(ONE, anna)
        store.enrol(ONE, "ben", face(2))
        store.galleries[ONE].removed.clear()
        store.change(ONE, oldest_revision=store.galleries[ONE].state.revision)
        memory.follow()
        assert (best(memory, ONE, face(1)), best(memory, ONE, face(2))) == ("", "ben")


class TestFollow:
    def test_changes_of_other_processes_are_seen(self, store: FakeStore) -> None:
        anna = store.enrol(ONE, "anna", face(1))
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == "anna"
        assert best(memory, TWO, face(1)) == ""
        store.enrol(ONE, "ben", face(2))
        store.drop(ONE, anna)
        memory.follow()
        assert (best(memory, ONE, face(1)), best(memory, ONE, face(2))) == ("", "ben")
        reads = len(store.reads)
        memory.follow()
        assert len(store.reads) == reads

    def test_a_gallery_that_comes_later_is_seen(self) -> None:
        store = FakeStore()
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == ""
        store.make(ONE)
        store.enrol(ONE, "anna", face(1))
        memory.follow()
        assert best(memory, ONE, face(1)) == "anna"

    def test_a_gallery_that_cannot_be_read_is_forgotten_until_it_can(
        self, store: FakeStore
    ) -> None:
        anna = store.enrol(ONE, "anna", face(1))
        memory = memory_of(store)
        assert best(memory, ONE, face(1)) == "anna"
        store.drop(ONE, anna)
        store.failure = DatabaseError("gone")
        memory.follow()
        memory.refresh(ONE)
        assert memory.nbytes == 0
        with pytest.raises(DatabaseError):
            ask(memory, ONE, face(1))
        store.failure = None
        assert best(memory, ONE, face(1)) == ""


class TestLoading:
    def test_a_failed_load_leaves_nothing(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", *(face(it) for it in range(30)))
        indexes: list[FlatIndex] = []

        def open_watched(dimensions: int) -> FlatIndex:
            indexes.append(FlatIndex(dimensions))
            return indexes[-1]

        comparison = Comparison(MODEL, D, SureByLikeness(), open_watched)
        memory = GalleryMemory(store, store, STAR, comparison, MIB_BYTES)

        def fail(scope: Scope) -> None:
            del scope
            store.failure = InstanceKeyError("no key")

        store.while_reading = fail
        with pytest.raises(InstanceKeyError):
            ask(memory, ONE, face(1))
        assert [len(it) for it in indexes] == [0]
        assert memory.nbytes == 0
        store.while_reading = store.failure = None
        assert best(memory, ONE, face(7)) == "anna"

    def test_a_gallery_that_is_made_anew_while_it_is_opened_is_read_again(
        self, store: FakeStore
    ) -> None:
        store.enrol(ONE, "anna", face(1))

        class Opener(FakeStore):
            def embeddings(self, state: GalleryState, photos: Sequence[StoredPhoto]) -> FloatArray:
                if state.id == first:
                    store.make(ONE)
                    store.enrol(ONE, "ben", face(2))
                    raise InstanceKeyError("altered")
                return super().embeddings(state, photos)

        first = store.galleries[ONE].state.id
        comparison = Comparison(MODEL, D, SureByLikeness())
        memory = GalleryMemory(store, Opener(), STAR, comparison, MIB_BYTES)
        assert best(memory, ONE, face(2)) == "ben"

    def test_a_project_loads_once_while_others_go_on(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        store.enrol(TWO, "ben", face(2))
        memory = memory_of(store)
        loading, may_go_on = threading.Event(), threading.Event()

        def wait(scope: Scope) -> None:
            if scope == ONE:
                loading.set()
                assert may_go_on.wait(10)

        store.while_reading = wait
        found: list[str] = []
        threads = [
            threading.Thread(target=lambda: found.append(best(memory, ONE, face(1))))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        assert loading.wait(10)
        assert best(memory, TWO, face(2)) == "ben"
        store.enrol(TWO, "carl", face(3))
        memory.follow()
        assert best(memory, TWO, face(3)) == "carl"
        memory.forget(TWO)
        may_go_on.set()
        for thread in threads:
            thread.join()
        assert found == ["anna"] * 3
        assert [since for scope, since in store.reads if scope == ONE] == [0]


class TestMemoryLimit:
    def test_what_was_used_longest_ago_makes_way(self) -> None:
        store = FakeStore()
        scopes = [scope_of(str(number)) for number in range(6)]
        for number, scope in enumerate(scopes):
            store.make(scope)
            store.enrol(scope, f"person-{number}", face(number))
        one = memory_of(store, limit_bytes=1)
        assert best(one, scopes[0], face(0)) == "person-0"
        size = one.nbytes
        assert size > 0
        memory = memory_of(store, limit_bytes=3 * size)
        for number, scope in enumerate(scopes[:3]):
            assert best(memory, scope, face(number)) == f"person-{number}"
        assert best(memory, scopes[0], face(0)) == "person-0"
        store.reads.clear()
        assert best(memory, scopes[3], face(3)) == "person-3"
        assert memory.nbytes <= 3 * size
        for number in (0, 2, 3):
            assert best(memory, scopes[number], face(number)) == f"person-{number}"
        assert [scope for scope, _ in store.reads] == [scopes[3]]
        assert best(memory, scopes[1], face(1)) == "person-1"

    def test_who_follows_waits_for_no_gallery_that_is_being_loaded(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        store.enrol(TWO, "ben", face(2))
        memory = memory_of(store, limit_bytes=1)
        loading, may_go_on = threading.Event(), threading.Event()

        def wait(scope: Scope) -> None:
            if scope == ONE:
                loading.set()
                assert may_go_on.wait(10)

        store.while_reading = wait
        thread = threading.Thread(target=lambda: best(memory, ONE, face(1)))
        thread.start()
        assert loading.wait(10)
        assert best(memory, TWO, face(2)) == "ben"
        store.enrol(ONE, "carl", face(3))
        store.enrol(TWO, "dora", face(4))
        memory.follow()
        assert best(memory, TWO, face(4)) == "dora"
        may_go_on.set()
        thread.join()
        memory.follow()
        assert best(memory, ONE, face(3)) == "carl"

    def test_even_the_smallest_memory_serves(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        store.enrol(TWO, "ben", face(2))
        memory = memory_of(store, limit_bytes=1)
        for _ in range(3):
            assert best(memory, ONE, face(1)) == "anna"
            assert best(memory, TWO, face(2)) == "ben"

    def test_forgotten_galleries_are_wiped(self, store: FakeStore) -> None:
        store.enrol(ONE, "anna", face(1))
        indexes: list[FlatIndex] = []

        def open_watched(dimensions: int) -> FlatIndex:
            indexes.append(FlatIndex(dimensions))
            return indexes[-1]

        comparison = Comparison(MODEL, D, SureByLikeness(), open_watched)
        memory = GalleryMemory(store, store, STAR, comparison, MIB_BYTES)
        assert best(memory, ONE, face(1)) == "anna"
        ((block, _),) = indexes[0]._rows.blocks()
        memory.forget(ONE)
        assert not block.exact.any()
        assert not block.codes.any()
        assert memory.nbytes == 0


class TestThreads:
    def test_nobody_removed_is_named_and_no_photo_is_anothers(self, store: FakeStore) -> None:
        for number in range(20):
            store.enrol(ONE, f"steady-{number}", face(number), face(number, 0.99))
        memory = memory_of(store, limit_bytes=1)
        gone: set[str] = set()
        wrong: list[tuple[str, str]] = []
        stop = threading.Event()

        def look(seed: int) -> None:
            random = np.random.default_rng(seed)
            while not stop.is_set():
                number = int(random.integers(0, 20))
                if best(memory, ONE, face(number)) != f"steady-{number}":
                    wrong.append(("steady", str(number)))
                gone_before = set(gone)
                name = best(memory, ONE, face(500))
                if name in gone_before or (name and not name.startswith("guest-")):
                    wrong.append(("gone", name))
                if best(memory, TWO, face(500)):
                    wrong.append(("two", name))

        threads = [threading.Thread(target=look, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for turn in range(60):
            guest = store.enrol(ONE, f"guest-{turn}", face(500), face(500, 0.98))
            memory.refresh(ONE)
            assert best(memory, ONE, face(500)) == f"guest-{turn}"
            store.drop(ONE, guest)
            (memory.refresh if turn % 2 else memory.forget)(ONE)
            gone.add(f"guest-{turn}")
            assert best(memory, ONE, face(500)) == ""
        stop.set()
        for thread in threads:
            thread.join()
        assert not wrong


class TestOwners:
    def test_unknown_photos_are_nobodys(self) -> None:
        owners = Owners()
        assert owners.find(np.array([1, 2])).tolist() == [-1, -1]
        owners.put(np.array([5, 2]), np.array([50, 20]))
        owners.put(np.array([9, 5]), np.array([90, 51]))
        assert owners.find(np.array([1, 2, 5, 9, 10])).tolist() == [-1, 20, 51, 90, -1]
        assert owners.photos_of(np.array([51, 90, 7])).tolist() == [5, 9]
        owners.drop(np.array([5, 77]))
        assert owners.find(np.array([2, 5, 9])).tolist() == [20, -1, 90]
        assert owners.nbytes == 32
