"""The calls of IAM, and our own beside them, described in OpenAPI 3.1.

Owns: how the lines of the table of calls and their texts in ``pages`` become the description's
paths, schemas and responses. Has no opinion on: what a call does, who may make it
(both are the table's), and the rest of the description.

The pages, one a part of the server, are written for people. Texts are pairs, English and Chinese.
A type is one of JSON's words, the name of a schema, or words joined by ``|`` for an enumeration;
``[…]`` around it makes a list, ``?`` after it admits null, numbers after it are bounds, ``= …``
ends it with the default. A name that ends in ``*`` is required.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from huiyan.iam.call import Operation
from huiyan.iam.errors_wire import Shape
from huiyan.iam.lane import Lane

Node = dict[str, Any]

SECURITY: Final[tuple[Node, ...]] = (
    {"signature": [], "signedAt": []},
    {"signature": [], "signedAt": [], "securityToken": []},
    {"token": []},
)
"""The ways to prove who calls: a key, a temporary key, a token."""

TRACED: Final[Node] = {
    "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
    "X-IAM-Trace-Id": {"$ref": "#/components/headers/TraceId"},
}
"""The headers that every reply of these calls carries."""

_PAGES = resources.files("huiyan.gateway") / "pages"
_TEXTS = ("iam.json", "gallery.json")
_PLAIN = {"string", "integer", "number", "boolean", "object", "null"}
_SHAPE_NAMES = {Shape.KEYSTONE: "Keystone", Shape.CODED: "Coded", Shape.OWN: "Own"}
_OVERLOAD_STATUS = "429"


@dataclass(frozen=True, slots=True)
class IamDescription:
    """The part of the description that is IAM's.

    Parameters
    ----------
    tags : sequence of dict
        Its groups, in the order of the page.
    paths : dict
        Its paths, each with its methods.
    schemas : dict
        What its bodies are made of.
    responses : dict
        Its faults, by shape and status.
    headers : dict
        Headers of its replies.
    """

    tags: Sequence[Node]
    paths: Node
    schemas: Node
    responses: Node
    headers: Node


def describe_operations(operations: Sequence[Operation]) -> IamDescription:
    """Describe calls of IAM and our own beside them.

    Parameters
    ----------
    operations : sequence of Operation
        The table of calls; each line needs its texts.

    Returns
    -------
    IamDescription
        Every line once, under its path and method.

    Raises
    ------
    KeyError
        A line has no texts; a test of the house compares both.
    """
    texts = read_texts()
    paths: Node = {}
    for operation in operations:
        item = paths.setdefault(operation.path, {})
        item[operation.method.lower()] = _operation(operation, texts)
    return IamDescription(
        tags=[
            {"name": name, "description": english, "x-title-zh": chinese}
            for name, (english, chinese) in texts["tags"].items()
        ],
        paths=paths,
        schemas={
            **{name: _object(fields) for name, fields in texts["schemas"].items()},
            **_fault_schemas(),
        },
        responses=_fault_responses(texts["faults"]),
        headers={
            "TraceId": {
                **_told("The same id as X-Request-Id, as IAM calls it.", "与 X-Request-Id 相同。"),
                "schema": {"type": "string"},
            }
        },
    )


def read_texts() -> Node:
    """Read the texts of all calls.

    Returns
    -------
    dict
        Groups, parameters, headers, faults, schemas and calls, each by its name; no page says
        anything about what another one names.
    """
    texts: Node = {}
    for page in _TEXTS:
        for part, named in json.loads((_PAGES / page).read_text("utf-8")).items():
            texts.setdefault(part, {}).update(named)
    return texts


def _operation(operation: Operation, texts: Node) -> Node:
    told = texts["calls"][f"{operation.method} {operation.path}"]
    english, chinese = told["summary"]
    described: Node = {
        "operationId": told["id"],
        "tags": [told["tag"]],
        "summary": english,
        "x-summary-zh": chinese,
        "security": _security(operation, told),
        "x-action": operation.action,
        "responses": _responses(operation, told),
    }
    if "about" in told:
        described |= _told(*told["about"])
    if "own" in told:
        described["x-action-exception"] = _told(*told["own"])
    parameters = _parameters(operation, told, texts)
    if parameters:
        described["parameters"] = parameters
    if "body" in told:
        described["requestBody"] = _body(operation, _json(told["body"]))
    elif "body_media" in told:
        described["requestBody"] = _body(operation, _media(told["body_media"]))
    return described


def _security(operation: Operation, told: Node) -> list[Node]:
    if not operation.is_open:
        return list(SECURITY)
    return [{}, *SECURITY] if told.get("credentials") == "optional" else []


def _parameters(operation: Operation, told: Node, texts: Node) -> list[Node]:
    found = [
        _parameter(name, "path", texts["path"][name], is_needed=True)
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    for entry in told.get("query", ()):
        key = entry.rstrip("*")
        name = texts["query_names"].get(key, key)
        field = texts["query"][key]
        found.append(_parameter(name, "query", field, is_needed=entry.endswith("*")))
    for entry in told.get("headers", ()):
        name = entry.rstrip("*")
        field = texts["headers"][name]
        found.append(_parameter(name, "header", field, is_needed=entry.endswith("*")))
    return found


def _parameter(name: str, place: str, field: Sequence[str], *, is_needed: bool) -> Node:
    kind, english, chinese = field
    return {
        "name": name,
        "in": place,
        "required": is_needed,
        "schema": _type(kind),
        **_told(english, chinese),
    }


def _responses(operation: Operation, told: Node) -> Node:
    status = str(told.get("status", 200))
    answer: Node = {**_told("The answer.", "应答。"), "headers": dict(TRACED)}
    for name in told.get("headers_out", ()):
        answer["headers"][name] = {
            **_told("The token.", "令牌。"),
            "schema": {"type": "string"},
        }
    if "answer" in told:
        answer["content"] = _json(told["answer"])
    elif "media" in told:
        answer["content"] = _media(told["media"])
    shape = _SHAPE_NAMES[operation.shape]
    return {
        status: answer,
        **{
            fault: {"$ref": f"#/components/responses/{shape}{fault}"}
            for fault in _fault_statuses(operation, told)
        },
    }


def _fault_statuses(operation: Operation, told: Node) -> list[str]:
    statuses = {"400", "503", *(str(status) for status in told.get("faults", ()))}
    if not operation.is_open:
        statuses |= {"401", "403"}
    if operation.is_open or operation.lane is not Lane.LIGHT:
        statuses.add(_OVERLOAD_STATUS)
    if "{" in operation.path:
        statuses.add("404")
    if "body" in told or "body_media" in told:
        statuses.add("413")
    return sorted(statuses)


def _fault_responses(meanings: Node) -> Node:
    responses: Node = {}
    for name in _SHAPE_NAMES.values():
        for status, (english, chinese) in meanings.items():
            headers: Node = dict(TRACED)
            if status == _OVERLOAD_STATUS:
                headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
            responses[f"{name}{status}"] = {
                **_told(english, chinese),
                "headers": headers,
                "content": _json(f"{name}Error"),
            }
    return responses


def _fault_schemas() -> Node:
    inner = _object(
        {
            "code*": ["integer", "The HTTP status.", "HTTP 状态码。"],
            "message*": ["string", "What went wrong.", "错误说明。"],
            "title*": ["string", "The status in words.", "状态码的文字。"],
        }
    )
    coded = {
        "error_code*": ["string", "What kind of fault: IAM.nnnn.", "错误码：IAM.nnnn。"],
        "error_msg*": ["string", "What went wrong.", "错误说明。"],
    }
    own = coded | {"error_code*": ["string", "What kind of fault: HY.nnnn.", "错误码：HY.nnnn。"]}
    return {
        "KeystoneError": {"type": "object", "properties": {"error": inner}, "required": ["error"]},
        "CodedError": _object(coded),
        "OwnError": _object(own),
    }


def _object(fields: Mapping[str, Sequence[str]]) -> Node:
    properties: Node = {}
    for name, (kind, *texts) in fields.items():
        properties[name.rstrip("*")] = _type(kind) | (_told(*texts) if texts else {})
    needed = [name.rstrip("*") for name in fields if name.endswith("*")]
    return {"type": "object", "properties": properties} | ({"required": needed} if needed else {})


def _type(text: str) -> Node:
    kind, _, default = text.partition(" = ")
    word, *bounds = kind.split(" ")
    schema = _plain_type(word)
    if bounds:
        schema["minimum"], schema["maximum"] = (int(bound) for bound in bounds)
    if default:
        is_text = schema.get("type") == "string"
        schema["default"] = default if is_text else json.loads(default)
    return schema


def _plain_type(word: str) -> Node:
    if word.startswith("["):
        return {"type": "array", "items": _plain_type(word[1:-1])}
    if word.endswith("?"):
        return {"type": [word[:-1], "null"]}
    if word in _PLAIN:
        return {"type": word}
    if "|" not in word and word[0].isupper():
        return {"$ref": f"#/components/schemas/{word}"}
    return {"type": "string", "enum": word.split("|")}


def _json(schema: str) -> Node:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _media(types: Sequence[str]) -> Node:
    return {media: {"schema": {"type": "string"}} for media in types}


def _body(operation: Operation, content: Node) -> Node:
    return {"required": True, "content": content, "x-limit-bytes": operation.body_limit_bytes}


def _told(english: str, chinese: str) -> Node:
    return {"description": english, "x-description-zh": chinese}
