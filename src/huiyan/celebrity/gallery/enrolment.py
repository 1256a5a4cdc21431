"""How the photos of a call are looked at before a gallery takes them.

Owns: that each is looked at in its project's turn, all or none is taken, and a fault says which
photo it is about. Has no opinion on: which photos are good enough (``intake``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.model import NewPhoto
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.wire import AskedPhoto
from huiyan.imaging.picture import Image, PictureLimits
from huiyan.kernel.errors import FetchError, PictureError
from huiyan.kernel.ids import ProjectId
from huiyan.persistence.query import Scope
from huiyan.recognition.model import PictureSource

R = TypeVar("R")


class Looker(Protocol):
    """What fetches and decodes pictures in turn; ``RecognitionService`` in the server."""

    def look(
        self,
        source: PictureSource,
        limits: PictureLimits,
        min_short_side_px: int | None,
        project_id: ProjectId,
        work: Callable[[Image, bytes], R],
    ) -> R:
        """Do something with a picture, given it and its file, when it is the project's turn."""
        ...


class Enrolment:
    """Looks at photos that shall stand for somebody.

    Parameters
    ----------
    service : GalleryService
        Knows which galleries keep pictures.
    intake : Intake
        Judges them.
    looker : Looker
        Gives them their turn.
    """

    def __init__(self, service: GalleryService, intake: Intake, looker: Looker) -> None:
        self._service = service
        self._intake = intake
        self._looker = looker

    def judge(
        self, photos: Sequence[AskedPhoto], scope: Scope, project_id: ProjectId
    ) -> tuple[NewPhoto, ...]:
        """Look at photos.

        Parameters
        ----------
        photos : sequence of AskedPhoto
            As the call gives them.
        scope : Scope
            For whose gallery.
        project_id : ProjectId
            In whose turn.

        Returns
        -------
        tuple of NewPhoto
            One for each.

        Raises
        ------
        PictureError, FetchError
            One of them cannot be had or is not good enough; the text says which.
        QueueFullError
            Too many pictures are being fetched.
        InferenceError
            A network failed.
        """
        keeps = bool(photos) and self._service.describe(scope).keeps_pictures
        return tuple(self._judge(photo, project_id, keeps) for photo in photos)

    def _judge(self, photo: AskedPhoto, project_id: ProjectId, keeps_picture: bool) -> NewPhoto:  # noqa: FBT001 -- handed through
        def work(image: Image, data: bytes) -> NewPhoto:
            return self._intake.judge(image, data, keeps_picture, photo.at)

        with _saying_which(photo):
            return self._looker.look(
                photo.source, PICTURE_LIMITS, self._intake.min_short_side_px, project_id, work
            )


@contextmanager
def _saying_which(photo: AskedPhoto) -> Iterator[None]:
    try:
        yield
    except (PictureError, FetchError) as error:
        raise type(error)(f"{photo.where}: {error.detail}") from error
