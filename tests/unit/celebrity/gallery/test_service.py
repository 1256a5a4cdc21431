"""Each deed of a gallery, on a real database."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_gallery import (
    FOREIGN,
    MODEL,
    ONE,
    OTHER_MODEL,
    TWO,
    facts,
    make_projects,
    make_service,
    near,
    photo,
    unit_vector,
)
from migrated import open_migrated
from sqlalchemy import event

from huiyan.celebrity.gallery.model import NewPhoto, Person, PersonFacts, PersonId, PhotoId
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.celebrity.model import Candidate
from huiyan.kernel.errors import (
    BodyError,
    ConflictError,
    GalleryModelError,
    InferenceError,
    InvalidParameterError,
    NotFoundError,
    QuotaError,
    RequestError,
)
from huiyan.kernel.units import FloatArray
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope

NOBODY = PersonId("f" * 32)
NO_PHOTO = PhotoId("f" * 32)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    make_projects(database)
    yield database
    database.close()


@pytest.fixture
def service(database: Database) -> GalleryService:
    return make_service(database)


class Told:
    """A memory that notes what it is told."""

    def __init__(self) -> None:
        self.refreshed: list[Scope] = []
        self.forgotten: list[Scope] = []

    def refresh(self, scope: Scope) -> None:
        self.refreshed.append(scope)

    def forget(self, scope: Scope) -> None:
        self.forgotten.append(scope)


class KnowsOne:
    """Takes every face for one person, with a confidence that rises with the face's number."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def identify(
        self, scope: Scope, embeddings: FloatArray, side_px: FloatArray, count: int
    ) -> tuple[tuple[Candidate, ...], ...]:
        assert scope == ONE
        assert embeddings.shape == (len(side_px), 128)
        assert count > 0
        return tuple(
            (Candidate(self.person, 0.5, 0.85 + 0.1 * number),) for number in range(len(side_px))
        )


def add(service: GalleryService, *seeds: int, name: str = "Somebody", scope: Scope = ONE) -> Person:
    return service.add_person(scope, facts(name), [photo(seed) for seed in seeds]).person


def test_a_project_without_a_gallery_is_described_as_it_would_begin(
    service: GalleryService,
) -> None:
    summary = service.describe(ONE)
    assert not summary.exists
    assert (summary.person_count, summary.photo_count, summary.revision) == (0, 0, 0)
    assert summary.uses_starter
    assert summary.is_encrypted
    assert not summary.keeps_pictures
    assert summary.model == MODEL
    assert service.list_people(ONE).people == ()
    assert service.duplicates(ONE) == ()
    assert service.misfits(ONE) == ()
    for deed in (
        lambda: service.drop(ONE),
        lambda: service.remove_person(ONE, NOBODY),
        lambda: service.add_photos(ONE, NOBODY, [photo(1)]),
        lambda: service.merge(ONE, NOBODY, [PersonId("e" * 32)]),
        lambda: next(service.export(ONE)),
        lambda: service.reembed(ONE, lambda _: None),
    ):
        with pytest.raises(NotFoundError):
            deed()
    assert not service.describe(ONE).exists


def test_somebody_is_added_with_photos_and_counted(service: GalleryService) -> None:
    person = add(service, 1, 2, name="Yao Ming")
    assert person.photo_count == 2
    assert person.enabled
    assert person.origin == "project"
    assert person == service.get_person(ONE, person.id)
    summary = service.describe(ONE)
    assert (summary.person_count, summary.photo_count, summary.foreign_photo_count) == (1, 2, 0)
    assert summary.revision == 1
    listed = service.list_photos(ONE, person.id)
    assert [it.digest for it in listed] == [photo(1).digest, photo(2).digest]
    assert {it.model for it in listed} == {MODEL}
    assert not any(it.has_picture for it in listed)


