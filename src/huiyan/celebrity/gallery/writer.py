"""What every change of a gallery has in common.

Owns: how a gallery comes to be, the rules that photos are held to, and what follows a change: the
memory of this process sees it, and what was removed is wiped from the database's files. Has no
opinion on: which changes there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from huiyan.celebrity.gallery.changes.repository import GalleryEdit
from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.facts import MOST_ALIASES, check_facts
from huiyan.celebrity.gallery.model import (
    GallerySummary,
    ModelId,
    NewPhoto,
    PhotoId,
)
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
MOST_PICTURE_BYTES = 1024 * 1024
MOST_SIDE_PX = 100_000.0
_LENGTH_TOLERANCE = 0.02
_PEOPLE_DROPPED_AT_ONCE = 5_000
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
    def changing_existing(self, scope: Scope) -> Iterator[GalleryEdit]:
        """Change the gallery; raises ``NotFoundError`` if there is none."""
        _check_scope(scope)
        with self._following(scope, None) as edit:
            yield edit

    def drop(self, scope: Scope) -> None:
        """Remove the whole gallery; a large one in steps, so that nobody waits for long.

        A process that is killed leaves a smaller gallery.
        """
        has_more = True
        while has_more:
            with self.changing_existing(scope) as edit:
                has_more = edit.drop_some(_PEOPLE_DROPPED_AT_ONCE)
                if not has_more:
                    edit.drop()

    def insert_photos(
        self, edit: GalleryEdit, person: StoredPerson, photos: Sequence[NewPhoto]
    ) -> None:
        """Add photos to a person, all or none.

        Raises
        ------
        ConflictError
            The person has one of the files already, or one comes twice.
        QuotaError
            More photos than a person, or a project, may have.
        GalleryModelError
            The gallery's embeddings are another network's.
        """
        self.check_photos(photos)
        if photos and edit.state.model != self.model:
            raise GalleryModelError(self.other_model(edit.state))
        known = set(edit.digests(person.number)) if person.person.photo_count else set()
        limit = self.rules.photos_per_person
        if len(known) + len(photos) > limit:
            raise QuotaError(f"a person may have {limit} photos")
        self.check_room(edit, len(photos))
        for photo in photos:
            if photo.digest in known:
                raise ConflictError(f"the person has photo {photo.digest[:12]} already")
            known.add(photo.digest)
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
        for photo in photos:
            fault = find_fault(photo)
            if fault is not None:
                raise InvalidParameterError("photos", fault)

    def merge(self, edit: GalleryEdit, into: StoredPerson, others: Sequence[StoredPerson]) -> None:
        """Move photos and names of others to a person, and remove these others."""
        known = edit.digests(into.number)
        facts = into.person.facts
        names: list[str] = [*facts.aliases]
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
        try:
            merged = check_facts(replace(facts, aliases=tuple(names)))
        except InvalidParameterError as error:
            raise QuotaError(
                f"together they have more than the {MOST_ALIASES} aliases that a person may have: "
                "remove some first"
            ) from error
        edit.update_person(into, facts=merged, enabled=None, at=self.now())

    def other_model(self, state: GalleryState) -> str:
        """Say in words that the gallery's embeddings are another network's."""
        return (
            f"the gallery holds embeddings of {state.model}, and faces are read by {self.model} "
            "now: re-embed the gallery (huiyan celebrity reembed), or drop it"
        )

    def scrub(self) -> bool:
        """Wipe from the database's files what was removed, if that is still to be done."""
        if self._may_hold_removed and self.repository.wipe_removed():
            self._may_hold_removed = False
        return not self._may_hold_removed

    @contextmanager
    def _following(
        self, scope: Scope, new: Callable[[], NewGallery] | None
    ) -> Iterator[GalleryEdit]:
        with self.repository.editing(scope, new) as edit:
            yield edit
        # It is stored: what fails from here on is done again by ``follow`` and ``scrub``.
        with suppress(HuiyanError):
            if edit.is_dropped:
                self.cipher.forget(edit.state.id)
                if self._memory is not None:
                    self._memory.forget(scope)
            elif self._memory is not None:
                self._memory.refresh(scope)
        if edit.has_removed:
            self._may_hold_removed = True
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
        keeps = state.keeps_pictures and photo.picture is not None
        return PhotoRecord(
            number=0,  # given by the edit
            id=photo_id,
            digest=photo.digest,
            quality=float(photo.quality),
            side_px=float(photo.side_px),
            model=self.model,
            embedding=self.cipher.seal_embedding(state, photo_id, photo.embedding),
            picture=self.cipher.seal_picture(state, photo_id, photo.picture)
            if keeps and photo.picture is not None
            else None,
            created_at=self.now(),
        )


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
