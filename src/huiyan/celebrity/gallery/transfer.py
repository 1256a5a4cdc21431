"""Galleries that go from one installation to another.

Owns: the order of the steps of an export and an import. Has no opinion on: the file's form
(``bundle``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from huiyan.celebrity.gallery.bundle import (
    PHOTOS_A_LINE,
    BundledPerson,
    BundleReader,
    BundleWriter,
    split_lines,
)
from huiyan.celebrity.gallery.changes.repository import GalleryEdit
from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.model import ImportReport, NewPhoto, Refusal
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.spool import Spool
from huiyan.celebrity.gallery.store_model import GalleryState, PhotoRecord, StoredPhoto
from huiyan.celebrity.gallery.writer import GalleryWriter
from huiyan.kernel.errors import ConflictError, GalleryModelError, NotFoundError
from huiyan.kernel.units import MIB_BYTES
from huiyan.persistence.query import Scope

_PEOPLE_A_STEP = 64
_PEOPLE_A_STEP_WITH_PICTURES = 1
_LINES_A_TRANSACTION = 100
_BYTES_A_TRANSACTION = MIB_BYTES
"""Other writers wait as long as a transaction takes, recognition among them."""
_ROW_BYTES = 1024
"""What a person, or a photo without its picture, counts."""
_MOST_REFUSALS = 1000


def export_gallery(
    repository: GalleryRepository, cipher: GalleryCipher, scope: Scope, *, pictures: bool
) -> Iterator[bytes]:
    """Do what ``GalleryService.export`` says.

    Parameters
    ----------
    repository : GalleryRepository
        Where galleries are stored.
    cipher : GalleryCipher
        Opens them.
    scope : Scope
        Whose gallery.
    pictures : bool
        Whether kept pictures go along.

    Yields
    ------
    bytes
        A line with its line feed.

    Raises
    ------
    NotFoundError
        The project has no gallery.
    ConflictError
        It was changed while it was written.
    """
    state = repository.state(scope)
    if state is None:
        raise NotFoundError("this project has no gallery yet")
    writer = BundleWriter()
    photo_count = state.photo_count - repository.count_others(scope, state.model)
    yield writer.header(state.model, state.dimensions, state.person_count, photo_count)
    after = 0
    step = _PEOPLE_A_STEP_WITH_PICTURES if pictures else _PEOPLE_A_STEP
    while people := repository.page_of_people(scope, after, step):
        records = repository.records_between(
            scope, state.model, people[0].number, people[-1].number, pictures=pictures
        )
        after = people[-1].number
        for stored in people:
            person = stored.person
            own = records.get(stored.number, [])
            for start in range(0, max(len(own), 1), PHOTOS_A_LINE):
                some = own[start : start + PHOTOS_A_LINE]
                yield writer.person(
                    person.id,
                    person.facts,
                    enabled=person.enabled,
                    photos=_open_photos(cipher, state, stored.number, some, pictures=pictures),
                )
    now = repository.state(scope)
    if now is None or now.mark != state.mark:
        raise ConflictError("the gallery was changed while it was exported: export it again")
    yield writer.end()


def _open_photos(
    cipher: GalleryCipher,
    state: GalleryState,
    person_number: int,
    records: list[PhotoRecord],
    *,
    pictures: bool,
) -> list[NewPhoto]:
    stored = [
        StoredPhoto(it.number, person_number, it.id, it.embedding, it.side_px, it.quality)
        for it in records
    ]
    return [
        NewPhoto(
            embedding,
            it.digest,
            it.quality,
            it.side_px,
            cipher.open_picture(state, it.id, it.picture)
            if pictures and it.picture is not None
            else None,
        )
        for it, embedding in zip(records, cipher.embeddings(state, stored), strict=True)
    ]


def import_gallery(writer: GalleryWriter, scope: Scope, pieces: Iterable[bytes]) -> ImportReport:
    """Do what ``GalleryService.import_`` says.

    Parameters
    ----------
    writer : GalleryWriter
        Changes galleries.
    scope : Scope
        Whose gallery.
    pieces : iterable of bytes
        The file, cut anywhere.

    Returns
    -------
    ImportReport
        What was done.

    Raises
    ------
    GalleryFileError, GalleryModelError
        Nothing was stored.
    QuotaError
        The project has no room for more; those before are stored.
    StoreError
        There is no room for a temporary file.
    """
    with Spool() as spool:
        checking = BundleReader()
        for line in split_lines(pieces):
            checking.read(line)
            spool.append(line)
        header = checking.finish()
        if header.model != writer.model:
            raise GalleryModelError(
                f"the file holds embeddings of {header.model}, and faces are read by "
                f"{writer.model} here: they never mix"
            )
        tally = _Tally()
        with writer.in_steps() as steps:
            for batch in _batches(spool):
                with steps.step(writer.changing(scope)) as edit:
                    for number, bundled in batch:
                        _store_person(writer, edit, number, bundled, tally)
    return tally.report()


def _batches(spool: Spool) -> Iterator[list[tuple[int, BundledPerson]]]:
    """Give what a transaction stores: people with their lines' numbers."""
    reading = BundleReader()
    batch: list[tuple[int, BundledPerson]] = []
    held_bytes = 0
    for number, line in enumerate(spool.lines(), start=1):
        person = reading.read(line)
        for part, part_bytes in _parts(person) if person is not None else ():
            if batch and held_bytes + part_bytes > _BYTES_A_TRANSACTION:
                yield batch
                batch, held_bytes = [], 0
            batch.append((number, part))
            held_bytes += part_bytes
        if len(batch) >= _LINES_A_TRANSACTION:
            yield batch
            batch, held_bytes = [], 0
    if batch:
        yield batch


