"""Limits of single users and projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from migrated import open_migrated

from huiyan.iam.bootstrap import first_start
from huiyan.iam.directory.model import Limits
from huiyan.iam.limits.model import LimitSubject
from huiyan.iam.limits.repository import LimitRepository
from huiyan.iam.limits.service import LimitService
from huiyan.iam.model import FirstStart
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import InvalidParameterError, NotFoundError
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database

VAULT = Vault(bytes(32))
FIVE = Limits(5, 1)


class House:
    def __init__(self, database: Database) -> None:
        identities = IdentityRepository(database)
        made = first_start(identities, VAULT, ("cn-north-4",), SystemClock())
        assert made is not None
        self.made: FirstStart = made
        self.account_id = made.account.id
        self.elsewhere = IdentityService(identities, VAULT, SystemClock())
        identity = IdentityService(identities, VAULT, SystemClock())
        self.service = LimitService(identity, LimitRepository(database))
        self.user = LimitSubject("user", made.owner.id)
        self.project = LimitSubject("project", made.projects[0].id)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    yield House(database)
    database.close()


def test_there_are_none_at_first(house: House) -> None:
    assert house.service.list_limits(house.account_id) == ()


def test_a_limit_is_set_replaced_seen_elsewhere_and_removed(house: House) -> None:
    service, account_id = house.service, house.account_id
    service.set_limit(account_id, house.user, FIVE)
    service.set_limit(account_id, house.user, Limits(7, 0))
    service.set_limit(account_id, house.project, FIVE)
    assert service.list_limits(account_id) == ((house.project, FIVE), (house.user, Limits(7, 0)))
    assert house.elsewhere.refresh()
    assert house.elsewhere.directory.limits == {
        house.user.id: Limits(7, 0),
        house.project.id: FIVE,
    }
    service.remove_limit(account_id, house.user)
    assert house.elsewhere.refresh()
    assert house.elsewhere.directory.limits == {house.project.id: FIVE}
    with pytest.raises(NotFoundError):
        service.remove_limit(account_id, house.user)


@pytest.mark.parametrize(
    "limits", [Limits(-1, 0), Limits(0, -1), Limits(100_000_001, 0), Limits(0, 1_000_001)]
)
def test_a_number_out_of_range_is_refused(house: House, limits: Limits) -> None:
    with pytest.raises(InvalidParameterError):
        house.service.set_limit(house.account_id, house.user, limits)
    assert house.service.list_limits(house.account_id) == ()


def test_the_largest_numbers_are_stored(house: House) -> None:
    most = Limits(100_000_000, 1_000_000)
    house.service.set_limit(house.account_id, house.user, most)
    assert house.service.list_limits(house.account_id) == ((house.user, most),)


def test_nobody_sets_or_removes_limits_of_another_account(house: House) -> None:
    other = AccountId("f" * 32)
    house.service.set_limit(house.account_id, house.user, FIVE)
    for subject in (house.user, house.project):
        with pytest.raises(NotFoundError):
            house.service.set_limit(other, subject, FIVE)
        with pytest.raises(NotFoundError):
            house.service.remove_limit(other, subject)
    assert house.service.list_limits(other) == ()


def test_a_user_is_no_project(house: House) -> None:
    with pytest.raises(NotFoundError, match="Could not find project"):
        house.service.set_limit(house.account_id, LimitSubject("project", house.user.id), FIVE)
    with pytest.raises(NotFoundError, match="Could not find user"):
        house.service.set_limit(house.account_id, LimitSubject("user", house.project.id), FIVE)


def test_the_same_limit_again_is_no_news_elsewhere(house: House) -> None:
    house.service.set_limit(house.account_id, house.user, FIVE)
    assert house.elsewhere.refresh()
    house.service.set_limit(house.account_id, house.user, FIVE)
    assert not house.elsewhere.refresh()
