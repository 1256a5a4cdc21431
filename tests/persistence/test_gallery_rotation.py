"""Galleries stay readable while the instance key is replaced, whenever that is cut short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_gallery import (
    FOREIGN,
    ONE,
    TWO,
    facts,
    make_projects,
    make_service,
    photo,
    unit_vector,
)

from huiyan.celebrity.gallery.keys.repository import GalleryKeys
from huiyan.celebrity.gallery.model import PersonId
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.rotation.key_file import KeyFile
from huiyan.iam.rotation.repository import RotationRepository
from huiyan.iam.rotation.service import RotationService, Stage
from huiyan.iam.vault import Vault, key_id_of, open_vault
from huiyan.kernel.errors import InstanceKeyError
from huiyan.persistence.database import Database
from huiyan.persistence.gallery_schema import GALLERY
from huiyan.persistence.query import select_in, update_in


class KilledError(Exception):
    """Stands for the end of the process."""


class House:
    """An installation whose galleries stand under the key of a file."""

    def __init__(self, database: Database, path: Path) -> None:
        make_projects(database)
        self.database, self.file = database, KeyFile(path)
        self.keys = GalleryKeys(database)
        self.people = {}
        vault = self.vault()
        for scope in (ONE, TWO):
            self.people[scope] = self.add(make_service(database, vault=vault))
        plain = make_service(database, vault=vault, rules=GalleryRules(encrypts=False))
        plain.add_person(FOREIGN, facts(), [photo(1)])

    def add(self, service: GalleryService) -> PersonId:
        scope = (ONE, TWO)[len(self.people)]
        return service.add_person(scope, facts(), [photo(1)]).person.id

    def stored_key_ids(self) -> frozenset[str]:
        return IdentityRepository(self.database).stored_key_ids() | self.keys.stored_key_ids()

    def vault(self) -> Vault:
        return open_vault(None, self.file.path, self.stored_key_ids())

    def rotation(self, pause: Callable[[float], None] = lambda _: None) -> RotationService:
        return RotationService(
            RotationRepository(self.database),
            IdentityRepository(self.database),
            self.vault(),
            self.file,
            pause=pause,
            others=(self.keys,),
        )

    def assert_readable(self, vault: Vault) -> None:
        service = make_service(self.database, vault=vault)
        for scope, person_id in self.people.items():
            likeness = service.likeness(scope, person_id, unit_vector(1)[None])
            np.testing.assert_allclose(likeness, 1.0, atol=1e-3)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path / "instance.key")


def test_a_start_without_the_key_of_a_gallery_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(InstanceKeyError, match="missing"):
        open_vault(None, tmp_path / "other.key", house.stored_key_ids())
    with pytest.raises(InstanceKeyError, match=house.vault().key_id):
        open_vault(bytes(32).hex(), house.file.path, house.stored_key_ids())
    service = make_service(house.database, vault=Vault(bytes(32)))
    with pytest.raises(InstanceKeyError, match="data key"):
        service.likeness(ONE, house.people[ONE], unit_vector(1)[None])


def test_galleries_are_readable_once_the_old_key_is_dropped(house: House) -> None:
    old = house.file.get().sealing
    before = house.vault()
    done = house.rotation().rotate()
    assert (done.resealed, done.dropped_ids) == (2, (key_id_of(old),))
    assert house.keys.stored_key_ids() == {done.key_id}
    house.assert_readable(house.vault())
    house.assert_readable(before)  # a server that follows the file
    with pytest.raises(InstanceKeyError):
        house.assert_readable(Vault(old))


def test_a_rotation_that_ends_at_any_moment_leaves_all_readable_and_is_taken_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huiyan.iam.rotation.service.BATCH_ROWS", 1)
    moments: list[Stage] = []
    for left in range(20):
        passed = 0

        def watch(stage: Stage, _: int, left: int = left) -> None:
            nonlocal passed
            moments.append(stage)
            house.assert_readable(house.vault())
            passed += 1
            if passed > left:
                raise KilledError

        try:
            house.rotation().rotate(watch=watch)
        except KilledError:
            house.assert_readable(house.vault())
        else:
            break
    assert {"written", "batch", "sealed", "settling", "dropped"} <= set(moments)
    assert len(house.file.get().opening) == 1
    assert house.keys.stored_key_ids() == {house.vault().key_id}


def test_a_gallery_that_is_made_under_the_old_key_meanwhile_keeps_it(house: House) -> None:
    stale = Vault(house.file.get().sealing)
    late: list[PersonId] = []

    def pause(_: float) -> None:
        if not late:
            make_service(house.database).drop(TWO)
            made = make_service(house.database, vault=stale)
            late.append(made.add_person(TWO, facts(), [photo(1)]).person.id)

    house.rotation(pause).rotate()
    house.people[TWO] = late[0]
    house.assert_readable(house.vault())
    assert house.keys.stored_key_ids() == {house.vault().key_id}


def test_an_altered_data_key_stops_the_rotation_before_the_old_key_goes(house: House) -> None:
    with house.database.writing() as connection:
        (mine,) = connection.execute(
            select_in(ONE, GALLERY).with_only_columns(GALLERY.c.sealed_key)
        ).scalars()
        connection.execute(update_in(TWO, GALLERY).values(sealed_key=mine))
    with pytest.raises(InstanceKeyError, match="data key of gallery"):
        house.rotation().rotate()
    assert len(house.file.get().older) == 1
