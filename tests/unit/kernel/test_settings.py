"""Settings: where they are read from, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from huiyan.kernel.errors import SettingsError
from huiyan.kernel.settings import (
    CONFIG_FILE_VARIABLE,
    ENV_PREFIX,
    Settings,
    load_settings,
    override_settings,
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def write(folder: Path, text: str) -> Path:
    path = folder / "huiyan.toml"
    path.write_text(text, "utf-8")
    return path


def test_with_nothing_said_the_server_is_for_this_machine_only() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.tls_cert is None
    assert not settings.insecure_http
    assert settings.processes == 1


def test_the_file_takes_the_place_of_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, 'port = 9000\nregions = ["a"]\ndefault_region = "a"'))
    assert settings.port == 9000
    assert settings.regions == ("a",)


def test_the_environment_takes_the_place_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIYAN_PORT", "9001")
    assert load_settings(write(tmp_path, "port = 9000")).port == 9001


def test_the_file_may_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG_FILE_VARIABLE, str(write(tmp_path, "port = 9000")))
    assert load_settings().port == 9000


def test_a_file_that_is_given_counts_before_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG_FILE_VARIABLE, str(tmp_path / "absent.toml"))
    assert load_settings(write(tmp_path, "port = 9000")).port == 9000


def test_the_data_folder_that_is_given_counts_before_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIYAN_DATA_DIR", "/nowhere")
    assert load_settings(data_dir=tmp_path).data_dir == tmp_path


def test_lists_in_the_environment_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYAN_FETCH_PORTS", "[80, 8080]")
    assert load_settings().fetch_ports == (80, 8080)


@pytest.mark.parametrize("text", ["80,8080", "[80", "abc", "80", ""])
def test_a_list_in_the_environment_that_is_no_json_list_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HUIYAN_FETCH_PORTS", text)
    with pytest.raises(SettingsError, match="fetch_ports"):
        load_settings()


@pytest.mark.parametrize("text", ["prot = 9000", "PORT = 9000", "[server]\nport = 9000"])
def test_an_unknown_key_in_the_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="no such setting"):
        load_settings(write(tmp_path, text))


def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYAN_PROT", "9000")
    with pytest.raises(SettingsError, match="HUIYAN_PROT"):
        load_settings()


def test_variables_of_the_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYAN_TEST_DATA", "/somewhere")
    load_settings()


@pytest.mark.parametrize("text", ["port = ", "port = 9000\nport = 9001", "\x00", "{"])
def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"huiyan\.toml"):
        load_settings(write(tmp_path, text))


def test_a_file_that_is_no_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "huiyan.toml"
    path.write_bytes(b'host = "\xff"')
    with pytest.raises(SettingsError, match=r"huiyan\.toml"):
        load_settings(path)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        load_settings(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("port = -1", "port"),
        ("port = 65536", "port"),
        ('port = "many"', "port"),
        ("processes = 0", "processes"),
        ("queue_limit = 0", "queue_limit"),
        ("body_timeout_s = 0", "body_timeout_s"),
        ("body_timeout_s = nan", "body_timeout_s"),
        ("keep_alive_s = inf", "keep_alive_s"),
        ('device = "tpu"', "device"),
        ('log_format = "xml"', "log_format"),
        ("decode_budget_mib = 1", "decode_budget_mib"),
        ("fetch_threads = 64", "fetch_threads"),
        ("fetch_threads = 8\nqueue_limit = 8", "fetch_threads"),
        ("fetch_threads = 2\nqueue_limit = 1", "fetch_threads"),
        ("regions = []", "default_region"),
        ('default_region = "elsewhere"', "default_region"),
        ('tls_cert = "a.pem"', "tls_key"),
        ('tls_key = "a.pem"', "tls_cert"),
    ],
)
def test_an_impossible_value_is_refused_by_the_settings_name(
    tmp_path: Path, text: str, name: str
) -> None:
    with pytest.raises(SettingsError, match=name):
        load_settings(write(tmp_path, text))


def test_an_error_shows_no_secret(tmp_path: Path) -> None:
    path = write(tmp_path, 'instance_key = ["hush-hush"]')
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    assert "hush" not in str(caught.value)


def test_secrets_are_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIYAN_INSTANCE_KEY", "hush-hush")
    monkeypatch.setenv("HUIYAN_DATABASE_URL", "postgresql://user:hush-hush@host/db")
    assert "hush" not in repr(load_settings())


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load_settings().port = 1


def test_overrides_take_the_place_of_what_was_read_and_none_means_not_given() -> None:
    settings = override_settings(Settings(port=9000), {"port": None, "host": "::1"})
    assert (settings.port, settings.host) == (9000, "::1")


def test_overrides_are_checked_like_all_else() -> None:
    with pytest.raises(SettingsError, match="port"):
        override_settings(Settings(), {"port": 70000})
    with pytest.raises(SettingsError, match="tls_key"):
        override_settings(Settings(), {"tls_cert": "a.pem"})


def test_places_follow_the_data_folder_unless_said_otherwise(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path)
    assert settings.resolved_models_dir() == tmp_path / "models"
    assert settings.resolved_database_url() == f"sqlite:///{tmp_path / 'huiyan.db'}"
    elsewhere = override_settings(
        settings, {"models_dir": tmp_path / "m", "database_url": "sqlite:////x.db"}
    )
    assert elsewhere.resolved_models_dir() == tmp_path / "m"
    assert elsewhere.resolved_database_url() == "sqlite:////x.db"


def test_compute_threads_are_twice_the_cores_shared_among_processes() -> None:
    cores = len(os.sched_getaffinity(0))
    assert Settings().resolved_compute_threads() == 2 * cores
    assert Settings(processes=256).resolved_compute_threads() == max(1, 2 * cores // 256)
    assert Settings(compute_threads=3).resolved_compute_threads() == 3


@pytest.mark.parametrize(
    ("fetch_threads", "queue_limit", "resolved"),
    [(0, 64, 32), (0, 5, 2), (0, 1, 1), (1, 1, 1), (7, 8, 7), (63, 64, 63)],
)
def test_fetch_threads_are_half_of_the_queue_unless_said_otherwise(
    tmp_path: Path, fetch_threads: int, queue_limit: int, resolved: int
) -> None:
    text = f"fetch_threads = {fetch_threads}\nqueue_limit = {queue_limit}"
    assert load_settings(write(tmp_path, text)).resolved_fetch_threads() == resolved