def test_a_project_sees_nothing_of_another(service: GalleryService) -> None:
    person = add(service, 1)
    mine = service.list_photos(ONE, person.id)[0].id
    for scope in (TWO, FOREIGN, Scope(FOREIGN.account_id, ONE.project_id)):
        assert not service.describe(scope).exists
        assert service.list_people(scope).people == ()
        assert service.find_people_by_name(scope, "Somebody") == ()
        for deed in (
            lambda scope=scope: service.get_person(scope, person.id),
            lambda scope=scope: service.list_photos(scope, person.id),
            lambda scope=scope: service.remove_person(scope, person.id),
            lambda scope=scope: service.remove_photo(scope, person.id, mine),
            lambda scope=scope: service.change_person(scope, person.id, enabled=False),
            lambda scope=scope: service.drop(scope),
            lambda scope=scope: next(service.export(scope)),
        ):
            with pytest.raises(NotFoundError):
                deed()
    assert service.get_person(ONE, person.id) == person


def test_another_accounts_scope_never_makes_a_gallery_in_this_project(
    service: GalleryService,
) -> None:
    with pytest.raises(NotFoundError):
        add(service, 2, scope=Scope(FOREIGN.account_id, ONE.project_id))
    add(service, 1)
    with pytest.raises(NotFoundError):
        add(service, 2, scope=Scope(FOREIGN.account_id, ONE.project_id))
    assert service.describe(ONE).photo_count == 1


def test_a_scope_without_a_project_is_refused(service: GalleryService) -> None:
    with pytest.raises(InvalidParameterError):
        add(service, 1, scope=Scope(ONE.account_id))


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        (PersonFacts("", ""), None),
        (PersonFacts(" ", "\u3000"), None),
        (PersonFacts("x" * 129, ""), "name_zh"),
        (PersonFacts("", "a\x00b"), "name_en"),
        (PersonFacts("", "a\u200bb"), "name_en"),
        (PersonFacts("", "a\u202eb"), "name_en"),
        (PersonFacts("", "a\nb"), "name_en"),
        (PersonFacts("", "\ud800"), "name_en"),
        (PersonFacts("", "x" * 10_000_000), "name_en"),
        (PersonFacts("", "a", tuple(f"n{i}" for i in range(21))), "aliases"),
        (PersonFacts("", "a", ("",) * 10_000_000), "aliases"),
        (PersonFacts("", "a", ("x" * 129,)), "aliases"),
        (PersonFacts("", "a", (), "x" * 257), "occupation"),
        (PersonFacts("", "a", (), "", "ftp://example.com"), "link"),
        (PersonFacts("", "a", (), "", "javascript:alert(1)"), "link"),
        (PersonFacts("", "a", (), "", "http://"), "link"),
        (PersonFacts("", "a", (), "", "http://[bad"), "link"),
        (PersonFacts("", "a", (), "", "http://a:b@example.com/"), "link"),
        (PersonFacts("", "a", (), "", "http://example.com:99999/"), "link"),
        (PersonFacts("", "a", (), "", "http://example.com/a b"), "link"),
        (PersonFacts("", "a", (), "", "http://example.com/" + "x" * 500), "link"),
    ],
)
def test_malformed_facts_are_refused_and_make_no_gallery(
    service: GalleryService, given: PersonFacts, parameter: str | None
) -> None:
    with pytest.raises(BodyError) as caught:
        service.add_person(ONE, given)
    assert getattr(caught.value, "parameter", None) == parameter
    assert not service.describe(ONE).exists


def test_names_are_stored_in_one_form(service: GalleryService) -> None:
    given = PersonFacts(
        "\u3000姚明 ",
        unicodedata.normalize("NFD", " Zoë  Müller "),
        ("yao", "YAO", "姚明", ""),
        " star ",
        " https://example.com/x?y=%20#z ",
    )
    stored = service.add_person(ONE, given).person.facts
    assert stored == PersonFacts(
        "姚明", "Zoë Müller", ("yao",), "star", "https://example.com/x?y=%20#z"
    )


@pytest.mark.parametrize(
    "bad",
    [
        NewPhoto(unit_vector(1)[:64], photo(1).digest, 0.5, 50.0),
        NewPhoto(np.zeros(128, np.float32), photo(1).digest, 0.5, 50.0),
        NewPhoto(np.full(128, np.nan, np.float32), photo(1).digest, 0.5, 50.0),
        NewPhoto(unit_vector(1) * 2, photo(1).digest, 0.5, 50.0),
        NewPhoto(unit_vector(1), "no digest", 0.5, 50.0),
        NewPhoto(unit_vector(1), photo(1).digest, float("nan"), 50.0),
        NewPhoto(unit_vector(1), photo(1).digest, 0.5, float("inf")),
        NewPhoto(unit_vector(1), photo(1).digest, 0.5, 50.0, b"\xff" * (1 << 21)),
    ],
)
def test_what_is_no_photo_is_refused_whole(service: GalleryService, bad: NewPhoto) -> None:
    with pytest.raises(InvalidParameterError):
        service.add_person(ONE, facts(), [photo(2), bad])
    assert not service.describe(ONE).exists


