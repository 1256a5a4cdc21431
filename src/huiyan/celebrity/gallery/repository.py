"""Galleries as rows: reading them, and the transaction that changes one.

Owns: every statement that reads galleries, people and photos. Has no opinion on: the statements of
changes (``changes`` has those) and what is sealed in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table, null, or_

from huiyan.celebrity.gallery.changes.repository import GalleryEdit, count_others
from huiyan.celebrity.gallery.facts import fold_name
from huiyan.celebrity.gallery.model import ModelId, PeoplePage, Person, PersonId, Photo, PhotoId
from huiyan.celebrity.gallery.rows.repository import (
    NewGallery,
    make_gallery,
    person_of,
    record_of,
    state_of,
)
from huiyan.celebrity.gallery.store_model import (
    GalleryId,
    GalleryMark,
    GalleryState,
    PhotoRecord,
    StoredPerson,
    StoredPhoto,
)
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import ProjectId
from huiyan.persistence.database import Database
from huiyan.persistence.gallery_schema import (
    GALLERY,
    GALLERY_PERSON,
    GALLERY_PHOTO,
    GALLERY_REMOVAL,
)
from huiyan.persistence.query import Scope, count_in, select_everywhere, select_in

BATCH_ROWS = 4096
_IDS_A_QUERY = 500
_MOST_NAMED = 1000
_Item = TypeVar("_Item")


class GalleryRepository:
    """Stores the galleries of all projects. Serves all threads.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def editing(self, scope: Scope, new: Callable[[], NewGallery] | None) -> Iterator[GalleryEdit]:
        """Change one gallery in one transaction.

        Parameters
        ----------
        scope : Scope
            Whose gallery; it names the project.
        new : callable or None
            Says what is made where there is none; None makes nothing.

        Yields
        ------
        GalleryEdit
            What is changed with it is stored at the end of the block, or not at all.

        Raises
        ------
        NotFoundError
            There is none, and none was to be made.
        DatabaseError
            The database failed.
        """
        with self._database.writing() as connection:
            if new is not None:
                known = select_in(scope, GALLERY).with_only_columns(GALLERY.c.id)
                if connection.execute(known).one_or_none() is None:
                    make_gallery(connection, scope, new())
            edit = GalleryEdit(connection, scope)
            yield edit
            edit.finish()

    def wipe_removed(self) -> bool:
        """Wipe from the database's files what was removed; false where a reader is in the way."""
        return self._database.truncate_log()

    def state(self, scope: Scope) -> GalleryState | None:
        """Read the gallery's row; None if the project has no gallery of its own."""
        with self._database.reading() as connection:
            row = connection.execute(select_in(scope, GALLERY)).one_or_none()
        return None if row is None else state_of(row)

    def revisions(self, projects: Sequence[ProjectId]) -> dict[ProjectId, GalleryMark]:
        """Read how new the galleries of some projects are; those without one are missing."""
        gallery = GALLERY.c
        query = select_everywhere(
            "each process follows the galleries it has in memory", GALLERY
        ).with_only_columns(gallery.project_id, gallery.id, gallery.revision)
        found: dict[ProjectId, GalleryMark] = {}
        for start in range(0, len(projects), _IDS_A_QUERY):
            some = projects[start : start + _IDS_A_QUERY]
            with self._database.reading() as connection:
                for row in connection.execute(query.where(gallery.project_id.in_(some))):
                    found[ProjectId(row.project_id)] = GalleryMark(GalleryId(row.id), row.revision)
        return found

    def load(self, scope: Scope, since_revision: int = 0) -> Iterator[tuple[StoredPhoto, ...]]:
        """Read photos of the gallery's own network that are newer, in batches."""
        photo = GALLERY_PHOTO.c
        state = self.state(scope)
        if state is None:
            return
        query = (
            select_in(scope, GALLERY_PHOTO)
            .where(photo.model == state.model)
            .with_only_columns(*_STORED_COLUMNS)
        )
        yield from self._newer(query, GALLERY_PHOTO, since_revision, _stored_photo)

    def people(self, scope: Scope, since_revision: int = 0) -> Iterator[tuple[StoredPerson, ...]]:
        """Read people that are newer, enabled or not, in batches."""
        query = select_in(scope, GALLERY_PERSON)
        yield from self._newer(query, GALLERY_PERSON, since_revision, person_of)

    def removals(self, scope: Scope, since_revision: int) -> tuple[int, ...]:
        """Read the numbers of people and photos that went later."""
        removal = GALLERY_REMOVAL.c
        query = (
            select_in(scope, GALLERY_REMOVAL)
            .where(removal.revision > since_revision)
            .with_only_columns(removal.number)
        )
        with self._database.reading() as connection:
            return tuple(connection.execute(query).scalars())

    def list_people(
        self,
        scope: Scope,
        text: str | None,
        enabled: bool | None,  # noqa: FBT001 -- three states, none of them a mode
        limit: int,
        after: int | None,
    ) -> PeoplePage:
        """List people in the order in which they were added."""
        person = GALLERY_PERSON.c
        conditions = []
        if text is not None:
            conditions.append(person.folded.contains(fold_name(text[:256]), autoescape=True))
        if enabled is not None:
            conditions.append(person.enabled == enabled)
        query = select_in(scope, GALLERY_PERSON).where(*conditions).order_by(person.number)
        if after is not None:
            query = query.where(person.number > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
            counted = (
                count_in(scope, GALLERY_PERSON).where(*conditions)
                if conditions
                else select_in(scope, GALLERY).with_only_columns(GALLERY.c.person_count)
            )
            total = connection.execute(counted).scalar_one_or_none() or 0
        shown = [person_of(row) for row in rows[:limit]]
        marker = shown[-1].number if len(rows) > limit else None
        return PeoplePage(tuple(it.person for it in shown), marker, total)

    def get_person(self, scope: Scope, person_id: PersonId) -> StoredPerson:
        """Give a person; raises ``NotFoundError``."""
        query = select_in(scope, GALLERY_PERSON).where(GALLERY_PERSON.c.id == person_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError(f"the gallery has no person {person_id}")
        return person_of(row)

    def people_by_number(self, scope: Scope, numbers: Sequence[int]) -> dict[int, Person]:
        """Give some people; those who are gone are missing."""
        found: dict[int, Person] = {}
        for start in range(0, len(numbers), _IDS_A_QUERY):
            some = numbers[start : start + _IDS_A_QUERY]
            query = select_in(scope, GALLERY_PERSON).where(GALLERY_PERSON.c.number.in_(some))
            with self._database.reading() as connection:
                stored = [person_of(row) for row in connection.execute(query)]
            found |= {it.number: it.person for it in stored}
        return found

    def find_people_by_name(self, scope: Scope, names: Sequence[str]) -> tuple[Person, ...]:
        """Find everybody who has one of the names."""
        person = GALLERY_PERSON.c
        folded = sorted({fold_name(name[:256]) for name in names} - {""})
        if not folded:
            return ()
        ways = [person.folded.contains(f"\n{it}\n", autoescape=True) for it in folded]
        query = select_in(scope, GALLERY_PERSON).where(or_(*ways)).order_by(person.number)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(_MOST_NAMED)).all()
        return tuple(person_of(row).person for row in rows)

    def list_photos(self, scope: Scope, person_id: PersonId) -> tuple[Photo, ...]:
        """List a person's photos; raises ``NotFoundError`` if there is no such person."""
        photo = GALLERY_PHOTO.c
        person = self.get_person(scope, person_id)
        query = (
            select_in(scope, GALLERY_PHOTO)
            .where(photo.person_number == person.number)
            .with_only_columns(
                photo.id,
                photo.digest,
                photo.quality,
                photo.side_px,
                photo.picture.is_not(None).label("has_picture"),
                photo.model,
                photo.created_at_ms,
            )
            .order_by(photo.number)
        )
        with self._database.reading() as connection:
            return tuple(
                Photo(
                    PhotoId(row.id),
                    row.digest,
                    row.quality,
                    row.side_px,
                    bool(row.has_picture),
                    ModelId(row.model),
                    row.created_at_ms,
                )
                for row in connection.execute(query)
            )

    def find_picture(self, scope: Scope, person_number: int, photo_id: PhotoId) -> bytes | None:
        """Read one photo's picture as stored; None if there is no such photo, or none is kept."""
        photo = GALLERY_PHOTO.c
        query = (
            select_in(scope, GALLERY_PHOTO)
            .where(photo.person_number == person_number, photo.id == photo_id)
            .with_only_columns(photo.picture)
        )
        with self._database.reading() as connection:
            picture = connection.execute(query).scalar_one_or_none()
        return None if picture is None else bytes(picture)

    def records_between(
        self, scope: Scope, model: ModelId, first: int, last: int, *, pictures: bool
    ) -> dict[int, list[PhotoRecord]]:
        """Read a network's photos of the people with these numbers, each list by its person's.

        Without ``pictures`` they are not even read, and None.
        """
        photo = GALLERY_PHOTO.c
        picture = photo.picture if pictures else null().label("picture")
        columns: list[ColumnElement[Any]] = [it for it in photo if it is not photo.picture]
        query = (
            select_in(scope, GALLERY_PHOTO)
            .where(photo.model == model, photo.person_number >= first, photo.person_number <= last)
            .with_only_columns(*columns, picture)
            .order_by(photo.person_number, photo.number)
        )
        found: dict[int, list[PhotoRecord]] = {}
        with self._database.reading() as connection:
            rows: Iterable[Row[Any]] = connection.execute(query)
            for row in rows:
                found.setdefault(row.person_number, []).append(record_of(row))
        return found

    def photos_of(
        self, scope: Scope, model: ModelId, first: int, last: int | None = None
    ) -> tuple[StoredPhoto, ...]:
        """Read a network's photos of the people with these numbers, the photos of one together."""
        photo = GALLERY_PHOTO.c
        query = (
            select_in(scope, GALLERY_PHOTO)
            .where(
                photo.model == model,
                photo.person_number >= first,
                photo.person_number <= (first if last is None else last),
            )
            .with_only_columns(*_STORED_COLUMNS)
            .order_by(photo.person_number, photo.number)
        )
        with self._database.reading() as connection:
            return tuple(_stored_photo(row) for row in connection.execute(query))

    def page_of_people(
        self, scope: Scope, after_number: int, most: int
    ) -> tuple[StoredPerson, ...]:
        """Read people by their numbers, rising."""
        person = GALLERY_PERSON.c
        query = (
            select_in(scope, GALLERY_PERSON)
            .where(person.number > after_number)
            .order_by(person.number)
            .limit(most)
        )
        with self._database.reading() as connection:
            return tuple(person_of(row) for row in connection.execute(query))

    def count_others(self, scope: Scope, model: ModelId) -> int:
        """Count photos of other networks than this."""
        with self._database.reading() as connection:
            return count_others(connection, scope, model)

    def other_photos(
        self, scope: Scope, model: ModelId, after_number: int, most: int
    ) -> tuple[tuple[int, PhotoRecord], ...]:
        """Read photos of other networks by their numbers, rising, each behind its person's."""
        photo = GALLERY_PHOTO.c
        query = (
            select_in(scope, GALLERY_PHOTO)
            .where(photo.model != model, photo.number > after_number)
            .order_by(photo.number)
            .limit(most)
        )
        with self._database.reading() as connection:
            return tuple((row.person_number, record_of(row)) for row in connection.execute(query))

    def _newer(
        self, query: Select[Any], table: Table, since: int, read: Callable[[Row[Any]], _Item]
    ) -> Iterator[tuple[_Item, ...]]:
        """Page through rows; each page is a transaction, so that no reader holds up the log.

        A row that changes meanwhile moves behind the last page, never before it.
        """
        revision, number = since + 1, 0
        keys = table.c
        while True:
            page = (
                query.where(
                    keys.revision >= revision,
                    or_(keys.revision > revision, keys.number > number),
                )
                .order_by(keys.revision, keys.number)
                .limit(BATCH_ROWS)
            )
            with self._database.reading() as connection:
                rows = connection.execute(page).all()
            if not rows:
                return
            yield tuple(read(row) for row in rows)
            if len(rows) < BATCH_ROWS:
                return
            revision, number = rows[-1].revision, rows[-1].number


_STORED_COLUMNS = tuple(
    GALLERY_PHOTO.c[name]
    for name in ("number", "person_number", "id", "embedding", "side_px", "quality", "revision")
)


def _stored_photo(row: Row[Any]) -> StoredPhoto:
    return StoredPhoto(
        row.number,
        row.person_number,
        PhotoId(row.id),
        bytes(row.embedding),
        row.side_px,
        row.quality,
    )
