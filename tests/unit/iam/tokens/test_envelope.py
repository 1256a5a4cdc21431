import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huiyan.iam.rotation.key_file import InstanceKeys
from huiyan.iam.tokens.envelope import MOST_TEXT_BYTES, Envelope
from huiyan.iam.vault import Vault

VAULT = Vault(bytes(32))


def envelope(purpose: bytes = b"one", most: int = 100, vault: Vault = VAULT) -> Envelope[bytes]:
    return Envelope(vault, purpose, lambda data: data, most)


ONE = envelope()
TEXT = ONE.seal(b"some claims").encode()


def test_what_was_sealed_is_found() -> None:
    assert ONE.find(TEXT) == b"some claims"
    assert envelope().find(TEXT) == b"some claims"


@given(data=st.binary(max_size=200))
def test_any_claims_come_back(data: bytes) -> None:
    text = ONE.seal(data)
    assert ONE.find(text.encode()) == data
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


@given(place=st.integers(0, len(TEXT) - 1), byte=st.integers(0, 255))
def test_any_altered_byte_is_refused(place: int, byte: int) -> None:
    altered = TEXT[:place] + bytes([byte]) + TEXT[place + 1 :]
    assert (ONE.find(altered) is None) is (altered != TEXT)


def test_every_other_last_character_is_refused_although_some_decode_alike() -> None:
    for data in (b"", b"1", b"12"):
        text = ONE.seal(data).encode()
        for byte in range(256):
            altered = text[:-1] + bytes([byte])
            assert (envelope().find(altered) is None) is (altered != text)


@given(more=st.binary(min_size=1, max_size=8))
def test_anything_added_before_or_behind_is_refused(more: bytes) -> None:
    assert ONE.find(TEXT + more) is None
    assert ONE.find(more + TEXT) is None


@given(text=st.binary(max_size=400))
def test_what_anyone_writes_is_refused(text: bytes) -> None:
    assert ONE.find(text) is None


@pytest.mark.parametrize("text", [b"", b"=", b"====", TEXT + b"=", TEXT[:-1], TEXT.lower()])
def test_malformed_texts_are_refused(text: bytes) -> None:
    assert ONE.find(text) is None


def test_what_is_sealed_for_one_purpose_does_not_open_for_another() -> None:
    assert envelope(b"two").find(TEXT) is None


def test_what_another_installation_sealed_is_refused() -> None:
    assert envelope(vault=Vault(b"\x01" * 32)).find(TEXT) is None


def test_too_long_texts_are_not_looked_at() -> None:
    text = ONE.seal(bytes(MOST_TEXT_BYTES)).encode()
    assert ONE.find(text) is None


def test_claims_that_cannot_be_read_are_refused_and_not_remembered() -> None:
    unreadable: Envelope[bytes] = Envelope(VAULT, b"one", lambda _data: None, 100)
    assert unreadable.find(TEXT) is None
    assert len(unreadable) == 0


def test_a_text_is_opened_once() -> None:
    opened: list[bytes] = []

    def parse(data: bytes) -> bytes:
        opened.append(data)
        return data

    counting: Envelope[bytes] = Envelope(VAULT, b"one", parse, 100)
    for _ in range(5):
        assert counting.find(TEXT) == b"some claims"
    assert opened == [b"some claims"]


def test_refused_texts_fill_no_memory() -> None:
    empty = envelope()
    for number in range(50):
        empty.find(b"made up %d" % number)
    assert len(empty) == 0


def test_the_text_not_used_for_longest_is_forgotten_first() -> None:
    opened: list[bytes] = []

    def parse(data: bytes) -> bytes:
        opened.append(data)
        return data

    small: Envelope[bytes] = Envelope(VAULT, b"one", parse, 3)
    texts = [small.seal(b"%d" % number).encode() for number in range(4)]
    for place in (0, 1, 2, 0, 3):
        small.find(texts[place])
    assert len(small) == 3
    opened.clear()
    for place in (0, 2, 3, 1):
        small.find(texts[place])
    assert opened == [b"1"]


def test_many_threads_keep_to_the_bound_and_to_the_truth() -> None:
    small = envelope(most=8)
    texts = {b"%d" % number: small.seal(b"%d" % number).encode() for number in range(20)}
    wrong: list[bytes] = []

    def read() -> None:
        for _ in range(50):
            wrong.extend(data for data, text in texts.items() if small.find(text) != data)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(small) == 8


class MovedKeys:
    """A source of instance keys that can be given others."""

    def __init__(self) -> None:
        self.keys = InstanceKeys(bytes(32))
        self.stamps = 0

    def stamp(self) -> tuple[int, int, int]:
        return (self.stamps, 0, 0)

    def get(self) -> InstanceKeys:
        return self.keys

    def become(self, keys: InstanceKeys) -> None:
        self.keys = keys
        self.stamps += 1


def test_a_dropped_instance_key_withdraws_what_was_remembered() -> None:
    source = MovedKeys()
    vault = Vault(bytes(32), source=source)
    one = envelope(vault=vault)
    text = one.seal(b"claims").encode()
    assert one.find(text) == b"claims"
    source.become(InstanceKeys(b"\x01" * 32, older=(bytes(32),)))
    vault.reload()
    assert one.find(text) == b"claims"
    source.become(InstanceKeys(b"\x01" * 32))
    vault.reload()
    assert one.find(text) is None
    assert len(one) == 0
