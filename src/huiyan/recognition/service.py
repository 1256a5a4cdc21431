"""The one way from a wire body to a wire answer.

Owns: the order parse, fetch, decode, recognise, render, record, and how many pictures are waited
for and worked on at once. Has no opinion on: HTTP, who may call, what any capability recognises, or
whose turn it is (``turns``).
"""

from __future__ import annotations

from typing import Protocol

from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.kernel.clock import Clock
from huiyan.kernel.ids import ProjectId
from huiyan.metering.model import Meter
from huiyan.recognition.model import AnyCapability, Caller, PictureBytes, PictureSource
from huiyan.recognition.turns import Places, Turns
from huiyan.recognition.use import Outcome, use_record


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
        Memory that decoding may take at once.
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
        self._computing = Turns(compute_threads)
        self._fetching = Places(fetch_threads, "too many pictures are being fetched at once")

    def answer(self, capability: AnyCapability, body: bytes, caller: Caller, meter: Meter) -> bytes:
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
            Use could not be recorded, so there is no answer.
        """
        parsed = capability.parse(body)
        data = self._fetch(parsed.source, caller.project_id)
        with self._computing.turn(caller.project_id):
            image = decode(data, capability.limits, capability.min_short_side_px, self._budget)
            result = capability.recognise(image, parsed.params)
        reply = capability.render(result, parsed.params)
        outcome = Outcome(http_status=200, error_code="", size_wh=image.size_wh)
        elapsed_ms = self.elapsed_ms(caller)
        meter.record(use_record(caller, capability, outcome, len(body), elapsed_ms))
        return reply

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
