"""The servers that the HTTP benchmarks ask.

Owns: starting Huiyan and the plain handler, each in a process of its own, until they answer. Has no
opinion on: what is asked of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import load
import psutil

from huiyan.kernel.settings import load_settings

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and how to ask it one operation."""

    endpoint: load.Endpoint
    process: psutil.Process


@contextmanager
def our_server(folder: Path, path: str, settings: Mapping[str, str]) -> Iterator[Server]:
    """Start Huiyan with a fresh account, the models that are already pulled, and settings."""
    environment = dict(os.environ) | {f"HUIYAN_{name}": it for name, it in settings.items()}
    environment["HUIYAN_MODELS_DIR"] = str(load_settings().resolved_models_dir())
    environment["HUIYAN_LOG_LEVEL"] = "warning"
    command = [sys.executable, "-m", "huiyan", "--data-dir", str(folder), "serve", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment | {"COLUMNS": "200"}, text=True
    )
    try:
        shown = ""
        assert process.stdout is not None
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", shown)):
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the server did not start")
            shown += line
        access_key, secret_key, project = (
            _first(pattern, shown)
            for pattern in (r"\(AK\)\s+(\w+)", r"\(SK\)\s+(\w+)", r"cn-north-4\s+(\w+)")
        )
        port = int(found.group(1))
        _wait_ready(f"http://127.0.0.1:{port}/readyz")
        full_path = path.format(project_id=project)
        endpoint = load.Endpoint("127.0.0.1", port, full_path, access_key, secret_key)
        yield Server(endpoint, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def plain_server() -> Iterator[Server]:
    """Start the handler that people would write today."""
    command = [sys.executable, str(HERE / "plain_handler.py")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        _wait_ready(f"http://127.0.0.1:{port}/docs")
        yield Server(load.Endpoint("127.0.0.1", port, "/tag"), psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"the server's first start did not show {pattern}")
    return found.group(1)


def _wait_ready(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 -- our own loopback server
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url} did not become ready")
