"""What every change of a gallery has in common.

Owns: how a gallery comes to be, the rules that photos are held to, and what follows a change: the
memory of this process sees it, and what was removed is wiped from the database's files. Has no
opinion on: which changes there are.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from huiyan.celebrity.gallery.changes.repository import GalleryEdit
from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.facts import add_aliases
from huiyan.celebrity.gallery.model import GallerySummary, ModelId, NewPhoto, PhotoId
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.rows.repository import NewGallery
from huiyan.celebrity.gallery.store_model import (
    GalleryId,
    GalleryState,
    MemoryRefresher,
    PhotoRecord,
    StoredPerson,
)
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    ConflictError,
    GalleryModelError,
    HuiyanError,
    InvalidParameterError,
    QuotaError,
)
from huiyan.kernel.ids import new_hex_id
from huiyan.persistence.query import Scope

DIMENSIONS = 128
MOST_PICTURE_BYTES = 384 * 1024
"""``cut_face_picture`` gives 20 to 50 KiB for faces and 270 KiB for the worst noise."""
MOST_SIDE_PX = 100_000.0
_LENGTH_TOLERANCE = 0.02
_ROWS_DROPPED_AT_ONCE = 2_000
_ROWS_WITH_PICTURES_DROPPED_AT_ONCE = 200
_LEAST_PAUSE_S = 0.1
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GalleryRules:
    """Limits, and what a new gallery is like.

    Parameters
    ----------
    photos_per_project : int
        Photos that a project may have.
    photos_per_person : int
        Photos that a person may have.
    encrypts : bool
        Whether new galleries are encrypted.
    uses_starter : bool
        Whether new galleries look for people of the starter gallery, too.
    keeps_pictures : bool
        Whether new galleries keep the faces' pixels.
    """

    photos_per_project: int = 2_000_000
    photos_per_person: int = 100
    encrypts: bool = True
    uses_starter: bool = True
    keeps_pictures: bool = False


class GalleryWriter:
    """Changes galleries. Serves all threads.

    Parameters
    ----------
    repository : GalleryRepository
        Where galleries are stored.
    cipher : GalleryCipher
        Seals them.
    model : ModelId
        The network that makes embeddings now.
    clock : Clock
        Tells the time.
    rules : GalleryRules
        Limits, and what a new gallery is like.
    memory : MemoryRefresher or None
        Told after each change.
    """

    def __init__(  # noqa: PLR0913 -- all are needed, and none belongs to another
        self,
        repository: GalleryRepository,
        cipher: GalleryCipher,
        model: ModelId,
        clock: Clock,
        *,
        rules: GalleryRules,
        memory: MemoryRefresher | None,
    ) -> None:
        self.repository = repository
        self.cipher = cipher
        self.model = model
        self.rules = rules
        self._clock = clock
        self._memory = memory
        self._one_at_a_time = threading.Lock()
        # A process that was killed may have left something behind.
        self._may_hold_removed = True

    def now(self) -> datetime:
        """Tell the instant; gives a datetime in UTC."""
        return self._clock.now()

    def describe(self, scope: Scope) -> GallerySummary:
        """Tell what the gallery is like and how large."""
        state = self.repository.state(scope)
        rules = self.rules
        if state is None:
            return GallerySummary(
                exists=False,
                model=self.model,
                person_count=0,
                photo_count=0,
                foreign_photo_count=0,
                photo_limit=rules.photos_per_project,
                uses_starter=rules.uses_starter,
                keeps_pictures=rules.keeps_pictures,
                is_encrypted=rules.encrypts,
                revision=0,
            )
        return GallerySummary(
            exists=True,
            model=state.model,
            person_count=state.person_count,
            photo_count=state.photo_count,
            foreign_photo_count=self.repository.count_others(scope, self.model),
            photo_limit=rules.photos_per_project,
            uses_starter=state.uses_starter,
            keeps_pictures=state.keeps_pictures,
            is_encrypted=state.sealed_key is not None,
            revision=state.revision,
            created_at=state.created_at,
        )

    @contextmanager
    def changing(self, scope: Scope) -> Iterator[GalleryEdit]:
        """Change the gallery, which comes to be if there is none."""
        _check_scope(scope)
        with self._following(scope, self._founding) as edit:
            yield edit

    @contextmanager
    def changing_existing(self, scope: Scope, *, scrubs: bool = True) -> Iterator[GalleryEdit]:
        """Change the gallery; raises ``NotFoundError`` if there is none.

        What was removed is wiped at once, unless ``scrubs`` is false and the caller sees to it.
        """
        _check_scope(scope)
        with self._following(scope, None, scrubs=scrubs) as edit:
            yield edit

    @contextmanager
    def in_steps(self) -> Iterator[GallerySteps]:
        """Begin a change that takes many transactions, of which a process makes one at a time.

        Yields
        ------
        GallerySteps
            What was removed with it is wiped at the end, however that comes.
        """
        with self._one_at_a_time:
            try:
                yield GallerySteps()
            finally:
                with suppress(HuiyanError):
                    self.scrub()

    def drop(self, scope: Scope) -> None:
        """Remove the whole gallery; a large one in steps, so that nobody waits for long.

        A process that is killed leaves a smaller gallery.
        """
        has_more = True
        with self.in_steps() as steps:
            while has_more:
                with steps.step(self.changing_existing(scope, scrubs=False)) as edit:
                    has_more = edit.drop_some(
                        _ROWS_DROPPED_AT_ONCE, _ROWS_WITH_PICTURES_DROPPED_AT_ONCE
                    )
                    if not has_more:
                        edit.drop()

    def insert_photos(
        self, edit: GalleryEdit, person: StoredPerson, photos: Sequence[NewPhoto]
    ) -> None:
        """Add photos to a person, all or none.

        Raises
        ------
        ConflictError
            The person has one of the files already, or one comes twice; says which.
        QuotaError
            More photos than a person, or a project, may have.
        GalleryModelError
            The gallery's embeddings are another network's.
        """
        self.check_photos(photos)
        if photos and edit.state.model != self.model:
            raise GalleryModelError(self.other_model(edit.state))
        known = edit.digests(person.number) if person.person.photo_count else {}
        limit = self.rules.photos_per_person
        if len(known) + len(photos) > limit:
            raise QuotaError(f"a person may have {limit} photos")
        self.check_room(edit, len(photos))
        places: dict[str, int] = {}
        for place, photo in enumerate(photos):
            number = known.get(photo.digest)
            if number is not None:
                there = edit.get_photo_id(number)
                raise ConflictError(f"photos[{place}] is there already (photo {there})")
            first = places.setdefault(photo.digest, place)
            if first != place:
                raise ConflictError(f"photos[{place}] is the same file as photos[{first}]")
        edit.insert_photos(person.number, [self._record(edit.state, photo) for photo in photos])

    def check_room(self, edit: GalleryEdit, count: int) -> None:
        """See that the project may have so many photos more; raises ``QuotaError``."""
        if edit.photo_count + count > self.rules.photos_per_project:
            raise QuotaError(
                f"the project's gallery may have {self.rules.photos_per_project} photos "
                "(setting gallery_photo_limit)"
            )

    def check_photos(self, photos: Sequence[NewPhoto]) -> None:
        """See that photos can be stored; raises ``InvalidParameterError``."""
        for fault in filter(None, map(find_fault, photos)):
            raise InvalidParameterError("photos", fault)

    def merge(self, edit: GalleryEdit, into: StoredPerson, others: Sequence[StoredPerson]) -> None:
        """Move photos and names of others to a person, and remove these others.

        Of more than 20 aliases together the first stay: those of the person, then the names and
        aliases of the others in their order. The rest is gone with the others.
        """
        known = edit.digests(into.number)
        facts = into.person.facts
        names: list[str] = []
        for other in others:
            theirs = edit.digests(other.number)
            edit.delete_photos(
                other.number, [number for digest, number in theirs.items() if digest in known]
            )
            known |= theirs
            if len(known) > self.rules.photos_per_person:
                raise QuotaError(
                    f"together they have more than the {self.rules.photos_per_person} photos that "
                    "a person may have: remove some first"
                )
            edit.move_photos(other.number, into.number)
            edit.delete_person(other.number)
            said = other.person.facts
            names += [name for name in (said.name_zh, said.name_en, *said.aliases) if name]
            facts = replace(
                facts,
                name_zh=facts.name_zh or said.name_zh,
                name_en=facts.name_en or said.name_en,
                occupation=facts.occupation or said.occupation,
                link=facts.link or said.link,
            )
        merged = add_aliases(facts, names)
        edit.update_person(into, facts=merged, enabled=None, at=self.now())

    def other_model(self, state: GalleryState) -> str:
        """Say in words that the gallery's embeddings are another network's."""
        return (
            f"the gallery holds embeddings of {state.model}, and faces are read by {self.model} "
            "now: re-embed the gallery (huiyan celebrity reembed), or drop it"
        )

    def scrub(self) -> bool:
        """Wipe from the database's files what was removed, if that is still to be done."""
        if not self._may_hold_removed:
            return True
        # Before the wiping: what another thread removes meanwhile may have come too late for it.
        self._may_hold_removed = is_wiped = False
        try:
            is_wiped = self.repository.wipe_removed()
        finally:
            self._may_hold_removed |= not is_wiped
        return is_wiped

    @contextmanager
    def _following(
        self, scope: Scope, new: Callable[[], NewGallery] | None, *, scrubs: bool = True
    ) -> Iterator[GalleryEdit]:
        with self.repository.editing(scope, new) as edit:
            yield edit
        if edit.has_removed:
            self._may_hold_removed = True
        # It is stored: what fails from here on is done again by ``follow`` and ``scrub``.
        with suppress(HuiyanError):
            if edit.is_dropped:
                self.cipher.forget(edit.state.id)
                if self._memory is not None:
                    self._memory.forget(scope)
            elif self._memory is not None:
                self._memory.refresh(scope)
        if edit.has_removed and scrubs:
            with suppress(HuiyanError):
                self.scrub()

    def _founding(self) -> NewGallery:
        gallery_id = GalleryId(new_hex_id())
        key = self.cipher.new_key(gallery_id) if self.rules.encrypts else None
        return NewGallery(
            id=gallery_id,
            model=self.model,
            dimensions=DIMENSIONS,
            uses_starter=self.rules.uses_starter,
            keeps_pictures=self.rules.keeps_pictures,
            sealed_key=None if key is None else key.ciphertext,
            instance_key_id=None if key is None else key.instance_key_id,
            created_at=self.now(),
        )

    def _record(self, state: GalleryState, photo: NewPhoto) -> PhotoRecord:
        photo_id = PhotoId(new_hex_id())
        picture = photo.picture if state.keeps_pictures else None
        return PhotoRecord(
            number=0,  # given by the edit
            id=photo_id,
            digest=photo.digest,
            quality=float(photo.quality),
            side_px=float(photo.side_px),
            model=self.model,
            embedding=self.cipher.seal_embedding(state, photo_id, photo.embedding),
            picture=picture and self.cipher.seal_picture(state, photo_id, picture),
            created_at=self.now(),
        )


