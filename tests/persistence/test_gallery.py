"""Galleries on both databases: killed processes, several processes, and who follows them."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from made_gallery import ONE, TWO, facts, make_projects, make_service, photo

from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.kernel.errors import ConflictError, HuiyanError, NotFoundError
from huiyan.kernel.ids import ProjectId
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.gallery_schema import GALLERY_PERSON, GALLERY_PHOTO, GALLERY_REMOVAL
from huiyan.persistence.query import select_in

SUPPORT = Path(__file__).resolve().parents[1] / "support"

CHANGE_WITHOUT_END = textwrap.dedent(
    """
    import json, os, random, sys
    sys.path.insert(0, sys.argv[2])
    from made_gallery import ONE, facts, make_service, photo
    from huiyan.celebrity.gallery.model import PersonFacts
    from huiyan.persistence.database import open_database

    seed = int(sys.argv[3])
    chance = random.Random(seed)
    service = make_service(open_database(sys.argv[1]))
    own = {}  # id -> seeds of photos

    def tell(*deed):
        os.write(1, (json.dumps(deed) + "\\n").encode())

    tell("ready")
    while True:
        deed = chance.choice(["add", "add", "photos", "remove", "merge", "photo"])
        ids = sorted(own)
        if deed == "add" or len(ids) < 2:
            seeds = [seed := seed + 1 for _ in range(chance.randint(1, 5))]
            tell("try", "add", seeds)
            person = service.add_person(ONE, facts(f"n{seeds[0]}"), [photo(it) for it in seeds])
            own[person.person.id] = seeds
            tell("did", "add", person.person.id, seeds)
        elif deed == "photos":
            one = chance.choice(ids)
            seeds = [seed := seed + 1 for _ in range(3)]
            tell("try", "photos", one, seeds)
            service.add_photos(ONE, one, [photo(it) for it in seeds])
            own[one] += seeds
            tell("did", "photos", one, seeds)
        elif deed == "remove":
            one = chance.choice(ids)
            tell("try", "remove", one)
            service.remove_person(ONE, one)
            del own[one]
            tell("did", "remove", one)
        elif deed == "merge":
            one, two = chance.sample(ids, 2)
            if len(own[one]) + len(own[two]) > 50:
                continue
            tell("try", "merge", one, two)
            service.merge(ONE, one, [two])
            own[one] += own.pop(two)
            tell("did", "merge", one, two)
        else:
            one = chance.choice(ids)
            if not own[one]:
                continue
            tell("try", "photo", one, own[one][0])
            gone = photo(own[one][0]).digest
            (found,) = [it for it in service.list_photos(ONE, one) if it.digest == gone]
            service.remove_photo(ONE, one, found.id)
            own[one].pop(0)
            tell("did", "photo", one, gone)
    """
)


@pytest.fixture
def projects(database: Database) -> Database:
    make_projects(database)
    return database


@pytest.fixture
def service(projects: Database) -> GalleryService:
    return make_service(projects)


def assert_sound(database: Database, service: GalleryService) -> dict[str, list[str]]:
    """See that counts, rows and revisions fit together; give each person's digests."""
    held: dict[str, list[str]] = {}
    marker = None
    while True:
        page = service.list_people(ONE, marker=marker)
        for person in page.people:
            photos = service.list_photos(ONE, person.id)
            assert person.photo_count == len(photos)
            held[person.id] = sorted(it.digest for it in photos)
        marker = page.next_marker
        if marker is None:
            break
    summary = service.describe(ONE)
    assert (summary.person_count, summary.photo_count) == (len(held), sum(map(len, held.values())))
    state = GalleryRepository(database).state(ONE)
    assert state is not None
    with database.reading() as connection:
        for table in (GALLERY_PERSON, GALLERY_PHOTO, GALLERY_REMOVAL):
            query = select_in(ONE, table).with_only_columns(table.c.revision, table.c.number)
            for revision, number in connection.execute(query):
                assert revision <= state.revision
                assert number < state.next_number
        gone = connection.exec_driver_sql(
            "SELECT count(*) FROM gallery_removal r WHERE EXISTS (SELECT 1 FROM gallery_photo p "
            "WHERE p.project_id = r.project_id AND p.number = r.number)"
        ).scalar_one()
        assert gone == 0
    return held


def apply(held: dict[str, list[str]], deed: list[object]) -> dict[str, list[str]]:
    """Do in memory what a line says was done."""
    after = {key: list(value) for key, value in held.items()}
    kind, *rest = deed
    match kind, rest:
        case "add", [str(one), list(seeds)]:
            after[one] = digests(seeds)
        case "photos", [str(one), list(seeds)]:
            after[one] = sorted(after[one] + digests(seeds))
        case "remove", [str(one)]:
            del after[one]
        case "merge", [str(one), str(two)]:
            after[one] = sorted(after[one] + after.pop(two))
        case "photo", [str(one), str(digest)]:
            after[one].remove(digest)
        case _:
            raise AssertionError(deed)
    return after


