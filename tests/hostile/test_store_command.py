"""``huiyan models`` when things go wrong: the operator reads what to do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from huiyan.cli.models import models
from huiyan.kernel.errors import CardError, ModelIntegrityError, OperatorError
from huiyan.kernel.settings import Settings

CARD = """
name = "thing"
task = "test"
kind = "picture"
version = "1"
licence = "CC0-1.0"
licence_text = "made by the test"
format = "txt"
file_name = "thing.txt"
sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
size_bytes = 5
[[sources]]
kind = "path"
file = "thing.txt"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    cards = tmp_path / "models" / "cards"
    cards.mkdir(parents=True)
    (cards / "thing.toml").write_text(CARD)
    (cards / "thing.txt").write_text("hello")
    return Settings(data_dir=tmp_path, models_dir=tmp_path / "models")


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(models, arguments, obj=settings)


def fault(settings: Settings, *arguments: str) -> OperatorError:
    error = run(settings, *arguments).exception
    assert isinstance(error, OperatorError), error
    return error


def state(settings: Settings, name: str) -> str:
    listed = json.loads(run(settings, "list", "--json").stdout)
    (found,) = [entry["state"] for entry in listed if entry["name"] == name]
    return str(found)


def test_pull_list_verify_export_and_import_work_together(
    settings: Settings, tmp_path: Path
) -> None:
    assert state(settings, "thing") == "missing"
    pulled = run(settings, "pull", "thing")
    assert (pulled.exit_code, state(settings, "thing")) == (0, "verified")
    assert "CC0-1.0" in pulled.stderr
    assert run(settings, "pull", "thing").exit_code == 0
    assert "thing  verified" in run(settings, "verify").stderr
    assert "thing" in run(settings, "list").stdout

    bundle = str(tmp_path / "bundle.tar")
    assert run(settings, "export", bundle).exit_code == 0
    (tmp_path / "models" / "files").rename(tmp_path / "away")
    assert state(settings, "thing") == "missing"
    assert run(settings, "import", bundle).exit_code == 0
    assert state(settings, "thing") == "verified"


def test_an_unknown_name_is_refused_before_anything_is_fetched(settings: Settings) -> None:
    error = fault(settings, "pull", "thing", "nothing")

    assert isinstance(error, CardError)
    assert "thing" in error.detail
    assert state(settings, "thing") == "missing"


def test_verify_names_every_damaged_file(settings: Settings, tmp_path: Path) -> None:
    run(settings, "pull", "thing")
    (file,) = (tmp_path / "models" / "files").rglob("thing.txt")
    file.write_text("hullo")

    error = fault(settings, "verify")

    assert isinstance(error, ModelIntegrityError)
    assert str(file) in error.detail
    assert state(settings, "thing") == "damaged"


def test_verify_and_export_of_what_is_not_here_say_which_command_gets_it(
    settings: Settings, tmp_path: Path
) -> None:
    for arguments in (("verify", "thing"), ("export", str(tmp_path / "b.tar"), "thing")):
        assert "huiyan models pull thing" in fault(settings, *arguments).detail
    assert not (tmp_path / "b.tar").exists()


def test_a_malformed_card_of_the_operator_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "models" / "cards" / "bad.toml").write_text("name = 1")

    assert "bad.toml" in fault(settings, "list").detail


def test_a_refused_licence_is_shown_in_the_list(settings: Settings) -> None:
    strict = settings.model_copy(update={"allowed_licences": ("MIT",)})

    listed = json.loads(run(strict, "list", "--json").stdout)

    assert {entry["licence"] for entry in listed if entry["licence_allowed"]} == {"MIT"}
    assert "CC0-1.0" in fault(strict, "pull", "thing").detail
