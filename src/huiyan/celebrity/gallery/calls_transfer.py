"""What the calls that move whole galleries do.

Owns: their handlers. Has no opinion on: who may make them, and the form of an exported gallery.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from huiyan.celebrity.gallery.asked import scope_of
from huiyan.celebrity.gallery.calls_photos import PRIVATE
from huiyan.celebrity.gallery.render import render_gallery, render_report
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.iam.call import Answer, Call
from huiyan.iam.field import flag_field
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError, QueueFullError

MEDIA_TYPE = "application/jsonl"

EXPORTS_AT_ONCE = 2
"""Exports that are being sent: each reads on for as long as its caller takes."""

_RETRY_AFTER_S = 30


class GalleryCalls:
    """Handlers that share the galleries.

    Parameters
    ----------
    service : GalleryService
        The galleries.
    """

    def __init__(self, service: GalleryService) -> None:
        self._service = service
        self._places = BoundedSemaphore(EXPORTS_AT_ONCE)

    def show(self, call: Call) -> Answer:
        """Show the gallery as a whole.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            Also where there is none yet.
        """
        return Answer(document={"gallery": render_gallery(self._service.describe(scope_of(call)))})

    def configure(self, call: Call) -> Answer:
        """Change how the gallery works.

        Parameters
        ----------
        call : Call
            With ``gallery`` in the body; what it does not name stays.

        Returns
        -------
        Answer
            The gallery as it is now.
        """
        asked = call.member("gallery")
        for field in sorted(asked.keys() - {"uses_starter", "keeps_pictures"}):
            raise InvalidParameterError(f"gallery.{field[:64]}", "is not a field of this call")
        uses_starter = flag_field(asked, "uses_starter", "gallery.")
        keeps_pictures = flag_field(asked, "keeps_pictures", "gallery.")
        if uses_starter is None and keeps_pictures is None:
            raise MissingParameterError("'gallery' must say what is to be changed")
        summary = self._service.configure(
            scope_of(call), uses_starter=uses_starter, keeps_pictures=keeps_pictures
        )
        return Answer(document={"gallery": render_gallery(summary)})

    def drop(self, call: Call) -> Answer:
        """Remove the gallery with everybody in it.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            Nothing.
        """
        self._service.drop(scope_of(call))
        return Answer(204)

    def export(self, call: Call) -> Answer:
        """Write the gallery as JSON Lines.

        Parameters
        ----------
        call : Call
            With ``pictures`` in the query.

        Returns
        -------
        Answer
            Sent as it is read.

        Raises
        ------
        QueueFullError
            As many exports as may are being sent.
        """
        lines = self._service.export(scope_of(call), pictures=bool(call.flag("pictures")))
        pieces = self._sending(lines)
        # A fault of the gallery can still be answered now; and only what has begun has an end, in
        # which the place is given back.
        next(pieces)
        if call.request.method == "HEAD":
            pieces.close()
        return Answer(
            headers={**PRIVATE, "Content-Disposition": 'attachment; filename="gallery.jsonl"'},
            pieces=pieces,
            media_type=MEDIA_TYPE,
        )

    def _sending(self, lines: Iterator[bytes]) -> Generator[bytes, None, None]:
        with self._place():
            first = next(lines, b"")
            yield b""
            yield first
            yield from lines

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise QueueFullError(
                f"{EXPORTS_AT_ONCE} galleries are being exported already", _RETRY_AFTER_S
            )
        try:
            yield
        finally:
            self._places.release()

    def import_(self, call: Call) -> Answer:
        """Read what ``export`` wrote.

        Parameters
        ----------
        call : Call
            With the lines as its body.

        Returns
        -------
        Answer
            What was added, and what was not.
        """
        report = self._service.import_(scope_of(call), (call.request.body,))
        told = {"people": str(report.people_added), "photos": str(report.photos_added)}
        return Answer(document={"report": render_report(report)}, told=told)