def test_the_same_file_stands_once_for_one_person_but_may_for_two(service: GalleryService) -> None:
    one = add(service, 1)
    (there,) = service.list_photos(ONE, one.id)
    with pytest.raises(ConflictError) as caught:
        service.add_photos(ONE, one.id, [photo(5), photo(6), photo(1)])
    assert caught.value.detail == f"photos[2] is there already (photo {there.id})"
    with pytest.raises(ConflictError) as caught:
        add(service, 8, 7, 9, 7)
    assert caught.value.detail == "photos[3] is the same file as photos[1]"
    assert service.get_person(ONE, one.id).photo_count == 1
    assert add(service, 1).photo_count == 1
    assert service.describe(ONE).photo_count == 2


def test_limits_hold_for_a_person_and_for_the_project(database: Database) -> None:
    service = make_service(database, rules=GalleryRules(5, 3))
    one = add(service, 1, 2)
    with pytest.raises(QuotaError):
        service.add_photos(ONE, one.id, [photo(3), photo(4)])
    service.add_photos(ONE, one.id, [photo(3)])
    two = add(service, 5)
    with pytest.raises(QuotaError):
        service.add_photos(ONE, two.id, [photo(6), photo(7)])
    with pytest.raises(QuotaError):
        add(service, 6, 7)
    assert service.describe(ONE).photo_count == 4
    assert service.describe(ONE).person_count == 2
    service.remove_person(ONE, one.id)
    service.add_photos(ONE, two.id, [photo(6), photo(7)])


def test_people_are_listed_by_pages_and_by_parts_of_names(service: GalleryService) -> None:
    ids = [add(service, number, name=f"Person {number}").id for number in range(7)]
    found: list[str] = []
    marker = None
    while True:
        page = service.list_people(ONE, limit=3, marker=marker)
        assert page.total == 7
        found += [it.id for it in page.people]
        marker = page.next_marker
        if marker is None:
            break
    assert found == ids
    yao = service.add_person(ONE, PersonFacts("姚明", "Yao Ming", ("小巨人",))).person
    for text in ("YAO m", "姚", "巨人", "Ｙａｏ", yao.id, yao.id[:12].upper()):
        assert service.list_people(ONE, text).people == (yao,), text
    for text in ("%", "_", "yao\\", "姚名", "\x00\ud800'\"--"):
        expected = 8 if not text.strip("\x00\ud800") else 0
        assert service.list_people(ONE, text).total == expected, text
    service.change_person(ONE, yao.id, enabled=False)
    assert [it.id for it in service.list_people(ONE, enabled=False).people] == [yao.id]
    assert service.list_people(ONE, enabled=True).total == 7
    for limit, marker in ((0, None), (1001, None), (1, -1), (1, 1 << 70)):
        with pytest.raises(InvalidParameterError):
            service.list_people(ONE, limit=limit, marker=marker)


def test_somebody_is_found_by_any_whole_name(service: GalleryService) -> None:
    yao = service.add_person(ONE, PersonFacts("姚明", "Yao Ming", ("小巨人",))).person
    other = service.add_person(ONE, PersonFacts("", "yao  MING")).person
    assert service.find_people_by_name(ONE, "Yao Ming") == (yao, other)
    assert service.find_people_by_name(ONE, "小巨人") == (yao,)
    assert service.find_people_by_name(ONE, "姚明", "nobody") == (yao,)
    assert service.find_people_by_name(ONE, "Yao") == ()
    assert service.find_people_by_name(ONE, "") == ()
    assert service.find_people_by_name(ONE) == ()


