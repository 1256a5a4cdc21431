import ast
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql

import huiyan
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.persistence import gallery_schema
from huiyan.persistence.query import (
    Scope,
    count_in,
    delete_in,
    insert_in,
    select_everywhere,
    select_in,
    update_in,
)
from huiyan.persistence.schema import ACCOUNT_COLUMN, METADATA, PROJECT, REVISION, USE_RECORD

SOURCES = Path(huiyan.__file__).parent
FORMING = {"select", "insert", "update", "delete", "text", "table", "exists", "union"}
ONE = Scope(AccountId("a" * 32))
ONE_PROJECT = Scope(AccountId("a" * 32), ProjectId("p"))

# Every query that is not bound to one account, and where it is formed.
UNBOUND = {
    "celebrity/gallery/keys/repository.py": 2,
    "celebrity/gallery/repository.py": 1,
    "iam/accounts/repository.py": 1,
    "iam/directory/repository.py": 11,
    "iam/repository.py": 1,
    "iam/rotation/repository.py": 1,
}


def repositories() -> list[Path]:
    return sorted(SOURCES.rglob("repository.py"))


@pytest.mark.parametrize("path", repositories(), ids=lambda p: str(p.relative_to(SOURCES).parent))
def test_repositories_form_statements_through_the_scoped_functions_only(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    taken = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        for alias in node.names
    }
    methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not taken & FORMING
    assert not methods & {"insert", "update", "delete", "select"} - {"update"}


def test_queries_over_all_accounts_are_these_and_no_more() -> None:
    found = {
        str(path.relative_to(SOURCES)): path.read_text("utf-8").count(" select_everywhere(")
        for path in SOURCES.rglob("*.py")
        if path.parent.name != "persistence" and "select_everywhere(" in path.read_text("utf-8")
    }
    assert found == UNBOUND


def test_every_table_but_the_revision_says_whose_a_row_is() -> None:
    assert gallery_schema.GALLERY.name in METADATA.tables
    unowned = {t.name for t in METADATA.tables.values() if ACCOUNT_COLUMN not in t.info}
    assert unowned == {REVISION.name}


@pytest.mark.parametrize("form", [select_in, count_in, update_in, delete_in])
def test_each_statement_names_the_account_and_the_project(form: object) -> None:
    assert callable(form)
    statement = form(ONE_PROJECT, USE_RECORD)
    if form is update_in:
        statement = statement.values(succeeded=True)
    text = str(statement.compile(dialect=postgresql.dialect()))
    assert "use_record.account_id = " in text
    assert "use_record.project_id = " in text
    assert "project_id" not in str(select_in(ONE, USE_RECORD).compile()).partition("WHERE")[2]


def test_an_insertion_takes_its_account_from_the_scope() -> None:
    parameters = insert_in(ONE_PROJECT, PROJECT).compile().params
    assert parameters["account_id"] == "a" * 32
    assert parameters["id"] == "p"


def test_a_table_without_a_scope_cannot_be_asked() -> None:
    with pytest.raises(KeyError):
        select_in(ONE, REVISION)


def test_a_query_over_all_accounts_carries_its_reason() -> None:
    assert "/* every account: because */" in str(select_everywhere("because", PROJECT))