class GallerySteps:
    """The transactions of a long change, one behind the other, with room for others between."""

    def __init__(self) -> None:
        self._pause_s = 0.0

    @contextmanager
    def step(self, change: AbstractContextManager[GalleryEdit]) -> Iterator[GalleryEdit]:
        """Make a transaction, after a pause as long as the one before held up all other writers."""
        time.sleep(self._pause_s)
        with change as edit:
            began_s = time.monotonic()
            yield edit
        self._pause_s = max(_LEAST_PAUSE_S, time.monotonic() - began_s)


def find_fault(photo: NewPhoto) -> str | None:
    """Say why a photo cannot be stored.

    Returns
    -------
    str or None
        None if it can.
    """
    length = float(np.linalg.norm(photo.embedding.astype(np.float64)))
    picture_bytes = 0 if photo.picture is None else len(photo.picture)
    claims = (
        (
            photo.embedding.shape == (DIMENSIONS,),
            f"an embedding must have {DIMENSIONS} numbers",
        ),
        # Written so that NaN does not pass.
        (abs(length - 1.0) <= _LENGTH_TOLERANCE, "an embedding must have length 1"),
        (
            _DIGEST.fullmatch(photo.digest) is not None,
            "a digest must be 64 lower-case hexadecimal digits",
        ),
        (0.0 <= photo.quality <= 1.0, "a quality must be 0 to 1"),
        (0.0 < photo.side_px <= MOST_SIDE_PX, "a face's side must be more than 0 px"),
        (
            picture_bytes <= MOST_PICTURE_BYTES,
            f"a kept picture must not exceed {MOST_PICTURE_BYTES} bytes",
        ),
    )
    return next((fault for holds, fault in claims if not holds), None)


def _check_scope(scope: Scope) -> None:
    if scope.project_id is None:
        raise InvalidParameterError("project_id", "a gallery is a project's")
