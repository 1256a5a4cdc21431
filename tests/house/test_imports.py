"""Imports go down only, and outside libraries have one door each (pyproject.toml)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]
DOORS = {
    "Only runtime opens inference engines": {"runtime"},
    "Only imaging touches picture libraries": {"imaging"},
    "Only perception reads barcodes": {"perception"},
    "Only repositories and persistence speak SQL": {"persistence", "iam", "metering", "celebrity"},
    "Only gateway, web and http modules know the web framework": {"gateway", "web", "iam"},
}
"""Each contract about outside libraries, and the parts that may use them, or modules of theirs."""
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def test_every_import_contract_holds() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def parts() -> set[str]:
    folder = ROOT / "src" / "huiyan"
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return packages | modules


def test_every_contract_about_a_library_is_known_here() -> None:
    assert {it["name"] for it in CONTRACTS if it["type"] == "forbidden"} == set(DOORS)


@pytest.mark.parametrize("name", DOORS)
def test_a_new_part_is_kept_from_outside_libraries_like_all_others(name: str) -> None:
    (contract,) = [it for it in CONTRACTS if it["name"] == name]
    kept_out = {module.removeprefix("huiyan.") for module in contract["source_modules"]}
    assert {module for module in kept_out if "." not in module} == parts() - DOORS[name]


SQL, FRAMEWORK, BARCODES = {"sqlalchemy", "alembic"}, {"starlette", "uvicorn"}, {"zxingcpp"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize(
    ("libraries", "file_name", "parts_that_may"),
    [
        (SQL, "repository.py", {"persistence"}),
        (FRAMEWORK, "http.py", {"gateway", "web"}),
        (BARCODES, "barcode.py", set()),
    ],
    ids=["sql", "framework", "barcodes"],
)
def test_in_a_slice_a_library_is_known_to_the_one_file_of_that_role(
    libraries: set[str], file_name: str, parts_that_may: set[str]
) -> None:
    folder = ROOT / "src" / "huiyan"
    knowing = [path for path in folder.rglob("*.py") if imported(path) & libraries]
    others = [
        str(path.relative_to(folder))
        for path in knowing
        if path.relative_to(folder).parts[0] not in parts_that_may and path.name != file_name
    ]
    assert knowing
    assert others == []
