"""The description of what is served."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fake_assembly import fake_offer
from starlette.applications import Starlette
from starlette.testclient import TestClient
from strict_json import faults
from table_of_calls import table_of_calls

from huiyan.gateway.errors_wire import TABLE
from huiyan.gateway.openapi import build_document, openapi_routes, preferred_language
from huiyan.gateway.openapi_page import render_page
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import InvalidParameterError
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.language import Bilingual
from huiyan.persistence.query import Scope
from huiyan.recognition.schema import OperationSchema, describe, request_schema, result_schema

DOCUMENTED = fake_offer()
OPERATIONS = table_of_calls()
DOCUMENT = build_document(DOCUMENTED, OPERATIONS)
BY_PATH = {capability.path: (capability, schema) for capability, schema in DOCUMENTED}
V2, V1 = "/v2/{project_id}/image/tagging", "/v1.0/image/tagging"
BOXES = "/v2/{project_id}/image/media-tagging-det"
SUBJECT = "/v3/{project_id}/image/main-object-detection"
CELEBRITY = (
    "/v2/{project_id}/image/celebrity-recognition",
    "/v1.0/image/celebrity-recognition",
)
RECAPTURE = ("/v2/{project_id}/image/recapture-detect", "/v1.0/image/recapture-detect")
SCOPE = Scope(AccountId("a"), ProjectId("p"))
SIDES = {V2: "15–4096 px", V1: "15–4096 px"}
OTHER_SIDES = "1–10000 px"


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


def parameters_of(path: str) -> dict[str, Any]:
    operation = DOCUMENT["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    fields: dict[str, Any] = schema["properties"]
    return fields


def answer_of(path: str) -> dict[str, Any]:
    operation = DOCUMENT["paths"][path]["post"]
    content: dict[str, Any] = operation["responses"]["200"]["content"]["application/json"]
    return content


def leaves(schema: dict[str, Any], *names: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the type of every plain value in a schema, by the names that lead to it."""
    if "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from leaves(inner, *names, name)
    elif "items" in schema:
        yield from leaves(schema["items"], *names)
    else:
        yield names, schema["type"]


def request(**fields: object) -> bytes:
    return json.dumps({"url": "http://example.com/a.jpg", **fields}).encode()


def test_without_operations_the_servers_own_paths_remain() -> None:
    paths = build_document([], [])["paths"]
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
    for path in BY_PATH:
        assert set(DOCUMENT["paths"][path]["post"]["responses"]) == {"200", *statuses}


def test_overload_declares_when_to_come_back() -> None:
    assert "Retry-After" in DOCUMENT["components"]["responses"]["Error429"]["headers"]


def test_image_operations_need_a_signature_or_a_token_and_operators_paths_neither() -> None:
    for path in BY_PATH:
        assert DOCUMENT["paths"][path]["post"]["security"] == [
            {"signature": [], "signedAt": []},
            {"signature": [], "signedAt": [], "securityToken": []},
            {"token": []},
        ]
    assert DOCUMENT["paths"]["/healthz"]["get"]["security"] == []


@pytest.mark.parametrize("path", BY_PATH)
def test_the_picture_limits_are_the_operations_own(path: str) -> None:
    operation = DOCUMENT["paths"][path]["post"]
    for text in (operation["description"], operation["x-description-zh"].replace(" 像素", " px")):
        assert SIDES.get(path, OTHER_SIDES) in text
        assert "7.5 MiB" in text
    formats = "BMP, JPEG, PNG" if path in RECAPTURE else "BMP, JPEG, PNG, WEBP"
    assert f" {formats};" in operation["description"]


def test_every_operation_is_described_once() -> None:
    image_paths = {path for path, operation in operations() if operation["tags"] == ["image"]}
    assert image_paths == set(BY_PATH)
    assert len(DOCUMENTED) == len(BY_PATH) == 9
    titles = {(schema.title.zh, schema.title.en) for _, schema in DOCUMENTED}
    assert len(titles) == len(DOCUMENTED)
    assert all(capability.path.endswith(f"/{capability.interface}") for capability, _ in DOCUMENTED)


def told_threshold(path: str, params: Any) -> float:
    """Give the threshold in the wire's unit."""
    if path in RECAPTURE:
        return float(params.threshold)
    return params.min_confidence if path in CELEBRITY else params.threshold * 100


@pytest.mark.parametrize("path", BY_PATH)
def test_the_example_request_is_accepted(path: str) -> None:
    capability, schema = BY_PATH[path]
    example = dict(schema.request_example)
    assert set(example) <= set(parameters_of(path))
    params = capability.parse(json.dumps(example).encode()).params
    assert told_threshold(path, params) == pytest.approx(example["threshold"])
    if "limit" in example:
        assert (params.limit, params.language) == (example["limit"], example["language"])


