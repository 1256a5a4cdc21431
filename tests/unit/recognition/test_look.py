"""Looking at a picture for something else than a call of the service."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from made_pictures import jpeg

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import (
    DamagedPictureError,
    DownloadError,
    PictureSizeError,
    QueueFullError,
    UnfitFaceError,
    UnsupportedFormatError,
)
from huiyan.kernel.ids import ProjectId
from huiyan.recognition.model import PictureBytes, PictureUrl
from huiyan.recognition.service import RecognitionService

MINE, THEIRS = ProjectId("mine"), ProjectId("theirs")
LIMITS = PictureLimits(frozenset({Format.JPEG}), min_side_px=10, max_side_px=100)
PICTURE = jpeg(64, 48)
URL = PictureUrl("https://example.com/a.jpg")


class FakeFetcher:
    def __init__(self) -> None:
        self.gate: threading.Event | None = None
        self.arrived = threading.Semaphore(0)
        self.fails = False

    def fetch(self, url: str) -> bytes:
        assert url == URL.url
        self.arrived.release()
        if self.gate is not None:
            assert self.gate.wait(20)
        if self.fails:
            raise DownloadError("404")
        return PICTURE


@pytest.fixture
def fetcher() -> FakeFetcher:
    return FakeFetcher()


@pytest.fixture
def service(fetcher: FakeFetcher) -> RecognitionService:
    budget = MemoryBudget(64 * 1024 * 1024)
    return RecognitionService(fetcher, budget, SystemClock(), compute_threads=1, fetch_threads=1)


def seen(image: Image, data: bytes) -> tuple[tuple[int, int], bytes]:
    return image.size_wh, data


@pytest.mark.parametrize("source", [PictureBytes(PICTURE), URL])
def test_the_work_is_given_the_picture_and_its_file(
    service: RecognitionService, source: Any
) -> None:
    assert service.look(source, LIMITS, None, MINE, seen) == ((64, 48), PICTURE)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", DamagedPictureError),
        (b"no picture", UnsupportedFormatError),
        (PICTURE[:200], DamagedPictureError),
        (jpeg(101, 48), PictureSizeError),
        (jpeg(64, 9), PictureSizeError),
    ],
)
def test_what_is_no_fit_picture_reaches_no_work(
    service: RecognitionService, data: bytes, fault: type[Exception]
) -> None:
    def work(_image: Image, _data: bytes) -> None:
        raise AssertionError

    with pytest.raises(fault):
        service.look(PictureBytes(data), LIMITS, None, MINE, work)


def test_a_turn_ends_however_the_work_ends(
    service: RecognitionService, fetcher: FakeFetcher
) -> None:
    def fail(_image: Image, _data: bytes) -> None:
        raise UnfitFaceError("no face")

    for _ in range(3):
        with pytest.raises(UnfitFaceError):
            service.look(PictureBytes(PICTURE), LIMITS, None, MINE, fail)
    fetcher.fails = True
    for _ in range(3):
        with pytest.raises(DownloadError):
            service.look(URL, LIMITS, None, MINE, seen)
    fetcher.fails = False
    assert service.look(URL, LIMITS, None, THEIRS, seen)[0] == (64, 48)


def test_a_slow_url_takes_a_place_and_no_turn(
    service: RecognitionService, fetcher: FakeFetcher
) -> None:
    fetcher.gate = threading.Event()
    found: list[Any] = []
    slow = threading.Thread(
        target=lambda: found.append(service.look(URL, LIMITS, None, MINE, seen))
    )
    slow.start()
    assert fetcher.arrived.acquire(timeout=20)
    with pytest.raises(QueueFullError):
        service.look(URL, LIMITS, None, THEIRS, seen)
    assert service.look(PictureBytes(PICTURE), LIMITS, None, THEIRS, seen)[0] == (64, 48)
    fetcher.gate.set()
    slow.join(20)
    assert found == [((64, 48), PICTURE)]
