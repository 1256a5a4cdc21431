"""The file of instance keys: its form, and that it is replaced whole."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.rotation.key_file import InstanceKeys, KeyFile, parse_keys
from huiyan.kernel.errors import InstanceKeyError

ONE, TWO, THREE = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    made = KeyFile(tmp_path / "instance.key")
    made.create()
    return made


def test_an_absent_file_holds_nothing_and_says_what_mends_it(tmp_path: Path) -> None:
    absent = KeyFile(tmp_path / "instance.key")
    assert absent.find() is None
    assert absent.stamp() is None
    with pytest.raises(InstanceKeyError, match="restore the file"):
        absent.get()
    with pytest.raises(InstanceKeyError):
        absent.replace(InstanceKeys(ONE))
    assert not list(tmp_path.iterdir())


key = st.binary(min_size=32, max_size=32)


@given(
    keys=st.builds(
        InstanceKeys, key, st.lists(key, max_size=4, unique=True).map(tuple), st.none() | key
    )
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, keys: InstanceKeys
) -> None:
    file = KeyFile(tmp_path_factory.mktemp("keys") / "instance.key")
    file.create()
    file.replace(keys)
    assert file.get() == keys
    assert [entry.name for entry in file.path.parent.iterdir()] == ["instance.key"]


def test_an_old_file_of_one_line_is_one_key(tmp_path: Path) -> None:
    path = tmp_path / "instance.key"
    path.write_text(ONE.hex())
    path.chmod(0o600)
    assert KeyFile(path).get() == InstanceKeys(ONE)


@pytest.mark.parametrize(
    "text",
    ["next", f"next {ONE.hex()}", f"{ONE.hex()}\nnext\n", f"{ONE.hex()}\nnext zz\n", "\0" * 5000],
)
def test_a_file_that_is_no_list_of_keys_is_refused_and_not_repeated(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "instance.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(InstanceKeyError) as raised:
        KeyFile(path).get()
    assert ONE.hex() not in raised.value.detail


def test_the_same_key_twice_counts_once() -> None:
    assert parse_keys(f"{ONE.hex()} {TWO.hex()} {TWO.hex()}", "here").opening == (ONE, TWO)
    assert InstanceKeys(ONE, (ONE, TWO), TWO).opening == (ONE, TWO)


def test_a_replaced_file_is_private_alone_and_stamped_anew(file: KeyFile) -> None:
    before = file.stamp()
    os.umask(os.umask(0))
    file.replace(InstanceKeys(ONE, (TWO,), THREE))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.stamp() != before
    assert [entry.name for entry in file.path.parent.iterdir()] == ["instance.key"]


def test_the_draft_of_one_who_was_killed_is_no_hindrance_and_goes_away(file: KeyFile) -> None:
    draft = file.path.with_name("instance.key.draft")
    draft.write_text("half a ke")
    file.replace(InstanceKeys(ONE))
    assert file.get().sealing == ONE
    assert not draft.exists()


def test_a_link_to_the_file_stays_a_link(file: KeyFile, tmp_path: Path) -> None:
    link = tmp_path / "link.key"
    link.symlink_to(file.path)
    KeyFile(link).replace(InstanceKeys(TWO))
    assert link.is_symlink()
    assert file.get().sealing == TWO


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_replaced_by_root_stays_its_owners(file: KeyFile) -> None:
    os.chown(file.path, 12345, 12346)
    file.replace(InstanceKeys(ONE))
    found = file.path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 12346, 0o600)


def test_two_rotations_at_once_are_refused(file: KeyFile) -> None:
    with file.locked(), pytest.raises(InstanceKeyError, match="another process"), file.locked():
        pass
    with file.locked():
        pass


def test_a_lock_dies_with_its_process(file: KeyFile) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path;"
        "from huiyan.iam.rotation.key_file import KeyFile;"
        "KeyFile(Path(sys.argv[1])).locked().__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(file.path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with file.locked():
        pass


def test_whoever_reads_sees_the_file_before_a_change_or_after_it(file: KeyFile) -> None:
    states = (InstanceKeys(ONE, (TWO,)), InstanceKeys(TWO, (ONE,), THREE))
    file.replace(states[0])
    done = threading.Event()
    odd: list[object] = []

    def read() -> None:
        while not done.is_set():
            found = file.find()
            if found not in states:
                odd.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(60):
        file.replace(states[turn % 2])
    done.set()
    reader.join()
    assert not odd