def test_a_change_changes_what_it_names(service: GalleryService) -> None:
    person = add(service, 1)
    renamed = service.change_person(ONE, person.id, facts=facts("Other", "别人"))
    assert renamed.facts.label == "别人"
    assert renamed.enabled
    assert renamed.photo_count == 1
    before = service.describe(ONE).revision
    assert service.change_person(ONE, person.id, enabled=True) == renamed
    assert service.describe(ONE).revision == before
    assert not service.change_person(ONE, person.id, enabled=False).enabled
    with pytest.raises(NotFoundError):
        service.change_person(ONE, NOBODY, enabled=True)


def test_what_is_removed_is_gone_and_counted(service: GalleryService) -> None:
    one, two = add(service, 1, 2, 3), add(service, 4)
    gone = service.list_photos(ONE, one.id)[1]
    service.remove_photo(ONE, one.id, gone.id)
    assert service.get_person(ONE, one.id).photo_count == 2
    for person_id, photo_id in ((one.id, gone.id), (two.id, NO_PHOTO), (NOBODY, gone.id)):
        with pytest.raises(NotFoundError):
            service.remove_photo(ONE, person_id, photo_id)
    service.remove_person(ONE, one.id)
    with pytest.raises(NotFoundError):
        service.get_person(ONE, one.id)
    with pytest.raises(NotFoundError):
        service.remove_person(ONE, one.id)
    summary = service.describe(ONE)
    assert (summary.person_count, summary.photo_count) == (1, 1)


def test_merging_moves_photos_and_names(service: GalleryService) -> None:
    into = service.add_person(ONE, PersonFacts("", "Yao", ("a",)), [photo(1), photo(2)]).person
    same = service.add_person(
        ONE,
        PersonFacts("姚明", "Yao Ming", ("b",), "player", "https://e.com/"),
        [photo(2), photo(3)],
    ).person
    third = service.add_person(ONE, PersonFacts("", "YAO"), [photo(3), photo(4)]).person
    merged = service.merge(ONE, into.id, [same.id, third.id])
    assert merged.facts == PersonFacts(
        "姚明", "Yao", ("a", "Yao Ming", "b"), "player", "https://e.com/"
    )
    assert merged.photo_count == 4
    assert {it.digest for it in service.list_photos(ONE, into.id)} == {
        photo(n).digest for n in (1, 2, 3, 4)
    }
    summary = service.describe(ONE)
    assert (summary.person_count, summary.photo_count) == (1, 4)
    with pytest.raises(NotFoundError):
        service.merge(ONE, into.id, [same.id])
    assert service.likeness(ONE, into.id, unit_vector(4)[None])[0] > 0.999


def test_of_more_names_than_there_is_room_for_a_merge_keeps_the_first(
    service: GalleryService,
) -> None:
    into = service.add_person(ONE, PersonFacts("", "Yao", ("own 1", "own 2"))).person
    others = [
        service.add_person(
            ONE, PersonFacts("", f"n{number}", (f"n{number}a", "OWN 1", f"n{number}b"))
        ).person.id
        for number in range(30)
    ]
    merged = service.merge(ONE, into.id, others)
    expected = [
        "own 1",
        "own 2",
        *(f"n{number}{it}" for number in range(6) for it in ("", "a", "b")),
    ]
    assert merged.facts == PersonFacts("", "Yao", tuple(expected))
    assert service.describe(ONE).person_count == 1
    assert service.find_people_by_name(ONE, "n29") == ()


def test_a_merge_that_cannot_be_changes_nothing(database: Database) -> None:
    service = make_service(database, rules=GalleryRules(100, 3))
    one, two = add(service, 1, 2), add(service, 3, 4)
    before = (service.describe(ONE), service.list_people(ONE))
    for into, others, error in (
        (one.id, [two.id], QuotaError),
        (one.id, [two.id, NOBODY], NotFoundError),
        (one.id, [], InvalidParameterError),
        (one.id, [one.id], InvalidParameterError),
        (one.id, [two.id, two.id], InvalidParameterError),
    ):
        kind: type[RequestError] = error
        with pytest.raises(kind):
            service.merge(ONE, into, others)
        assert (service.describe(ONE), service.list_people(ONE)) == before


