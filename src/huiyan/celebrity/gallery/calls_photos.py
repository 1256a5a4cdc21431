"""What the calls about the photos of a person do, and the search with a picture.

Owns: their handlers. Has no opinion on: who may make them, and how photos are kept and compared.
"""

from __future__ import annotations

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.asked import person_of, photo_of, project_of, scope_of
from huiyan.celebrity.gallery.enrolment import Enrolment, Looker
from huiyan.celebrity.gallery.inspection import InspectedFace, Inspector
from huiyan.celebrity.gallery.render import render_face, render_photo
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.wire import parse_photos
from huiyan.iam.call import Answer, Call
from huiyan.iam.field import Document
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import MissingParameterError
from huiyan.recognition.wire import parse_fields, parse_integer

PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""For replies that nobody on the way may keep, and no browser take for something else."""

_CANDIDATES = 5
_MOST_CANDIDATES = 20
_TOLD_CHARACTERS = 4000


class PhotoCalls:
    """Handlers that share the galleries and what looks at pictures.

    Parameters
    ----------
    service : GalleryService
        The galleries.
    enrolment : Enrolment
        Looks at photos.
    """

    def __init__(self, service: GalleryService, enrolment: Enrolment) -> None:
        self._service = service
        self._enrolment = enrolment

    def list_photos(self, call: Call) -> Answer:
        """List a person's photos.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            All of them.
        """
        photos = self._service.list_photos(scope_of(call), person_of(call))
        return Answer(document={"photos": [render_photo(photo) for photo in photos]})

    def add_photos(self, call: Call) -> Answer:
        """Give a person further photos, all or none.

        Parameters
        ----------
        call : Call
            With ``photos`` in the body.

        Returns
        -------
        Answer
            All photos of the person.
        """
        scope, person_id = scope_of(call), person_of(call)
        self._service.get_person(scope, person_id)
        asked = parse_photos(call.request.body)
        if not asked.photos:
            raise MissingParameterError("'photos' is a required property")
        judged = self._enrolment.judge(asked.photos, scope, project_of(call))
        photos = self._service.add_photos(scope, person_id, judged)
        digests = {photo.digest for photo in judged}
        made = " ".join(photo.id for photo in photos if photo.digest in digests)
        return Answer(
            201, {"photos": [render_photo(photo) for photo in photos]}, told={"photos": made}
        )

    def remove_photo(self, call: Call) -> Answer:
        """Remove a photo.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            Nothing.
        """
        self._service.remove_photo(scope_of(call), person_of(call), photo_of(call))
        return Answer(204)

    def show_picture(self, call: Call) -> Answer:
        """Show the face of a photo, where its pixels are kept.

        Parameters
        ----------
        call : Call
            The call.

        Returns
        -------
        Answer
            A JPEG.
        """
        picture = self._service.get_picture(scope_of(call), person_of(call), photo_of(call))
        return Answer(
            headers={**PRIVATE, "Content-Length": str(len(picture))},
            pieces=() if call.request.method == "HEAD" else (picture,),
            media_type="image/jpeg",
        )


class SearchCalls:
    """The handler that searches with a picture.

    Parameters
    ----------
    inspector : Inspector
        Tells all about faces.
    looker : Looker
        Gives the picture its turn.
    """

    def __init__(self, inspector: Inspector, looker: Looker) -> None:
        self._inspector = inspector
        self._looker = looker

    def search(self, call: Call) -> Answer:
        """Tell who the faces of a picture may be, however unlikely.

        Parameters
        ----------
        call : Call
            With ``image`` or ``url``, and ``limit``, in the body.

        Returns
        -------
        Answer
            Every face; the audit log is told of the people by their ids.
        """
        fields, scope = parse_fields(call.request.body), scope_of(call)
        count = _CANDIDATES
        if fields.limit is not None:
            count = parse_integer("limit", fields.limit, 1, _MOST_CANDIDATES)

        def work(image: Image, _data: bytes) -> tuple[tuple[InspectedFace, ...], tuple[int, int]]:
            return self._inspector.inspect(image, scope, count), image.size_wh

        self._inspector.prepare(scope)  # before the turn: nobody else's picture waits for it
        faces, (width, height) = self._looker.look(
            fields.source,
            PICTURE_LIMITS,
            self._inspector.min_short_side_px,
            project_of(call),
            work,
        )
        document: Document = {
            "picture": {"w": width, "h": height},
            "faces": [render_face(face) for face in faces],
        }
        return Answer(document=document, told=_told(faces))


def _told(faces: tuple[InspectedFace, ...]) -> dict[str, str]:
    """Say who was found, by ids: the log keeps what it is told when a person is removed."""
    people = dict.fromkeys(it.person.id for face in faces for it in face.candidates)
    return {"faces": str(len(faces)), "people": " ".join(people)[:_TOLD_CHARACTERS]}
