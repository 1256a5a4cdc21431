"""The one way from a wire body to a wire answer.

Owns: the order parse, fetch, decode, recognise, render, record, and how many pictures are waited
for and worked on at once, by calls of the service and by others that look at a picture. Has no
opinion on: HTTP, who may call, what any capability recognises, or whose turn it is (``turns``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from huiyan.iam.audit.model import AuditLog
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode_planned, plan_decode
from huiyan.imaging.picture import Image, PictureLimits
from huiyan.kernel.clock import Clock
from huiyan.kernel.ids import ProjectId
from huiyan.metering.model import Meter
from huiyan.recognition.model import AnyCapability, Caller, PictureBytes, PictureSource
from huiyan.recognition.told import audit_entry
from huiyan.recognition.turns import Places, Turns
from huiyan.recognition.use import Outcome, use_record

R = TypeVar("R")


class PictureFetcher(Protocol):
    """What turns a URL into a file; ``imaging.fetch.Fetcher`` in the server."""

    def fetch(self, url: str) -> bytes:
        """Fetch the file that the URL names."""
        ...


class RecognitionService:
    """Answers calls; HTTP, batch, console and CLI all go through ``answer``.

    Parameters
    ----------
    fetcher : PictureFetcher
        Fetches pictures named by URL.
    budget : MemoryBudget
        Memory that pictures may take at once, while decoded and while looked at. All that take it
        come through this service, in turns that have their memory from the start.
    clock : Clock
        For durations.
    compute_threads : int
        Pictures worked on at once, at least 1; projects that wait take turns.
    fetch_threads : int
        Pictures waited for at once, at least 1. One more is refused, not queued: slow URLs take
        no compute slot, and never all the places of the queue. No project takes all of them.
    """

    def __init__(
        self,
        fetcher: PictureFetcher,
        budget: MemoryBudget,
        clock: Clock,
        compute_threads: int,
        fetch_threads: int,
    ) -> None:
        self._fetcher = fetcher
        self._budget = budget
        self._clock = clock
        self._planning = Turns(compute_threads, budget.total_bytes)
        self._computing = Turns(compute_threads, budget.total_bytes)
        self._fetching = Places(fetch_threads, "too many pictures are being fetched at once")

    def answer(
        self,
        capability: AnyCapability,
        body: bytes,
        caller: Caller,
        meter: Meter,
        audit: AuditLog,
    ) -> bytes:
        """Answer one call.

        Parameters
        ----------
        capability : Capability
            Which operation.
        body : bytes
            The wire's JSON body.
        caller : Caller
            On whose behalf.
        meter : Meter
            Where use is recorded; the record is durable when this returns.
        audit : AuditLog
            Told of what was found, by operations that tell; before use is recorded.

        Returns
        -------
        bytes
            The wire's JSON answer.

        Raises
        ------
        RequestError
            The body or the picture is at fault; the shell records that failure.
        QueueFullError
            The picture must be fetched, and too many are already, of all or of the project.
        RecordingError
            Use, or what was found, could not be recorded, so there is no answer.
        """
        parsed = capability.parse(body)
        if capability.prepare is not None:
            capability.prepare(caller.scope)
        result, size_wh = self.look(
            parsed.source,
            capability.limits,
            capability.min_short_side_px,
            caller.project_id,
            lambda image, _data: (
                capability.recognise(image, parsed.params, caller.scope),
                image.size_wh,
            ),
        )
        reply = capability.render(result, parsed.params)
        if capability.tells is not None:
            audit.record(audit_entry(caller, capability, capability.tells(result)))
        outcome = Outcome(http_status=200, error_code="", size_wh=size_wh)
        elapsed_ms = self.elapsed_ms(caller)
        meter.record(use_record(caller, capability, outcome, len(body), elapsed_ms))
        return reply

    def look(
        self,
        source: PictureSource,
        limits: PictureLimits,
        min_short_side_px: int | None,
        project_id: ProjectId,
        work: Callable[[Image, bytes], R],
    ) -> R:
        """Fetch and decode a picture and do something with it, when it is the project's turn.

        Headers are read in turns of their own, which wait for no computing: what they tell to be
        wrong is refused at once, and hostile ones, slow to read, take no more than a project's
        share. The memory, known from the header, comes with the turn to compute: neither is held
        while the other is missing.

        Parameters
        ----------
        source : PictureSource
            Where the picture is.
        limits : PictureLimits
            Which pictures are taken.
        min_short_side_px : int or None
            The short side that the work needs, in px; None for the full picture.
        project_id : ProjectId
            In whose turn; calls of the service and of everything else about pictures share them.
        work : callable
            Given the picture and its file; called once, in the turn.

        Returns
        -------
        R
            What ``work`` returns.

        Raises
        ------
        PictureError, FetchError
            The picture or its URL is at fault.
        QueueFullError
            The picture must be fetched, and too many are already, of all or of the project.
        """
        data = self._fetch(source, project_id)
        with self._planning.turn(project_id, 0):
            plan = plan_decode(data, limits, min_short_side_px, self._budget)
        with self._computing.turn(project_id, plan.needed_bytes) as keep:
            image = decode_planned(data, plan)
            keep(image.pixels.nbytes)
            return work(image, data)

    def elapsed_ms(self, caller: Caller) -> float:
        """Tell how long a call has been in hand.

        Parameters
        ----------
        caller : Caller
            The call.

        Returns
        -------
        float
            Milliseconds since it arrived.
        """
        return (self._clock.monotonic_s() - caller.arrived_monotonic_s) * 1000

    def _fetch(self, source: PictureSource, project_id: ProjectId) -> bytes:
        if isinstance(source, PictureBytes):
            return source.data
        with self._fetching.place(project_id):
            return self._fetcher.fetch(source.url)
