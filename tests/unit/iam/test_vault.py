import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huiyan.iam.model import SealedSecret
from huiyan.iam.rotation.key_file import InstanceKeys, KeyFile
from huiyan.iam.vault import Vault, key_id_of, open_vault
from huiyan.kernel.errors import InstanceKeyError
from huiyan.kernel.ids import AccessKey

NONE_STORED: frozenset[str] = frozenset()
AK = AccessKey("AK")


@settings(deadline=None)  # a busy machine is no fault
@given(secret=st.text(max_size=60), access=st.text(max_size=30))
def test_what_is_sealed_opens_again(secret: str, access: str) -> None:
    vault = Vault(bytes(32))
    sealed = vault.seal(AccessKey(access), secret)
    assert vault.open(AccessKey(access), sealed) == secret.encode()


def test_sealing_twice_gives_different_ciphertexts_without_the_secret() -> None:
    vault = Vault(bytes(32))
    first, second = vault.seal(AK, "a secret key"), vault.seal(AK, "a secret key")
    assert first.ciphertext != second.ciphertext
    assert b"a secret key" not in first.ciphertext


@pytest.mark.parametrize("place", [0, 12, -1])
def test_an_altered_secret_does_not_open(place: int) -> None:
    vault = Vault(bytes(32))
    sealed = vault.seal(AK, "secret")
    altered = bytearray(sealed.ciphertext)
    altered[place] ^= 1
    with pytest.raises(InstanceKeyError, match="altered"):
        vault.open(AK, SealedSecret(bytes(altered), sealed.instance_key_id))


@pytest.mark.parametrize("ciphertext", [b"", b"short", bytes(12)])
def test_a_truncated_secret_does_not_open(ciphertext: bytes) -> None:
    vault = Vault(bytes(32))
    with pytest.raises(InstanceKeyError, match="altered"):
        vault.open(AK, SealedSecret(ciphertext, vault.key_id))


def test_a_secret_moved_to_another_access_key_does_not_open() -> None:
    vault = Vault(bytes(32))
    with pytest.raises(InstanceKeyError, match="altered"):
        vault.open(AccessKey("OTHER"), vault.seal(AK, "secret"))


def test_another_instance_key_says_which_it_is() -> None:
    with pytest.raises(InstanceKeyError, match=Vault(bytes(32)).key_id):
        Vault(b"1" * 32).open(AK, Vault(bytes(32)).seal(AK, "secret"))


def test_a_new_key_file_is_private_and_used_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "instance.key"
    first = open_vault(None, path, NONE_STORED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["instance.key"]
    assert open_vault(None, path, frozenset({first.key_id})).key_id == first.key_id


def test_threads_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    ids: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        ids.append(open_vault(None, tmp_path / "instance.key", NONE_STORED).key_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "instance.key"
    open_vault(None, path, NONE_STORED)
    path.chmod(mode)
    with pytest.raises(InstanceKeyError, match=f"chmod 600 {path}"):
        open_vault(None, path, NONE_STORED)


@pytest.mark.parametrize("text", ["", "password", "ab" * 31, "zz" * 32, "A" * 44, "\x00" * 64])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "instance.key"
    path.write_text(text)
    path.chmod(0o600)
    for configured in (text, None):
        with pytest.raises(InstanceKeyError, match="openssl rand -hex 32") as raised:
            open_vault(configured, path, NONE_STORED)
        assert not text or text not in raised.value.detail


def test_hexadecimal_and_both_base64_alphabets_name_the_same_key(tmp_path: Path) -> None:
    key = b"\xfb\xff" * 16
    texts = (
        key.hex(),
        key.hex().upper() + "\n",
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode().rstrip("="),
    )
    ids = {open_vault(text, tmp_path / "absent", NONE_STORED).key_id for text in texts}
    assert ids == {Vault(key).key_id}
    assert not (tmp_path / "absent").exists()


def test_a_missing_key_is_not_replaced_once_secrets_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "instance.key"
    with pytest.raises(InstanceKeyError, match="restore the file"):
        open_vault(None, path, frozenset({"0123456789abcdef"}))
    assert not path.exists()


def test_a_key_that_does_not_open_what_is_stored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstanceKeyError, match=r"copy instance\.key"):
        open_vault("00" * 32, tmp_path / "absent", frozenset({"0123456789abcdef"}))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InstanceKeyError):
        open_vault(None, tmp_path / "file" / "instance.key", NONE_STORED)


def test_a_key_path_that_is_a_folder_is_told(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "instance.key", 0o700)  # noqa: PTH102 - the mode is what is tested
    with pytest.raises(InstanceKeyError):
        open_vault(None, tmp_path / "instance.key", NONE_STORED)


OLD, NEW = bytes(range(32)), bytes(range(1, 33))


def key_file(path: Path, *keys: bytes) -> KeyFile:
    path.write_text("".join(key.hex() + "\n" for key in keys))
    path.chmod(0o600)
    return KeyFile(path)


def test_a_vault_of_two_keys_seals_with_the_first_and_opens_with_both() -> None:
    vault = Vault(NEW, (OLD,))
    assert vault.seal(AK, "s").instance_key_id == vault.key_id == key_id_of(NEW)
    assert vault.key_ids == {key_id_of(NEW), key_id_of(OLD)}
    assert vault.open(AK, Vault(OLD).seal(AK, "old")) == b"old"
    assert vault.open(AK, Vault(NEW).seal(AK, "new")) == b"new"