def test_another_networks_gallery_takes_no_photos_and_says_what_mends_it(
    database: Database,
) -> None:
    add(make_service(database), 1)
    newer = make_service(database, model=OTHER_MODEL)
    assert newer.describe(ONE).model == MODEL
    assert newer.describe(ONE).foreign_photo_count == 1
    for deed in (
        lambda: add(newer, 2),
        lambda: newer.likeness(ONE, NOBODY, unit_vector(1)[None]),
    ):
        with pytest.raises(GalleryModelError, match="reembed"):
            deed()
    assert newer.describe(ONE).person_count == 1


def test_pictures_are_kept_only_where_the_gallery_says_so(service: GalleryService) -> None:
    jpeg = b"\xff\xd8\xff" + bytes(range(256)) * 40
    one = service.add_person(ONE, facts(), [photo(1, picture=jpeg)]).person
    (kept,) = service.list_photos(ONE, one.id)
    assert not kept.has_picture
    with pytest.raises(NotFoundError):
        service.get_picture(ONE, one.id, kept.id)
    assert service.configure(ONE, keeps_pictures=True, uses_starter=False).keeps_pictures
    assert not service.describe(ONE).uses_starter
    listed = service.add_photos(ONE, one.id, [photo(2, picture=jpeg)])
    assert [it.has_picture for it in listed] == [False, True]
    assert service.get_picture(ONE, one.id, listed[1].id) == jpeg


def test_the_memory_is_told_of_every_change(database: Database) -> None:
    told = Told()
    service = make_service(database, memory=told)
    person = add(service, 1, 2)
    service.remove_photo(ONE, person.id, service.list_photos(ONE, person.id)[0].id)
    assert told.refreshed == [ONE, ONE]
    service.drop(ONE)
    assert told.forgotten == [ONE]
    with pytest.raises(NotFoundError):
        service.remove_person(ONE, person.id)
    assert told.refreshed == [ONE, ONE]


def test_who_is_likely_the_same_is_told_when_somebody_is_added(database: Database) -> None:
    known = add(make_service(database), 1)
    service = make_service(database, finder=KnowsOne(known))
    assert service.add_person(ONE, facts(), [photo(2)]).alike == ()
    (alike,) = service.add_person(ONE, facts(), [photo(3), photo(4)]).alike
    assert alike.person == known
    assert alike.confidence == pytest.approx(0.95)


def test_a_dropped_gallery_can_begin_anew_with_another_key(service: GalleryService) -> None:
    person = add(service, 1)
    before = service.describe(ONE)
    service.drop(ONE)
    assert not service.describe(ONE).exists
    again = add(service, 1)
    assert again.id != person.id
    assert service.describe(ONE).revision == before.revision == 1
    assert service.likeness(ONE, again.id, unit_vector(1)[None])[0] > 0.999


@pytest.mark.parametrize("picture", [None, b"\xff\xd8\xff"])
def test_a_large_gallery_is_dropped_in_steps_that_count_photos(
    database: Database, monkeypatch: pytest.MonkeyPatch, picture: bytes | None
) -> None:
    monkeypatch.setattr("huiyan.celebrity.gallery.writer._ROWS_DROPPED_AT_ONCE", 7)
    monkeypatch.setattr("huiyan.celebrity.gallery.writer._ROWS_WITH_PICTURES_DROPPED_AT_ONCE", 3)
    told = Told()
    service = make_service(database, memory=told, rules=GalleryRules(keeps_pictures=True))
    for number in range(9):
        own = [photo(number * 10 + place, picture=picture) for place in range(2)]
        service.add_person(ONE, facts(), own)
    service.add_person(ONE, facts(), [photo(1000 + place) for place in range(12)])
    add(service, 100, scope=TWO)
    told.refreshed.clear()
    service.drop(ONE)
    # Two people of three rows each fit into seven, one into three; the largest goes alone.
    assert len(told.refreshed) == (6 if picture is None else 10)
    assert told.forgotten == [ONE]
    assert not service.describe(ONE).exists
    assert service.describe(TWO).photo_count == 1


def test_what_is_removed_while_another_thread_wipes_is_wiped_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(database)
    one, two = add(service, 1), add(service, 2)
    wiped: list[int] = []
    truncate = Database.truncate_log

    def truncate_and_remove(self: Database) -> bool:
        wiped.append(1)
        if len(wiped) == 2:
            return False  # a reader is in its way
        done = truncate(self)
        if len(wiped) == 1:
            service.remove_person(ONE, two.id)
        return done

    monkeypatch.setattr(Database, "truncate_log", truncate_and_remove)
    service.remove_person(ONE, one.id)
    assert len(wiped) == 2
    assert service.scrub()
    assert len(wiped) == 3


