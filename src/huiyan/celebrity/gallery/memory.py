"""Galleries in memory: who a face may be.

Owns: that a project's gallery is loaded on first use, follows its changes, and makes way for others
when memory is short; and that the starter gallery and the project's own are searched as one. Has no
opinion on: how galleries are stored, how embeddings are compared, and which confidence is enough.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from threading import Lock

import numpy as np

from huiyan.celebrity.gallery.comparison import Comparison, Starter
from huiyan.celebrity.gallery.snapshot import Likeness, Look, Snapshot
from huiyan.celebrity.gallery.store_model import (
    EmbeddingOpener,
    GalleryReader,
    GalleryState,
    StoredPerson,
    StoredPhoto,
)
from huiyan.celebrity.model import Candidate
from huiyan.celebrity.search.flat import FlatIndex
from huiyan.kernel.errors import GalleryModelError, HuiyanError, InstanceKeyError, OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope

MOST_PROJECTS = 4096
"""How many projects are followed at the most, with or without a gallery of their own."""

ASKED_AT_ONCE = 500
_WHOLE = 0


class _Slot:
    """A project's place: a snapshot that may be read at any time, a lock for changing it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.lock = Lock()
        self.snapshot: Snapshot | None = None
        self.is_gone = False


class GalleryMemory:
    """Knows who is alike, for every project.

    One instance serves all threads. Projects load side by side; a project loads once.

    Parameters
    ----------
    galleries : GalleryReader
        Reads what is stored.
    opener : EmbeddingOpener
        Makes numbers of stored embeddings.
    starter : Starter
        The gallery that all projects share; may be empty.
    comparison : Comparison
        How faces are compared.
    limit_bytes : int
        How much memory projects' galleries may take together; the one that was used last stays
        even if it alone takes more.

    Raises
    ------
    OperatorError
        The starter gallery was made by another network.
    """

    def __init__(
        self,
        galleries: GalleryReader,
        opener: EmbeddingOpener,
        starter: Starter,
        comparison: Comparison,
        limit_bytes: int,
    ) -> None:
        if starter.people and starter.model != comparison.model:
            raise OperatorError(
                f"the starter gallery was made by {starter.model}, and faces are read by "
                f"{comparison.model}: switch it off (starter_gallery), or build it anew "
                "(tools/build_starter_gallery.py)"
            )
        self._galleries = galleries
        self._opener = opener
        self._model = comparison.model
        self._dimensions = comparison.dimensions
        self._calibration = comparison.calibration
        self._open_empty = comparison.open_empty
        self._limit_bytes = limit_bytes
        self._starter = _starter_snapshot(starter, comparison.dimensions)
        self._lock = Lock()
        self._slots: OrderedDict[Scope, _Slot] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Tell about how much memory projects' galleries take.

        Returns
        -------
        int
            Bytes.
        """
        return sum(snapshot.nbytes for slot in self._all() if (snapshot := slot.snapshot))

    def prepare(self, scope: Scope) -> None:
        """Load a project's gallery if it is not in memory: a large one takes seconds.

        Parameters
        ----------
        scope : Scope
            Names a project.

        Raises
        ------
        InstanceKeyError
            The project's gallery is encrypted under a key that is not there.
        DatabaseError
            The gallery could not be loaded.
        """
        self._snapshot(scope)

    def identify(
        self, scope: Scope, embeddings: FloatArray, side_px: FloatArray, count: int
    ) -> tuple[tuple[Candidate, ...], ...]:
        """Tell who faces may be.

        Parameters
        ----------
        scope : Scope
            Whose gallery is searched beside the one that comes with Huiyan; names a project.
        embeddings : ndarray of shape (Q, D), float32
            Of faces; unit length; Q may be 0.
        side_px : ndarray of shape (Q,), float32
            How large the faces are in px.
        count : int
            How many people at most for each, 1 and above.

        Returns
        -------
        tuple of tuple of Candidate
            For each face the likeliest first; each person once, none that is disabled.

        Raises
        ------
        GalleryModelError
            The project's gallery was made by another network.
        InstanceKeyError
            The project's gallery is encrypted under a key that is not there.
        DatabaseError
            The gallery could not be loaded.
        """
        if not len(embeddings):
            return ()
        state, own = self._look(scope, embeddings, count)
        looks = [own]
        if (state is None or state.uses_starter) and (
            shared := self._starter.look(embeddings, count)
        ):
            looks.append(shared)
        photos = sum(it.photos for it in looks)
        return tuple(
            self._candidates([it.people[face] for it in looks], photos, side_px[face], count)
            for face in range(len(embeddings))
        )

    def refresh(self, scope: Scope) -> None:
        """See a project's changes now; what is not in memory stays out of it.

        Where the changes alone cannot be read, the gallery is forgotten, and loaded when it is
        used.

        Parameters
        ----------
        scope : Scope
            Names a project.
        """
        with self._lock:
            slot = self._slots.get(scope)
        if slot is not None:
            with slot.lock:
                self._update(slot)
            self._make_room(slot)

    def forget(self, scope: Scope) -> None:
        """Forget a project's gallery: its embeddings are overwritten before this returns.

        Parameters
        ----------
        scope : Scope
            Names a project.
        """
        with self._lock:
            slot = self._slots.pop(scope, None)
        if slot is not None:
            _close(slot)

    def follow(self) -> None:
        """See what other processes changed in the galleries that are in memory.

        Galleries that are just being loaded are left for the next time.

        Raises
        ------
        DatabaseError
            The database cannot be asked how new galleries are.
        """
        slots = self._all()
        for start in range(0, len(slots), ASKED_AT_ONCE):
            self._follow(slots[start : start + ASKED_AT_ONCE])
        if slots:
            self._make_room(slots[-1])

    def _follow(self, slots: Sequence[_Slot]) -> None:
        projects = {it.scope.project_id for it in slots if it.scope.project_id is not None}
        marks = self._galleries.revisions(sorted(projects))
        for slot in slots:
            project, snapshot = slot.scope.project_id, slot.snapshot
            if project is None or snapshot is None:
                continue
            state = snapshot.state
            known = None if state is None else state.mark
            if marks.get(project) == known or not slot.lock.acquire(blocking=False):
                continue
            try:
                self._update(slot)
            finally:
                slot.lock.release()

    def _candidates(
        self, found: Sequence[Sequence[Likeness]], photos: int, side_px: np.float32, count: int
    ) -> tuple[Candidate, ...]:
        best = sorted((it for some in found for it in some), key=lambda it: -it.similarity)[:count]
        similarities = np.array([it.similarity for it in best], np.float32)
        sides = np.full(len(best), side_px, np.float32)
        sure = self._calibration.confidence(similarities, max(1, photos), sides)
        return tuple(
            Candidate(it.person, it.similarity, float(confidence))
            for it, confidence in zip(best, sure, strict=True)
        )

    def _look(
        self, scope: Scope, embeddings: FloatArray, count: int
    ) -> tuple[GalleryState | None, Look]:
        while True:
            snapshot = self._snapshot(scope)
            state = snapshot.state
            if state is not None:
                self._check_model(state)
            look = snapshot.look(embeddings, count)
            if look is not None:
                return state, look

    def _check_model(self, state: GalleryState) -> None:
        if self._is_foreign(state):
            raise GalleryModelError(
                f"the gallery's embeddings were made by {state.model}, and faces are read by "
                f"{self._model}: make them anew from the photos with `huiyan celebrity reembed`"
            )

    def _is_foreign(self, state: GalleryState) -> bool:
        return state.model != self._model or state.dimensions != self._dimensions

    def _all(self) -> list[_Slot]:
        with self._lock:
            return list(self._slots.values())

    def _snapshot(self, scope: Scope) -> Snapshot:
        """Give the project's snapshot, loaded if need be."""
        while True:
            with self._lock:
                slot = self._slots.setdefault(scope, _Slot(scope))
                self._slots.move_to_end(scope)
            snapshot = slot.snapshot
            if snapshot is not None:
                return snapshot
            with slot.lock:
                if slot.is_gone:
                    continue
                if slot.snapshot is None:
                    slot.snapshot = self._load(scope)
                snapshot = slot.snapshot
            self._make_room(slot)
            return snapshot

    def _make_room(self, used: _Slot) -> None:
        """Forget what was used longest ago until the rest fits.

        The slot just used stays, and so do those that are being loaded: nobody waits for them.
        """
        while True:
            too_much = self.nbytes > self._limit_bytes
            with self._lock:
                rest = (it for it in self._slots.values() if it is not used)
                oldest = next((it for it in rest if not it.lock.locked()), None)
                if oldest is None or not (too_much or len(self._slots) > MOST_PROJECTS):
                    return
                del self._slots[oldest.scope]
            _close(oldest)

    def _load(self, scope: Scope) -> Snapshot:
        """Read a gallery from nothing; where that fails, nothing stays."""
        while True:
            state = self._galleries.state(scope)
            try:
                return self._load_as(scope, state)
            except InstanceKeyError:
                now = self._galleries.state(scope)
                if state is None or (now is not None and now.id == state.id):
                    raise

    def _load_as(self, scope: Scope, state: GalleryState | None) -> Snapshot:
        snapshot = Snapshot(self._open_empty(self._dimensions), state)
        with ExitStack() as stack:
            stack.callback(snapshot.close)
            if state is not None and not self._is_foreign(state):
                self._read(scope, snapshot, state, _WHOLE)
            stack.pop_all()
        return snapshot

    def _update(self, slot: _Slot) -> None:
        """Bring a loaded slot, whose lock is held, up to date.

        What would have to be read from nothing, or cannot be read, is forgotten: whoever follows
        has others to follow, and it is loaded when it is used.
        """
        old = slot.snapshot
        if old is None:
            return
        new: Snapshot | None = None
        try:
            state = self._galleries.state(slot.scope)
            if state is not None and old.state is not None and self._goes_on(old.state, state):
                self._read(slot.scope, old, state, old.state.revision)
                old.settle(state)
                new = old
        except HuiyanError:
            new = None
        finally:
            slot.snapshot = new
            if new is None:
                old.close()

    def _goes_on(self, old: GalleryState, new: GalleryState) -> bool:
        return (
            old.id == new.id
            and old.model == new.model
            and new.oldest_revision <= old.revision <= new.revision
            and not self._is_foreign(new)
        )

    def _read(self, scope: Scope, snapshot: Snapshot, state: GalleryState, since: int) -> None:
        for people in self._galleries.people(scope, since):
            snapshot.change_people(people)
        for photos in self._galleries.load(scope, since):
            self._take_photos(snapshot, state, photos)
        if since != _WHOLE:
            snapshot.remove(self._galleries.removals(scope, since))

    def _take_photos(
        self, snapshot: Snapshot, state: GalleryState, photos: Sequence[StoredPhoto]
    ) -> None:
        numbers = np.array([it.number for it in photos], np.int64)
        people = np.array([it.person_number for it in photos], np.int64)
        new = snapshot.give(numbers, people)
        if len(new):
            embeddings = self._opener.embeddings(state, [photos[place] for place in new])
            snapshot.add(numbers[new], people[new], embeddings)
            embeddings.fill(0)


def _close(slot: _Slot) -> None:
    with slot.lock:
        slot.is_gone = True
        snapshot, slot.snapshot = slot.snapshot, None
        if snapshot is not None:
            snapshot.close()


def _starter_snapshot(starter: Starter, dimensions: int) -> Snapshot:
    snapshot = Snapshot(FlatIndex(dimensions), None)
    snapshot.change_people([StoredPerson(at, it) for at, it in enumerate(starter.people)])
    if len(starter.owners):
        numbers = np.arange(len(starter.owners), dtype=np.int64)
        snapshot.add(numbers, starter.owners.astype(np.int64), starter.embeddings)
    return snapshot
