"""The OpenAPI description as one page to read, in Chinese and English.

Owns: the page's HTML. Has no opinion on: what it says; every fact comes from the description, the
samples and the style from ``pages``. The page loads nothing, runs no script, and switches language
by its two radio buttons.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources
from typing import Any

from huiyan.kernel.language import Language

_PAGES = resources.files("huiyan.gateway") / "pages"
_OPEN_GROUPS = {"image", "operator"}
"""Groups whose operations are in sight from the first; the others are many."""

Node = Mapping[str, Any]


def content_security_policy() -> str:
    """Tell what a browser may load for the page: nothing but its own style.

    Returns
    -------
    str
        The value of ``Content-Security-Policy``.
    """
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def render_page(document: Node, language: Language) -> bytes:
    """Render the page.

    Parameters
    ----------
    document : mapping
        The OpenAPI description, from ``build_document``.
    language : {'zh', 'en'}
        The language in which it opens.

    Returns
    -------
    bytes
        HTML, UTF-8; also well-formed XML.
    """
    checked = {name: ' checked="checked"' if name == language else "" for name in ("zh", "en")}
    info = document["info"]
    title = f"{info['title']} API {info['version']}"
    page = f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(title)}</title>
<style>{_style()}</style>
</head>
<body>
<input class="switch" type="radio" name="language" id="chinese"{checked["zh"]}/>
<input class="switch" type="radio" name="language" id="english"{checked["en"]}/>
<header>
<p class="languages"><label for="chinese">中文</label> <label for="english">English</label></p>
<h1>{escape(title)}</h1>
<p class="soft">{_both("与华为云图像识别接口一致的自部署服务。", _INTRODUCTION)}</p>
<nav>{_navigation(document)}</nav>
</header>
<main>
{_signing(document)}
{"".join(_group(document, tag) for tag in document["tags"])}
{_errors(document)}
</main>
<footer><a href="/openapi.json">openapi.json</a> · OpenAPI {escape(document["openapi"])} ·
{escape(info["license"]["name"])}</footer>
</body>
</html>
"""
    return page.encode()


_INTRODUCTION = "Self-hosted, with the API of Huawei Cloud Image Recognition."


def _style() -> str:
    return (_PAGES / "page.css").read_text("utf-8")


def _both(zh: str, en: str) -> str:
    return f'<span lang="zh">{escape(zh)}</span><span lang="en">{escape(en)}</span>'


def _description(node: Node) -> str:
    english = node.get("description", "")
    return _both(node.get("x-description-zh", english), english)


def _tag_title(tag: Node) -> str:
    return _both(tag["x-title-zh"], tag["description"].rstrip("."))


def _navigation(document: Node) -> str:
    links = [f'<a href="#signing">{_both("签名", "Signing")}</a>']
    links += [f'<a href="#{escape(tag["name"])}">{_tag_title(tag)}</a>' for tag in document["tags"]]
    links.append(f'<a href="#errors">{_both("错误码", "Errors")}</a>')
    return "".join(links)


def _signing(document: Node) -> str:
    schemes = "".join(
        f"<tr><td><code>{escape(scheme['name'])}</code></td><td>{_description(scheme)}</td></tr>"
        for scheme in document["components"]["securitySchemes"].values()
    )
    client = escape((_PAGES / "client.py.txt").read_text("utf-8"))
    call = escape((_PAGES / "call.sh.txt").read_text("utf-8"))
    with_client = _both("用官方 Python 客户端（自动签名）", "With the official Python client")
    by_hand = _both("请求体与请求头（签名需另行计算）", "Body and headers (sign it yourself)")
    return (
        f'<h2 id="signing">{_both("签名", "Signing")}</h2>'
        f'<div class="scroll"><table>{_head(("请求头", "Header"), ("含义", "Meaning"))}'
        f"<tbody>{schemes}</tbody></table></div>"
        f"<h4>{with_client}</h4><pre><code>{client}</code></pre>"
        f"<h4>{by_hand}</h4><pre><code>{call}</code></pre>"
    )


