"""Changes of one gallery in one transaction, as statements.

Owns: every statement that changes galleries, people and photos, their counts, the revision, and the
traces that tell other processes what is gone. Has no opinion on: what may be changed by whom, and
what is sealed in a row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_

from huiyan.celebrity.gallery.model import ModelId, Person, PersonFacts, PersonId, PhotoId
from huiyan.celebrity.gallery.rows.repository import facts_values, person_of, state_of
from huiyan.celebrity.gallery.store_model import (
    PhotoRecord,
    StoredPerson,
)
from huiyan.kernel.errors import NotFoundError
from huiyan.persistence.gallery_schema import (
    GALLERY,
    GALLERY_PERSON,
    GALLERY_PHOTO,
    GALLERY_REMOVAL,
)
from huiyan.persistence.query import (
    Scope,
    count_in,
    delete_in,
    insert_in,
    select_in,
    update_in,
)

MOST_REMOVALS = 20_000
KEPT_REMOVALS = 10_000
"""A memory that missed more removals than these begins from nothing."""


class GalleryEdit:
    """One gallery, locked against other changes until the transaction ends.

    Parameters
    ----------
    connection : Connection
        In a writing transaction.
    scope : Scope
        Whose gallery.

    Raises
    ------
    NotFoundError
        The project has no gallery.
    """

    def __init__(self, connection: Connection, scope: Scope) -> None:
        # Two transactions that lock this row stand in a line, and their revisions with them.
        row = connection.execute(select_in(scope, GALLERY).with_for_update()).one_or_none()
        if row is None:
            raise NotFoundError("this project has no gallery yet")
        self._connection = connection
        self._scope = scope
        self.state = state_of(row)
        self.person_count = self.state.person_count
        self.photo_count = self.state.photo_count
        self.has_removed = False
        self._revision = self.state.revision + 1
        self._next_number = self.state.next_number
        self._values: dict[str, object] = {}
        self._has_changed = self.state.revision == 0
        self.is_dropped = False

    def finish(self) -> None:
        """Write counts and revision; the last deed of the transaction."""
        if self.is_dropped or not self._has_changed:
            return
        self._values |= {
            "revision": self._revision,
            "next_number": self._next_number,
            "person_count": self.person_count,
            "photo_count": self.photo_count,
        }
        self._connection.execute(update_in(self._scope, GALLERY).values(self._values))

    def configure(self, *, uses_starter: bool | None, keeps_pictures: bool | None) -> None:
        """Change how the gallery works; None leaves as it is."""
        given = {"uses_starter": uses_starter, "keeps_pictures": keeps_pictures}
        changed = {
            name: value
            for name, value in given.items()
            if value is not None and value != getattr(self.state, name)
        }
        if changed:
            self._values |= changed
            self._has_changed = True

    def switch_model(self, model: ModelId, dimensions: int) -> None:
        """Compare another network's embeddings; every memory begins from nothing."""
        self._values |= {
            "model": model,
            "dimensions": dimensions,
            "oldest_revision": self._revision,
        }
        self._has_changed = True

    def find_person(self, person_id: PersonId) -> StoredPerson | None:
        """Find a person."""
        query = select_in(self._scope, GALLERY_PERSON).where(GALLERY_PERSON.c.id == person_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else person_of(row)

    def get_person(self, person_id: PersonId) -> StoredPerson:
        """Give a person; raises ``NotFoundError``."""
        found = self.find_person(person_id)
        if found is None:
            raise NotFoundError(f"the gallery has no person {person_id}")
        return found

    def count_others(self, model: ModelId) -> int:
        """Count photos of other networks."""
        return count_others(self._connection, self._scope, model)

    def drop_some(self, most: int, most_with_pictures: int) -> bool:
        """Remove those who were added first, and see that every memory begins from nothing.

        Parameters
        ----------
        most : int
            So many people and photos together at most, but one person at least.
        most_with_pictures : int
            The same where some of these photos have a picture, which takes longer to overwrite.

        Returns
        -------
        bool
            False if all that there is was no more: then nothing was removed.
        """
        last = self._last_of_first(most)
        photo = GALLERY_PHOTO.c
        within = () if last is None else (photo.person_number <= last,)
        pictured = select_in(self._scope, GALLERY_PHOTO).where(*within, photo.picture.is_not(None))
        if self._connection.execute(pictured.with_only_columns(photo.number).limit(1)).first():
            last = self._last_of_first(most_with_pictures)
        if last is None:
            return False
        photos = self._connection.execute(
            delete_in(self._scope, GALLERY_PHOTO).where(photo.person_number <= last)
        )
        people = self._connection.execute(
            delete_in(self._scope, GALLERY_PERSON).where(GALLERY_PERSON.c.number <= last)
        )
        self.photo_count -= photos.rowcount
        self.person_count -= people.rowcount
        self._values["oldest_revision"] = self._revision
        self._has_changed = self.has_removed = True
        return True

    def _last_of_first(self, most: int) -> int | None:
        """Tell up to whom people and photos are no more than ``most``; None if all are."""
        person = GALLERY_PERSON.c
        query = (
            select_in(self._scope, GALLERY_PERSON)
            .with_only_columns(person.number, person.photo_count)
            .order_by(person.number)
            .limit(most + 1)
        )
        count = 0
        last: int | None = None
        for number, photo_count in self._connection.execute(query).all():
            count += 1 + photo_count
            if count > most:
                return int(number) if last is None else last
            last = number
        return None

    def insert_person(
        self, person_id: PersonId, facts: PersonFacts, *, enabled: bool, at: datetime
    ) -> StoredPerson:
        """Add a person whose id is free."""
        number = self._take_number()
        values = {
            "number": number,
            "id": person_id,
            "enabled": enabled,
            "photo_count": 0,
            "revision": self._revision,
            "created_at_ms": at,
            "changed_at_ms": at,
            **facts_values(person_id, facts),
        }
        self._connection.execute(insert_in(self._scope, GALLERY_PERSON).values(values))
        self.person_count += 1
        return StoredPerson(number, Person(person_id, facts, enabled, 0, "project", at, at))

    def update_person(
        self,
        person: StoredPerson,
        *,
        facts: PersonFacts | None,
        enabled: bool | None,
        at: datetime,
    ) -> None:
        """Change a person; None leaves as it is, and what is the same is no change."""
        values: dict[str, object] = {}
        if facts is not None and facts != person.person.facts:
            values |= facts_values(person.person.id, facts)
            self.has_removed = True  # the names there were
        if enabled is not None and enabled != person.person.enabled:
            values["enabled"] = enabled
        if not values:
            return
        self._has_changed = True
        values |= {"revision": self._revision, "changed_at_ms": at}
        self._update_person(person.number, values)
        if values.get("enabled"):
            # Whoever kept only enabled people in memory is given these photos again.
            self._connection.execute(
                update_in(self._scope, GALLERY_PHOTO)
                .where(GALLERY_PHOTO.c.person_number == person.number)
                .values(revision=self._revision)
            )

    def delete_person(self, number: int) -> None:
        """Remove a person and all photos."""
        gone = self._delete_photos(number)
        self._connection.execute(
            delete_in(self._scope, GALLERY_PERSON).where(GALLERY_PERSON.c.number == number)
        )
        self.person_count -= 1
        self._remember_removed([*gone, number])

    def digests(self, person_number: int) -> dict[str, int]:
        """List the digests of a person's photos, each with its photo's number."""
        photo = GALLERY_PHOTO.c
        query = (
            select_in(self._scope, GALLERY_PHOTO)
            .where(photo.person_number == person_number)
            .with_only_columns(photo.digest, photo.number)
        )
        return {row.digest: row.number for row in self._connection.execute(query)}

    def get_photo_id(self, number: int) -> PhotoId:
        """Give the id of a photo that is there."""
        photo = GALLERY_PHOTO.c
        query = select_in(self._scope, GALLERY_PHOTO).where(photo.number == number)
        return PhotoId(self._connection.execute(query.with_only_columns(photo.id)).scalar_one())

    def insert_photos(self, person_number: int, photos: Sequence[PhotoRecord]) -> None:
        """Add photos to a person; their numbers are given here."""
        if not photos:
            return
        statement = insert_in(self._scope, GALLERY_PHOTO)
        self._connection.execute(
            statement,
            [
                {
                    "number": self._take_number(),
                    "id": photo.id,
                    "person_number": person_number,
                    "digest": photo.digest,
                    "model": photo.model,
                    "quality": photo.quality,
                    "side_px": photo.side_px,
                    "revision": self._revision,
                    "created_at_ms": photo.created_at,
                    "embedding": photo.embedding,
                    "picture": photo.picture,
                }
                for photo in photos
            ],
        )
        self.photo_count += len(photos)
        self._count_photos(person_number, len(photos))

    def move_photos(self, from_number: int, into_number: int) -> None:
        """Give all photos of a person to another one who has none of their files."""
        photo = GALLERY_PHOTO.c
        moved = self._connection.execute(
            update_in(self._scope, GALLERY_PHOTO)
            .where(photo.person_number == from_number)
            .values(person_number=into_number, revision=self._revision)
        )
        self._count_photos(into_number, moved.rowcount)

    def delete_photo(self, person_number: int, photo_id: PhotoId) -> bool:
        """Remove one photo; tells whether it was there."""
        photo = GALLERY_PHOTO.c
        query = (
            select_in(self._scope, GALLERY_PHOTO)
            .where(photo.person_number == person_number, photo.id == photo_id)
            .with_only_columns(photo.number)
        )
        number = self._connection.execute(query).scalar_one_or_none()
        if number is None:
            return False
        self.delete_photos(person_number, [number])
        return True

    def delete_photos(self, person_number: int, numbers: Collection[int]) -> None:
        """Remove some photos of a person."""
        if numbers:
            gone = self._delete_photos(person_number, numbers)
            self._remember_removed(gone)
            self._count_photos(person_number, -len(gone))

    def drop(self) -> None:
        """Remove the gallery with all that is in it."""
        for table in (GALLERY_PHOTO, GALLERY_REMOVAL, GALLERY_PERSON, GALLERY):
            self._connection.execute(delete_in(self._scope, table))
        self.is_dropped = self.has_removed = True

    def _delete_photos(
        self, person_number: int, numbers: Collection[int] | None = None
    ) -> list[int]:
        photo = GALLERY_PHOTO.c
        found = self.digests(person_number).values()
        gone = sorted(found if numbers is None else set(found) & set(numbers))
        self._connection.execute(
            delete_in(self._scope, GALLERY_PHOTO).where(
                photo.person_number == person_number, photo.number.in_(gone)
            )
        )
        self.photo_count -= len(gone)
        return gone

    def _count_photos(self, person_number: int, more: int) -> None:
        counted = GALLERY_PERSON.c.photo_count + more
        self._update_person(person_number, {"photo_count": counted, "revision": self._revision})

    def _update_person(self, number: int, values: dict[str, object]) -> None:
        self._connection.execute(
            update_in(self._scope, GALLERY_PERSON)
            .where(GALLERY_PERSON.c.number == number)
            .values(values)
        )

    def _remember_removed(self, numbers: Sequence[int]) -> None:
        self._has_changed = self.has_removed = True
        if numbers:
            rows = [{"number": number, "revision": self._revision} for number in numbers]
            self._connection.execute(insert_in(self._scope, GALLERY_REMOVAL), rows)
        removal = GALLERY_REMOVAL.c
        counted = self._connection.execute(count_in(self._scope, GALLERY_REMOVAL)).scalar_one()
        if counted <= MOST_REMOVALS:
            return
        query = (
            select_in(self._scope, GALLERY_REMOVAL)
            .with_only_columns(removal.revision)
            .order_by(removal.revision.desc())
            .offset(KEPT_REMOVALS)
            .limit(1)
        )
        oldest = self._connection.execute(query).scalar_one()
        self._connection.execute(
            delete_in(self._scope, GALLERY_REMOVAL).where(removal.revision <= oldest)
        )
        self._values["oldest_revision"] = oldest

    def _take_number(self) -> int:
        self._has_changed = True
        number = self._next_number
        self._next_number += 1
        return number


def count_others(connection: Connection, scope: Scope, model: ModelId) -> int:
    """Count photos of other networks than this."""
    photo = GALLERY_PHOTO.c
    # Two ranges of the index: most often both are empty.
    others = or_(photo.model < model, photo.model > model)
    return int(connection.execute(count_in(scope, GALLERY_PHOTO).where(others)).scalar_one())
