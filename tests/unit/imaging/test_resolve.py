import threading
import time
from ipaddress import ip_address

import pytest

from huiyan.imaging.resolve import SystemResolver
from huiyan.kernel.errors import DownloadError


def test_a_name_without_addresses_is_a_download_error() -> None:
    with pytest.raises(DownloadError, match="spelling"):
        SystemResolver(look_up=lambda _host: ()).resolve("nowhere.example", 1)


@pytest.mark.parametrize("failure", [OSError("no such name"), UnicodeError("label too long")])
def test_a_failed_look_up_is_a_download_error(failure: Exception) -> None:
    def fail(_host: str) -> list[str]:
        raise failure

    with pytest.raises(DownloadError, match="spelling"):
        SystemResolver(look_up=fail).resolve("nowhere.example", 1)


def test_every_address_is_given_once_and_in_order() -> None:
    resolver = SystemResolver(look_up=lambda _host: ["2606:4700::1", "8.8.8.8", "2606:4700::1"])
    assert resolver.resolve("a.example", 1) == (ip_address("2606:4700::1"), ip_address("8.8.8.8"))


def test_the_system_resolves_an_address_to_itself() -> None:
    assert SystemResolver().resolve("127.0.0.1", 1) == (ip_address("127.0.0.1"),)


def test_stuck_look_ups_end_in_time_and_do_not_pile_up() -> None:
    release = threading.Event()
    started: list[str] = []

    def hang(host: str) -> list[str]:
        started.append(host)
        release.wait(5)
        return ["8.8.8.8"]

    resolver = SystemResolver(max_pending=2, look_up=hang)
    begin_s = time.monotonic()
    for number in range(5):
        with pytest.raises(DownloadError, match="in time"):
            resolver.resolve(f"{number}.example", 0.05)
    assert time.monotonic() - begin_s < 1
    assert len(started) == 2
    release.set()
    assert resolver.resolve("later.example", 1) == (ip_address("8.8.8.8"),)
