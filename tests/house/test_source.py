"""Size budget, names and docstrings of every module."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "huiyan"
MODULES = sorted(PACKAGE.rglob("*.py"))

MODULE_LINES = 400
FUNCTION_LINES = 60
LONGER_MODULES: dict[str, str] = {
    "kernel/errors.py": "one tree, drawn and coded in one place",
}
"""Path below the package to the reason why it is longer than the budget."""
LONGER_FUNCTIONS: dict[str, str] = {}
"""``path:function`` to the reason why it is longer than the budget."""

BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "manager"}

# Written in two parts, so that this file does not find itself.
FOREIGN_PATHS = ("../" + "shared", "/root" + "/")
MAY_NAME_THEM = {".ci/run"}
"""The run on the development machine, which is told there where the pictures lie."""


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def functions_of(module: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(module.read_text("utf-8"))
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_there_are_modules_to_check() -> None:
    assert len(MODULES) > 50


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_stays_within_its_budget(module: Path) -> None:
    lines = len(module.read_text("utf-8").splitlines())
    if name_of(module) in LONGER_MODULES:
        assert lines > MODULE_LINES, "the exception is no longer needed"
    else:
        assert lines <= MODULE_LINES


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_functions_stay_within_their_budget(module: Path) -> None:
    for function in functions_of(module):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if f"{name_of(module)}:{function.name}" not in LONGER_FUNCTIONS:
            assert lines <= FUNCTION_LINES, f"{function.name} has {lines} lines"


def test_listed_exceptions_exist() -> None:
    names = {name_of(module) for module in MODULES}
    assert set(LONGER_MODULES) <= names
    assert {key.partition(":")[0] for key in LONGER_FUNCTIONS} <= names


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_name_says_what_is_inside(module: Path) -> None:
    assert not BANNED_NAMES & {*module.relative_to(PACKAGE).with_suffix("").parts}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_says_what_it_owns_and_what_it_has_no_opinion_on(module: Path) -> None:
    if not module.read_text("utf-8").strip():
        assert module.name == "__init__.py"
        return
    if module == PACKAGE / "__init__.py":
        return  # the package's own docstring says what the package is
    text = " ".join((ast.get_docstring(ast.parse(module.read_text("utf-8"))) or "").split())
    assert "Owns: " in text
    assert "Has no opinion on: " in text


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES if module.name == "__init__.py" and module.parent != PACKAGE],
    ids=name_of,
)
def test_package_files_are_empty(module: Path) -> None:
    assert module.read_text("utf-8") == ""


def test_the_repository_stands_alone() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = []
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name in {"", *MAY_NAME_THEM} or not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        text = path.read_bytes()
        found += [f"{name}: {foreign}" for foreign in FOREIGN_PATHS if foreign.encode() in text]
    assert found == []
