"""The documentation names what there is, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from fake_assembly import fake_offer
from starlette.routing import Route
from table_of_calls import closed_parts, table_of_calls

from huiyan.gateway.health import health_routes
from huiyan.gateway.openapi import build_document, openapi_routes
from huiyan.gateway.openapi_iam import read_texts
from huiyan.gateway.receive import MAX_BODY_BYTES
from huiyan.iam.call import Operation
from huiyan.iam.errors_wire import Shape, render_fault
from huiyan.iam.http import call_routes
from huiyan.iam.policy.condition import OPERATORS
from huiyan.iam.policy.system import SYSTEM_ROLES
from huiyan.iam.policy.wire import parse_policy
from huiyan.kernel import errors
from huiyan.kernel.settings import ENV_PREFIX, Settings
from huiyan.monitoring.prometheus import Metrics
from huiyan.recognition.model import AnyCapability

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text("utf-8") for path in sorted(DOCS.glob("*.md"))}
PICTURE_TABLE = re.MULTILINE | re.DOTALL
SETTING_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| ([^|]*) \| [^|]* \| ([^|]*) \|$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SECTION = re.compile(r'docs/([\w/-]+\.md)``,?(?:\s+section)?\s+((?:"[^"]+"(?:,| and)?\s*)+)')


CALL_ROW = re.compile(r"^\| `([A-Z]+) (/[^ `]*)` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
ACTION = re.compile(r"`((?:iam|image|huiyan):[\w-]+:\w+)`")

DOCUMENTED = fake_offer()
OPERATIONS = table_of_calls()
PAGES_FOR_ROUTES = ("operations.md", "wire.md", "iam.md")
ACTIONS_OF_BODIES = {
    "huiyan:service:disable",
    "iam:agencies:assume",
    "iam:securitytokens:create",
    "iam:tokens:create",
}
"""Actions that stand in no line of the table: what is done depends on the body."""


def served_paths() -> dict[str, set[str]]:
    routes: list[Route] = [
        *health_routes(Metrics(), list),
        *openapi_routes(DOCUMENTED, OPERATIONS),
        *call_routes(OPERATIONS, closed_parts().desk, lambda *_: None),
    ]
    paths: dict[str, set[str]] = {}
    for route in routes:
        methods = {method.lower() for method in route.methods or ()}
        # The framework lets HEAD ask whatever GET may.
        paths.setdefault(route.path, set()).update(
            methods - {"head"} if "get" in methods else methods
        )
    return {**paths, **{capability.path: {"post"} for capability, _ in DOCUMENTED}}


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def test_every_setting_is_explained_and_no_other() -> None:
    rows = SETTING_ROW.findall(PAGES["settings.md"])
    assert [row[0] for row in rows if row[0] not in Settings.model_fields] == []
    assert {row[0] for row in rows} == set(Settings.model_fields)
    for name, variable, _, meaning in rows:
        assert variable == f"{ENV_PREFIX}{name.upper()}"
        assert re.search(r"[\u4e00-\u9fff]", meaning), f"{name} has no Chinese line"


def test_defaults_are_told_as_they_are() -> None:
    told = {name: default for name, _, default, _ in SETTING_ROW.findall(PAGES["settings.md"])}
    for name, field in Settings.model_fields.items():
        if field.default_factory is not None or field.default is None:
            continue
        default = field.default
        text = default if isinstance(default, str) else json.dumps(default)
        assert told[name] == f"`{text}`", name


def test_every_route_is_described_in_openapi_and_no_other() -> None:
    document = build_document(DOCUMENTED, OPERATIONS)
    described = {path: set(item) for path, item in document["paths"].items()}
    assert described == served_paths()


def test_every_call_of_iam_has_its_texts_and_no_text_is_without_a_call() -> None:
    texts = read_texts()
    assert set(texts["calls"]) == {named(operation) for operation in OPERATIONS}
    assert len(OPERATIONS) == len(texts["calls"])
    for call, told in texts["calls"].items():
        assert told["tag"] in texts["tags"], call
        for pair in (told["summary"], told.get("about"), told.get("own")):
            if pair is not None:
                english, chinese = pair
                assert english, call
                assert re.search(r"[\u4e00-\u9fff]", chinese), call


def test_every_route_is_named_on_a_page_for_operators_or_callers() -> None:
    text = "".join(PAGES[page] for page in PAGES_FOR_ROUTES)
    missing = [
        path for path in served_paths() if not re.search(rf"{re.escape(path)}(?![\w/{{])", text)
    ]
    assert missing == []


def test_the_accounts_page_lists_every_call_with_its_action_and_no_other() -> None:
    rows = {
        f"{method} {path}": set(re.findall(r"`([^`]+)`", action))
        for method, path, action, _ in CALL_ROW.findall(PAGES["iam.md"])
    }
    assert set(rows) == {named(operation) for operation in OPERATIONS}
    for operation in OPERATIONS:
        wanted = {operation.action} if operation.action else set()
        assert rows[named(operation)] - ACTIONS_OF_BODIES == wanted, named(operation)


def test_the_accounts_page_names_every_action_and_no_other() -> None:
    known = {operation.action for operation in OPERATIONS if operation.action}
    known |= {f"image:{capability.interface}:run" for capability, _ in DOCUMENTED}
    assert set(ACTION.findall(PAGES["iam.md"])) == known | ACTIONS_OF_BODIES


def test_the_accounts_page_names_every_code_of_a_fault_and_no_other() -> None:
    rendered = [render_fault(error) for error in every_error()]
    told = {fault.code for fault in rendered} | {fault.own_code for fault in rendered}
    for operation in OPERATIONS:
        told |= set(operation.codes.values())
    shown = set(re.findall(r"`((?:IAM|HY)\.[0-9]{4})`", PAGES["iam.md"]))
    assert shown == told
    for shape in Shape:
        assert any(f"`{field}`" in PAGES["iam.md"] for field in rendered[0].body(shape))


def every_error() -> Iterator[errors.HuiyanError]:
    pending: list[type[errors.HuiyanError]] = [errors.HuiyanError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if not kind.__subclasses__():
            is_about_field = kind is errors.InvalidParameterError
            yield errors.InvalidParameterError("a", "b") if is_about_field else kind("a")


def test_every_policy_on_the_accounts_page_is_one() -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", PAGES["iam.md"], re.MULTILINE | re.DOTALL)
    assert len(blocks) > 1
    for block in blocks:
        assert parse_policy(json.loads(block)).statements


def test_the_accounts_page_names_every_system_role_and_operator() -> None:
    page = PAGES["iam.md"]
    assert [role.display_name for role in SYSTEM_ROLES if role.display_name not in page] == []
    ours = [it for it in OPERATORS if not re.match(r"StringNot|.*(AnyOf|IfExists)$", it)]
    assert [operator for operator in ours if f"`{operator}`" not in page] == []


def test_every_heading_of_the_accounts_page_has_a_chinese_summary() -> None:
    parts = re.split(r"^#{1,3} (.+)$", PAGES["iam.md"], flags=re.MULTILINE)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        first = text.strip().partition("\n\n")[0]
        assert re.search(r"[\u4e00-\u9fff]", first), title


@pytest.mark.parametrize("capability", [it for it, _ in DOCUMENTED], ids=lambda it: it.path)
def test_every_operation_is_named_on_the_pages_for_callers(capability: AnyCapability) -> None:
    assert f"`{capability.interface}`" in PAGES["wire.md"] or capability.path in PAGES["wire.md"]
    limits = re.search(r"^## Picture limits$(.*?)^## ", PAGES["wire.md"] + "\n## ", PICTURE_TABLE)
    assert limits is not None
    row = re.search(rf"^\| {capability.interface}[ ,|].*$", limits[1], re.MULTILINE)
    assert row is not None, f"{capability.interface} has no row of picture limits"
    sides = (capability.limits.min_side_px, capability.limits.max_side_px)
    assert "{} to {} px".format(*sides) in row[0]
    assert all(format_.value in row[0] for format_ in capability.limits.formats)


def test_every_metric_is_named_in_the_operations_page() -> None:
    names = re.findall(
        r"^# TYPE (huiyan_\w+?)(?:_created)? ", Metrics().render().decode(), re.MULTILINE
    )
    assert names
    assert [name for name in names if name not in PAGES["operations.md"]] == []


def test_every_log_event_is_named_in_the_operations_page() -> None:
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    events = set(re.findall(r"\b_log\.\w+\(\s*\"(\w+)\"", text))
    assert events
    assert [event for event in sorted(events) if f"`{event}`" not in PAGES["operations.md"]] == []


def commands(group: click.Group, prefix: str = "huiyan") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def test_every_command_is_named_in_the_documentation() -> None:
    from huiyan.cli.main import cli  # noqa: PLC0415 -- the other tests need no command line

    text = PAGES["operations.md"]
    missing = []
    for command in commands(cli):
        group, _, name = command.rpartition(" ")
        row = re.search(rf"^\| `{re.escape(group)} .*`{name}[` ].*\|", text, re.MULTILINE)
        if f"`{command}" not in text and row is None:
            missing.append(command)
    assert missing == []


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in LINK.findall(PAGES[page]):
        assert (DOCS / target).exists(), target


def test_every_section_that_a_docstring_cites_exists() -> None:
    missing = []
    for module in sorted((ROOT / "src").rglob("*.py")):
        for page, titles in SECTION.findall(module.read_text("utf-8")):
            path = DOCS / page
            headings = set()
            if path.exists():
                headings = set(re.findall(r"^#+ (.+?)\s*$", path.read_text("utf-8"), re.MULTILINE))
            missing += [
                f"{module.name}: {page} {title}"
                for title in re.findall(r'"([^"]+)"', titles)
                if title not in headings
            ]
    assert missing == []


def test_the_proxy_samples_let_the_largest_body_through() -> None:
    allowed = re.search(r"client_max_body_size (\d+)m;", PAGES["proxy.md"])
    assert allowed is not None
    largest_bytes = max(operation.body_limit_bytes for operation in OPERATIONS)
    assert int(allowed[1]) * 1024 * 1024 > max(MAX_BODY_BYTES, largest_bytes)
    assert "proxy_set_header Host $http_host;" in PAGES["proxy.md"]
    assert re.search(r"^\s*proxy_pass http://huiyan;", PAGES["proxy.md"], re.MULTILINE)
