"""The description of what is served."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from huiyan.gateway.errors_wire import TABLE
from huiyan.gateway.openapi import build_document, openapi_routes, preferred_language
from huiyan.gateway.openapi_page import render_page
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.kernel.errors import InvalidParameterError
from huiyan.kernel.language import Bilingual
from huiyan.recognition.model import AnyCapability, Capability
from huiyan.recognition.schema import OperationSchema, describe, request_schema, result_schema
from huiyan.tagging.schema import TAGGING_SCHEMAS
from huiyan.tagging.wire import parse_v1, parse_v2, render_v1, render_v2

LIMITS = PictureLimits(frozenset(Format), 15, 4096)
PATHS = {"v2": "/v2/{project_id}/image/tagging", "v1.0": "/v1.0/image/tagging"}
WIRES = {"v2": (parse_v2, render_v2), "v1.0": (parse_v1, render_v1)}


def capability(version: str) -> AnyCapability:
    parse, render = WIRES[version]
    return Capability(
        interface="tagging",
        version=version,
        path=PATHS[version],
        limits=LIMITS,
        min_short_side_px=None,
        parse=parse,
        recognise=lambda _image, _params: (),
        render=render,
    )


DOCUMENTED = [(capability(version), TAGGING_SCHEMAS[version]) for version in PATHS]
DOCUMENT = build_document(DOCUMENTED)


def nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            yield path, operation


def parameters_of(version: str) -> dict[str, Any]:
    operation = DOCUMENT["paths"][PATHS[version]]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    fields: dict[str, Any] = schema["properties"]
    return fields


def test_without_operations_the_servers_own_paths_remain() -> None:
    paths = build_document([])["paths"]
    assert "/healthz" in paths
    assert not any("/image/" in path for path in paths)


def test_it_is_openapi_3_1_and_plain_json() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node]
    assert references
    for reference in references:
        found = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_operation_ids_are_unique_words() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9_]+", one) for one in ids)


def test_path_parameters_are_declared_exactly() -> None:
    for path, operation in operations():
        declared = {
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "path"
        }
        assert declared == set(re.findall(r"{(\w+)}", path)), path


def test_every_reply_carries_the_request_id() -> None:
    for _, operation in operations():
        for response in operation["responses"].values():
            name = response.get("$ref", "").rpartition("/")[2]
            found = DOCUMENT["components"]["responses"][name] if name else response
            assert "X-Request-Id" in found["headers"]


def test_every_english_description_has_a_chinese_one_beside_it() -> None:
    for node in nodes({"paths": DOCUMENT["paths"], "components": DOCUMENT["components"]}):
        if isinstance(node.get("description"), str):
            assert node.get("x-description-zh"), node["description"]


def test_every_row_of_the_error_table_is_told() -> None:
    told = {(row["status"], row["error_code"]) for row in DOCUMENT["x-errors"]}
    assert told == {(row.status, row.code) for row in TABLE.values()}
    assert len(DOCUMENT["x-errors"]) == len(TABLE) + 1  # an unknown key is rendered by itself


def test_every_error_status_is_a_response_of_every_image_operation() -> None:
    statuses = {str(row.status) for row in TABLE.values()}
    for version in PATHS:
        assert set(DOCUMENT["paths"][PATHS[version]]["post"]["responses"]) == {"200", *statuses}


def test_overload_declares_when_to_come_back() -> None:
    assert "Retry-After" in DOCUMENT["components"]["responses"]["Error429"]["headers"]


def test_image_operations_need_a_signature_or_a_token_and_operators_paths_neither() -> None:
    assert DOCUMENT["paths"][PATHS["v2"]]["post"]["security"] == [
        {"signature": [], "signedAt": []},
        {"token": []},
    ]
    assert DOCUMENT["paths"]["/healthz"]["get"]["security"] == []


def test_the_picture_limits_are_the_operations_own() -> None:
    text = DOCUMENT["paths"][PATHS["v2"]]["post"]["description"]
    assert "BMP, JPEG, PNG, WEBP" in text
    assert "15–4096 px" in text
    assert "7.5 MiB" in text


@pytest.mark.parametrize("version", PATHS)
def test_the_example_bodies_are_accepted_and_mean_their_defaults(version: str) -> None:
    schema = TAGGING_SCHEMAS[version]
    parse = WIRES[version][0]
    example = dict(schema.request_example)
    assert parse(json.dumps(example).encode()).params.limit == example["limit"]
    bare = parse(b'{"url":"http://example.com/a.jpg"}').params
    fields = parameters_of(version)
    assert bare.limit == fields["limit"]["default"]
    assert bare.threshold * 100 == pytest.approx(fields["threshold"]["default"])
    assert bare.language == fields["language"]["default"]


@pytest.mark.parametrize("name", ["threshold", "limit"])
def test_the_ranges_told_are_the_ranges_held(name: str) -> None:
    field = parameters_of("v2")[name]["anyOf"][0]
    for value in (field["minimum"], field["maximum"]):
        parse_v2(json.dumps({"url": "http://example.com", name: value}).encode())
    for value in (field["minimum"] - 1, field["maximum"] + 1):
        with pytest.raises(InvalidParameterError, match=name):
            parse_v2(json.dumps({"url": "http://example.com", name: value}).encode())


@pytest.mark.parametrize("version", PATHS)
def test_the_answer_told_has_the_fields_of_the_example(version: str) -> None:
    schema = TAGGING_SCHEMAS[version]
    tag = schema.response["properties"]["result"]["properties"]["tags"]["items"]
    example = schema.response_example["result"]["tags"][0]
    assert list(tag["properties"]) == list(example) == tag["required"]
    kinds = {"string": str, "number": float, "object": dict, "array": list}
    for name, value in example.items():
        assert isinstance(value, kinds[tag["properties"][name]["type"]]), name


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("en", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9", "zh"),
        ("fr, zh", "en"),
        ("\xff", "en"),
    ],
)
def test_the_page_opens_in_the_readers_first_language(header: str, language: str) -> None:
    assert preferred_language(header) == language


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=openapi_routes(DOCUMENTED)))


def test_the_document_is_served(client: TestClient) -> None:
    reply = client.get("/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    assert re.fullmatch(r"[0-9a-f]{32}", reply.headers["x-request-id"])
    assert reply.json() == DOCUMENT


def test_the_page_is_served_and_may_load_nothing(client: TestClient) -> None:
    reply = client.get("/docs", headers={"Accept-Language": "zh-CN"})
    assert reply.status_code == 200
    assert '<html lang="zh">' in reply.text
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    assert re.fullmatch(r"[0-9a-f]{32}", reply.headers["x-request-id"])
    assert "Accept-Language" in reply.headers["vary"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_well_formed_and_loads_nothing(language: str) -> None:
    page = render_page(DOCUMENT, language)
    root = ET.fromstring(page)  # noqa: S314 -- our own page
    names = {element.tag for element in root.iter()}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form"}
    for element in root.iter():
        assert "style" not in element.attrib
        assert not any(name.startswith("on") for name in element.attrib)
    assert b"url(" not in page
    assert b"@import" not in page
    links = [element.attrib["href"] for element in root.iter("a")]
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    for link in links:
        assert link == "/openapi.json" or link.removeprefix("#") in ids


def test_the_page_shows_every_operation_field_error_and_how_to_sign() -> None:
    page = render_page(DOCUMENT, "en").decode()
    for path, _ in operations():
        assert f"<code>{path}</code>" in page
    for row in TABLE.values():
        assert f"<code>{row.code}</code>" in page
    for word in ("i18n_tag.zh", "threshold", "BasicCredentials", "curl", "X-Sdk-Date"):
        assert word in page


def test_the_sample_program_is_python() -> None:
    text = ET.fromstring(render_page(DOCUMENT, "en")).find(".//pre/code")  # noqa: S314 -- ours
    assert text is not None
    compile(text.text or "", "client.py", "exec")


def test_texts_are_escaped() -> None:
    hostile = "<script>alert('&')</script>"
    schema = OperationSchema(
        title=Bilingual(hostile, hostile),
        description=Bilingual(hostile, hostile),
        request=request_schema({hostile: describe({"type": "string"}, hostile, hostile)}),
        response=result_schema({"type": "object"}),
        request_example={hostile: hostile},
        response_example={},
    )
    page = render_page(build_document([(capability("v2"), schema)]), "en")
    assert b"<script" not in page
    ET.fromstring(page)  # noqa: S314 -- our own page
