"""How ``huiyan serve`` begins, as a process of its own."""

from __future__ import annotations

import re
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from live_server import LiveServer

pytestmark = pytest.mark.models

StartServer = Callable[..., LiveServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    started: list[LiveServer] = []

    def begin(*options: str, **settings: str) -> LiveServer:
        server = LiveServer(tmp_path / "data", *options, settings=settings, wait=False)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.kill()


def wait_until_listening(server: LiveServer) -> None:
    """Wait for the line that follows the account; the networks need not be loaded."""
    deadline_s = time.monotonic() + 60
    while "/readyz" not in server.shown:
        assert server.is_running, server.log
        assert time.monotonic() < deadline_s, server.log
        time.sleep(0.02)


def count_accounts(data_dir: Path) -> int:
    file = data_dir / "huiyan.db"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'account'")
        if not found.fetchone()[0]:
            return 0
        return int(connection.execute("SELECT count(*) FROM account").fetchone()[0])


def test_a_taken_port_costs_no_secret(start: StartServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = start("--port", str(port))
        assert refused.process.wait(60) == 2
    assert str(port) in refused.log
    assert "Traceback" not in refused.log
    assert "(SK)" not in refused.shown
    assert count_accounts(tmp_path / "data") == 0
    second = start()
    wait_until_listening(second)
    assert len(second.account.secret_key) == 40
    assert count_accounts(tmp_path / "data") == 1


def test_a_terminal_without_chinese_still_shows_the_secret(start: StartServer) -> None:
    server = start(PYTHONIOENCODING="latin-1")
    wait_until_listening(server)
    assert re.fullmatch(r"[A-Z0-9]{20}", server.account.access_key)
    assert re.fullmatch(r"[A-Za-z0-9]{40}", server.account.secret_key)
    assert set(server.account.project_ids) == {"cn-north-4", "cn-east-3"}
    assert server.is_running
    assert "Traceback" not in server.log
