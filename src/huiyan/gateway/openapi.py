"""What the server answers, described in OpenAPI 3.1, for programs and for people.

Owns: how the description is put together from the operations' own values and from the table of
errors, and the two paths that show it. Has no opinion on: what an operation takes and answers (its
``schema`` says so), the calls of IAM (``openapi_iam``), and how the page looks (``openapi_page``).

The operators' paths are described in ``pages/paths.json``, the errors' meanings in
``pages/errors.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import metadata, resources
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huiyan.gateway.errors_wire import TABLE, render_error
from huiyan.gateway.openapi_iam import SECURITY, describe_operations
from huiyan.gateway.openapi_page import content_security_policy, render_page
from huiyan.iam.call import Operation
from huiyan.kernel.errors import HuiyanError, UnknownKeyError
from huiyan.kernel.ids import RequestId, new_request_id
from huiyan.kernel.language import Language
from huiyan.recognition.model import AnyCapability
from huiyan.recognition.schema import OperationSchema

Documented = tuple[AnyCapability, OperationSchema]
"""An operation and its description."""

_PAGES = resources.files("huiyan.gateway") / "pages"
_REQUEST_ID = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
_OVERLOAD_STATUS = 429


def openapi_routes(
    documented: Sequence[Documented], operations: Sequence[Operation]
) -> list[Route]:
    """Build the paths that describe the server.

    Parameters
    ----------
    documented : sequence of tuple
        The operations offered, each with its description.
    operations : sequence of Operation
        The table of IAM's calls and our own.

    Returns
    -------
    list of Route
        ``GET /openapi.json`` and ``GET /docs``; both are rendered once, here.
    """
    document = build_document(documented, operations)
    text = json.dumps(document, ensure_ascii=False, indent=1).encode()
    pages: dict[Language, bytes] = {
        "zh": render_page(document, "zh"),
        "en": render_page(document, "en"),
    }
    policy = content_security_policy()

    async def show_document(_request: Request) -> Response:
        return Response(
            text, media_type="application/json", headers={"X-Request-Id": new_request_id()}
        )

    async def show_page(request: Request) -> Response:
        language = preferred_language(request.headers.get("accept-language", ""))
        headers = {
            "X-Request-Id": new_request_id(),
            "Content-Security-Policy": policy,
            "Content-Language": "zh, en",
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(pages[language], media_type="text/html; charset=utf-8", headers=headers)

    return [
        Route("/openapi.json", show_document, methods=["GET"]),
        Route("/docs", show_page, methods=["GET"]),
    ]


def preferred_language(accept_language: str) -> Language:
    """Tell in which language a reader's page opens.

    Parameters
    ----------
    accept_language : str
        The header's value; empty without one.

    Returns
    -------
    {'zh', 'en'}
        Chinese where the reader's first language is Chinese. The page holds both.
    """
    return "zh" if accept_language.strip()[:2].lower() == "zh" else "en"


def build_document(
    documented: Sequence[Documented], operations: Sequence[Operation]
) -> dict[str, Any]:
    """Build the OpenAPI description.

    Parameters
    ----------
    documented : sequence of tuple
        The operations offered, each with its description.
    operations : sequence of Operation
        The table of IAM's calls and our own.

    Returns
    -------
    dict
        The document, as JSON values. Chinese texts stand in ``x-description-zh`` and
        ``x-summary-zh`` beside the English ones.
    """
    fixed = json.loads((_PAGES / "paths.json").read_text("utf-8"))
    errors = _error_rows()
    iam = describe_operations(operations)
    recognising = {
        capability.path: {"post": _operation(capability, schema, errors)}
        for capability, schema in documented
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Huiyan 慧眼",
            "version": metadata.version("huiyan"),
            "summary": "Image recognition on your own machines.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "image", "description": "The Image operations.", "x-title-zh": "图像识别"},
            *iam.tags,
            {"name": "operator", "description": "For operators.", "x-title-zh": "运维"},
        ],
        "paths": {**recognising, **iam.paths, **fixed["paths"]},
        "components": {
            "schemas": {"Error": _error_schema(errors), **iam.schemas},
            "responses": {**_error_responses(errors), **iam.responses},
            "headers": {**_headers(), **iam.headers},
            "securitySchemes": fixed["securitySchemes"],
        },
        "x-errors": errors,
    }


def _error_rows() -> list[dict[str, Any]]:
    meanings = json.loads((_PAGES / "errors.json").read_text("utf-8"))
    rows = [
        _error_row(kind, row.status, row.code, row.text.rstrip(" :,"), meanings)
        for kind, row in TABLE.items()
    ]
    unknown = render_error(UnknownKeyError("<AK>"), RequestId(""))
    text = json.loads(unknown.body)["error_msg"]
    rows.append(_error_row(UnknownKeyError, unknown.status, unknown.error_code, text, meanings))
    return sorted(rows, key=lambda row: (row["status"], row["error_code"]))


def _error_row(
    kind: type[HuiyanError], status: int, code: str, text: str, meanings: dict[str, Any]
) -> dict[str, Any]:
    meaning = meanings[kind.__name__]
    return {
        "status": status,
        "error_code": code,
        "error_msg": text,
        "description": meaning["en"],
        "x-description-zh": meaning["zh"],
    }


def _operation(
    capability: AnyCapability, schema: OperationSchema, errors: list[dict[str, Any]]
) -> dict[str, Any]:
    statuses = sorted({row["status"] for row in errors})
    limits_zh, limits_en = _picture_limits(capability)
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W", "_", f"{capability.interface}_{capability.version}"),
        "tags": ["image"],
        "summary": schema.title.en,
        "x-summary-zh": schema.title.zh,
        "description": f"{schema.description.en} {limits_en}",
        "x-description-zh": f"{schema.description.zh}{limits_zh}",
        "security": list(SECURITY),
        "parameters": [_project_parameter(in_path="{project_id}" in capability.path)],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": schema.request, "example": schema.request_example}
            },
        },
        "responses": {
            "200": {
                "description": "The answer.",
                "x-description-zh": "应答。",
                "headers": _REQUEST_ID,
                "content": {
                    "application/json": {
                        "schema": schema.response,
                        "example": schema.response_example,
                    }
                },
            },
            **{
                str(status): {"$ref": f"#/components/responses/Error{status}"}
                for status in statuses
            },
        },
    }
    if schema.deprecated:
        operation["deprecated"] = True
    return operation


def _project_parameter(*, in_path: bool) -> dict[str, Any]:
    if in_path:
        return {
            "name": "project_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"},
            "description": "The caller's project.",
            "x-description-zh": "调用者的项目 ID。",
        }
    return {
        "name": "X-Project-Id",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,64}$"},
        "description": "The caller's project; without it, the one in the default region.",
        "x-description-zh": "调用者的项目 ID；不给出时用默认区域的项目。",
    }


def _picture_limits(capability: AnyCapability) -> tuple[str, str]:
    limits = capability.limits
    formats = sorted(format_.value for format_ in limits.formats)
    sides = f"{limits.min_side_px}–{limits.max_side_px}"
    mib = f"{limits.max_file_bytes / (1 << 20):g} MiB"
    return (
        f"图片：{'、'.join(formats)}，每边 {sides} 像素，文件最大 {mib}。",
        f"Pictures: {', '.join(formats)}; each side {sides} px; file at most {mib}.",
    )


def _headers() -> dict[str, Any]:
    return {
        "RequestId": {
            "description": "The call's id, 32 hexadecimal digits, made by the server.",
            "x-description-zh": "请求 ID，由服务器生成的 32 位十六进制数。",
            "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        },
        "RetryAfter": {
            "description": "Seconds after which another try makes sense.",
            "x-description-zh": "多少秒后可以再试。",
            "schema": {"type": "integer", "minimum": 1},
        },
    }


def _error_schema(errors: list[dict[str, Any]]) -> dict[str, Any]:
    codes = sorted({row["error_code"] for row in errors})
    return {
        "type": "object",
        "properties": {
            "error_code": {
                "type": "string",
                "enum": codes,
                "description": "What kind of fault.",
                "x-description-zh": "错误码。",
            },
            "error_msg": {
                "type": "string",
                "description": "The fault in words; may be followed by its detail.",
                "x-description-zh": "错误说明，后面可能附有细节。",
            },
            "request_id": {
                "type": "string",
                "description": "As in X-Request-Id.",
                "x-description-zh": "与 X-Request-Id 相同。",
            },
        },
        "required": ["error_code", "error_msg", "request_id"],
        "additionalProperties": False,
    }


def _error_responses(errors: list[dict[str, Any]]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in sorted({row["status"] for row in errors}):
        rows = [row for row in errors if row["status"] == status]
        headers: dict[str, Any] = dict(_REQUEST_ID)
        if status == _OVERLOAD_STATUS:
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        responses[f"Error{status}"] = {
            "description": " ".join(f"{row['error_code']}: {row['description']}" for row in rows),
            "x-description-zh": "".join(
                f"{row['error_code']}：{row['x-description-zh']}" for row in rows
            ),
            "headers": headers,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
    return responses