@pytest.mark.parametrize("between", [",", " ", "\n", ", \n"])
def test_the_setting_may_hold_several_keys(tmp_path: Path, between: str) -> None:
    configured = between.join((NEW.hex(), base64.b64encode(OLD).decode()))
    vault = open_vault(configured, tmp_path / "absent", frozenset({key_id_of(OLD)}))
    assert (vault.key_id, vault.key_ids) == (key_id_of(NEW), {key_id_of(NEW), key_id_of(OLD)})
    assert not vault.reload()
    assert not list(tmp_path.iterdir())


def test_one_bad_key_among_good_ones_is_refused_and_none_is_repeated(tmp_path: Path) -> None:
    configured = f"{NEW.hex()},{OLD.hex()[1:]}"
    with pytest.raises(InstanceKeyError, match="setting instance_key: not a key") as raised:
        open_vault(configured, tmp_path / "absent", NONE_STORED)
    assert NEW.hex() not in raised.value.detail
    assert OLD.hex()[1:] not in raised.value.detail


def test_a_running_vault_meets_a_secret_of_a_new_key_and_reads_the_file_again(
    tmp_path: Path,
) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    vault = open_vault(None, file.path, NONE_STORED)
    file.replace(InstanceKeys(NEW, (OLD,)))
    assert vault.key_id == key_id_of(OLD)
    assert vault.open(AK, Vault(NEW).seal(AK, "s")) == b"s"
    assert vault.key_id == key_id_of(NEW)
    assert vault.open(AK, Vault(OLD).seal(AK, "s")) == b"s"


def test_a_running_vault_seals_with_the_new_key_as_soon_as_it_stands_in_the_file(
    tmp_path: Path,
) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    vault = open_vault(None, file.path, NONE_STORED)
    file.replace(InstanceKeys(NEW, (OLD,)))
    assert vault.seal(AK, "s").instance_key_id == key_id_of(NEW)


def test_a_key_that_is_prepared_opens_and_does_not_seal(tmp_path: Path) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    file.replace(InstanceKeys(OLD, (), NEW))
    vault = open_vault(None, file.path, NONE_STORED)
    assert vault.seal(AK, "s").instance_key_id == key_id_of(OLD)
    assert vault.open(AK, Vault(NEW).seal(AK, "s")) == b"s"


def test_a_secret_of_a_key_that_nobody_has_says_which_it_needs(tmp_path: Path) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    vault = open_vault(None, file.path, NONE_STORED)
    with pytest.raises(InstanceKeyError, match=key_id_of(NEW)):
        vault.open(AK, Vault(NEW).seal(AK, "s"))


@pytest.mark.parametrize("harm", ["removed", "emptied", "half", "opened to all"])
def test_a_key_file_that_cannot_be_read_for_a_moment_stops_no_running_vault(
    tmp_path: Path, harm: str
) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    vault = open_vault(None, file.path, NONE_STORED)
    sealer = vault.sealer(b"kind")
    sealed = vault.seal(AK, "s")
    if harm == "removed":
        file.path.unlink()
    elif harm == "opened to all":
        file.path.chmod(0o644)
    else:
        file.path.write_text("" if harm == "emptied" else NEW.hex()[:30])
    assert vault.open(AK, sealed) == b"s"
    assert vault.seal(AK, "s").instance_key_id == key_id_of(OLD)
    assert sealer.find(sealer.seal(b"data")) == b"data"
    assert sealer.find(b"never sealed") is None
    with pytest.raises(InstanceKeyError):
        vault.open(AK, Vault(NEW).seal(AK, "s"))
    key_file(file.path, NEW, OLD)
    assert vault.open(AK, Vault(NEW).seal(AK, "s")) == b"s"


def test_data_of_another_kind_lives_through_a_new_key_until_the_old_one_is_dropped(
    tmp_path: Path,
) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    here, elsewhere = (open_vault(None, file.path, NONE_STORED) for _ in range(2))
    ours, theirs = here.sealer(b"token"), elsewhere.sealer(b"token")
    first = ours.seal(b"first", b"bound")
    file.replace(InstanceKeys(NEW, (OLD,)))
    second = ours.seal(b"second", b"bound")
    assert theirs.find(second, b"bound") == b"second"
    assert theirs.find(first, b"bound") == b"first"
    assert theirs.find(first) is None
    assert elsewhere.sealer(b"another").find(second, b"bound") is None
    file.replace(InstanceKeys(NEW))
    assert elsewhere.follow()
    assert not elsewhere.follow()
    assert theirs.find(first, b"bound") is None
    assert theirs.find(second, b"bound") == b"second"


@settings(deadline=None)
@given(sealed=st.binary(max_size=80))
def test_what_was_never_sealed_is_never_found(sealed: bytes) -> None:
    assert Vault(NEW, (OLD,)).sealer(b"token").find(sealed) is None


def test_threads_seal_and_open_while_the_key_changes_again_and_again(tmp_path: Path) -> None:
    file = key_file(tmp_path / "instance.key", OLD)
    vault = open_vault(None, file.path, NONE_STORED)
    sealer = vault.sealer(b"token")
    done = threading.Event()
    failures: list[object] = []

    def work() -> None:
        while not done.is_set():
            secret, data = vault.seal(AK, "secret"), sealer.seal(b"data")
            try:
                if vault.open(AK, secret) != b"secret" or sealer.find(data) != b"data":
                    failures.append("another text")
            except InstanceKeyError as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    keys = (OLD, NEW)
    for turn in range(30):
        file.replace(InstanceKeys(keys[turn % 2], (keys[1 - turn % 2],)))
    done.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_no_key_shows_in_what_is_printed(tmp_path: Path) -> None:
    shown = repr(InstanceKeys(OLD, (NEW,), NEW)) + repr(Vault(OLD, (NEW,)))
    for key in (OLD, NEW):
        assert key.hex() not in shown
        assert repr(key) not in shown
    assert repr(key_file(tmp_path / "k", OLD)).find(OLD.hex()) == -1
