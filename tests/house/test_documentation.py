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

from huiyan.gateway.health import health_routes
from huiyan.gateway.openapi import build_document, openapi_routes
from huiyan.gateway.receive import MAX_BODY_BYTES
from huiyan.iam.http import iam_routes
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


DOCUMENTED = fake_offer()


def served_paths() -> dict[str, set[str]]:
    routes: list[Route] = [
        *health_routes(Metrics(), list),
        *openapi_routes(DOCUMENTED),
        *iam_routes(None, None),  # the routes are listed, none is called
    ]
    paths = {route.path: {"get"} for route in routes}
    return {**paths, **{capability.path: {"post"} for capability, _ in DOCUMENTED}}


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
    described = {path: set(item) for path, item in build_document(DOCUMENTED)["paths"].items()}
    assert described == served_paths()


def test_every_route_is_named_in_the_operations_page() -> None:
    assert [path for path in served_paths() if path not in PAGES["operations.md"]] == []


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
    assert int(allowed[1]) * 1024 * 1024 > MAX_BODY_BYTES
    assert "proxy_set_header Host $http_host;" in PAGES["proxy.md"]
    assert re.search(r"^\s*proxy_pass http://huiyan;", PAGES["proxy.md"], re.MULTILINE)
