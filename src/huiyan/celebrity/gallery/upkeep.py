"""Looking after a project's gallery as a whole.

Owns: what concerns the gallery rather than one person: how it works, what may be wrong in it, and
how it goes elsewhere. Has no opinion on: who may ask, who is told, and how it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.duplicates import find_duplicates, find_misfits
from huiyan.celebrity.gallery.model import (
    GallerySummary,
    ImportReport,
    LikelyDuplicate,
    Misfit,
    ModelId,
    ReembedReport,
)
from huiyan.celebrity.gallery.reembed import Originals, PhotoReader, reembed_gallery
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.store_model import MemoryRefresher
from huiyan.celebrity.gallery.transfer import export_gallery, import_gallery
from huiyan.celebrity.gallery.writer import GalleryRules, GalleryWriter
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import InvalidParameterError
from huiyan.persistence.query import Scope

MOST_FOUND = 1000
DUPLICATE_SIMILARITY = 0.5
"""Cosine above which photos of two people are so alike that these may be one."""
MISFIT_SIMILARITY = 0.2
"""Cosine below which a photo does not look like the others of its person."""


class GalleryUpkeep:
    """The part of ``GalleryService`` that is about whole galleries.

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
        self._repository = repository
        self._cipher = cipher
        self._model = model
        self._writer = GalleryWriter(repository, cipher, model, clock, rules=rules, memory=memory)

    def describe(self, scope: Scope) -> GallerySummary:
        """Tell what the gallery is like and how large; also where there is none yet.

        Returns
        -------
        GallerySummary
            Cheap to ask for.
        """
        return self._writer.describe(scope)

    def configure(
        self,
        scope: Scope,
        *,
        uses_starter: bool | None = None,
        keeps_pictures: bool | None = None,
    ) -> GallerySummary:
        """Change how the gallery works; None leaves as it is.

        Pictures that are kept already stay where ``keeps_pictures`` becomes false.
        """
        with self._writer.changing(scope) as edit:
            edit.configure(uses_starter=uses_starter, keeps_pictures=keeps_pictures)
        return self.describe(scope)

    def drop(self, scope: Scope) -> None:
        """Remove the whole gallery with its data key; raises ``NotFoundError`` if there is none.

        A large one goes in steps, with pauses for other writers.
        """
        self._writer.drop(scope)

    def duplicates(
        self, scope: Scope, limit: int = 100, similarity: float = DUPLICATE_SIMILARITY
    ) -> tuple[LikelyDuplicate, ...]:
        """Find people who may be one, the most alike first; takes minutes for 100,000 people.

        Raises
        ------
        InvalidParameterError
            ``limit`` lies outside 1 to 1000, or ``similarity`` outside 0 to 1.
        """
        _check_looking(limit, similarity)
        state = self._repository.state(scope)
        if state is None:
            return ()
        return find_duplicates(
            self._repository, self._cipher, scope, state, limit=limit, similarity=similarity
        )

    def misfits(
        self, scope: Scope, limit: int = 100, similarity: float = MISFIT_SIMILARITY
    ) -> tuple[Misfit, ...]:
        """Find photos that do not look like the other photos of their person, the oddest first.

        Raises
        ------
        InvalidParameterError
            ``limit`` lies outside 1 to 1000, or ``similarity`` outside 0 to 1.
        """
        _check_looking(limit, similarity)
        state = self._repository.state(scope)
        if state is None:
            return ()
        return find_misfits(
            self._repository, self._cipher, scope, state, limit=limit, similarity=similarity
        )

    def scrub(self) -> bool:
        """Try again to wipe from the database's files what was removed.

        Returns
        -------
        bool
            False as long as a long reading keeps it there; true also where nothing was left to do.
        """
        return self._writer.scrub()

    def export(self, scope: Scope, *, pictures: bool = False) -> Iterator[bytes]:
        """Write the gallery as JSON Lines (``docs/celebrity.md``), one line an item.

        Parameters
        ----------
        scope : Scope
            Whose gallery.
        pictures : bool, default False
            Whether kept pictures go along.

        Yields
        ------
        bytes
            A line with its line feed. The last one holds the hash of all before it.

        Raises
        ------
        NotFoundError
            The project has no gallery.
        ConflictError
            It was changed while it was written: begin again.
        """
        yield from export_gallery(self._repository, self._cipher, scope, pictures=pictures)

    def import_(self, scope: Scope, lines: Iterable[bytes]) -> ImportReport:
        """Read what ``export`` wrote; whoever is here already gains the photos they lack.

        The whole file is checked before anything is stored. It is stored some people at a time,
        with pauses for other writers, and one import or ``drop`` at a time in a process: after a
        kill the same import goes on where it stopped, and a second one changes nothing.

        Parameters
        ----------
        scope : Scope
            Whose gallery.
        lines : iterable of bytes
            Pieces of the file, cut anywhere, such as an open binary file.

        Raises
        ------
        GalleryFileError
            It is truncated, altered, or of another form; nothing was stored.
        GalleryModelError
            Its embeddings are another network's; nothing was stored.
        QuotaError
            More photos than a project may have; those before are stored.
        """
        return import_gallery(self._writer, scope, lines)

    def reembed(
        self,
        scope: Scope,
        photo_reader: PhotoReader,
        originals: Originals | None = None,
        *,
        drop_rest: bool = False,
    ) -> ReembedReport:
        """Make embeddings of the present network for photos of another one; may be repeated.

        Parameters
        ----------
        scope : Scope
            Whose gallery.
        photo_reader : callable
            Gives the new embedding of a picture (bytes), or None if it shows no fit face.
        originals : callable, optional
            Gives the original file (bytes) by its digest, or None; asked before kept pictures.
        drop_rest : bool, default False
            Whether photos that cannot be embedded are removed.

        Returns
        -------
        ReembedReport
            The gallery switches to the present network once no photo of another is left.

        Raises
        ------
        NotFoundError
            The project has no gallery.
        """
        return reembed_gallery(self._writer, scope, photo_reader, originals, drop_rest=drop_rest)


def _check_looking(limit: int, similarity: float) -> None:
    if not 1 <= limit <= MOST_FOUND:
        raise InvalidParameterError("limit", f"must be 1 to {MOST_FOUND}")
    if not 0.0 <= similarity <= 1.0:
        raise InvalidParameterError("similarity", "must be 0 to 1")
