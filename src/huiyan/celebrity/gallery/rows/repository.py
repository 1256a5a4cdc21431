"""The rows of galleries, as values.

Owns: how rows become what the slice works with and the reverse, and the first row of a gallery. Has
no opinion on: which rows are wanted, and what changes in them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from huiyan.celebrity.gallery.facts import fold_name
from huiyan.celebrity.gallery.model import ModelId, Person, PersonFacts, PersonId, PhotoId
from huiyan.celebrity.gallery.store_model import (
    GalleryId,
    GalleryState,
    PhotoRecord,
    StoredPerson,
)
from huiyan.kernel.errors import NotFoundError
from huiyan.persistence.gallery_schema import GALLERY
from huiyan.persistence.query import Scope, append_once, select_in
from huiyan.persistence.schema import PROJECT


@dataclass(frozen=True, slots=True)
class NewGallery:
    """What a gallery is when it comes to be.

    Parameters
    ----------
    id : GalleryId
        32 hexadecimal digits.
    model : ModelId
        The network of its embeddings.
    dimensions : int
        How many numbers an embedding has.
    uses_starter, keeps_pictures : bool
        As in ``GalleryState``.
    sealed_key : bytes or None
        The data key, sealed.
    instance_key_id : str or None
        Under which instance key.
    created_at : datetime
        UTC.
    """

    id: GalleryId
    model: ModelId
    dimensions: int
    uses_starter: bool
    keeps_pictures: bool
    sealed_key: bytes | None = field(repr=False)
    instance_key_id: str | None
    created_at: datetime


def state_of(row: Row[Any]) -> GalleryState:
    """Read a row of ``gallery``; gives a GalleryState."""
    return GalleryState(
        id=GalleryId(row.id),
        model=ModelId(row.model),
        dimensions=row.dimensions,
        revision=row.revision,
        oldest_revision=row.oldest_revision,
        next_number=row.next_number,
        uses_starter=row.uses_starter,
        keeps_pictures=row.keeps_pictures,
        created_at=row.created_at_ms,
        sealed_key=None if row.sealed_key is None else bytes(row.sealed_key),
        instance_key_id=row.instance_key_id,
        person_count=row.person_count,
        photo_count=row.photo_count,
    )


def person_of(row: Row[Any]) -> StoredPerson:
    """Read a row of ``gallery_person``; gives a StoredPerson."""
    aliases = tuple(json.loads(row.aliases))
    return StoredPerson(
        row.number,
        Person(
            id=PersonId(row.id),
            facts=PersonFacts(row.name_zh, row.name_en, aliases, row.occupation, row.link),
            enabled=row.enabled,
            photo_count=row.photo_count,
            origin="project",
            created_at=row.created_at_ms,
            changed_at=row.changed_at_ms,
        ),
    )


def record_of(row: Row[Any]) -> PhotoRecord:
    """Read a row of ``gallery_photo``; gives a PhotoRecord."""
    return PhotoRecord(
        number=row.number,
        id=PhotoId(row.id),
        digest=row.digest,
        quality=row.quality,
        side_px=row.side_px,
        model=ModelId(row.model),
        embedding=bytes(row.embedding),
        picture=None if row.picture is None else bytes(row.picture),
        created_at=row.created_at_ms,
    )


def make_gallery(connection: Connection, scope: Scope, new: NewGallery) -> None:
    """Make the gallery unless there is one; whoever is faster decides.

    Raises ``NotFoundError`` if the account has no such project.
    """
    project = select_in(scope, PROJECT).with_only_columns(PROJECT.c.id)
    if connection.execute(project).one_or_none() is None:
        raise NotFoundError("the account has no such project")
    connection.execute(
        append_once(connection.dialect.name, GALLERY),
        {
            "project_id": scope.project_id,
            "account_id": scope.account_id,
            "id": new.id,
            "model": new.model,
            "dimensions": new.dimensions,
            "revision": 0,
            "oldest_revision": 0,
            "next_number": 1,
            "person_count": 0,
            "photo_count": 0,
            "uses_starter": new.uses_starter,
            "keeps_pictures": new.keeps_pictures,
            "sealed_key": new.sealed_key,
            "instance_key_id": new.instance_key_id,
            "created_at_ms": new.created_at,
        },
    )


def facts_values(person_id: PersonId, facts: PersonFacts) -> dict[str, object]:
    """Give the columns of ``gallery_person`` that say who somebody is."""
    names = (facts.name_zh, facts.name_en, *facts.aliases)
    folded = [person_id, *(fold_name(name) for name in names if name)]
    return {
        "name_zh": facts.name_zh,
        "name_en": facts.name_en,
        "aliases": json.dumps(facts.aliases, ensure_ascii=False),
        "occupation": facts.occupation,
        "link": facts.link,
        "folded": "\n" + "\n".join(folded) + "\n",
    }
