"""A hub that stalls and pullers that die: the next pull goes on where the last one was broken."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONTENT = os.urandom(24 << 20)
HALF_BYTES = 16 << 20
REVISION = "0123456789" * 4

PULL = """
import sys
from pathlib import Path
from huiyan.kernel.errors import OperatorError
from huiyan.runtime.card import load_cards
from huiyan.runtime.store import ModelStore

root = Path(sys.argv[1])
store = ModelStore(root, load_cards(root / "cards"), None)
try:
    print(store.pull(store.card("thing")))
except OperatorError as error:
    print(type(error).__name__, error)
"""


@dataclass
class Hub:
    address: str
    body: bytes = CONTENT
    is_stalling: bool = False
    has_stalled: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    ranges: list[str | None] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)


@pytest.fixture
def hub() -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _begin(self) -> int:
            wanted = self.headers.get("Range")
            start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
            self.send_response(206 if start else 200)
            self.send_header("ETag", f'"{sha256(hub.body).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(hub.body) - start))
            if start:
                last = len(hub.body) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(hub.body)}")
            self.end_headers()
            return start

        def do_HEAD(self) -> None:
            self._begin()

        def do_GET(self) -> None:
            hub.tokens.add(self.headers.get("Authorization"))
            hub.ranges.append(self.headers.get("Range"))
            start = self._begin()
            if hub.is_stalling:
                self.wfile.write(hub.body[start:HALF_BYTES])
                hub.has_stalled.set()
                hub.release.wait(60)
                self.close_connection = True
            else:
                self.wfile.write(hub.body[start:])

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a killed client is what these tests are about

    server = Server(("127.0.0.1", 0), Handler)
    hub = Hub(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield hub
    hub.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    cards = tmp_path / "store" / "cards"
    cards.mkdir(parents=True)
    (cards / "thing.toml").write_text(
        f"""
        name = "thing"
        task = "test"
        kind = "picture"
        version = "1"
        licence = "CC0-1.0"
        licence_text = "made by the test"
        format = "bin"
        file_name = "file.bin"
        sha256 = "{sha256(CONTENT).hexdigest()}"
        size_bytes = {len(CONTENT)}
        [[sources]]
        kind = "hub"
        repository = "some/thing"
        revision = "{REVISION}"
        file = "file.bin"
        """
    )
    return tmp_path / "store"


def start_pull(root: Path, hub: Hub) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(root.parent / "hf"),
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": "hf_made_up",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", PULL, str(root)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    return output.strip()


def test_a_download_killed_half_way_is_resumed(root: Path, hub: Hub) -> None:
    hub.is_stalling = True
    first = start_pull(root, hub)
    assert hub.has_stalled.wait(60)
    partial = root / ".partial" / "thing" / "resume"
    for _ in range(600):
        if any(path.stat().st_size for path in partial.glob("*")):
            break
        hub.release.wait(0.05)
    first.kill()
    first.communicate(timeout=30)
    hub.is_stalling = False

    path = Path(finish(start_pull(root, hub)))

    assert path.read_bytes() == CONTENT
    first_range, second_range = hub.ranges  # and no request for anything else
    assert first_range is None
    assert second_range is not None
    assert hub.tokens == {"Bearer hf_made_up"}
    assert int(second_range.removeprefix("bytes=").split("-")[0]) > 0
    assert not partial.exists()


@pytest.mark.parametrize("difference_bytes", [-1, 1_000_000])
def test_a_hub_that_gives_more_or_less_than_the_card_says_is_a_clear_error(
    difference_bytes: int, root: Path, hub: Hub
) -> None:
    hub.body = bytes(len(CONTENT) + difference_bytes)

    answer = finish(start_pull(root, hub))

    assert answer.startswith("ModelSourceError")
    assert not (root / "files").exists()
    hub.body = CONTENT
    assert Path(finish(start_pull(root, hub))).read_bytes() == CONTENT


def test_a_hub_that_gives_other_content_is_found_out_and_nothing_is_kept(
    root: Path, hub: Hub
) -> None:
    hub.body = bytes(len(CONTENT))

    answer = finish(start_pull(root, hub))

    assert answer.startswith("ModelIntegrityError")
    assert sha256(CONTENT).hexdigest() in answer
    assert sha256(hub.body).hexdigest() in answer
    assert [path for path in (root / ".partial").rglob("*") if path.is_file()] == []
    assert not (root / "files").exists()
