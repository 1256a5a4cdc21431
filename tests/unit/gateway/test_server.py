from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from huiyan.gateway.server import check_bind, open_socket
from huiyan.kernel.errors import SettingsError
from huiyan.kernel.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings(**values)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    check_bind(settings(host=host))


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.example.com", "::ffff:1.2.3.4"],
)
def test_anything_else_needs_tls_or_an_explicit_word(host: str) -> None:
    with pytest.raises(SettingsError, match="--insecure-http"):
        check_bind(settings(host=host))
    check_bind(settings(host=host, insecure_http=True))


def test_a_certificate_that_cannot_be_used_is_said_before_anything_starts(tmp_path: Path) -> None:
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("no certificate")
    with pytest.raises(SettingsError, match="tls_cert"):
        check_bind(settings(tls_cert=tmp_path / "c.pem", tls_key=tmp_path / "k.pem"))
    with pytest.raises(SettingsError, match="tls_cert"):
        check_bind(settings(tls_cert=tmp_path / "absent.pem", tls_key=tmp_path / "k.pem"))


def test_any_free_port_is_found() -> None:
    with open_socket(settings(port=0)) as listening:
        assert listening.getsockname()[1] > 0


def test_a_port_that_is_taken_is_named() -> None:
    with open_socket(settings(port=0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(SettingsError, match=str(port)):
            open_socket(settings(port=port))


def test_a_name_that_cannot_be_found_is_said() -> None:
    with pytest.raises(SettingsError, match="cannot listen on"):
        open_socket(settings(host="host.invalid", port=0))


def has_version_6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_version_6_is_spoken() -> None:
    if not has_version_6():
        pytest.skip("this machine has no IPv6 loopback")
    with open_socket(settings(host="::1", port=0)) as listening:
        assert listening.family == socket.AF_INET6
