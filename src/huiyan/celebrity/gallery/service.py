"""What can be done with a project's gallery.

Owns: each deed as one transaction, and that the memory of this process sees it. Has no opinion on:
who may do it, who is told of it, and how it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.facts import check_facts
from huiyan.celebrity.gallery.model import (
    ModelId,
    NewPhoto,
    PeoplePage,
    Person,
    PersonFacts,
    PersonId,
    Photo,
    PhotoId,
)
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.store_model import GalleryState, MemoryRefresher
from huiyan.celebrity.gallery.upkeep import GalleryUpkeep
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.celebrity.model import Candidate
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import GalleryModelError, InvalidParameterError, NotFoundError
from huiyan.kernel.ids import new_hex_id
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope

MOST_LISTED = 1000
MOST_ALIKE = 5
ALIKE_CONFIDENCE = 0.9


class Finder(Protocol):
    """Tells who a face may be (``memory.GalleryMemory``)."""

    def identify(
        self, scope: Scope, embeddings: FloatArray, side_px: FloatArray, count: int
    ) -> tuple[tuple[Candidate, ...], ...]:
        """Give the likeliest people for each of (Q, D) embeddings."""
        ...


@dataclass(frozen=True, slots=True)
class Addition:
    """A person who was added.

    Parameters
    ----------
    person : Person
        Who.
    alike : tuple of Candidate
        Who was there already and is likely the same, the likeliest first.
    """

    person: Person
    alike: tuple[Candidate, ...]


class GalleryService(GalleryUpkeep):
    """The galleries of all projects; a scope must name its project. Serves all threads.

    A gallery comes to be with the first person or the first ``configure``. Nothing is changed
    halfway: a deed that raises has changed nothing.

    Parameters
    ----------
    repository : GalleryRepository
        Where galleries are stored.
    cipher : GalleryCipher
        Seals them.
    model : ModelId
        The network that makes embeddings now (``FaceReader.model_id``).
    clock : Clock
        Tells the time.
    rules : GalleryRules
        Limits, and what a new gallery is like.
    memory : MemoryRefresher, optional
        Told after each change.
    finder : Finder, optional
        Tells who looks like a new person; without it nobody does.
    """

    def __init__(  # noqa: PLR0913 -- all are needed, and none belongs to another
        self,
        repository: GalleryRepository,
        cipher: GalleryCipher,
        model: ModelId,
        clock: Clock,
        *,
        rules: GalleryRules = GalleryRules(),  # noqa: B008 -- frozen
        memory: MemoryRefresher | None = None,
        finder: Finder | None = None,
    ) -> None:
        super().__init__(repository, cipher, model, clock, rules=rules, memory=memory)
        self._finder = finder

    def add_person(
        self, scope: Scope, facts: PersonFacts, photos: Sequence[NewPhoto] = ()
    ) -> Addition:
        """Add a person; people may share names.

        Returns
        -------
        Addition
            The person, and who of the gallery is likely the same (``alike``).

        Raises
        ------
        InvalidParameterError, MissingParameterError
            A fact is malformed (named as in ``PersonFacts``), or no name is given.
        ConflictError
            A file comes twice among the photos.
        QuotaError
            More photos than a person, or a project, may have.
        GalleryModelError
            The gallery's embeddings are another network's: re-embed it first.
        """
        checked = check_facts(facts)
        alike = self._find_alike(scope, photos)
        with self._writer.changing(scope) as edit:
            person = edit.insert_person(
                PersonId(new_hex_id()), checked, enabled=True, at=self._writer.now()
            )
            self._writer.insert_photos(edit, person, photos)
            added = edit.get_person(person.person.id)
        return Addition(added.person, alike)

    def list_people(
        self,
        scope: Scope,
        text: str | None = None,
        enabled: bool | None = None,  # noqa: FBT001 -- three states, none of them a mode
        limit: int = 100,
        marker: int | None = None,
    ) -> PeoplePage:
        """List people in the order in which they were added.

        Parameters
        ----------
        scope : Scope
            Whose gallery.
        text : str, optional
            Part of a name, an alias or an id; upper and lower case are the same.
        enabled : bool, optional
            Only those who are, or are not.
        limit : int, default 100
            1 to 1000 people a page.
        marker : int, optional
            ``PeoplePage.next_marker`` of the page before.

        Raises
        ------
        InvalidParameterError
            ``limit`` or ``marker`` lies out of range.
        """
        if not 1 <= limit <= MOST_LISTED:
            raise InvalidParameterError("limit", f"must be 1 to {MOST_LISTED}")
        if marker is not None and not 0 <= marker < 1 << 62:
            raise InvalidParameterError("marker", "must be a marker of the page before")
        return self._repository.list_people(scope, text, enabled, limit, marker)

    def get_person(self, scope: Scope, person_id: PersonId) -> Person:
        """Give a person; raises ``NotFoundError``."""
        return self._repository.get_person(scope, person_id).person

    def find_people_by_name(self, scope: Scope, *names: str) -> tuple[Person, ...]:
        """Find everybody who has one of the names as one of theirs, aliases among them.

        Upper and lower case, full and half width are the same; the one added first stands first.
        """
        return self._repository.find_people_by_name(scope, names)

    def change_person(
        self,
        scope: Scope,
        person_id: PersonId,
        *,
        facts: PersonFacts | None = None,
        enabled: bool | None = None,
    ) -> Person:
        """Change who somebody is said to be, or whether they are looked for; None leaves as it is.

        Raises
        ------
        InvalidParameterError, MissingParameterError
            A fact is malformed, or no name is given.
        NotFoundError
            There is no such person.
        """
        checked = None if facts is None else check_facts(facts)
        with self._writer.changing_existing(scope) as edit:
            person = edit.get_person(person_id)
            edit.update_person(person, facts=checked, enabled=enabled, at=self._writer.now())
            changed = edit.get_person(person_id)
        return changed.person

    def remove_person(self, scope: Scope, person_id: PersonId) -> None:
        """Remove a person with all photos, embeddings and pictures; raises ``NotFoundError``."""
        with self._writer.changing_existing(scope) as edit:
            edit.delete_person(edit.get_person(person_id).number)

    def list_photos(self, scope: Scope, person_id: PersonId) -> tuple[Photo, ...]:
        """List a person's photos in the order in which they came; raises ``NotFoundError``."""
        return self._repository.list_photos(scope, person_id)

    def get_picture(self, scope: Scope, person_id: PersonId, photo_id: PhotoId) -> bytes:
        """Give the face's pixels of a photo as JPEG; ``NotFoundError`` where none are kept."""
        state = self._get_state(scope)
        person = self._repository.get_person(scope, person_id)
        stored = self._repository.find_picture(scope, person.number, photo_id)
        if stored is None:
            raise NotFoundError(f"person {person_id} has no photo {photo_id} whose picture is kept")
        return self._cipher.open_picture(state, photo_id, stored)

    def add_photos(
        self, scope: Scope, person_id: PersonId, photos: Sequence[NewPhoto]
    ) -> tuple[Photo, ...]:
        """Give a person further photos, all or none.

        The same file may stand for two people (a group photo), but only once for one.

        Returns
        -------
        tuple of Photo
            All of the person's photos.

        Raises
        ------
        NotFoundError
            There is no such person.
        ConflictError
            The person has one of the files already, or one comes twice; the text says which
            (``photos[2]``, counted from 0).
        QuotaError
            More photos than a person, or a project, may have.
        GalleryModelError
            The gallery's embeddings are another network's.
        """
        with self._writer.changing_existing(scope) as edit:
            self._writer.insert_photos(edit, edit.get_person(person_id), photos)
        return self.list_photos(scope, person_id)

    def remove_photo(self, scope: Scope, person_id: PersonId, photo_id: PhotoId) -> None:
        """Remove one photo, embedding and picture; raises ``NotFoundError``."""
        with self._writer.changing_existing(scope) as edit:
            if not edit.delete_photo(edit.get_person(person_id).number, photo_id):
                raise NotFoundError(f"person {person_id} has no photo {photo_id}")

    def merge(self, scope: Scope, into_id: PersonId, from_ids: Sequence[PersonId]) -> Person:
        """Make several people one: photos move, other names become aliases, the others are gone.

        The first 20 aliases stay: those of ``into_id``, then the names and aliases of the others in
        the order given.

        Returns
        -------
        Person
            The one who is left; an empty occupation or link is taken from the others.

        Raises
        ------
        InvalidParameterError
            ``from_ids`` is empty or names ``into_id``, or one twice.
        NotFoundError
            One of them is not there (any longer).
        QuotaError
            More photos together than a person may have.
        """
        if not from_ids or into_id in from_ids or len(set(from_ids)) != len(from_ids):
            raise InvalidParameterError("from_ids", "must name other people, each once")
        with self._writer.changing_existing(scope) as edit:
            self._writer.merge(
                edit, edit.get_person(into_id), [edit.get_person(one) for one in from_ids]
            )
            merged = edit.get_person(into_id)
        return merged.person

    def likeness(self, scope: Scope, person_id: PersonId, embeddings: FloatArray) -> FloatArray:
        """Give each of (N, D) unit embeddings' greatest cosine with the person's photos.

        Returns
        -------
        ndarray of shape (N,), float32
            NaN where the person has no photo of the gallery's network.
        """
        state = self._get_state(scope)
        if state.model != self._model:
            raise GalleryModelError(self._writer.other_model(state))
        person = self._repository.get_person(scope, person_id)
        photos = self._repository.photos_of(scope, state.model, person.number)
        if not photos:
            return np.full(len(embeddings), np.nan, np.float32)
        stored = self._cipher.embeddings(state, photos)
        return np.asarray((embeddings @ stored.T).max(axis=1), np.float32)

    def _get_state(self, scope: Scope) -> GalleryState:
        state = self._repository.state(scope)
        if state is None:
            raise NotFoundError("this project has no gallery yet")
        return state

    def _find_alike(self, scope: Scope, photos: Sequence[NewPhoto]) -> tuple[Candidate, ...]:
        if self._finder is None or not photos:
            return ()
        state = self._repository.state(scope)
        if state is not None and state.model != self._model:
            raise GalleryModelError(self._writer.other_model(state))
        self._writer.check_photos(photos)
        embeddings = np.stack([photo.embedding for photo in photos]).astype(np.float32)
        sides = np.array([photo.side_px for photo in photos], np.float32)
        best: dict[PersonId, Candidate] = {}
        for candidates in self._finder.identify(scope, embeddings, sides, MOST_ALIKE):
            for one in candidates:
                known = best.get(one.person.id)
                if known is None or known.confidence < one.confidence:
                    best[one.person.id] = one
        likely = [one for one in best.values() if one.confidence >= ALIKE_CONFIDENCE]
        return tuple(sorted(likely, key=lambda one: -one.confidence)[:MOST_ALIKE])
