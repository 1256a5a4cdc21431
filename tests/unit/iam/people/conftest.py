"""A server in process for calls about people, with people who say who they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from migrated import open_migrated
from postgresql_server import PostgresqlServer, serve_postgresql
from starlette.applications import Starlette
from starlette.testclient import TestClient

from huiyan.iam.audit.model import AuditEntry
from huiyan.iam.bootstrap import first_start, new_key
from huiyan.iam.desk import Desk
from huiyan.iam.http import call_routes
from huiyan.iam.model import Account, Founding, NewKey, Session, User
from huiyan.iam.people.calls import people_operations
from huiyan.iam.people.model import NewUser
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.people.repository import PeopleRepository
from huiyan.iam.people.service import PeopleService
from huiyan.iam.policy.model import RoleId
from huiyan.iam.policy.system import SECURITY_ADMINISTRATOR, TENANT_GUEST
from huiyan.iam.policy.wire import parse_policy
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.errors import MissingCredentialsError
from huiyan.kernel.ids import AccountId, AgencyId, UserId, new_hex_id
from huiyan.kernel.principal import Principal
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, insert_in
from huiyan.persistence.schema import ROLE_GRANT
from huiyan.web.request import RawRequest

CHEAP = HashCost(memory_kib=8, passes=1)


class Clock:
    """Stands still until told otherwise."""

    at = datetime(2026, 3, 31, 8, 15, 30, 123456, tzinfo=UTC)
    seconds = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.seconds

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


class TrustingIdentity(IdentityService):
    """Believes the headers: who calls, by a temporary key, narrowed to what, for which agency."""

    def authenticate(self, request: RawRequest) -> Session:
        headers = {name: value.decode() for name, value in request.headers}
        user = self.directory.users.get(UserId(headers.get(b"x-user", "")))
        if user is None:
            raise MissingCredentialsError("x-auth-token not found")
        principal = Principal(user.account_id, user.id, user.name, "AK", is_owner=user.is_owner)
        session = Session(principal, headers.get(b"x-address", "192.0.2.1"))
        if b"x-temporary" in headers or b"x-narrowed" in headers:
            session = replace(session, by_access_key=True, is_temporary=True)
        if b"x-narrowed" in headers:
            statement = {"Effect": "Allow", "Action": [headers[b"x-narrowed"]]}
            policy = parse_policy({"Version": "1.1", "Statement": [statement]})
            session = replace(session, narrowing=policy)
        if b"x-agency" in headers:
            session = replace(session, agency_id=AgencyId(headers[b"x-agency"]))
        return session


class ToldAudit:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


class House:
    """A founded installation with two accounts, and its calls about people."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock, self.vault = database, Clock(), Vault(bytes(32))
        self.identities = IdentityRepository(database)
        made = first_start(self.identities, self.vault, ("cn-north-4",), self.clock)
        assert made is not None
        self.made = made
        self.account_id, self.owner_id = made.account.id, made.owner.id
        self.stranger_account_id, self.stranger_id = self._found("strangers")
        self.identity = TrustingIdentity(self.identities, self.vault, self.clock)
        self.repository = PeopleRepository(database)
        self.hasher = PasswordHasher(CHEAP)
        self.people = PeopleService(
            self.repository,
            self.identity,
            self.vault,
            self.hasher,
            self.clock,
            LockoutRepository(database),
        )
        self.audit = ToldAudit()
        desk = Desk(self.identity, self.audit, self.clock)
        routes = call_routes(people_operations(self.people), desk, lambda *_told: None)
        self._client = TestClient(Starlette(routes=routes), raise_server_exceptions=True)

    def _found(self, name: str) -> tuple[AccountId, UserId]:
        account = Account(AccountId(new_hex_id()), name, "", enabled=True)
        owner = User(UserId(new_hex_id()), account.id, "admin", is_owner=True)
        issued = new_key()
        sealed = self.vault.seal(issued.access_key, issued.secret_key)
        key = NewKey(issued.access_key, owner.id, sealed, "")
        self.identities.add_account(Founding(account, owner, (), key, self.clock.now()))
        return account.id, owner.id

    def call(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        by: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Call as the owner, or as someone else."""
        body = raw if raw is not None else (b"" if document is None else json.dumps(document))
        told = {"x-user": by or self.owner_id} | (headers or {})
        return self._client.request(method, path, content=body, headers=told)

    def user(self, name: str, password: str | None = None, account_id: str | None = None) -> User:
        return self.people.create_user(
            AccountId(account_id or self.account_id), NewUser(name, password)
        )

    def grant(self, user: User, role_id: RoleId) -> None:
        """Give a user a role in the whole account, by a group of its own."""
        group = self.people.groups.create(user.account_id, f"{user.name} {role_id[:8]}")
        self.people.groups.add_member(user.account_id, group.id, user.id)
        with self.database.changing() as connection:
            connection.execute(
                insert_in(Scope(user.account_id), ROLE_GRANT).values(
                    subject_id=group.id,
                    role_id=role_id,
                    place="domain",
                    project_id="",
                    subject="group",
                )
            )
        self.identity.refresh()

    def administrator(self, name: str = "security") -> User:
        user = self.user(name)
        self.grant(user, SECURITY_ADMINISTRATOR.id)
        return user

    def guest(self, name: str = "guest") -> User:
        user = self.user(name)
        self.grant(user, TENANT_GUEST.id)
        return user

    def epoch(self, user: User) -> int:
        return self.people.roster.get_user(user.account_id, user.id).credential_epoch


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    yield House(database)
    database.close()


@pytest.fixture(scope="module")
def quiet_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all calls that are refused: whatever they try, it stays as it was."""
    path = tmp_path_factory.mktemp("quiet") / "huiyan.db"
    database = open_migrated(f"sqlite:///{path}")
    house = House(database)
    before = house.identities.revision()
    yield house
    assert house.identities.revision() == before
    database.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    yield from serve_postgresql()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The same on either database."""
    url = f"sqlite:///{tmp_path / 'huiyan.db'}"
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.create_schema()
    database = open_migrated(url)
    yield House(database)
    database.close()