def test_only_the_picture_that_is_asked_for_is_read(database: Database) -> None:
    service = make_service(database, rules=GalleryRules(encrypts=False, keeps_pictures=True))
    pictures = [b"\xff\xd8\xff" + bytes([number]) * 50 for number in range(3)]
    own = [photo(number, picture=it) for number, it in enumerate(pictures)]
    one = service.add_person(ONE, facts(), [*own, photo(9)]).person
    listed = service.list_photos(ONE, one.id)
    repository = GalleryRepository(database)
    number = repository.get_person(ONE, one.id).number
    statements: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    found = [repository.find_picture(ONE, number, it.id) for it in listed]
    assert found == [*pictures, None]
    assert repository.find_picture(ONE, number, NO_PHOTO) is None
    assert repository.find_picture(TWO, number, listed[0].id) is None
    assert all("gallery_photo.id =" in it for it in statements if "gallery_photo" in it)
    statements.clear()
    list(service.export(ONE))
    repository.records_between(ONE, MODEL, number, number, pictures=False)
    assert any("gallery_photo.embedding" in it for it in statements)
    assert not any("gallery_photo.picture" in it for it in statements)


def test_likeness_is_told_for_each_face(service: GalleryService) -> None:
    person = add(service, 1, 2)
    asked = np.stack([near(unit_vector(2), 9), unit_vector(50)])
    near_one, far_one = service.likeness(ONE, person.id, asked)
    assert near_one > 0.99
    assert far_one < 0.5
    nobody = add(service)
    assert np.isnan(service.likeness(ONE, nobody.id, asked)).all()
    assert service.likeness(ONE, person.id, np.zeros((0, 128), np.float32)).shape == (0,)


def test_reembedding_switches_once_nothing_of_the_old_network_is_left(database: Database) -> None:
    jpeg = b"\xff\xd8\xff" + b"x" * 50
    old = make_service(database, rules=GalleryRules(keeps_pictures=True))
    one = old.add_person(ONE, facts(), [photo(1, picture=jpeg), photo(2), photo(3)]).person
    new = make_service(database, model=OTHER_MODEL)
    originals = {photo(2).digest: b"file of 2"}
    read: list[bytes] = []

    def reader(data: bytes) -> FloatArray | None:
        read.append(data)
        return unit_vector(1000 + len(read))

    report = new.reembed(ONE, reader, originals.get)
    assert (report.done, report.left_count, report.switched) == (2, 1, False)
    assert read == [jpeg, b"file of 2"]
    assert report.left == (old.list_photos(ONE, one.id)[0].id,)
    assert new.describe(ONE).model == MODEL
    assert new.describe(ONE).foreign_photo_count == 1
    with pytest.raises(GalleryModelError):
        add(new, 9)
    before = new.describe(ONE).revision
    again = new.reembed(ONE, reader, originals.get)
    assert (again.done, again.left_count, again.switched) == (0, 1, False)
    assert new.describe(ONE).revision == before
    last = new.reembed(ONE, reader, originals.get, drop_rest=True)
    assert (last.done, last.left_count, last.switched) == (0, 1, True)
    assert new.describe(ONE).model == OTHER_MODEL
    assert new.describe(ONE).photo_count == new.get_person(ONE, one.id).photo_count == 2
    assert new.likeness(ONE, one.id, unit_vector(1001)[None])[0] > 0.999
    kept = [it for it in new.list_photos(ONE, one.id) if it.has_picture]
    assert new.get_picture(ONE, one.id, kept[0].id) == jpeg
    add(new, 9)


def test_a_reader_that_gives_nonsense_stores_nothing(database: Database) -> None:
    rules = GalleryRules(keeps_pictures=True)
    make_service(database, rules=rules).add_person(
        ONE, facts(), [photo(1, picture=b"\xff\xd8\xff")]
    )
    new = make_service(database, model=OTHER_MODEL)
    with pytest.raises(InferenceError):
        new.reembed(ONE, lambda _: np.zeros(128, np.float32))
    assert new.describe(ONE).foreign_photo_count == 1
