"""Looking at a picture for something else than a call of the service."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from made_pictures import encoded, jpeg
from PIL import Image as PillowImage

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


HUGE = encoded(PillowImage.new("RGB", (2600, 2600), "teal"))
"""19.4 MiB of pixels; from 16 on they count."""
HUGE_LIMITS = PictureLimits(frozenset({Format.JPEG}), min_side_px=10, max_side_px=10_000)


@pytest.mark.parametrize(("budget_mib", "at_once"), [(30, 1), (64, 2)])
def test_huge_pictures_are_looked_at_together_only_within_the_budget(
    fetcher: FakeFetcher, budget_mib: int, at_once: int
) -> None:
    budget = MemoryBudget(budget_mib * 2**20)
    service = RecognitionService(fetcher, budget, SystemClock(), compute_threads=3, fetch_threads=1)
    looking, most = 0, 0
    changed = threading.Condition()

    def work(image: Image, _data: bytes) -> None:
        nonlocal looking, most
        assert image.pixels.shape == (2600, 2600, 3)
        with changed:
            looking += 1
            most = max(most, looking)
            changed.notify_all()
            changed.wait_for(lambda: most == 2, 0.3 if at_once == 1 else 20)
            # A small one waits for nobody.
            assert service.look(PictureBytes(PICTURE), LIMITS, None, THEIRS, seen)[0] == (64, 48)
            looking -= 1

    def look() -> None:
        service.look(PictureBytes(HUGE), HUGE_LIMITS, None, MINE, work)

    others = [threading.Thread(target=look) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join(20)
    assert (looking, most) == (0, at_once)


class Giants:
    """Calls with pictures of which one fits into the budget; each is looked at until told."""

    def __init__(self, compute_threads: int) -> None:
        self.service = RecognitionService(
            FakeFetcher(), MemoryBudget(30 * 2**20), SystemClock(), compute_threads, 1
        )
        self.looked_at = 0
        self.may_end = threading.Semaphore(0)
        self.arrived = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Start so many calls; one is looked at, the others wait, when this returns."""
        for _ in range(count):
            thread = threading.Thread(target=self._call, daemon=True)
            self._threads.append(thread)
            thread.start()
        assert self.arrived.acquire(timeout=20)
        deadline_s = time.monotonic() + 20
        while self.service._computing.waiting < count - 1:
            assert time.monotonic() < deadline_s
            time.sleep(0.001)

    def end(self) -> None:
        for _ in self._threads:
            self.may_end.release()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        assert_holds_nothing(self.service)

    def _call(self) -> None:
        self.service.look(PictureBytes(HUGE), HUGE_LIMITS, None, MINE, self._look)

    def _look(self, _image: Image, _data: bytes) -> None:
        self.arrived.release()
        assert self.may_end.acquire(timeout=20)
        self.looked_at += 1


def assert_holds_nothing(service: RecognitionService) -> None:
    for turns in (service._computing, service._planning):
        assert (turns._running, turns._waiting, turns._holding) == ({}, {}, {})
        assert (turns._passed_over, turns._first) == ({}, None)


@pytest.mark.parametrize("project_id", [MINE, THEIRS])
def test_giants_that_wait_for_memory_delay_no_small_picture(project_id: ProjectId) -> None:
    giants = Giants(compute_threads=2)
    giants.start(6)
    for _ in range(20):
        small = giants.service.look(PictureBytes(PICTURE), LIMITS, None, project_id, seen)
        assert small[0] == (64, 48)
    assert giants.looked_at == 0
    giants.end()
    assert giants.looked_at == 6


def test_a_giant_does_not_starve_under_small_pictures_of_two_projects() -> None:
    giants = Giants(compute_threads=2)
    giants.start(3)
    ended = threading.Event()

    def call_again_and_again(project_id: ProjectId) -> None:
        while not ended.is_set():
            giants.service.look(PictureBytes(PICTURE), LIMITS, None, project_id, seen)

    streams = [
        threading.Thread(target=call_again_and_again, args=(it,), daemon=True)
        for it in (MINE, MINE, THEIRS, THEIRS)
    ]
    for stream in streams:
        stream.start()
    for _ in range(2):  # while the stream goes on
        giants.may_end.release()
        assert giants.arrived.acquire(timeout=20)
    ended.set()
    for stream in streams:
        stream.join(20)
    giants.end()
    assert giants.looked_at == 3


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", DamagedPictureError),
        (b"no picture", UnsupportedFormatError),
        (encoded(PillowImage.new("RGB", (2600, 9))), PictureSizeError),
        (encoded(PillowImage.new("RGB", (4000, 4000)), "BMP"), PictureSizeError),
    ],
)
def test_a_wrong_picture_is_refused_though_all_turns_and_memory_are_taken(
    data: bytes, fault: type[Exception]
) -> None:
    giants = Giants(compute_threads=1)
    giants.start(3)
    limits = PictureLimits(frozenset({Format.JPEG, Format.BMP}), 10, 10_000, 2**26)
    with pytest.raises(fault):
        giants.service.look(PictureBytes(data), limits, None, THEIRS, seen)
    giants.end()


def test_whatever_goes_wrong_no_memory_is_lost() -> None:
    """With one picture in memory at once the second would wait for ever."""
    budget = MemoryBudget(30 * 2**20)
    service = RecognitionService(FakeFetcher(), budget, SystemClock(), 1, 1)

    def fail(_image: Image, _data: bytes) -> None:
        raise UnfitFaceError("no face")

    def interrupt(_image: Image, _data: bytes) -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        for data, work, fault in (
            (HUGE[: len(HUGE) // 2], seen, DamagedPictureError),
            (HUGE, fail, UnfitFaceError),
            (HUGE, interrupt, KeyboardInterrupt),
        ):
            with pytest.raises(fault):
                service.look(PictureBytes(data), HUGE_LIMITS, None, MINE, work)
            assert_holds_nothing(service)
    assert service.look(PictureBytes(HUGE), HUGE_LIMITS, None, MINE, seen)[0] == (2600, 2600)