def digests(seeds: list[int]) -> list[str]:
    return sorted(photo(seed).digest for seed in seeds)


def run_and_kill(url: str, seed: int, seconds: float) -> list[list[object]]:
    command = [sys.executable, "-c", CHANGE_WITHOUT_END, url, str(SUPPORT), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b'["ready"]\n'
        seen: list[bytes] = []
        reading = threading.Thread(target=seen.extend, args=(process.stdout,))
        reading.start()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        reading.join()
    return [json.loads(line) for line in seen if line.endswith(b"\n")]


def test_a_kill_leaves_every_acknowledged_change_and_no_half_of_another(
    database_url: str, projects: Database, service: GalleryService
) -> None:
    held: dict[str, list[str]] = {}
    done = 0
    for number in range(4):
        lines = run_and_kill(database_url, number * 1_000_000, random.uniform(0.1, 0.6))
        for line in lines:
            if line[0] == "did":
                held = apply(held, line[1:])
                done += 1
        found = assert_sound(projects, service) if held or service.describe(ONE).exists else {}
        tried = lines[-1] if lines and lines[-1][0] == "try" else None
        if found != held:
            # The change under way at the kill was stored whole.
            assert tried is not None
            if tried[1] == "add":
                (fresh,) = set(found) - set(held)
                tried = ["try", "add", fresh, tried[2]]
            elif tried[1] == "photo":
                seed = tried[3]
                assert isinstance(seed, int)
                tried = ["try", "photo", tried[2], photo(seed).digest]
            assert found == apply(held, tried[1:])
            held = found
    assert done > 10


def at_once(deeds: list[Callable[[], object]]) -> list[object]:
    """Do all at one moment; gives answers or our errors."""
    answers: list[object] = [None] * len(deeds)
    gate = threading.Barrier(len(deeds))

    def run(place: int) -> None:
        gate.wait()
        try:
            answers[place] = deeds[place]()
        except HuiyanError as error:
            answers[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_first_enrolments_at_once_make_one_gallery(
    database_url: str, projects: Database, service: GalleryService
) -> None:
    databases = [open_database(database_url) for _ in range(4)]
    services = [make_service(one) for one in databases]
    answers = at_once(
        [
            partial(one.add_person, ONE, facts(f"n{seed}"), [photo(seed)])
            for seed, one in enumerate(services)
        ]
    )
    assert not [it for it in answers if isinstance(it, Exception)]
    held = assert_sound(projects, service)
    assert len(held) == 4
    assert service.describe(ONE).revision == 4
    for one in services:  # each opens what the others sealed
        assert one.misfits(ONE) == ()
        assert one.duplicates(ONE, similarity=0.99) == ()
    for opened in databases:
        opened.close()


def test_the_same_photo_added_at_once_is_there_once(
    database_url: str, projects: Database, service: GalleryService
) -> None:
    person = service.add_person(ONE, facts()).person
    other = open_database(database_url)
    answers = at_once(
        [
            partial(one.add_photos, ONE, person.id, [photo(1)])
            for one in (service, make_service(other))
        ]
    )
    assert Counter(type(it) for it in answers) == {tuple: 1, ConflictError: 1}
    assert service.get_person(ONE, person.id).photo_count == 1
    assert_sound(projects, service)
    other.close()


def test_merges_of_the_same_people_at_once_end_in_one_success(
    database_url: str, projects: Database, service: GalleryService
) -> None:
    other = open_database(database_url)
    second = make_service(other)
    for number in range(5):
        one = service.add_person(ONE, facts(), [photo(number * 10 + 1)]).person
        two = service.add_person(ONE, facts(), [photo(number * 10 + 2)]).person
        answers = at_once(
            [
                partial(service.merge, ONE, one.id, [two.id]),
                partial(second.merge, ONE, two.id, [one.id]),
            ]
        )
        assert sum(isinstance(it, NotFoundError) for it in answers) == 1
        (merged,) = [it for it in answers if not isinstance(it, Exception)]
        assert getattr(merged, "photo_count", None) == 2
    assert len(assert_sound(projects, service)) == 5
    other.close()


class Follower:
    """Follows a gallery as ``store_model`` says, in plain dictionaries."""

    def __init__(self, repository: GalleryRepository) -> None:
        self.repository = repository
        self.people: dict[int, str] = {}
        self.photos: dict[int, int] = {}
        self.since = 0
        self.reloads = 0

    def follow(self) -> None:
        state = self.repository.state(ONE)
        assert state is not None
        if self.since < state.oldest_revision:
            self.people.clear()
            self.photos.clear()
            self.since, self.reloads = 0, self.reloads + 1
        for batch in self.repository.load(ONE, self.since):
            self.photos |= {it.number: it.person_number for it in batch}
        for people in self.repository.people(ONE, self.since):
            self.people |= {it.number: it.person.id for it in people}
        for number in self.repository.removals(ONE, self.since):
            self.photos.pop(number, None)
            self.people.pop(number, None)
        self.since = state.revision

    def counted(self) -> dict[str, int]:
        owners = Counter(self.people[number] for number in self.photos.values())
        return {person_id: owners[person_id] for person_id in self.people.values()}


def true_counts(service: GalleryService) -> dict[str, int]:
    return {it.id: it.photo_count for it in service.list_people(ONE, limit=1000).people}


def test_differences_bring_a_memory_to_what_is_stored(
    projects: Database, service: GalleryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.repository.BATCH_ROWS", 3)
    chance = random.Random(3)
    service.add_person(ONE, facts(), [photo(0)])
    follower = Follower(GalleryRepository(projects))
    seed = 1
    for _ in range(30):
        people = service.list_people(ONE, limit=1000).people
        one = chance.choice(people)
        match chance.randrange(5):
            case 0 | 1:
                service.add_person(ONE, facts(), [photo(seed + it) for it in range(4)])
            case 2:
                service.remove_person(ONE, one.id)
                service.add_person(ONE, facts())
            case 3 if len(people) > 1:
                service.merge(ONE, one.id, [next(it.id for it in people if it.id != one.id)])
            case _:
                service.add_photos(ONE, one.id, [photo(seed)])
        seed += 4
        if chance.random() < 0.4:
            follower.follow()
            assert follower.counted() == true_counts(service)
    follower.follow()
    assert follower.counted() == true_counts(service)
    assert follower.reloads == 0


def test_a_memory_that_missed_too_much_begins_from_nothing(
    projects: Database, service: GalleryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.changes.repository.MOST_REMOVALS", 6)
    monkeypatch.setattr("huiyan.celebrity.gallery.changes.repository.KEPT_REMOVALS", 3)
    service.add_person(ONE, facts(), [photo(1)])
    slow, quick = (Follower(GalleryRepository(projects)) for _ in range(2))
    slow.follow()
    quick.follow()
    for seed in range(10, 20):
        person = service.add_person(ONE, facts(), [photo(seed)]).person
        service.remove_person(ONE, person.id)
        quick.follow()
        assert quick.counted() == true_counts(service)
    slow.follow()
    assert slow.counted() == true_counts(service)
    assert (slow.reloads, quick.reloads) == (1, 0)
    with projects.reading() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM gallery_removal").scalar_one()
    assert kept <= 6


def test_photos_of_somebody_enabled_again_are_given_again(
    projects: Database, service: GalleryService
) -> None:
    person = service.add_person(ONE, facts(), [photo(1), photo(2)]).person
    repository = GalleryRepository(projects)
    service.change_person(ONE, person.id, enabled=False)
    since = service.describe(ONE).revision
    assert list(repository.load(ONE, since)) == []
    service.change_person(ONE, person.id, enabled=True)
    (given,) = repository.load(ONE, since)
    assert len(given) == 2


def test_revisions_are_read_for_many_projects_at_once(
    projects: Database, service: GalleryService
) -> None:
    repository = GalleryRepository(projects)
    service.add_person(ONE, facts())
    service.configure(ONE, uses_starter=False)
    mine = ProjectId("1" * 32)
    others = [ProjectId(f"{number:032x}") for number in range(1200)]
    found = repository.revisions([*others, mine])
    state = repository.state(ONE)
    assert state is not None
    assert found == {mine: state.mark}
    assert state.mark.revision == 2
    service.drop(ONE)
    assert repository.revisions([mine]) == {}
    service.add_person(ONE, facts())
    assert repository.revisions([mine])[mine].id != state.id


def test_an_import_that_is_killed_goes_on_where_it_stopped(
    projects: Database, service: GalleryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.transfer._LINES_A_TRANSACTION", 2)
    for seed in range(0, 50, 5):
        service.add_person(TWO, facts(f"n{seed}"), [photo(seed), photo(seed + 1)])
    file = list(service.export(TWO))
    target = make_service(projects, rules=GalleryRules(photos_per_project=9))
    with pytest.raises(HuiyanError):
        target.import_(ONE, file)  # ends in the middle, as a kill would
    assert 0 < len(assert_sound(projects, service)) < 10
    report = service.import_(ONE, file)
    assert report.people_known > 0
    assert report.people_added + report.people_known == 10
    assert len(assert_sound(projects, service)) == 10
