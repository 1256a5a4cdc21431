"""How the program ends when the operator can mend something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from huiyan.cli.main import cli, main
from huiyan.kernel.errors import EngineUnavailableError, OperatorError, SettingsError


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HUIYAN_")]:
        monkeypatch.delenv(name)


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["huiyan", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(cli, ["--help"])
    assert shown.exit_code == 0
    for command in ("serve", "tag", "models", "eval"):
        assert command in shown.output


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version  # noqa: PLC0415 -- used by one test

    assert version("huiyan") in CliRunner().invoke(cli, ["--version"]).output


REFUSED: dict[str, tuple[list[str], dict[str, str], list[str]]] = {
    "an address that others reach": (
        ["serve", "--host", "0.0.0.0"],
        {},
        ["--tls-cert", "--insecure-http"],
    ),
    "any address of version 6": (["serve", "--host", "::"], {}, ["--insecure-http"]),
    "a name that others reach": (["serve", "--host", "example.com"], {}, ["--insecure-http"]),
    "half a TLS pair": (["serve", "--tls-cert", __file__], {}, ["tls_key"]),
    "a setting that is not there": (["serve"], {"HUIYAN_PROT": "1"}, ["HUIYAN_PROT"]),
    "an impossible value": (["serve"], {"HUIYAN_QUEUE_LIMIT": "0"}, ["queue_limit"]),
    "a list that is none": (["serve"], {"HUIYAN_FETCH_PORTS": "80,"}, ["fetch_ports"]),
    "a region that is not configured": (
        ["serve"],
        {"HUIYAN_DEFAULT_REGION": "xx"},
        ["default_region"],
    ),
    "a missing model": (
        ["serve"],
        {"HUIYAN_MODELS_DIR": "/nonexistent"},
        ["huiyan models pull"],
    ),
    "a missing model for tags": (
        ["tag", __file__],
        {"HUIYAN_MODELS_DIR": "/nonexistent"},
        ["huiyan models pull"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_operators_error_ends_with_its_text_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    name: str,
) -> None:
    arguments, settings, words = REFUSED[name]
    for variable, value in settings.items():
        monkeypatch.setenv(variable, value)
    assert run_main(monkeypatch, "--data-dir", str(tmp_path), *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("huiyan: ")
    for word in words:
        assert word in shown.err


def test_square_brackets_in_a_text_are_shown_and_long_lines_are_not_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "install huiyan[cuda], [/then] run " + "x" * 300

    def fail(*_arguments: object, **_options: object) -> None:
        raise EngineUnavailableError(text)

    monkeypatch.setattr("huiyan.cli.main.load_settings", fail)
    assert run_main(monkeypatch, "tag", "x.jpg") == 2
    assert capsys.readouterr().err == f"huiyan: {text}\n"


def test_a_settings_file_is_read_and_its_unknown_keys_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "huiyan.toml"
    config.write_text('host = "0.0.0.0"\n')
    assert run_main(monkeypatch, "--config", str(config), "serve") == 2
    assert "0.0.0.0" in capsys.readouterr().err
    config.write_text("hots = 1\n")
    assert run_main(monkeypatch, "--config", str(config), "serve") == 2
    assert "hots" in capsys.readouterr().err


def test_every_operators_error_is_caught() -> None:
    assert issubclass(SettingsError, OperatorError)


def test_a_wrong_option_is_clicks_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_main(monkeypatch, "serve", "--port", "70000") == 2
    assert run_main(monkeypatch, "nothing") == 2


def test_it_starts_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "huiyan", "--help"], capture_output=True, text=True, check=True
    )
    assert "serve" in done.stdout