def _group(document: Node, tag: Node) -> str:
    operations = [
        _operation(document, path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if tag["name"] in operation["tags"]
    ]
    title = f'<h2 id="{escape(tag["name"])}">{_tag_title(tag)}</h2>'
    if tag["name"] in _OPEN_GROUPS:
        return title + "".join(operations)
    count = f'<span class="count">{len(operations)}</span>'
    return (
        f'<details class="group"><summary>{title}{count}</summary>'
        f"<div>{''.join(operations)}</div></details>"
    )


def _operation(document: Node, path: str, method: str, operation: Node) -> str:
    title = _both(operation["x-summary-zh"], operation["summary"])
    old = _both("旧版", "older") if operation.get("deprecated") else ""
    opened = "" if old or operation["tags"] != ["image"] else ' open="open"'
    parts = [f"<p>{_description(operation)}</p>"] if "description" in operation else []
    parts += _rights(operation)
    if operation.get("parameters"):
        rows = [_parameter(parameter) for parameter in operation["parameters"]]
        parts.append(_table(_both("参数", "Parameters"), rows))
    if "requestBody" in operation:
        media = next(iter(operation["requestBody"]["content"].values()))
        rows = list(_fields(document, media["schema"], ""))
        parts += [_table(_both("请求体", "Request body"), rows), _example(media)]
    for status, response in operation["responses"].items():
        if "content" in response and status.startswith("2"):
            media = next(iter(response["content"].values()))
            rows = list(_fields(document, media["schema"], ""))
            parts += [_table(_both("应答", "Answer"), rows), _example(media)]
    parts.append(_statuses(document, operation["responses"]))
    return (
        f'<details id="{escape(operation["operationId"])}"{opened}><summary>'
        f'<span class="method">{escape(method.upper())}</span><h3>{title}</h3>'
        f'<span class="old">{old}</span><br/><code>{escape(path)}</code></summary>'
        f'<div class="inside">{"".join(parts)}</div></details>'
    )


def _rights(operation: Node) -> list[str]:
    """Tell what right a call needs, where the description says."""
    action = operation.get("x-action")
    if action is None:
        return []
    if action:
        needed = f"{_both('所需权限：', 'Needs')} <code>{escape(action)}</code>"
    elif operation["security"]:
        needed = _both("不需要权限。", "Needs no right.")
    else:
        needed = _both("不需要凭据。", "Needs no credentials.")
    exception = operation.get("x-action-exception")
    told = f" · {_description(exception)}" if exception else ""
    return [f'<p class="soft">{needed}{told}</p>']


def _parameter(parameter: Node) -> str:
    place = f"{parameter['name']} ({parameter['in']})"
    return _row(place, parameter["schema"], parameter, needed=parameter["required"])


def _fields(document: Node, schema: Node, prefix: str) -> Iterable[str]:
    schema = _resolve(document, schema)
    if schema.get("type") == "array" and "items" in schema:
        yield from _fields(document, schema["items"], f"{prefix}[]")
        return
    for name, field in schema.get("properties", {}).items():
        place = f"{prefix}.{name}" if prefix else name
        described = {**_resolve(document, field), **field}
        yield _row(place, described, described, needed=name in schema.get("required", ()))
        yield from _fields(document, described, place)


def _row(place: str, schema: Node, described: Node, *, needed: bool) -> str:
    mark = "*" if needed else ""
    return (
        f"<tr><td><code>{escape(place)}</code>{mark}</td>"
        f"<td><code>{escape(_type(schema))}</code></td>"
        f"<td><code>{escape(_range(schema))}</code></td><td>{_description(described)}</td></tr>"
    )


def _resolve(document: Node, schema: Node) -> Node:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Node = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _values(schema: Node) -> Node:
    """Give the schema of a field's real values where it may also be absent."""
    chosen: Node = schema["anyOf"][0] if "anyOf" in schema else schema
    return chosen


def _type(schema: Node) -> str:
    kinds = _values(schema).get("type", "")
    return kinds if isinstance(kinds, str) else " | ".join(kinds)


def _range(schema: Node) -> str:
    values = _values(schema)
    values = values.get("items", values)
    parts = []
    if "enum" in values:
        parts.append(" | ".join(str(value) for value in values["enum"]))
    if "minimum" in values:
        parts.append(f"{values['minimum']} … {values.get('maximum', '')}".rstrip())
    if "default" in schema:
        parts.append(f"= {json.dumps(schema['default'])}")
    return "; ".join(parts)


def _head(*titles: tuple[str, str]) -> str:
    cells = "".join(f'<th scope="col">{_both(zh, en)}</th>' for zh, en in titles)
    return f"<thead><tr>{cells}</tr></thead>"


def _table(title: str, rows: list[str]) -> str:
    if not rows:
        return ""
    head = _head(
        ("字段", "Field"), ("类型", "Type"), ("范围 = 默认", "Range = default"), ("含义", "Meaning")
    )
    return (
        f'<h4>{title}</h4><div class="scroll"><table>{head}'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _example(media: Node) -> str:
    if "example" not in media:
        return ""
    text = json.dumps(media["example"], ensure_ascii=False, indent=2)
    return f"<h4>{_both('示例', 'Example')}</h4><pre><code>{escape(text)}</code></pre>"


def _statuses(document: Node, responses: Node) -> str:
    rows = []
    for status, response in responses.items():
        found = _resolve(document, response)
        rows.append(
            f"<tr><td><code>{escape(status)}</code></td><td>{_description(found)}</td></tr>"
        )
    head = _head(("状态", "Status"), ("何时", "When"))
    return (
        f'<h4>{_both("状态码", "Statuses")}</h4><div class="scroll"><table>{head}'
        f"<tbody>{''.join(rows)}</tbody></table></div>{_fault_body(document, responses)}"
    )


def _fault_body(document: Node, responses: Node) -> str:
    """Name the fields of an error's body, where errors are shared with other operations."""
    for response in responses.values():
        if "$ref" in response:
            media = _resolve(document, response)["content"]["application/json"]
            names = " ".join(f"<code>{escape(name)}</code>" for name in _names(document, media))
            return f'<p class="soft">{_both("错误体：", "Error body: ")}{names}</p>'
    return ""


def _names(document: Node, media: Node, prefix: str = "") -> Iterable[str]:
    for name, field in _resolve(document, media["schema"])["properties"].items():
        if "properties" in field:
            yield from _names(document, {"schema": field}, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _errors(document: Node) -> str:
    rows = [
        f"<tr><td>{row['status']}</td><td><code>{escape(row['error_code'])}</code></td>"
        f"<td>{_description(row)}</td><td>{escape(row['error_msg'])}</td></tr>"
        for row in document["x-errors"]
    ]
    head = _head(("状态", "Status"), ("错误码", "Code"), ("何时", "When"), ("文本", "Text"))
    return (
        f'<h2 id="errors">{_both("错误码", "Errors")}</h2>'
        f'<div class="scroll"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'
    )
