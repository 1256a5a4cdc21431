"""Further accounts: made whole or not at all, found, stopped and let go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from migrated import open_migrated

from huiyan.iam.accounts.repository import AccountRepository
from huiyan.iam.accounts.service import AccountService
from huiyan.iam.bootstrap import first_start, found_account
from huiyan.iam.model import Account
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import (
    ConflictError,
    InvalidParameterError,
    NotFoundError,
    RecordingError,
)
from huiyan.kernel.ids import AccountId
from huiyan.persistence.database import Database

REGIONS = ("cn-north-4", "cn-east-3", "cn-north-4")
VAULT = Vault(bytes(32))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    first_start(IdentityRepository(opened), VAULT, REGIONS[:2], SystemClock())
    yield opened
    opened.close()


def serve(database: Database) -> AccountService:
    identities = IdentityRepository(database)
    return AccountService(
        IdentityService(identities, VAULT, SystemClock()),
        identities,
        AccountRepository(database),
        VAULT,
        regions=REGIONS,
        clock=SystemClock(),
    )


@pytest.fixture
def service(database: Database) -> AccountService:
    return serve(database)


def test_an_installation_that_was_never_started_has_none(tmp_path: Path) -> None:
    empty = open_migrated(f"sqlite:///{tmp_path / 'empty.db'}")
    assert not AccountRepository(empty).has_any()
    empty.close()


def test_a_further_account_is_whole_and_its_service_is_closed(
    service: AccountService, database: Database
) -> None:
    made = service.create("acme", "ann", description="a test")
    assert [project.name for project in made.projects] == ["cn-north-4", "cn-east-3"]
    assert made.key.secret_key not in repr(made)
    directory = IdentityRepository(database).directory(VAULT)
    assert directory.accounts[made.account.id] == Account(
        made.account.id, "acme", "a test", enabled=True
    )
    owner = directory.users[made.owner.id]
    assert (owner.name, owner.is_owner, owner.account_id) == ("ann", True, made.account.id)
    assert directory.keys[made.key.access_key].secret == made.key.secret_key.encode()
    assert {directory.projects[it.id].services for it in made.projects} == {frozenset()}
    assert AccountRepository(database).has_any()
    assert [account.name for account in service.list_accounts()] == ["acme", "huiyan"]


def test_it_can_be_open_from_the_start(service: AccountService, database: Database) -> None:
    made = service.create("acme", is_image_open=True)
    directory = IdentityRepository(database).directory(VAULT)
    assert {directory.projects[it.id].services for it in made.projects} == {frozenset({"image"})}


@pytest.mark.parametrize("name", ["", "1a", "a b", "a/b", "é", "a" * 65, "-a", "a\n"])
def test_an_impossible_name_is_refused_and_nothing_is_stored(
    service: AccountService, name: str
) -> None:
    with pytest.raises(InvalidParameterError, match="name"):
        service.create(name)
    with pytest.raises(InvalidParameterError, match="owner"):
        service.create("acme", "7up")
    with pytest.raises(InvalidParameterError, match="description"):
        service.create("acme", description="字" * 100)
    assert len(service.list_accounts()) == 1


def test_a_name_that_is_taken_is_a_conflict_and_leaves_nothing_behind(
    service: AccountService, database: Database
) -> None:
    with pytest.raises(ConflictError, match="huiyan exists"):
        service.create("huiyan")
    directory = IdentityRepository(database).directory(VAULT)
    assert (len(directory.keys), len(directory.projects)) == (1, 2)


def test_of_many_who_make_the_same_account_at_once_one_does(database: Database) -> None:
    services = [serve(database) for _ in range(4)]
    made: list[object] = []
    barrier = threading.Barrier(4)

    def create(service: AccountService) -> None:
        barrier.wait()
        try:
            made.append(service.create("acme").account)
        except ConflictError as error:
            made.append(error)

    threads = [threading.Thread(target=create, args=(service,)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, Account) for one in made) == 1
    assert len(made) == 4


def test_who_is_announced_to_can_keep_it_from_being_stored(service: AccountService) -> None:
    seen: list[Account] = []

    def refuse(account: Account) -> None:
        seen.append(account)
        raise RecordingError("the log is full")

    with pytest.raises(RecordingError):
        service.create("acme", announce=refuse)
    assert [account.name for account in seen] == ["acme"]
    assert len(service.list_accounts()) == 1


def test_an_account_is_found_by_name_and_by_id(service: AccountService) -> None:
    first = service.get("huiyan")
    assert service.get(first.id) == first
    with pytest.raises(NotFoundError, match="Could not find domain: nobody"):
        service.get("nobody")


def test_a_name_that_is_another_accounts_id_finds_neither(service: AccountService) -> None:
    made = (service.create(f"acme-{number}").account for number in range(200))
    victim = next(account for account in made if account.id[0].isalpha())
    twin = service.create(victim.id).account
    with pytest.raises(ConflictError, match="the id of one account and the name of another"):
        service.get(victim.id)
    assert service.get(victim.name) == victim
    assert service.get(twin.id) == twin


def test_stopping_an_account_is_seen_by_another_process(
    service: AccountService, database: Database
) -> None:
    elsewhere = IdentityService(IdentityRepository(database), VAULT, SystemClock())
    made = service.create("acme")
    service.set_enabled(made.account, enabled=False)
    assert elsewhere.refresh()
    assert not elsewhere.directory.accounts[made.account.id].enabled
    service.set_enabled(made.account, enabled=True)
    assert elsewhere.refresh()
    assert elsewhere.directory.accounts[made.account.id].enabled


def test_an_account_that_is_gone_is_not_found(service: AccountService) -> None:
    gone = Account(AccountId("f" * 32), "gone", "", enabled=True)
    with pytest.raises(NotFoundError):
        service.set_enabled(gone, enabled=False)


def test_each_founding_is_its_own() -> None:
    at = SystemClock().now()
    first, second = (found_account("a", "b", REGIONS, VAULT, at) for _ in range(2))
    assert first[1].access_key != second[1].access_key
    assert not {it.id for it in first[0].projects} & {it.id for it in second[0].projects}
    assert first[0].owner.created_at == at


def test_the_same_state_again_is_no_news_elsewhere(
    service: AccountService, database: Database
) -> None:
    made = service.create("acme")
    elsewhere = IdentityService(IdentityRepository(database), VAULT, SystemClock())
    service.set_enabled(made.account, enabled=True)
    assert not elsewhere.refresh()
