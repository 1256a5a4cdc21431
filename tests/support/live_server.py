"""A real ``huiyan serve`` as a process of its own, on loopback."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from signed_call import Account, Answer, SignedRequest, connect, read_answer, send

from huiyan.kernel.settings import load_settings

READY_WITHIN_S = 90.0
TAGGING_PATH = "/v2/{project_id}/image/tagging"
_ADDRESS = re.compile(r"(https?)://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)")


def tagging_body(picture: bytes, **fields: Any) -> bytes:
    return json.dumps({"image": base64.b64encode(picture).decode("ascii"), **fields}).encode()


def share_compilations(data_dir: Path) -> None:
    """Let a fresh data folder use what this machine has compiled: seconds, not minutes."""
    shared = load_settings().data_dir / "compiled"
    shared.mkdir(parents=True, exist_ok=True)
    folder = data_dir / "compiled"
    if not folder.exists():
        folder.symlink_to(shared, target_is_directory=True)


class LiveServer:
    """Started at construction; ``account`` is there when this was the folder's first start."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        settings: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> None:
        self.data_dir = data_dir
        self.data_dir.mkdir(exist_ok=True)
        share_compilations(self.data_dir)
        self._log = self.data_dir / "stderr.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HUIYAN_")}
        environment["HUIYAN_MODELS_DIR"] = str(load_settings().resolved_models_dir())
        environment["COLUMNS"] = "200"
        environment |= settings or {}
        command = [sys.executable, "-m", "huiyan"]
        command += ["--data-dir", str(data_dir), "serve", "--port", "0", *options]
        self.started_s = time.monotonic()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0
        self.scheme = "http"
        if wait:
            self.wait_ready()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as shown:
            self._lines.extend(iter(shown.readline, ""))

    @property
    def shown(self) -> str:
        return "".join(self._lines)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def account(self) -> Account:
        found = [re.search(p, self.shown) for p in (r"\(AK\)\s+(\w+)", r"\(SK\)\s+(\w+)")]
        assert found[0] is not None, self.shown
        assert found[1] is not None, self.shown
        projects = dict(re.findall(r"Project\s+([\w-]+)\s+(\w{32})", self.shown))
        return Account(found[0].group(1), found[1].group(1), projects)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def wait_ready(self) -> float:
        """Wait for /readyz; give the seconds since the process was started."""
        deadline_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline_s:
            found = _ADDRESS.search(self.shown)
            if found is not None:
                self.scheme, self.port = found.group(1), int(found.group(2))
                if self.scheme == "https" or self._is_ready():
                    return time.monotonic() - self.started_s
            if not self.is_running:
                self._reader.join()
                raise AssertionError(f"the server ended: {self.shown}\n{self.log}")
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"not ready in {READY_WITHIN_S} s: {self.shown}\n{self.log}")

    def _is_ready(self) -> bool:
        connection = connect(self.port, timeout_s=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        connection = connect(self.port)
        try:
            connection.request("GET", path)
            return read_answer(connection.getresponse())
        finally:
            connection.close()

    def tag(
        self,
        picture: bytes = b"",
        account: Account | None = None,
        connection: http.client.HTTPConnection | None = None,
        body: bytes | None = None,
        path: str = TAGGING_PATH,
    ) -> Answer:
        """Call image tagging, or another operation, once."""
        own = connect(self.port) if connection is None else connection
        try:
            return send(own, self.request(picture, account, body, path))
        finally:
            if connection is None:
                own.close()

    def request(
        self,
        picture: bytes = b"",
        account: Account | None = None,
        body: bytes | None = None,
        path: str = TAGGING_PATH,
    ) -> SignedRequest:
        who = account or self.account
        path = path.replace("{project_id}", who.project_id)
        return SignedRequest(who, self.host, path, tagging_body(picture) if body is None else body)

    def family(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def stop(self, within_s: float = 40.0) -> int:
        if self.is_running:
            self.process.terminate()
        return self._ended(within_s)

    def kill(self) -> None:
        if self.is_running:
            for member in reversed(self.family()):
                member.kill()
        self._ended(10)

    def _ended(self, within_s: float) -> int:
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._reader.join(10)
        return code
