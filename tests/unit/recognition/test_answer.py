"""Answering a call: what happens in its turn, and what before and after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from made_pictures import jpeg

from huiyan.iam.audit.model import AuditEntry
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.ids import ProjectId, RegionId, RequestId
from huiyan.metering.model import UseRecord
from huiyan.persistence.query import Scope
from huiyan.recognition.model import (
    LOCAL_PRINCIPAL,
    Caller,
    Capability,
    ParsedRequest,
    PictureBytes,
)
from huiyan.recognition.service import RecognitionService

PICTURE = jpeg(64, 48)


def caller(project: str) -> Caller:
    return Caller(
        request_id=RequestId(f"request of {project}"),
        principal=LOCAL_PRINCIPAL,
        project_id=ProjectId(project),
        region=RegionId("r"),
        arrived=datetime(2026, 1, 1, tzinfo=UTC),
        arrived_monotonic_s=0.0,
        address="192.0.2.1",
    )


class Story:
    """A capability, a meter and an audit log that tell what happened, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.entries: list[AuditEntry] = []

    def prepare(self, scope: Scope) -> None:
        self.told.append(f"prepared for {scope.project_id}")

    def recognise(self, _image: Image, _params: None, scope: Scope) -> str:
        self.told.append(f"recognised for {scope.project_id}")
        return "somebody"

    def record_use(self, use: UseRecord) -> None:
        self.told.append(f"used by {use.project_id}")

    def record(self, entry: AuditEntry) -> None:
        self.told.append("told")
        self.entries.append(entry)

    def capability(self, prepare: Callable[[Scope], None] | None = None) -> Capability[None, str]:
        return Capability(
            interface="people",
            version="v2",
            path="/v2/{project_id}/image/people",
            limits=PictureLimits(frozenset({Format.JPEG}), 1, 100),
            min_short_side_px=None,
            parse=lambda body: ParsedRequest(None, PictureBytes(body)),
            recognise=self.recognise,
            render=lambda result, _params: result.encode(),
            tells=lambda result: {"found": result},
            prepare=prepare or self.prepare,
        )


class TellingMeter:
    def __init__(self, story: Story) -> None:
        self._story = story

    def record(self, use: UseRecord) -> None:
        self._story.record_use(use)


class NoFetcher:
    def fetch(self, url: str) -> bytes:
        raise AssertionError(url)


def service() -> RecognitionService:
    budget = MemoryBudget(64 * 1024 * 1024)
    return RecognitionService(NoFetcher(), budget, SystemClock(), 1, 1)


def test_what_a_project_needs_is_loaded_first_and_use_is_recorded_last() -> None:
    story = Story()
    answer = service().answer(
        story.capability(), PICTURE, caller("mine"), TellingMeter(story), story
    )
    assert answer == b"somebody"
    assert story.told == ["prepared for mine", "recognised for mine", "told", "used by mine"]


def test_the_log_is_told_who_asked_and_what_was_found() -> None:
    story = Story()
    service().answer(story.capability(), PICTURE, caller("mine"), TellingMeter(story), story)
    (entry,) = story.entries
    assert (entry.action, entry.resource) == ("image:people:run", "/v2/mine/image/people")
    assert (entry.request_id, entry.address) == ("request of mine", "192.0.2.1")
    assert entry.detail == {"found": "somebody"}


def test_an_operation_that_tells_nothing_is_in_the_use_records_only() -> None:
    story = Story()
    silent = replace(story.capability(), tells=None, prepare=None)
    service().answer(silent, PICTURE, caller("mine"), TellingMeter(story), story)
    assert story.told == ["recognised for mine", "used by mine"]


def test_while_one_project_loads_another_is_answered() -> None:
    story, loading, loaded = Story(), threading.Event(), threading.Event()

    def load(scope: Scope) -> None:
        if scope.project_id == "slow":
            loading.set()
            assert loaded.wait(20)

    shared = service()
    capability = story.capability(load)

    def ask(project: str) -> bytes:
        return shared.answer(capability, PICTURE, caller(project), TellingMeter(story), story)

    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(ask, "slow")
        assert loading.wait(20)
        assert threads.submit(ask, "quick").result(20) == b"somebody"
        assert not slow.done()
        loaded.set()
        assert slow.result(20) == b"somebody"
