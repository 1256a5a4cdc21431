"""Servers that are killed, stopped, started twice and started in several processes."""

from __future__ import annotations

import http.client
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from live_server import LiveServer, tagging_body
from made_pictures import jpeg
from postgresql_server import PostgresqlServer, serve_postgresql
from signed_call import Account, SignedRequest, connect, send

pytestmark = pytest.mark.models
PICTURE = jpeg(64, 48)
CLIENTS = 6

StartServer = Callable[..., LiveServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    started: list[LiveServer] = []

    def begin(*options: str, **settings: str) -> LiveServer:
        settings.setdefault("HUIYAN_LOG_LEVEL", "warning")
        server = LiveServer(tmp_path / "data", *options, settings=settings)
        started.append(server)
        return server

    yield begin
    for server in started:
        server.kill()


class Callers:
    """Clients that call without pause until the server is gone or they are told to stop."""

    def __init__(self, server: LiveServer, account: Account, count: int = CLIENTS) -> None:
        self.told: list[str] = []
        self.refused: list[str] = []
        self.lost = 0
        self._server = server
        self._account = account
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _call(self) -> None:
        connection = connect(self._server.port, timeout_s=30)
        while not self._stopping.is_set():
            request = self._server.request(PICTURE, self._account)
            try:
                answer = send(connection, request)
            except (OSError, http.client.HTTPException):
                self.lost += 1
                break
            if answer.status == 200:
                self.told.append(answer.request_id)
            else:
                self.refused.append(answer.error_code)
        connection.close()

    def wait_for(self, calls: int) -> None:
        deadline_s = time.monotonic() + 30
        while len(self.told) < calls and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert len(self.told) >= calls

    def join(self, *, stop: bool = False) -> None:
        if stop:
            self._stopping.set()
        for thread in self._threads:
            thread.join(40)
            assert not thread.is_alive()


def stored_sqlite(data_dir: Path) -> list[str]:
    connection = sqlite3.connect(data_dir / "huiyan.db")
    try:
        return [row[0] for row in connection.execute("SELECT request_id FROM use_record")]
    finally:
        connection.close()


def assert_each_told_is_stored_once(told: list[str], stored: list[str]) -> None:
    assert told
    assert len(told) == len(set(told))
    counts = Counter(stored)
    missing = [request_id for request_id in told if counts[request_id] != 1]
    assert not missing, f"{len(missing)} of {len(told)} replies are not recorded once"


def kill_under_load(start: StartServer, rounds: int, **settings: str) -> list[str]:
    told: list[str] = []
    account: Account | None = None
    for _ in range(rounds):
        server = start(**settings)
        account = account or server.account
        callers = Callers(server, account)
        callers.wait_for(20)
        time.sleep(random.uniform(0, 0.4))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(10)
        callers.join()
        assert callers.refused == []
        told += callers.told
    return told


class TestKill:
    def test_every_reply_received_is_recorded_once_on_sqlite(
        self, start: StartServer, tmp_path: Path
    ) -> None:
        told = kill_under_load(start, 2)
        assert_each_told_is_stored_once(told, stored_sqlite(tmp_path / "data"))

    @pytest.mark.parametrize("rounds", [1, pytest.param(2, marks=pytest.mark.slow)])
    def test_every_reply_received_is_recorded_once_on_postgresql(
        self, start: StartServer, postgresql: PostgresqlServer, rounds: int
    ) -> None:
        url = postgresql.create()
        told = kill_under_load(start, rounds, HUIYAN_DATABASE_URL=url)
        assert_each_told_is_stored_once(told, postgresql.column(url, "request_id", "use_record"))

    @pytest.mark.slow
    def test_every_reply_received_is_recorded_once_for_many_kills(
        self, start: StartServer, tmp_path: Path
    ) -> None:
        told = kill_under_load(start, 25)
        assert_each_told_is_stored_once(told, stored_sqlite(tmp_path / "data"))

    @pytest.mark.slow
    def test_one_process_of_two_that_is_killed_loses_nothing_and_comes_back(
        self, start: StartServer, tmp_path: Path
    ) -> None:
        server = start("--processes", "2", HUIYAN_COMPUTE_THREADS="1")
        account = server.account
        callers = Callers(server, account)
        callers.wait_for(20)
        workers = [member for member in server.family() if is_worker(member)]
        workers[0].kill()
        time.sleep(0.3)
        callers.join(stop=True)
        again = Callers(server, account, count=2)
        again.wait_for(10)
        again.join(stop=True)
        told = callers.told + again.told
        assert server.stop() in {0, -signal.SIGTERM}
        assert_each_told_is_stored_once(told, stored_sqlite(tmp_path / "data"))


def is_worker(member: psutil.Process) -> bool:
    return "spawn_main" in " ".join(member.cmdline())


class TestStop:
    def test_what_was_accepted_is_finished(self, start: StartServer, tmp_path: Path) -> None:
        server = start()
        requests = [server.request(jpeg(900, 700, seed)) for seed in range(24)]
        replies: list[int] = []

        def call(request: SignedRequest) -> None:
            connection = connect(server.port, timeout_s=40)
            replies.append(send(connection, request).status)
            connection.close()

        threads = [threading.Thread(target=call, args=(request,)) for request in requests]
        for thread in threads:
            thread.start()
        wait_until_in_hand(server, len(requests))
        started_s = time.monotonic()
        code = server.stop()
        for thread in threads:
            thread.join(40)
        assert replies == [200] * len(requests)
        assert code in {0, -signal.SIGTERM}
        assert time.monotonic() - started_s < 20
        assert len(stored_sqlite(tmp_path / "data")) == len(requests)

    def test_under_load_every_reply_is_recorded_and_nobody_hangs(
        self, start: StartServer, tmp_path: Path
    ) -> None:
        server = start()
        callers = Callers(server, server.account)
        callers.wait_for(30)
        code = server.stop()
        callers.join()
        assert code in {0, -signal.SIGTERM}
        assert callers.refused == []
        assert_each_told_is_stored_once(callers.told, stored_sqlite(tmp_path / "data"))
        assert len(stored_sqlite(tmp_path / "data")) == len(callers.told)

    def test_an_idle_server_stops_at_once_on_ctrl_c_and_says_nothing_bad(
        self, start: StartServer
    ) -> None:
        server = start()
        idle = connect(server.port)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        started_s = time.monotonic()
        server.process.send_signal(signal.SIGINT)
        server.process.wait(10)
        assert time.monotonic() - started_s < 5
        idle.close()
        assert "Traceback" not in server.log, server.log
        assert "level=error" not in server.log, server.log


def wait_until_in_hand(server: LiveServer, calls: int) -> None:
    for _ in range(400):
        if f"huiyan_calls_in_hand {calls}.0" in server.get("/metrics").body.decode():
            return
        seen = server.get("/metrics").body.decode()
        done = sum(
            float(line.rsplit(" ", 1)[1])
            for line in seen.splitlines()
            if line.startswith("huiyan_calls_total{")
        )
        held = float(seen.split("\nhuiyan_calls_in_hand ")[1].split("\n")[0])
        if done + held >= calls:
            return
        time.sleep(0.005)
    raise AssertionError("the calls did not arrive")


class TestSeveralProcesses:
    @pytest.mark.parametrize("calls", [24, pytest.param(60, marks=pytest.mark.slow)])
    def test_keys_work_in_each_the_metrics_are_their_sum_and_stopping_loses_nothing(
        self, start: StartServer, tmp_path: Path, calls: int
    ) -> None:
        server = start("--processes", "2", HUIYAN_COMPUTE_THREADS="1")
        workers = [member for member in server.family() if is_worker(member)]
        assert len(workers) == 2
        told = [server.tag(PICTURE).request_id for _ in range(calls)]
        busy = [member for member in workers if member.cpu_times().user > 0]
        assert len(busy) == 2
        # A scrape asks one process; each has to tell of both.
        for _ in range(8):
            text = server.get("/metrics").body.decode()
            line = next(x for x in text.splitlines() if x.startswith("huiyan_calls_total{"))
            assert float(line.rsplit(" ", 1)[1]) == len(told), text
            assert "huiyan_calls_in_hand 0.0" in text
        assert sorted(stored_sqlite(tmp_path / "data")) == sorted(told)
        callers = Callers(server, server.account)
        callers.wait_for(20)
        server.stop()
        callers.join()
        assert callers.refused == []
        assert_each_told_is_stored_once(callers.told, stored_sqlite(tmp_path / "data"))
        assert not any(worker.is_running() for worker in workers)


class TestStart:
    def test_the_first_start_shows_the_key_once_and_the_second_is_fast(
        self, start: StartServer, tmp_path: Path
    ) -> None:
        first = start()
        account = first.account
        assert set(account.project_ids) == {"cn-north-4", "cn-east-3"}
        assert first.shown.count(account.secret_key) == 1
        assert account.secret_key not in first.log
        assert first.get("/readyz").json == {"status": "ready", "problems": []}
        first.stop()
        key_file = tmp_path / "data" / "instance.key"
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        secret = account.secret_key.encode()
        for path in (tmp_path / "data").glob("huiyan.db*"):
            assert secret not in path.read_bytes()
        second = start()
        seconds = second.wait_ready()
        print(f"second start: ready after {seconds:.2f} s")  # noqa: T201 -- shown by pytest -s
        assert seconds <= 15, "far from the 5 s that a second start may take on an idle machine"
        assert "(AK)" not in second.shown
        assert second.tag(PICTURE, account).status == 200

    def test_another_instance_key_is_refused(self, start: StartServer, tmp_path: Path) -> None:
        start().stop()
        (tmp_path / "data" / "instance.key").unlink()
        with pytest.raises(AssertionError, match="instance key"):
            start()

    def test_tls_works(self, start: StartServer, tls: tuple[Path, Path]) -> None:
        import ssl  # noqa: PLC0415 -- used by one test

        certificate, key = tls
        server = start("--tls-cert", str(certificate), "--tls-key", str(key))
        context = ssl.create_default_context(cafile=str(certificate))
        connection = connect(server.port, context=context)
        for _ in range(2):
            assert send(connection, server.request(PICTURE)).status == 200
        too_large = server.request(body=tagging_body(PICTURE) + b" " * 13_000_000)
        assert send(connection, too_large).error_code == "APIGW.0201"
        connection.close()
        plain = connect(server.port, timeout_s=5)
        plain.request("GET", "/healthz")
        with pytest.raises((OSError, http.client.HTTPException)):
            plain.getresponse()
        plain.close()
        assert server.is_running


REFUSED_STARTS: dict[str, tuple[dict[str, str], list[str]]] = {
    "a network that is none": ({"HUIYAN_FETCH_ALLOWED_NETWORKS": '["x"]'}, ["allowed_networks"]),
    "a database that is none": ({"HUIYAN_DATABASE_URL": "nothing"}, ["database_url", "sqlite:"]),
    "a GPU that is not there": ({"HUIYAN_DEVICE": "cuda"}, ["cuda"]),
}


@pytest.mark.parametrize("name", REFUSED_STARTS)
def test_a_start_that_cannot_work_ends_with_a_reason(tmp_path: Path, name: str) -> None:
    settings, words = REFUSED_STARTS[name]
    server = LiveServer(tmp_path / "data", settings=settings, wait=False)
    try:
        code = server.process.wait(60)
    finally:
        server.kill()
    said = " ".join(server.log.split())
    assert code == 2, said
    assert "Traceback" not in said, server.log
    for word in words:
        assert word in said, said


def test_several_processes_that_cannot_work_are_given_up_with_a_reason(tmp_path: Path) -> None:
    settings, words = REFUSED_STARTS["a GPU that is not there"]
    server = LiveServer(tmp_path / "data", "--processes", "2", settings=settings, wait=False)
    family: list[psutil.Process] = []
    try:
        while server.is_running and len(family) < 3:
            with suppress(psutil.NoSuchProcess):
                family = server.family()
            time.sleep(0.05)
        code = server.process.wait(30)
    finally:
        server.kill()
    assert code > 0
    assert "Traceback" not in server.log
    for word in words:
        assert word in server.log
    psutil.wait_procs(family, 5)
    assert not any(member.is_running() for member in family)


def test_a_port_that_is_taken_is_said(start: StartServer, tmp_path: Path) -> None:
    first = start()
    options = ("--port", str(first.port))
    other = LiveServer(tmp_path / "other", *options, wait=False)
    try:
        assert other.process.wait(60) == 2
    finally:
        other.kill()
    assert str(first.port) in other.log
    assert "Traceback" not in other.log


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not here")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    words += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run([openssl, *words.split()], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    yield from serve_postgresql()
