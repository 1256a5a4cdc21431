"""A server in process for calls of our own, with people who say who they are."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migrated import open_migrated
from starlette.applications import Starlette
from starlette.testclient import TestClient

from huiyan.iam.audit.calls import audit_operations
from huiyan.iam.audit.repository import AuditRepository
from huiyan.iam.audit.service import AuditService
from huiyan.iam.bootstrap import first_start, new_key
from huiyan.iam.desk import Desk
from huiyan.iam.http import call_routes
from huiyan.iam.model import Account, Founding, NewKey, Project, Session, User
from huiyan.iam.policy.model import Role
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.services.calls import service_operations
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import MissingCredentialsError
from huiyan.kernel.ids import AccountId, ProjectId, UserId, new_hex_id
from huiyan.kernel.principal import Principal
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, insert_in
from huiyan.persistence.schema import CUSTOM_ROLE, GROUP_MEMBER, IAM_GROUP, IAM_USER, ROLE_GRANT
from huiyan.web.request import RawRequest

AT = datetime(2026, 3, 31, 8, 15, tzinfo=UTC)


class TrustingIdentity(IdentityService):
    """Believes the header ``X-User``, a user's id; all else is the real service."""

    def authenticate(self, request: RawRequest) -> Session:
        user_id = UserId(dict(request.headers).get(b"x-user", b"").decode())
        user = self.directory.users.get(user_id)
        if user is None:
            raise MissingCredentialsError("x-auth-token not found")
        principal = Principal(user.account_id, user.id, user.name, "AK", is_owner=user.is_owner)
        return Session(principal, "192.0.2.1")


class OwnCalls:
    """A founded installation, its calls of our own, and ways to give people rights."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._repository, self._vault = IdentityRepository(database), Vault(bytes(32))
        made = first_start(self._repository, self._vault, ("cn-north-4",), SystemClock())
        assert made is not None
        self.account_id, self.owner_id = made.account.id, made.owner.id
        self.project_id = made.projects[0].id
        self.identity = TrustingIdentity(self._repository, self._vault, SystemClock())
        self.audit = AuditService(AuditRepository(database), SystemClock())
        operations = (
            *audit_operations(self.identity, self.audit),
            *service_operations(self.identity),
        )
        desk = Desk(self.identity, self.audit, SystemClock())
        routes = call_routes(operations, desk, lambda *_told: None)
        self._client = TestClient(Starlette(routes=routes))

    def call(
        self,
        method: str,
        path: str,
        caller_id: str | None = None,
        document: object = None,
        **query: str,
    ) -> Any:
        """Call as the owner, or as someone else; the path follows the owner's project."""
        return self._client.request(
            method,
            f"/huiyan/v1/{self.project_id}/{path}",
            params=query,
            json=document,
            headers={"X-User": self.owner_id if caller_id is None else caller_id},
        )

    def second_account(self) -> tuple[AccountId, UserId, ProjectId]:
        """Found another account, whose service is closed."""
        account = Account(AccountId(new_hex_id()), "other", "", enabled=True)
        owner = User(UserId(new_hex_id()), account.id, "root", is_owner=True)
        project = Project(
            ProjectId(new_hex_id()), account.id, "cn-north-4", account.id, "", enabled=True
        )
        key = new_key()
        sealed = self._vault.seal(key.access_key, key.secret_key)
        stored = NewKey(key.access_key, owner.id, sealed, "")
        self._repository.add_account(Founding(account, owner, (project,), stored, AT))
        self.identity.refresh()
        return account.id, owner.id, project.id

    def add_user(self, role: Role | str | None = None, place: str = "project") -> str:
        """Add a user with a role of the system, or with a policy of this document."""
        user_id, group_id = new_hex_id(), new_hex_id()
        scope = Scope(self.account_id)
        named = {"description": "", "created_at_ms": AT}
        user = {"enabled": True, "is_owner": False, "password_hash": None, **named}
        with self.database.changing() as connection:
            connection.execute(
                insert_in(scope, IAM_USER).values(id=user_id, name=f"u-{user_id[:8]}", **user)
            )
            connection.execute(
                insert_in(scope, IAM_GROUP).values(id=group_id, name=group_id, **named)
            )
            connection.execute(
                insert_in(scope, GROUP_MEMBER).values(group_id=group_id, user_id=user_id)
            )
        if role is not None:
            role_id = self._custom(role, place) if isinstance(role, str) else role.id
            self._grant(group_id, role_id, place)
        self.identity.refresh()
        return user_id

    def _custom(self, document: str, place: str) -> str:
        role_id = new_hex_id()
        with self.database.changing() as connection:
            connection.execute(
                insert_in(Scope(self.account_id), CUSTOM_ROLE).values(
                    id=role_id,
                    number=secrets.randbelow(2**31),
                    display_name=role_id,
                    type="AX" if place == "domain" else "XA",
                    description="",
                    description_cn="",
                    document=document,
                    created_at_ms=AT,
                )
            )
        return role_id

    def _grant(self, group_id: str, role_id: str, place: str) -> None:
        project_id = self.project_id if place == "project" else ""
        with self.database.changing() as connection:
            connection.execute(
                insert_in(Scope(self.account_id), ROLE_GRANT).values(
                    subject_id=group_id,
                    role_id=role_id,
                    place=place,
                    project_id=project_id,
                    subject="group",
                )
            )


def serve_own_calls(folder: Path) -> Iterator[OwnCalls]:
    """Serve on a database of its own in a folder."""
    database = open_migrated(f"sqlite:///{folder / 'huiyan.db'}")
    yield OwnCalls(database)
    database.close()
