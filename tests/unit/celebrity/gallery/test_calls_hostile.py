"""Bodies and queries that nobody means well with."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from gallery_server import GalleryServer, person, photo, serve_gallery
from painted_faces import face, painted

from huiyan.celebrity.gallery.calls import MOST_BODY_BYTES, PICTURE_BODY_BYTES
from huiyan.celebrity.gallery.wire import MOST_PHOTOS, MOST_URLS, parse_photos
from huiyan.kernel.errors import BodyError

ABSURD: tuple[Any, ...] = (None, -1, True, 0.5, "", "x" * 5000, "\ud800", "a\x00b", [[]], [1], {})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GalleryServer]:
    yield from serve_gallery(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def somebody(server: GalleryServer) -> str:
    return str(server.add("李雷", face(1))["id"])


def spoiled(template: Any) -> Iterator[Any]:
    """Give a value with each of its parts replaced by what it must not be."""
    yield from ABSURD
    if isinstance(template, dict):
        for name, value in template.items():
            yield from ({**template, name: worse} for worse in spoiled(value))
    elif isinstance(template, list) and template:
        yield from ([worse] for worse in spoiled(template[0]))


GOOD_PERSON = {
    "person": {
        "name": {"zh": "李", "en": "Li"},
        "aliases": ["a"],
        "occupation": "b",
        "link": "https://a.test",
    },
    "photos": [{"image": "AAAA", "at": {"x": 1, "y": 1}}],
}


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("POST", "/people", GOOD_PERSON),
        ("PATCH", "/people/{somebody}", {"person": {**GOOD_PERSON["person"], "enabled": True}}),
        ("POST", "/people/{somebody}/photos", {"photos": GOOD_PERSON["photos"]}),
        ("POST", "/people/{somebody}/merge", {"from": ["a"]}),
        ("PATCH", "", {"gallery": {"uses_starter": True, "keeps_pictures": False}}),
        ("POST", "/search", {"image": "AAAA", "limit": 3}),
        ("POST", "/import", {"a": 1}),
    ],
)
def test_no_absurd_value_makes_the_server_fail(
    server: GalleryServer, somebody: str, method: str, path: str, template: Any
) -> None:
    for document in spoiled(template):
        body = json.dumps(document).encode()
        reply = server.call(method, path.format(somebody=somebody), body=body)
        assert reply.status_code < 500, (document, reply.text)
        if reply.status_code >= 400:
            assert reply.json()["error_code"].startswith("HY."), reply.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON object"),
        (b"null", "no JSON object"),
        (b"[]", "no JSON object"),
        (b'{"photos": ' + b"[" * 100_000, "no JSON object"),
        (b'{"person": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, ""),
        (b'{"person": {"name": {"en": "x"}}, "photos": [' + b"{}," * 11_000 + b"{}]}", "values"),
        (b'{"photos": {"a": 1}}', "photos"),
        (b'{"photos": []}', "'person'"),
        (
            b'{"person": {"name": {}}}',
            "'person.name.zh' or 'person.name.en' is a required property",
        ),
        (b'{"person": {"nme": {"zh": "x"}}}', "person.nme"),
        (b'{"person": {"name": {"fr": "x"}}}', "person.name.fr"),
        (b'{"person": {"name": {"zh": "x"}, "enabled": false}}', "person.enabled"),
        (b'{"person": {"name": {"zh": "x", "en": "' + b"y" * 200 + b'"}}}', "person.name.en"),
        (b'{"person": {"name": {"zh": "x"}, "link": "javascript:1"}}', "person.link"),
        (b'{"person": {"name": {"zh": "' + b"x" * 70_000 + b'"}}}', "person"),
        (b'{"person": {"name": {"zh": "x"}, "aliases": "y"}}', "person.aliases"),
    ],
)
def test_a_malformed_body_is_told_by_what_is_wrong(
    server: GalleryServer, body: bytes, words: str
) -> None:
    reply = server.call("POST", "/people", body=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error_code"] == "HY.0005"
    assert words in reply.json()["error_msg"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "photos[1].image"),
        ({"image": "", "url": None}, "photos[1].image"),
        ({"image": "AAAA", "url": "https://a.test/"}, "photos[1].image, photos[1].url"),
        ({"image": "data:image/png;base64,AAAA"}, "photos[1].image"),
        ({"image": "#"}, "photos[1].image"),
        ({"image": 7}, "photos[1].image"),
        ({"url": 7}, "photos[1].url"),
        ({"url": "x" * 70_000}, "photos[1].url"),
        ({"image": "AAAA"}, "photos[1]: "),
        ({"image": "AAAA", "at": [1, 2]}, "photos[1].at"),
        ({"image": "AAAA", "at": {"x": 1}}, "photos[1].at.y"),
        ({"image": "AAAA", "at": {"x": 1, "y": True}}, "photos[1].at.y"),
        ({"image": "AAAA", "at": {"x": -1, "y": 1}}, "photos[1].at.x"),
        (7, "photos"),
    ],
)
def test_a_fault_names_the_photo_as_it_was_written(
    server: GalleryServer, somebody: str, given: Any, words: str
) -> None:
    document = {"photos": [photo(face(1, 9)), given]}
    reply = server.call("POST", f"/people/{somebody}/photos", document)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error_msg"].startswith(words) or words in reply.json()["error_msg"]
    assert len(server.call("GET", f"/people/{somebody}/photos").json()["photos"]) == 1


def test_more_photos_than_a_call_takes_are_looked_at_by_nobody(server: GalleryServer) -> None:
    before = server.parts.reader.pictures
    document = {"person": {"name": {"en": "x"}}, "photos": [photo(face(1))] * (MOST_PHOTOS + 1)}
    reply = server.call("POST", "/people", document)
    assert (reply.status_code, server.parts.reader.pictures) == (400, before)
    assert "more than 20" in reply.json()["error_msg"]


@pytest.mark.parametrize("path", ["/people", "/people/{somebody}/photos"])
def test_more_urls_than_a_call_waits_for_are_fetched_by_nobody(
    server: GalleryServer, somebody: str, path: str
) -> None:
    before = server.parts.reader.pictures
    urls = [f"https://a.test/{number}.png" for number in range(MOST_URLS + 1)]
    server.parts.files.files |= dict.fromkeys(urls, painted(face(7)))
    document = {"person": {"name": {"en": "x"}}, "photos": [{"url": url} for url in urls]}
    reply = server.call("POST", path.format(somebody=somebody), document)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005")
    assert "more than 4 with a url" in reply.json()["error_msg"]
    assert server.parts.reader.pictures == before


def test_the_same_file_twice_in_a_call_is_refused(server: GalleryServer) -> None:
    document = {"person": {"name": {"en": "x"}}, "photos": [photo(face(3))] * 2}
    reply = server.call("POST", "/people", document)
    assert reply.status_code == 409
    assert "photos[1] is the same file as photos[0]" in reply.json()["error_msg"]


def test_too_many_photos_are_a_quota(server: GalleryServer) -> None:
    made = server.add("多", *(face(40, look) for look in range(1, 13)))
    reply = server.call("POST", f"/people/{made['id']}/photos", {"photos": [photo(face(40, 99))]})
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0009")


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "1e2"},
        {"limit": "-1"},
        {"marker": "-1"},
        {"marker": "x"},
        {"marker": "9" * 400},
        {"marker": "1 OR 1=1"},
        {"marker": "\u0661"},
        {"enabled": "maybe"},
        {"text": "\x00"},
        {"text": "\x7f"},
        {"text": "x" * 256},
        {"txt": "x"},
        {"name": ""},
    ],
)
def test_a_hostile_query_is_refused(server: GalleryServer, query: dict[str, str]) -> None:
    reply = server.call("GET", "/people", **query)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005"), reply.text
    assert next(iter(query)) in reply.json()["error_msg"]


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "\\", "' OR 1=1 --", "🦊", "*", "%%%%"])
def test_a_text_finds_what_holds_it_and_nothing_else(server: GalleryServer, text: str) -> None:
    assert server.call("GET", "/people", text=text).json()["people"] == []


@pytest.mark.parametrize("query", [{"pictures": "x"}, {"picture": "true"}, {"format": "csv"}])
def test_a_misspelt_export_is_refused(server: GalleryServer, query: dict[str, str]) -> None:
    assert server.call("GET", "/export", **query).status_code == 400


@pytest.mark.parametrize(
    "person_id", ["x" * 65, "%00", "%ff%fe", "a.b", "%20", "starter-person", "人"]
)
def test_what_cannot_be_an_id_is_not_found(server: GalleryServer, person_id: str) -> None:
    for method, tail, document in (
        ("GET", "", None),
        ("PATCH", "", {"person": {"enabled": False}}),
        ("DELETE", "", None),
        ("GET", "/photos", None),
        ("POST", "/merge", {"from": ["a"]}),
    ):
        reply = server.call(method, f"/people/{person_id}{tail}", document)
        assert reply.status_code == 404, (method, tail, reply.text)


def test_a_large_body_is_refused_before_it_is_read_without_credentials(
    server: GalleryServer,
) -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield bytes(65536)

    # The client takes a body in pieces where its signature says bytes.
    reply = server.call("POST", "/people", body=pieces(), headers={"X-Auth-Token": ""})  # type: ignore[arg-type]
    assert (reply.status_code, reply.json()["error_code"]) == (401, "HY.0001")


@pytest.mark.parametrize(
    ("path", "most_bytes"),
    [
        ("/people", MOST_BODY_BYTES),
        ("/import", MOST_BODY_BYTES),
        ("/search", PICTURE_BODY_BYTES),
        ("/people/x/merge", 64 * 1024),
    ],
)
def test_a_body_over_the_limit_is_refused(
    server: GalleryServer, path: str, most_bytes: int
) -> None:
    reply = server.call("POST", path, body=bytes(most_bytes + 1))
    assert (reply.status_code, reply.json()["error_code"]) == (413, "HY.0005")
    told = server.call("POST", path, body=b"{}", headers={"Content-Length": "x"})
    assert told.status_code < 500


def test_no_body_costs_much_more_memory_than_it_is_long() -> None:
    bodies = [
        b'{"photos":[' + b"{}," * 3_000_000 + b"{}]}",
        b'{"person":' + b"[" * 900 + b"1," * 3_000_000 + b"1" + b"]" * 900 + b"}",
        b'{"photos":[{"image":' + b"[1," * 9_000 + b"1" + b"]" * 9_000 + b"}]}",
        b'{"photos":[{"image":"' + b"A" * 9_000_000 + b'","at":"' + b"x" * 9_000_000 + b'"}]}',
    ]
    for body in bodies:
        tracemalloc.start()
        started_s = time.perf_counter()
        with pytest.raises(BodyError):
            parse_photos(body)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < 40_000_000
        assert time.perf_counter() - started_s < 5


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "image"),
        ({"image": "AAAA", "url": "https://a.test"}, "image, url"),
        ({"image": "AAAA"}, "no known format"),
        ({"limit": 0}, "image"),
    ],
)
def test_a_search_follows_the_rules_of_image_calls(
    server: GalleryServer, document: Any, words: str
) -> None:
    reply = server.call("POST", "/search", document)
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005")
    assert words in reply.json()["error_msg"]


@pytest.mark.parametrize("limit", [0, 21, 1.5, True, "x"])
def test_a_search_takes_only_a_limit_that_is_one(server: GalleryServer, limit: Any) -> None:
    reply = server.call("POST", "/search", photo(face(1), limit=limit))
    assert (reply.status_code, reply.json()["error_code"]) == (400, "HY.0005")


def test_logs_hear_no_names(server: GalleryServer) -> None:
    server.call("POST", "/people", person("王二小", face(1), link="ftp://x"))
    server.call("POST", "/people", person("王二小" * 100, face(1)))
    assert "王二小" not in repr(server.told)
    assert painted(face(1))