@pytest.mark.parametrize("path", BY_PATH)
def test_the_defaults_told_are_the_defaults_held(path: str) -> None:
    bare = BY_PATH[path][0].parse(request()).params
    fields = parameters_of(path)
    own = set(fields) - {"image", "url"}
    wanted_fields = {"threshold"}
    held = {"threshold": told_threshold(path, bare)}
    if path in RECAPTURE:
        wanted_fields |= {"explain"} if path.startswith("/v2/") else {"explain", "scene"}
        held |= {"explain": bare.explains}
    elif path not in {SUBJECT, *CELEBRITY}:
        wanted_fields |= {"limit", "language"}
        held |= {"limit": bare.limit, "language": bare.language}
    assert own == wanted_fields
    for name in held:
        wanted = fields[name]["default"]
        assert held[name] == (pytest.approx(wanted) if name == "threshold" else wanted), name


@pytest.mark.parametrize("path", [it for it in BY_PATH if it not in {V1, *RECAPTURE}])
def test_the_ranges_told_are_the_ranges_held(path: str) -> None:
    parse = BY_PATH[path][0].parse
    for name in set(parameters_of(path)) & {"threshold", "limit"}:
        field = parameters_of(path)[name]["anyOf"][0]
        for value in (field["minimum"], field["maximum"]):
            parse(request(**{name: value}))
        for value in (field["minimum"] - 1, field["maximum"] + 1):
            with pytest.raises(InvalidParameterError, match=name):
                parse(request(**{name: value}))


@pytest.mark.parametrize("path", [V1, *RECAPTURE])
def test_where_a_number_out_of_range_means_the_default_none_is_told_to_be_refused(
    path: str,
) -> None:
    field = parameters_of(path)["threshold"]
    assert not {"minimum", "maximum"} & set(field["anyOf"][0])
    params = BY_PATH[path][0].parse(request(threshold=-1)).params
    assert told_threshold(path, params) == pytest.approx(field["default"])


@pytest.mark.parametrize("path", BY_PATH)
def test_the_example_answer_is_as_the_schema_says(path: str) -> None:
    content = answer_of(path)
    text = json.dumps(content["example"]).encode()
    assert faults(text, content["schema"]) == []
    assert content["example"]["result"]


@pytest.mark.parametrize("path", BY_PATH)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_real_answer_is_as_the_schema_says_and_has_the_examples_fields(
    path: str, language: str
) -> None:
    capability, schema = BY_PATH[path]
    params = capability.parse(request(threshold=0, language=language)).params
    picture = Image(np.zeros((48, 64, 3), np.uint8), (64, 48))
    text = capability.render(capability.recognise(picture, params, SCOPE), params)
    assert faults(text, schema.response) == []

    def first(answer: Any) -> dict[str, Any]:
        result = answer["result"]
        if path in RECAPTURE:
            return dict(result)
        one: dict[str, Any] = (result["tags"] if isinstance(result, dict) else result)[0]
        return one

    assert list(first(json.loads(text))) == list(first(schema.response_example))


def test_boxes_are_integers_confidences_are_text_and_places_are_numbers() -> None:
    plain = {path: dict(leaves(answer_of(path)["schema"])) for path in BY_PATH}
    edges = ("width", "height", "top_left_x", "top_left_y")
    for edge in edges:
        assert plain[BOXES]["result", "tags", "instances", "bounding_box", edge] == "integer"
        assert plain[SUBJECT]["result", "location", edge] == "number"
    for path, kinds in plain.items():
        confidences = {kind for names, kind in kinds.items() if names[-1] == "confidence"}
        assert confidences == {"number" if path in {V1, *CELEBRITY} else "string"}, path
    for path in CELEBRITY:
        assert all(plain[path]["result", "face_detail", it] == "integer" for it in "whxy")
    for path in RECAPTURE:
        assert all(plain[path]["result", it] == "string" for it in ("suggestion", "score"))
        numbers = {kind for names, kind in plain[path].items() if "probabilities" in names}
        assert numbers == {"number"}
    assert plain[BOXES]["result", "tags", "instances", "confidence"] == "string"
    assert not any("i18n_type" in names for names in plain[BOXES])


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
    return TestClient(Starlette(routes=openapi_routes(DOCUMENTED, OPERATIONS)))


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
    for word in (
        "i18n_tag.zh",
        "threshold",
        "bounding_box",
        "main_object_box",
        "huiyan.barcode.corners",
        "huiyan.patches[].recaptured",
        "object | null",
        "BasicCredentials",
        "curl",
        "X-Sdk-Date",
    ):
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
    page = render_page(build_document([(BY_PATH[V2][0], schema)], []), "en")
    assert b"<script" not in page
    ET.fromstring(page)  # noqa: S314 -- our own page
