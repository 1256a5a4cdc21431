"""A store in which no project has a gallery.

Owns: that the starter gallery is searched alike where there is no database. Has no opinion on: who
is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from huiyan.celebrity.gallery.store_model import (
    GalleryMark,
    GalleryState,
    StoredPerson,
    StoredPhoto,
)
from huiyan.kernel.ids import ProjectId
from huiyan.kernel.units import FloatArray
from huiyan.persistence.query import Scope


class NothingStored:
    """Both what ``GalleryMemory`` reads and what it opens with, and nothing in it."""

    def state(self, scope: Scope) -> GalleryState | None:
        """Say that the project has no gallery.

        Parameters
        ----------
        scope : Scope
            Anybody's.

        Returns
        -------
        None
            Always.
        """
        del scope
        return None

    def revisions(self, projects: Sequence[ProjectId]) -> Mapping[ProjectId, GalleryMark]:
        """Say that no project has a gallery.

        Parameters
        ----------
        projects : sequence of ProjectId
            Any.

        Returns
        -------
        mapping of ProjectId to GalleryMark
            Empty.
        """
        del projects
        return {}

    def load(self, scope: Scope, since_revision: int = 0) -> Iterator[Sequence[StoredPhoto]]:
        """Read no photo.

        Parameters
        ----------
        scope : Scope
            Anybody's.
        since_revision : int
            Any.

        Returns
        -------
        iterator of sequence of StoredPhoto
            Empty.
        """
        del scope, since_revision
        return iter(())

    def people(self, scope: Scope, since_revision: int = 0) -> Iterator[Sequence[StoredPerson]]:
        """Read nobody.

        Parameters
        ----------
        scope : Scope
            Anybody's.
        since_revision : int
            Any.

        Returns
        -------
        iterator of sequence of StoredPerson
            Empty.
        """
        del scope, since_revision
        return iter(())

    def removals(self, scope: Scope, since_revision: int) -> Sequence[int]:
        """Say that nothing went.

        Parameters
        ----------
        scope : Scope
            Anybody's.
        since_revision : int
            Any.

        Returns
        -------
        sequence of int
            Empty.
        """
        del scope, since_revision
        return ()

    def embeddings(self, state: GalleryState, photos: Sequence[StoredPhoto]) -> FloatArray:
        """Open no photo.

        Parameters
        ----------
        state : GalleryState
            Any.
        photos : sequence of StoredPhoto
            None.

        Returns
        -------
        ndarray of shape (0, D), float32
            Empty.
        """
        del photos
        return np.empty((0, state.dimensions), np.float32)
