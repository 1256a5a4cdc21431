"""The calls about galleries as callers see them, over a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gallery_server import GalleryServer, person, photo, serve_gallery
from painted_faces import BLURRED, SMALL, TURNED, face, painted

from huiyan.celebrity.gallery.asked import scope_of
from huiyan.celebrity.gallery.calls_people import MOST_COMPARED, PeopleCalls
from huiyan.celebrity.gallery.calls_transfer import EXPORTS_AT_ONCE, GalleryCalls
from huiyan.celebrity.gallery.model import GallerySummary, LikelyDuplicate, PersonId
from huiyan.iam.call import Call
from huiyan.iam.model import Session
from huiyan.iam.policy.system import SECURITY_ADMINISTRATOR, TENANT_ADMINISTRATOR, TENANT_GUEST
from huiyan.kernel.errors import ConflictError, NotFoundError, QueueFullError, QuotaError
from huiyan.kernel.ids import ProjectId, RequestId
from huiyan.kernel.principal import Principal
from huiyan.persistence.query import Scope
from huiyan.web.request import RawRequest

NOBODY = "0" * 32
POLICY = '{"Version":"1.1","Statement":[{"Effect":"%s","Action":[%s]}]}'
CHANGES = (
    ("PATCH", "", {"gallery": {"uses_starter": False}}),
    ("DELETE", "", None),
    ("POST", "/people", person("李雷")),
    ("PATCH", f"/people/{NOBODY}", {"person": {"enabled": False}}),
    ("DELETE", f"/people/{NOBODY}", None),
    ("POST", f"/people/{NOBODY}/photos", {"photos": [photo(face(1))]}),
    ("DELETE", f"/people/{NOBODY}/photos/{NOBODY}", None),
    ("POST", f"/people/{NOBODY}/merge", {"from": ["a"]}),
    ("POST", "/import", None),
)
TAKINGS = ("/export", f"/people/{NOBODY}/photos/{NOBODY}/picture")
READINGS = ("", "/people", f"/people/{NOBODY}", f"/people/{NOBODY}/photos", "/duplicates")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GalleryServer]:
    yield from serve_gallery(tmp_path)


def assert_fault(reply: Any, status: int, code: str, *words: str) -> None:
    assert reply.status_code == status, reply.text
    assert reply.json()["error_code"] == code
    for word in words:
        assert word in reply.json()["error_msg"]


def test_a_project_without_a_gallery_has_an_empty_one(server: GalleryServer) -> None:
    shown = server.call("GET").json()["gallery"]
    assert (shown["exists"], shown["people"], shown["photos"], shown["revision"]) == (
        False,
        0,
        0,
        0,
    )
    assert server.call("GET", "/people").json() == {"people": [], "marker": None, "total": 0}
    assert server.call("GET", "/duplicates").json() == {"duplicates": []}
    assert_fault(server.call("DELETE"), 404, "HY.0004")
    assert_fault(server.call("GET", "/export"), 404, "HY.0004")


def test_a_person_is_added_found_changed_and_gone(server: GalleryServer) -> None:
    document = person("李雷", face(1), occupation="演员", aliases=["雷雷"], link="https://a.test/x")
    reply = server.call("POST", "/people", document)
    assert reply.status_code == 201
    made = reply.json()["person"]
    assert reply.json()["alike"] == []
    assert made["name"] == {"zh": "李雷", "en": ""}
    assert (made["photos"], made["enabled"], made["origin"]) == (1, True, "project")
    path = f"/people/{made['id']}"
    assert server.call("GET", path).json()["person"] == made
    renamed = {"person": {"name": {"en": "Li Lei"}, "aliases": []}}
    changed = server.call("PATCH", path, renamed).json()["person"]
    assert changed["name"] == {"zh": "李雷", "en": "Li Lei"}
    assert (changed["aliases"], changed["occupation"]) == ([], "演员")
    found = server.call("POST", "/search", photo(face(1, 2))).json()["faces"][0]
    best = found["candidates"][0]
    assert (best["person"]["id"], best["person"]["name"]["en"]) == (made["id"], "Li Lei")
    assert best["similarity"] > 0.8
    assert server.call("DELETE", path).status_code == 204
    assert_fault(server.call("GET", path), 404, "HY.0004")
    found = server.call("POST", "/search", photo(face(1))).json()["faces"][0]
    assert made["id"] not in [it["person"]["id"] for it in found["candidates"]]


def test_someone_switched_off_is_not_looked_for(server: GalleryServer) -> None:
    made = server.add("李雷", face(1))
    path = f"/people/{made['id']}"
    for enabled in (False, True):
        changed = server.call("PATCH", path, {"person": {"enabled": enabled}}).json()["person"]
        assert changed["enabled"] is enabled
        found = server.call("POST", "/search", photo(face(1))).json()["faces"][0]["candidates"]
        assert (made["id"] in [it["person"]["id"] for it in found]) is enabled
        listed = server.call("GET", "/people", enabled=str(enabled).lower()).json()
        assert [it["id"] for it in listed["people"]] == [made["id"]]


def test_somebody_alike_is_offered_and_can_be_merged(server: GalleryServer) -> None:
    first = server.add("李雷", face(1))
    reply = server.call("POST", "/people", person("Li Lei", face(1, 2))).json()
    pairs = server.call("GET", "/duplicates").json()["duplicates"]
    second = reply["person"]
    assert [{it["id"] for it in pair["people"]} for pair in pairs] == [{first["id"], second["id"]}]
    merged = server.call("POST", f"/people/{first['id']}/merge", {"from": [second["id"]]})
    assert merged.status_code == 200
    assert merged.json()["person"]["photos"] == 2
    assert merged.json()["person"]["aliases"] == ["Li Lei"]
    assert server.call("GET", f"/people/{second['id']}").status_code == 404
    assert server.call("GET", "/duplicates").json() == {"duplicates": []}


def test_photos_come_and_go_all_or_none(server: GalleryServer) -> None:
    path = f"/people/{server.add('李雷', face(1))['id']}/photos"
    twice = {"photos": [photo(face(1, 2)), photo(face(1, 3)), photo(face(1, 3, BLURRED))]}
    assert_fault(server.call("POST", path, twice), 400, "HY.0012", "photos[2]: ", "blurred")
    assert len(server.call("GET", path).json()["photos"]) == 1
    reply = server.call("POST", path, {"photos": twice["photos"][:2]})
    assert reply.status_code == 201
    listed = reply.json()["photos"]
    assert len(listed) == 3
    assert not {"embedding", "picture"} & listed[0].keys()
    assert_fault(
        server.call("POST", path, {"photos": [photo(face(1, 9)), photo(face(1, 2))]}),
        409,
        "HY.0006",
        "photos[1] ",
    )
    assert server.call("DELETE", f"{path}/{listed[1]['id']}").status_code == 204
    assert_fault(server.call("DELETE", f"{path}/{listed[1]['id']}"), 404, "HY.0004")
    left = [it["id"] for it in server.call("GET", path).json()["photos"]]
    assert left == [listed[0]["id"], listed[2]["id"]]


def test_a_point_says_which_of_several_faces_is_meant(server: GalleryServer) -> None:
    both = (face(1), face(2))
    several = {"person": {"name": {"en": "Li"}}, "photos": [photo(*both)]}
    assert_fault(server.call("POST", "/people", several), 400, "HY.0012", "several faces")
    several["photos"] = [photo(*both, at={"x": 96, "y": 10.5})]
    made = server.call("POST", "/people", several).json()["person"]
    found = server.call("POST", "/search", photo(face(2, 3))).json()["faces"][0]["candidates"][0]
    assert found["person"]["id"] == made["id"]


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ((), "no face"),
        ((face(1, 1, SMALL),), "too small"),
        ((face(1, 1, BLURRED),), "blurred"),
        ((face(1, 1, TURNED),), "turned away"),
    ],
)
def test_a_photo_that_is_not_good_enough_is_refused_with_the_reason(
    server: GalleryServer, faces: Any, words: str
) -> None:
    document = {"person": {"name": {"en": "Li"}}, "photos": [photo(*faces)]}
    assert_fault(server.call("POST", "/people", document), 400, "HY.0012", "photos[0]", words)
    assert server.call("GET").json()["gallery"]["exists"] is False


def test_a_search_tells_every_face_and_why_it_is_unfit(server: GalleryServer) -> None:
    made = server.add("李雷", face(1))
    asked = photo(face(1, 2), face(0), face(9, 1, SMALL), face(8, 1, TURNED), limit=1)
    reply = server.call("POST", "/search", asked).json()
    assert reply["picture"] == {"w": 256, "h": 64}
    first, small, turned = reply["faces"]
    assert (first["fit"], first["fault"]) == (True, "")
    assert first["box"] == {"x": 0, "y": 0, "w": 64, "h": 64}
    assert [it["person"]["id"] for it in first["candidates"]] == [made["id"]]
    assert not small["fit"]
    assert "too small" in small["fault"]
    assert "turned away" in turned["fault"]
    assert turned["candidates"][0]["confidence"] < 0.5
    assert server.call("POST", "/search", photo()).json()["faces"] == []


def test_pictures_are_kept_only_where_the_gallery_says_so(server: GalleryServer) -> None:
    made = server.add("李雷", face(1))
    path = f"/people/{made['id']}/photos"
    first = server.call("GET", path).json()["photos"][0]
    assert not first["has_picture"]
    assert_fault(server.call("GET", f"{path}/{first['id']}/picture"), 404, "HY.0004")
    shown = server.call("PATCH", "", {"gallery": {"keeps_pictures": True}}).json()["gallery"]
    assert (shown["keeps_pictures"], shown["uses_starter"]) == (True, True)
    second = server.call("POST", path, {"photos": [photo(face(1, 2))]}).json()["photos"][1]
    assert second["has_picture"]
    picture = server.call("GET", f"{path}/{second['id']}/picture")
    assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert picture.headers["cache-control"] == "no-store"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert picture.headers["content-length"] == str(len(picture.content))
    head = server.call("HEAD", f"{path}/{second['id']}/picture")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(picture.content)))
    entry = server.entries()[-1].entry
    assert (entry.action, entry.allowed) == ("huiyan:gallery:export", True)
    assert entry.resource.endswith(f"/photos/{second['id']}/picture")
    assert_fault(server.call("GET", f"{path}/{NOBODY}/picture"), 404, "HY.0004")


def test_pictures_may_come_from_a_url(server: GalleryServer) -> None:
    server.parts.files.files["https://a.test/1.png"] = painted(face(1))
    document = {"person": {"name": {"en": "Li"}}, "photos": [{"url": "https://a.test/1.png"}]}
    assert server.call("POST", "/people", document).status_code == 201
    found = server.call("POST", "/search", {"url": "https://a.test/1.png"}).json()["faces"]
    assert found[0]["candidates"][0]["person"]["name"]["en"] == "Li"
    document["photos"] = [photo(face(1, 5)), {"url": "https://a.test/2.png"}]
    assert_fault(server.call("POST", "/people", document), 400, "HY.0005", "photos[1]: ", "404")


def test_people_are_listed_by_pages(server: GalleryServer) -> None:
    ids = [server.add(f"人{number}")["id"] for number in range(5)]
    seen, marker = [], ""
    for _ in range(3):
        page = server.call("GET", "/people", limit="2", marker=marker).json()
        seen += [it["id"] for it in page["people"]]
        assert page["total"] == 5
        marker = page["marker"] or ""
    assert (seen, marker) == (ids, "")
    assert [it["id"] for it in server.call("GET", "/people", text="人3").json()["people"]] == ids[
        3:4
    ]
    assert server.call("GET", "/people", text="%").json()["people"] == []


def test_a_dropped_gallery_is_gone(server: GalleryServer) -> None:
    server.add("李雷", face(1))
    assert server.call("DELETE").status_code == 204
    assert server.call("GET").json()["gallery"]["exists"] is False
    found = server.call("POST", "/search", photo(face(1))).json()["faces"][0]["candidates"]
    assert {it["person"]["origin"] for it in found} <= {"starter"}


def test_an_export_can_be_imported_in_another_project(server: GalleryServer) -> None:
    made = server.add("李雷", face(1), face(1, 2))
    reply = server.call("GET", "/export")
    assert reply.headers["content-type"] == "application/jsonl"
    assert reply.headers["cache-control"] == "no-store"
    assert all(json.loads(line) for line in reply.content.splitlines())
    assert server.call("HEAD", "/export").content == b""
    assert server.call("DELETE").status_code == 204
    report = server.call("POST", "/import", body=reply.content).json()["report"]
    assert (report["people_added"], report["photos_added"], report["refusals"]) == (1, 2, [])
    assert server.call("GET", f"/people/{made['id']}").json()["person"]["photos"] == 2
    again = server.call("POST", "/import", body=reply.content).json()["report"]
    assert (again["people_added"], again["people_known"], again["photos_added"]) == (0, 1, 0)
    for cut in (b"", b"{}", reply.content[:-20], reply.content.replace("李雷".encode(), b"Han")):
        assert_fault(server.call("POST", "/import", body=cut), 400, "HY.0014")


def call_of(server: GalleryServer, method: str = "GET") -> Call:
    request = RawRequest(method, b"/", b"", (), b"", "")
    principal = Principal(server.own.account_id, server.own.owner_id, "", "AK", is_owner=True)
    session = Session(principal, "192.0.2.1")
    path = {"project_id": server.own.project_id}
    return Call(request, RequestId(NOBODY), session, path, {}, "", "")


class TestExports:
    """Exports stay open for as long as their callers take."""

    def test_as_many_as_may_are_open_at_once(self, server: GalleryServer) -> None:
        server.add("李雷", face(1))
        calls = GalleryCalls(server.parts.service)
        held = [calls.export(call_of(server)) for _ in range(EXPORTS_AT_ONCE)]
        for method in ("GET", "HEAD"):
            with pytest.raises(QueueFullError):
                calls.export(call_of(server, method))
        whole = b"".join(held[0].pieces or ())
        assert len([json.loads(line) for line in whole.splitlines()]) == 3
        held[0] = calls.export(call_of(server))
        for answer in held:  # one of them was never read from, as by a caller who went away
            # An export is a generator, which closes as a server closes it.
            answer.pieces.close()  # type: ignore[union-attr]
        for _ in range(2 * EXPORTS_AT_ONCE):
            assert calls.export(call_of(server, "HEAD")).pieces is not None

    def test_one_that_fails_gives_its_place_back(self, server: GalleryServer) -> None:
        calls = GalleryCalls(server.parts.service)
        for _ in range(2 * EXPORTS_AT_ONCE):
            with pytest.raises(NotFoundError):
                calls.export(call_of(server))
        made = server.add("李雷", face(1))
        for _ in range(2 * EXPORTS_AT_ONCE):
            pieces = iter(calls.export(call_of(server)).pieces or ())
            next(pieces)
            enabled = not server.parts.service.get_person(*self.place(server, made)).enabled
            server.parts.service.change_person(*self.place(server, made), enabled=enabled)
            with pytest.raises(ConflictError):
                list(pieces)

    def place(self, server: GalleryServer, made: Any) -> tuple[Scope, PersonId]:
        return Scope(server.own.account_id, ProjectId(server.own.project_id)), made["id"]


class CrowdedGallery:
    """A gallery with so many photos."""

    def __init__(self, server: GalleryServer, photo_count: int) -> None:
        self._summary = server.parts.service.describe(scope_of(call_of(server)))
        self._photo_count = photo_count

    def describe(self, _scope: Scope) -> GallerySummary:
        return replace(self._summary, photo_count=self._photo_count)

    def duplicates(self, _scope: Scope, _limit: int) -> tuple[LikelyDuplicate, ...]:
        return ()


def test_a_gallery_too_large_is_compared_on_the_server_only(server: GalleryServer) -> None:
    most: Any = CrowdedGallery(server, MOST_COMPARED)
    more: Any = CrowdedGallery(server, MOST_COMPARED + 1)
    nobody: Any = None
    assert PeopleCalls(most, nobody).list_duplicates(call_of(server)).status == 200
    with pytest.raises(QuotaError, match="huiyan celebrity duplicates"):
        PeopleCalls(more, nobody).list_duplicates(call_of(server))


class TestRights:
    def test_a_guest_reads_and_searches_and_changes_nothing(self, server: GalleryServer) -> None:
        guest = server.own.add_user(TENANT_GUEST)
        for path in READINGS:
            assert server.call("GET", path, caller=guest).status_code in {200, 404}, path
        assert server.call("POST", "/search", photo(face(1)), caller=guest).status_code == 200
        for method, path, document in CHANGES:
            reply = server.call(method, path, document, caller=guest)
            assert_fault(reply, 403, "HY.0002", "huiyan:gallery:write")
        for path in TAKINGS:
            reply = server.call("GET", path, caller=guest)
            assert_fault(reply, 403, "HY.0002", "huiyan:gallery:export")
        assert server.parts.reader.pictures == 1

    def test_a_guest_fetches_no_kept_picture(self, server: GalleryServer) -> None:
        server.call("PATCH", "", {"gallery": {"keeps_pictures": True}})
        path = f"/people/{server.add('李雷', face(1))['id']}/photos"
        guest = server.own.add_user(TENANT_GUEST)
        (shown,) = server.call("GET", path, caller=guest).json()["photos"]
        picture = f"{path}/{shown['id']}/picture"
        assert shown["has_picture"]
        for method in ("GET", "HEAD"):
            assert server.call(method, picture, caller=guest).status_code == 403
        exporter = server.own.add_user(POLICY % ("Allow", '"huiyan:gallery:export"'))
        assert server.call("GET", picture, caller=exporter).status_code == 200

    def test_an_administrator_may_do_everything(self, server: GalleryServer) -> None:
        caller = server.own.add_user(TENANT_ADMINISTRATOR)
        made = server.add("李雷", face(1), caller=caller)
        assert server.call("GET", "/export", caller=caller).status_code == 200
        path = f"/people/{made['id']}"
        assert server.call("DELETE", path, caller=caller).status_code == 204

    def test_a_custom_policy_gives_one_right(self, server: GalleryServer) -> None:
        writer = server.own.add_user(POLICY % ("Allow", '"huiyan:gallery:write"'))
        made = server.add("李雷", face(1), caller=writer)
        assert_fault(server.call("GET", "/people", caller=writer), 403, "HY.0002")
        assert_fault(server.call("POST", "/search", photo(), caller=writer), 403, "HY.0002")
        assert_fault(server.call("GET", "/export", caller=writer), 403, "HY.0002")
        searcher = server.own.add_user(POLICY % ("Allow", '"huiyan:gallery:search"'))
        reply = server.call("POST", "/search", photo(face(1)), caller=searcher)
        found = reply.json()["faces"][0]["candidates"][0]["person"]["id"]
        assert found == made["id"]
        assert_fault(server.call("GET", "/people", caller=searcher), 403, "HY.0002")

    @pytest.mark.parametrize("role", [None, SECURITY_ADMINISTRATOR])
    def test_who_has_nothing_in_the_project_may_nothing(
        self, server: GalleryServer, role: Any
    ) -> None:
        caller = server.own.add_user(role, "domain")
        lines = [*CHANGES, ("POST", "/search", photo(face(1)))]
        readings = [("GET", path, None) for path in (*READINGS, *TAKINGS)]
        for method, path, document in [*lines, *readings]:
            reply = server.call(method, path, document, caller=caller)
            assert_fault(reply, 403, "HY.0002")

    def test_searching_needs_the_open_service_and_keeping_does_not(
        self, server: GalleryServer
    ) -> None:
        project = server.own.identity.directory.projects
        mine = next(it for it in project.values() if it.id == server.own.project_id)
        server.own.identity.set_service(mine, "image", enabled=False)
        assert_fault(server.call("POST", "/search", photo(face(1))), 403, "HY.0003")
        assert server.add("李雷", face(1))["photos"] == 1


class TestIsolation:
    def test_nothing_is_seen_from_another_account(self, server: GalleryServer) -> None:
        made = server.add("李雷", face(1))
        shown = server.call("GET", f"/people/{made['id']}/photos").json()["photos"][0]
        _account, owner, theirs = server.own.second_account()
        person_path = f"/people/{made['id']}"
        calls = [
            ("GET", person_path, None),
            ("PATCH", person_path, {"person": {"enabled": False}}),
            ("GET", f"{person_path}/photos", None),
            ("POST", f"{person_path}/photos", {"photos": [photo(face(1, 7))]}),
            ("DELETE", f"{person_path}/photos/{shown['id']}", None),
            ("GET", f"{person_path}/photos/{shown['id']}/picture", None),
            ("POST", f"{person_path}/merge", {"from": [made["id"][::-1]]}),
            ("DELETE", person_path, None),
        ]
        own = server.call("POST", "/people", person("韩梅梅"), caller=owner, project=theirs)
        calls.append(
            ("POST", f"/people/{own.json()['person']['id']}/merge", {"from": [made["id"]]})
        )
        for method, path, document in calls:
            reply = server.call(method, path, document, caller=owner, project=theirs)
            assert_fault(reply, 404, "HY.0004")
        for method, path, document in [
            *calls,
            *((method, path, document) for method, path, document in CHANGES),
            ("GET", "", None),
            ("GET", "/people", None),
            ("GET", "/export", None),
            ("POST", "/search", photo(face(1))),
        ]:
            assert_fault(server.call(method, path, document, caller=owner), 404, "HY.0004")
        listed = server.call("GET", "/people", caller=owner, project=theirs).json()
        assert [it["name"]["zh"] for it in listed["people"]] == ["韩梅梅"]
        assert server.call("GET", person_path).json()["person"]["photos"] == 1

    def test_who_brings_anothers_file_gets_people_of_their_own(self, server: GalleryServer) -> None:
        made = server.add("李雷", face(1))
        _account, owner, theirs = server.own.second_account()
        listed = server.call("GET", "/people", text="李", caller=owner, project=theirs).json()
        assert listed["people"] == []
        exported = server.call("GET", "/export").content
        reply = server.call("POST", "/import", body=exported, caller=owner, project=theirs)
        assert reply.status_code == 200
        ids = server.call("GET", "/people", caller=owner, project=theirs).json()["people"]
        path = f"/people/{ids[0]['id']}"
        assert server.call("DELETE", path, caller=owner, project=theirs).status_code == 204
        assert server.call("GET", f"/people/{made['id']}").status_code == 200
        found = server.call("POST", "/search", photo(face(1))).json()["faces"][0]["candidates"]
        assert found[0]["person"]["id"] == made["id"]


class TestAudit:
    def test_changes_are_told_by_ids_and_never_by_names(self, server: GalleryServer) -> None:
        made = server.add("李雷", face(1), occupation="演员", link="https://secret.test/")
        path = f"/people/{made['id']}"
        server.call("PATCH", path, {"person": {"name": {"zh": "韩梅梅"}, "enabled": False}})
        server.call("POST", f"{path}/photos", {"photos": [photo(face(1, 2))]})
        other = server.add("王伟", face(2))
        server.call("POST", f"{path}/merge", {"from": [other["id"], "李 雷"]})
        server.call("POST", f"{path}/merge", {"from": [other["id"]]})
        server.call("DELETE", path)
        entries = server.entries()
        told = [(it.entry.action, dict(it.entry.detail)) for it in entries]
        assert {action for action, _ in told} == {"huiyan:gallery:write"}
        assert ({"person.id": made["id"], "photos": "1"}) in [detail for _, detail in told]
        assert {"person.enabled": "False", "person.name": "set"} in [it for _, it in told]
        assert sum(detail == {"from": other["id"]} for _, detail in told) >= 2
        text = repr(entries)
        for word in ("李", "韩梅梅", "演员", "secret", "base64", "王伟"):
            assert word not in text

    @pytest.mark.parametrize("name", ["姚明", "ZZ_Yao_Ming", "Yao Ming", "yao-ming", "F" * 32])
    def test_no_name_in_the_place_of_an_id_or_a_flag_is_told(
        self, server: GalleryServer, name: str
    ) -> None:
        known = server.add("李雷", face(1))["id"]
        stranger, guest = server.own.add_user(), server.own.add_user(TENANT_GUEST)
        lines: list[tuple[str, str, Any]] = [
            ("PATCH", "", {"gallery": {"uses_starter": name, "keeps_pictures": name}}),
            ("GET", f"/people/{name}", None),
            ("PATCH", f"/people/{name}", {"person": {"enabled": name}}),
            ("PATCH", f"/people/{known}", {"person": {"enabled": name, name: name}}),
            ("DELETE", f"/people/{name}", None),
            ("POST", f"/people/{name}/merge", {"from": [known]}),
            ("POST", f"/people/{known}/merge", {"from": [name]}),
            ("POST", f"/people/{known}/merge", {"from": name}),
            ("GET", f"/people/{name}/photos", None),
            ("POST", f"/people/{name}/photos", {"photos": [photo(face(1, 2))]}),
            ("DELETE", f"/people/{name}/photos/{known}", None),
            ("DELETE", f"/people/{known}/photos/{name}", None),
            ("GET", f"/people/{known}/photos/{name}/picture", None),
            ("GET", f"/people/{name}/photos/{name}/picture", None),
            ("POST", "/search", {"image": name, "limit": name}),
        ]
        for caller in (server.own.owner_id, guest, stranger):
            for method, path, document in lines:
                reply = server.call(method, path, document, caller=caller)
                assert reply.status_code in {400, 403, 404}, (method, path, reply.text)
                server.call(method, path, document, caller=caller, project=name)
        server.own.audit.close()
        entries = server.entries()
        assert len(entries) > len(lines)
        assert name not in repr(entries)
        assert name not in repr(server.told)
        assert any(record.entry.resource.endswith("/gallery/people/…") for record in entries)

    def test_a_search_is_told_with_who_was_found(self, server: GalleryServer) -> None:
        made = server.add("李雷", face(1))
        guest = server.own.add_user(TENANT_GUEST)
        server.call("POST", "/search", photo(face(1, 2), limit=1), caller=guest)
        asked, found = server.entries()[-2:]
        assert asked.entry.user_id == found.entry.user_id == guest
        assert asked.entry.action == "huiyan:gallery:search"
        assert dict(found.entry.detail) == {"faces": "1", "people": made["id"]}

    def test_an_export_is_told_and_other_readings_are_not(self, server: GalleryServer) -> None:
        server.add("李雷", face(1))
        before = len(server.entries())
        server.call("GET", "/people")
        server.call("GET", "")
        assert len(server.entries()) == before
        server.call("GET", "/export")
        entry = server.entries()[-1].entry
        assert (entry.action, entry.allowed) == ("huiyan:gallery:export", True)
        assert entry.resource.endswith("/gallery/export")