def _parts(person: BundledPerson) -> Iterator[tuple[BundledPerson, int]]:
    """Cut a person into such as a transaction takes, each with its size."""
    some: list[NewPhoto] = []
    held_bytes = _ROW_BYTES
    for photo in person.photos:
        photo_bytes = _ROW_BYTES + len(photo.picture or b"")
        if some and held_bytes + photo_bytes > _BYTES_A_TRANSACTION:
            yield replace(person, photos=tuple(some)), held_bytes
            some, held_bytes = [], _ROW_BYTES
        some.append(photo)
        held_bytes += photo_bytes
    yield replace(person, photos=tuple(some)), held_bytes


class _Tally:
    """What an import did so far."""

    def __init__(self) -> None:
        self.added: set[str] = set()
        self.known: set[str] = set()
        self.photos_added = 0
        self.photos_known = 0
        self.refusals: list[Refusal] = []

    def refuse(self, where: str, reason: str) -> None:
        if len(self.refusals) < _MOST_REFUSALS:
            self.refusals.append(Refusal(where, reason))

    def report(self) -> ImportReport:
        return ImportReport(
            len(self.added),
            len(self.known),
            self.photos_added,
            self.photos_known,
            tuple(self.refusals),
        )


def _store_person(
    writer: GalleryWriter, edit: GalleryEdit, line: int, bundled: BundledPerson, tally: _Tally
) -> None:
    person = edit.find_person(bundled.id)
    if person is None:
        person = edit.insert_person(
            bundled.id, bundled.facts, enabled=bundled.enabled, at=writer.now()
        )
        tally.added.add(bundled.id)
    elif bundled.id not in tally.added:
        tally.known.add(bundled.id)
    known = set(edit.digests(person.number)) if person.person.photo_count else set()
    fresh: dict[str, NewPhoto] = {}
    for photo in bundled.photos:
        if photo.digest in known or photo.digest in fresh:
            tally.photos_known += 1
        else:
            fresh[photo.digest] = photo
    room = writer.rules.photos_per_person - len(known)
    if len(fresh) > room:
        tally.refuse(
            f"line {line}",
            f"{len(fresh) - room} photos passed over: a person may have "
            f"{writer.rules.photos_per_person}",
        )
    taken = list(fresh.values())[: max(room, 0)]
    writer.insert_photos(edit, person, taken)
    tally.photos_added += len(taken)
