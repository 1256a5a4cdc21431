"""The calls about a project's gallery.

Owns: their lines in the table. Has no opinion on: what each does (``calls_people``,
``calls_photos``, ``calls_transfer``) and how galleries are kept.

Reading tells names, never a face, and is any guest's; taking faces away, as embeddings or as
pictures, is a right of its own. Searching with a face is what an Image call does, and admitted
like one.
"""

from __future__ import annotations

from dataclasses import replace

from huiyan.celebrity.gallery.asked import ID_FORM
from huiyan.celebrity.gallery.calls_people import PeopleCalls
from huiyan.celebrity.gallery.calls_photos import PhotoCalls, SearchCalls
from huiyan.celebrity.gallery.calls_transfer import GalleryCalls
from huiyan.celebrity.gallery.enrolment import Enrolment, Looker
from huiyan.celebrity.gallery.inspection import Inspector
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Handler, Operation
from huiyan.iam.errors_wire import Shape
from huiyan.iam.lane import Lane
from huiyan.iam.model import IMAGE_SERVICE
from huiyan.kernel.units import MIB_BYTES

READ = "huiyan:gallery:read"
WRITE = "huiyan:gallery:write"
SEARCH = "huiyan:gallery:search"
EXPORT = "huiyan:gallery:export"

PICTURE_BODY_BYTES = 12 * MIB_BYTES
"""One picture, as for an Image call."""

MOST_BODY_BYTES = 32 * MIB_BYTES
"""Three pictures of the largest size or twenty usual ones; some 40,000 photos' embeddings. It fits
several times into what all bodies may weigh at once (``queue_mib``)."""

_PATH = "/huiyan/v1/{project_id}/gallery"
_PEOPLE = f"{_PATH}/people"
_PERSON = f"{_PEOPLE}/{{person_id}}"
_PHOTOS = f"{_PERSON}/photos"
_PHOTO = f"{_PHOTOS}/{{photo_id}}"

_TELLS = Telling(id_form=ID_FORM)
_TELLS_GALLERY = replace(_TELLS, flags=("gallery.uses_starter", "gallery.keeps_pictures"))
_TELLS_PERSON = replace(
    _TELLS,
    flags=("person.enabled",),
    facts=("person.name", "person.aliases", "person.occupation", "person.link"),
)
"""What was changed, never the words: names cannot be taken out of the log again."""


def gallery_operations(
    service: GalleryService, intake: Intake, inspector: Inspector, looker: Looker
) -> tuple[Operation, ...]:
    """Give the calls about galleries.

    Parameters
    ----------
    service : GalleryService
        The galleries.
    intake : Intake
        Judges photos.
    inspector : Inspector
        Tells all about the faces of a picture.
    looker : Looker
        Fetches and decodes pictures in their projects' turns.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Galleries".
    """
    enrolment = Enrolment(service, intake, looker)
    lines = (
        *_gallery_lines(GalleryCalls(service)),
        *_people_lines(PeopleCalls(service, enrolment)),
        *_photo_lines(PhotoCalls(service, enrolment)),
        replace(
            _line("POST", f"{_PATH}/search", SEARCH, SearchCalls(inspector, looker).search),
            lane=Lane.PICTURE,
            body_limit_bytes=PICTURE_BODY_BYTES,
            by_any_role=True,
            service=IMAGE_SERVICE,
        ),
    )
    return tuple(sorted(lines, key=lambda line: (line.path, line.method)))


def _gallery_lines(calls: GalleryCalls) -> tuple[Operation, ...]:
    return (
        _line("GET", _PATH, READ, calls.show),
        replace(_line("PATCH", _PATH, WRITE, calls.configure), tells=_TELLS_GALLERY),
        _line("DELETE", _PATH, WRITE, calls.drop),
        replace(
            _line("GET", f"{_PATH}/export", EXPORT, calls.export, "pictures"),
            lane=Lane.PICTURE,
            is_told=True,
        ),
        replace(
            _line("POST", f"{_PATH}/import", WRITE, calls.import_),
            lane=Lane.PICTURE,
            body_limit_bytes=MOST_BODY_BYTES,
        ),
    )


def _people_lines(calls: PeopleCalls) -> tuple[Operation, ...]:
    query = ("text", "enabled", "limit", "marker")
    return (
        _line("GET", _PEOPLE, READ, calls.list_people, *query),
        replace(
            _line("POST", _PEOPLE, WRITE, calls.add_person),
            lane=Lane.PICTURE,
            body_limit_bytes=MOST_BODY_BYTES,
            tells=replace(_TELLS, made="person.id"),
        ),
        _line("GET", _PERSON, READ, calls.show_person),
        replace(_line("PATCH", _PERSON, WRITE, calls.change_person), tells=_TELLS_PERSON),
        _line("DELETE", _PERSON, WRITE, calls.remove_person),
        replace(
            _line("POST", f"{_PERSON}/merge", WRITE, calls.merge),
            tells=replace(_TELLS, ids=("from",)),
        ),
        replace(
            _line("GET", f"{_PATH}/duplicates", READ, calls.list_duplicates, "limit"),
            lane=Lane.SURVEY,
        ),
    )


def _photo_lines(calls: PhotoCalls) -> tuple[Operation, ...]:
    return (
        _line("GET", _PHOTOS, READ, calls.list_photos),
        replace(
            _line("POST", _PHOTOS, WRITE, calls.add_photos),
            lane=Lane.PICTURE,
            body_limit_bytes=MOST_BODY_BYTES,
        ),
        _line("DELETE", _PHOTO, WRITE, calls.remove_photo),
        replace(
            _line("GET", f"{_PHOTO}/picture", EXPORT, calls.show_picture),
            is_told=True,
        ),
    )


def _line(method: str, path: str, action: str, handle: Handler, *query: str) -> Operation:
    """Give a line whose call takes these parameters of the query and no other."""

    def handle_known(call: Call) -> Answer:
        call.require_known(query)
        return handle(call)

    return Operation(method, path, action, handle_known, shape=Shape.OWN, tells=_TELLS)
