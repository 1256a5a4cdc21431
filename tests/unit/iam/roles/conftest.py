"""Two accounts behind the calls about roles, with users who sign as the vendor's clients do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from migrated import open_migrated
from postgresql_server import PostgresqlServer, serve_postgresql
from signed_call import Account as Signer
from signed_call import SignedRequest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from huiyan.iam.audit.model import AuditEntry
from huiyan.iam.bootstrap import found_account, new_key
from huiyan.iam.desk import Desk
from huiyan.iam.http import call_routes
from huiyan.iam.model import Founding, NewKey, Session
from huiyan.iam.repository import IdentityRepository, insert_key
from huiyan.iam.roles.agency.calls import agency_operations
from huiyan.iam.roles.agency.repository import AgencyRepository
from huiyan.iam.roles.agency.service import AgencyService
from huiyan.iam.roles.calls import role_operations
from huiyan.iam.roles.grant.calls import grant_operations
from huiyan.iam.roles.grant.service import GrantService
from huiyan.iam.roles.repository import RolesRepository
from huiyan.iam.roles.service import RolesService
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.ids import AccountId, UserId, new_hex_id
from huiyan.kernel.principal import Principal
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, delete_in, insert_in
from huiyan.persistence.schema import GROUP_MEMBER, IAM_GROUP, IAM_USER

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOST = "testserver"


class ListedAudit:
    """Keeps entries in a list."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


@dataclass(frozen=True)
class Person:
    signer: Signer
    session: Session

    @property
    def user_id(self) -> str:
        return self.session.principal.user_id


@dataclass(frozen=True)
class Tenant:
    """An account with its owner, projects, and one group."""

    founding: Founding
    owner: Person
    group_id: str

    @property
    def id(self) -> AccountId:
        return self.founding.account.id

    @property
    def project_id(self) -> str:
        return self.founding.projects[0].id


@dataclass
class House:
    database: Database
    vault: Vault
    identity: IdentityService
    audit: ListedAudit = field(default_factory=ListedAudit)

    def __post_init__(self) -> None:
        repository, clock = RolesRepository(self.database), SystemClock()
        self.roles = RolesService(repository, self.identity, clock)
        self.grants = GrantService(repository, self.identity)
        self.agencies = AgencyService(AgencyRepository(self.database), self.identity, clock)
        table = (
            *role_operations(self.roles),
            *grant_operations(self.grants),
            *agency_operations(self.agencies),
        )
        self.operations = table
        desk = Desk(self.identity, self.audit, clock)
        self.client = TestClient(Starlette(routes=call_routes(table, desk, lambda *_told: None)))

    def tenant(self, name: str) -> Tenant:
        founding, key = found_account(
            name, f"owner of {name}", ("cn-north-4", "cn-east-3"), self.vault, NOW
        )
        IdentityRepository(self.database).add_account(founding)
        principal = Principal(
            founding.account.id, founding.owner.id, "owner", key.access_key, is_owner=True
        )
        owner = Person(
            Signer(key.access_key, key.secret_key, {}), Session(principal, by_access_key=True)
        )
        return Tenant(founding, owner, self.group(founding.account.id, "group"))

    def group(self, account_id: AccountId, name: str) -> str:
        group_id = new_hex_id()
        with self.database.changing() as connection:
            connection.execute(
                insert_in(Scope(account_id), IAM_GROUP).values(
                    id=group_id, name=name, description="", created_at_ms=NOW
                )
            )
        self.identity.refresh()
        return group_id

    def user(self, account_id: AccountId, name: str, *group_ids: str) -> Person:
        user_id, key = UserId(new_hex_id()), new_key()
        sealed = self.vault.seal(key.access_key, key.secret_key)
        with self.database.changing() as connection:
            connection.execute(
                insert_in(Scope(account_id), IAM_USER).values(
                    id=user_id,
                    name=name,
                    description="",
                    enabled=True,
                    is_owner=False,
                    password_hash=None,
                    created_at_ms=NOW,
                )
            )
            insert_key(connection, account_id, NewKey(key.access_key, user_id, sealed, ""), NOW)
            for group_id in group_ids:
                connection.execute(
                    insert_in(Scope(account_id), GROUP_MEMBER).values(
                        group_id=group_id, user_id=user_id
                    )
                )
        self.identity.refresh()
        principal = Principal(account_id, user_id, name, key.access_key, is_owner=False)
        return Person(
            Signer(key.access_key, key.secret_key, {}), Session(principal, by_access_key=True)
        )

    def drop_group(self, account_id: AccountId, group_id: str) -> None:
        with self.database.changing() as connection:
            connection.execute(
                delete_in(Scope(account_id), IAM_GROUP).where(IAM_GROUP.c.id == group_id)
            )

    def call(
        self, person: Person, method: str, path: str, body: object = None, query: str = ""
    ) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        signed = SignedRequest(person.signer, HOST, path, content, method, query)
        url = f"{path}?{query}" if query else path
        return self.client.request(method, url, content=content, headers=signed.headers)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    yield from serve_postgresql()


def open_house(url: str) -> Iterator[House]:
    database = open_migrated(url)
    repository, vault = IdentityRepository(database), Vault(bytes(32))
    yield House(database, vault, IdentityService(repository, vault, SystemClock()))
    database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from open_house(f"sqlite:///{tmp_path / 'huiyan.db'}")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_house(request: pytest.FixtureRequest) -> Iterator[House]:
    """For what depends on how the database locks."""
    if request.param == "sqlite":
        yield request.getfixturevalue("house")
        return
    url = request.getfixturevalue("postgresql").create_schema()
    yield from open_house(url)


@pytest.fixture
def tenant(house: House) -> Tenant:
    return house.tenant("one")


@pytest.fixture
def other(house: House) -> Tenant:
    return house.tenant("other")


@pytest.fixture
def document() -> dict[str, Any]:
    """A custom policy as the vendor's client sends it."""
    return {
        "display_name": "Bucket readers",
        "type": "AX",
        "description": "Reads buckets.",
        "description_cn": "可读桶。",
        "policy": {
            "Version": "1.1",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["obs:bucket:ListBucket"],
                    "Resource": ["obs:*:*:bucket:*"],
                    "Condition": {"StringStartWith": {"g:UserName": ["a"]}},
                }
            ],
        },
    }
