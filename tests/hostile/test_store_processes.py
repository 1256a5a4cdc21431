"""Several processes at one store, and processes killed in the middle of their work."""

import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from huiyan.runtime.card import Card
from huiyan.runtime.card_source import PathSource
from huiyan.runtime.store import ModelStore

CONTENT = bytes(range(256)) * 20_000

PULL = """
import sys, time
from pathlib import Path
from huiyan.runtime.card import load_cards
from huiyan.runtime.store import ModelStore

class Slow:
    def start(self, what, total_bytes):
        self.is_copying = "copying" in what
    def advance(self, done_bytes):
        if self.is_copying:
            print("copying", flush=True)
            time.sleep(float(sys.argv[2]))
    def finish(self):
        pass

root = Path(sys.argv[1])
store = ModelStore(root, load_cards(root / "cards"), None)
print("done", store.pull(store.card("thing"), Slow()), flush=True)
"""


def _make_store(tmp_path: Path) -> tuple[ModelStore, Card]:
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
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
        kind = "path"
        file = "{source}"
        """
    )
    card = Card(
        name="thing",
        task="test",
        kind="picture",
        version="1",
        licence="CC0-1.0",
        licence_text="made by the test",
        format="bin",
        file_name="file.bin",
        sha256=sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
        sources=(PathSource(kind="path", file=str(source)),),
    )
    return ModelStore(tmp_path / "store", (card,), None), card


def _start_pull(store: ModelStore, pause_s: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PULL, str(store.root), str(pause_s)],
        stdout=subprocess.PIPE,
        text=True,
    )


def _finish(process: subprocess.Popen[str]) -> list[str]:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.splitlines()


def test_a_killed_pull_leaves_no_file_that_counts_and_the_next_pull_sweeps_up(
    tmp_path: Path,
) -> None:
    store, card = _make_store(tmp_path)
    process = _start_pull(store, pause_s=60)
    assert process.stdout is not None
    assert process.stdout.readline() == "copying\n"

    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)

    assert list(store.root.glob(".partial/thing/work-*/*/candidate")) != []
    assert store.entries()[0].state == "missing"
    path = store.pull(card)
    assert path.read_bytes() == CONTENT
    assert list(store.root.glob(".partial/thing/*")) == []


def test_two_pulls_at_once_fetch_once_and_both_succeed(tmp_path: Path) -> None:
    store, card = _make_store(tmp_path)
    first = _start_pull(store, pause_s=0.2)
    assert first.stdout is not None
    assert first.stdout.readline() == "copying\n"
    second = _start_pull(store, pause_s=0.2)

    lines_of_first, lines_of_second = _finish(first), _finish(second)

    assert lines_of_first[-1] == f"done {store.path(card)}"
    assert lines_of_second == [f"done {store.path(card)}"]
