import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from keys import issue_key

from huiyan.iam.bootstrap import first_start
from huiyan.iam.model import FirstStart, Session
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.people.repository import PeopleRepository
from huiyan.iam.people.service import PeopleService
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DatabaseError, InstanceKeyError, NotFoundError
from huiyan.kernel.ids import AccessKey, AccountId, ProjectId
from huiyan.kernel.principal import Principal
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate
from huiyan.persistence.query import Scope

REGIONS = ("cn-north-4", "cn-east-3")
KEY = bytes(range(32))

START = textwrap.dedent(
    """
    import json, sys
    from huiyan.iam.bootstrap import first_start
    from huiyan.iam.repository import IdentityRepository
    from huiyan.iam.vault import Vault
    from huiyan.kernel.clock import SystemClock
    from huiyan.persistence.database import open_database
    from huiyan.persistence.migration import migrate
    database = open_database(sys.argv[1])
    sys.stdin.readline()
    migrate(database)
    repository = IdentityRepository(database)
    made = first_start(repository, Vault(bytes(range(32))), ("a", "b"), SystemClock())
    print(json.dumps(None if made is None else made.key.access_key), flush=True)
    """
)


def start(database: Database, *regions: str) -> FirstStart | None:
    return first_start(IdentityRepository(database), Vault(KEY), regions or REGIONS, SystemClock())


def people_of(database: Database, service: IdentityService) -> PeopleService:
    return PeopleService(
        PeopleRepository(database),
        service,
        Vault(KEY),
        PasswordHasher(HashCost(memory_kib=8, passes=1, lanes=1)),
        SystemClock(),
        LockoutRepository(database),
    )


def owner_of(made: FirstStart) -> Session:
    principal = Principal(
        made.account.id, made.owner.id, made.owner.name, made.key.access_key, is_owner=True
    )
    return Session(principal, by_access_key=True)


def test_the_first_start_makes_one_account_with_all_it_needs(database: Database) -> None:
    made = start(database)
    assert made is not None
    assert (made.account.name, made.owner.name, made.owner.is_owner) == ("huiyan", "admin", True)
    assert [project.name for project in made.projects] == list(REGIONS)
    assert made.key.secret_key not in repr(made)
    directory = IdentityRepository(database).directory(Vault(KEY))
    usable = directory.keys[made.key.access_key]
    assert usable.secret == made.key.secret_key.encode()
    assert usable.principal == owner_of(made).principal
    assert {project.services for project in directory.projects.values()} == {frozenset({"image"})}
    assert directory.accounts == {made.account.id: made.account}
    assert directory.projects == {project.id: project for project in made.projects}


def test_the_secret_is_nowhere_in_the_database_in_the_clear(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'huiyan.db'}")
    migrate(database)
    made = start(database)
    database.close()
    assert made is not None
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert made.key.access_key.encode() in stored
    assert made.key.secret_key.encode() not in stored


def test_later_starts_make_nothing_and_change_nothing(database: Database) -> None:
    start(database)
    repository = IdentityRepository(database)
    before = repository.revision()
    assert start(database) is None
    assert repository.revision() == before


def test_a_new_region_gets_its_project_opened(database: Database) -> None:
    made = start(database)
    assert made is not None
    assert start(database, *REGIONS, "ap-southeast-1") is None
    service = IdentityService(IdentityRepository(database), Vault(KEY), SystemClock())
    added = service.projects(owner_of(made), name="ap-southeast-1")
    assert [project.account_id for project in added] == [made.account.id]
    assert service.admit(owner_of(made), added[0].id, "image:tagging:run") == added[0]


def test_another_instance_key_is_refused_with_what_mends_it(database: Database) -> None:
    start(database)
    with pytest.raises(InstanceKeyError, match=r"copy instance\.key"):
        first_start(IdentityRepository(database), Vault(bytes(32)), REGIONS, SystemClock())
    with pytest.raises(InstanceKeyError, match=r"copy instance\.key"):
        IdentityService(IdentityRepository(database), Vault(bytes(32)), SystemClock())


def test_of_processes_that_start_at_once_one_makes_the_account(database_url: str) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", START, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate(timeout=60)[0]) for process in started]
    made = [answer for answer in answers if answer is not None]
    assert len(made) == 1
    database = open_database(database_url)
    directory = IdentityRepository(database).directory(Vault(KEY))
    assert list(directory.keys) == made
    assert len(directory.accounts) == 1
    assert len(directory.projects) == 2
    database.close()


def test_a_process_killed_in_the_middle_leaves_nothing(
    database_url: str, empty_database: Database
) -> None:
    migrate(empty_database)
    program = START.replace(
        "repository = ",
        "import os, signal, huiyan.iam.repository as r\n"
        "r.insert_key = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "repository = ",
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, database_url], input="go\n", text=True, check=False
    )
    assert killed.returncode == -9
    directory = IdentityRepository(empty_database).directory(Vault(KEY))
    assert (directory.accounts, directory.projects, directory.keys) == ({}, {}, {})
    assert start(empty_database) is not None


def test_a_stopped_key_is_gone_elsewhere_after_a_refresh(database: Database) -> None:
    made = start(database)
    assert made is not None
    here, elsewhere = (
        IdentityService(IdentityRepository(database), Vault(KEY), SystemClock()) for _ in range(2)
    )
    people_of(database, here).keys.change(made.account.id, made.key.access_key, "inactive")
    assert elsewhere.refresh()
    assert not elsewhere.refresh()
    assert not elsewhere.directory.keys
    people_of(database, here).keys.change(made.account.id, made.key.access_key, "active")
    assert elsewhere.refresh()
    assert list(elsewhere.directory.keys) == [made.key.access_key]


def test_another_accounts_key_cannot_be_stopped(database: Database) -> None:
    made = start(database)
    assert made is not None
    service = IdentityService(IdentityRepository(database), Vault(KEY), SystemClock())
    people = people_of(database, service)
    with pytest.raises(NotFoundError):
        people.keys.change(AccountId("f" * 32), made.key.access_key, "inactive")
    with pytest.raises(NotFoundError):
        people.keys.change(made.account.id, AccessKey("ABSENT"), "inactive")
    assert list(service.directory.keys) == [made.key.access_key]


def test_a_service_can_be_closed_opened_and_added(database: Database) -> None:
    made = start(database)
    assert made is not None
    service = IdentityService(IdentityRepository(database), Vault(KEY), SystemClock())
    project = made.projects[0]
    service.set_service(project, "image", enabled=False)
    service.set_service(project, "gallery", enabled=True)
    assert service.project(owner_of(made), project.id).services == {"gallery"}
    service.set_service(project, "image", enabled=True)
    assert service.project(owner_of(made), project.id).services == {"gallery", "image"}


def test_a_service_of_no_project_is_refused(database: Database) -> None:
    start(database)
    scope = Scope(AccountId("f" * 32), ProjectId("absent"))
    with pytest.raises(DatabaseError):
        IdentityRepository(database).set_service(scope, "image", datetime.now(UTC), enabled=True)


def test_a_further_key_is_stored_like_the_first(database: Database) -> None:
    made = start(database)
    assert made is not None
    service = IdentityService(IdentityRepository(database), Vault(KEY), SystemClock())
    issued = issue_key(people_of(database, service), made.account.id)
    assert service.directory.keys[issued.access_key].secret == issued.secret_key.encode()
    assert len(service.directory.keys) == 2
