import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any

import pytest
from migrated import open_migrated
from starlette.applications import Starlette
from starlette.testclient import TestClient

from huiyan.iam.audit.model import AuditEntry
from huiyan.iam.bootstrap import first_start, new_key
from huiyan.iam.call import Answer, Operation
from huiyan.iam.desk import Desk
from huiyan.iam.directory.model import Directory
from huiyan.iam.http import call_routes
from huiyan.iam.model import Account, FirstStart, Founding, NewKey, Project, Session, User
from huiyan.iam.people.repository import PeopleRepository
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.calls import token_operations
from huiyan.iam.tokens.delegation import DelegationService
from huiyan.iam.tokens.login import LoginService
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.tokens.service import TokenService
from huiyan.iam.vault import Vault
from huiyan.kernel.ids import AccessKey, AccountId, ProjectId, UserId, new_hex_id
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.query import Scope, delete_in, insert_in, select_in, update_in
from huiyan.persistence.schema import (
    ACCESS_KEY,
    ACCOUNT,
    AGENCY,
    CUSTOM_ROLE,
    GROUP_MEMBER,
    IAM_GROUP,
    IAM_USER,
    ROLE_GRANT,
)
from huiyan.web.request import RawRequest

START = datetime(2026, 3, 31, 8, 15, 0, 123456, tzinfo=UTC)
ADDRESS = "192.0.2.7"


class MovedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        return self.instant

    def monotonic_s(self) -> float:
        return self.instant.timestamp()

    def move(self, **by: float) -> None:
        self.instant += timedelta(**by)


class CountingVerifier:
    """Compares as the real one does, without its cost, and counts."""

    def __init__(self) -> None:
        self.compared: list[tuple[bool, int]] = []

    def verify(self, stored: str | None, password: str) -> bool:
        self.compared.append((stored is not None, len(password)))
        return stored in {f"hash of {password}", f"weak hash of {password}"}

    def needs_rehash(self, stored: str) -> bool:
        return stored.startswith("weak ")

    def hash(self, password: str) -> str:
        return f"hash of {password}"


class SqlPasswords:
    """Reads hashes as the people's repository does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked = 0

    def find_password_hash(self, account_id: AccountId, user_id: UserId) -> str | None:
        self.asked += 1
        query = select_in(Scope(account_id), IAM_USER).where(IAM_USER.c.id == user_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else row.password_hash

    def renew_hash(self, account_id: AccountId, user_id: UserId, old: str, new: str) -> None:
        PeopleRepository(self._database).renew_hash(account_id, user_id, old, new)


class KeptLog:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


@dataclass
class House:
    """A whole installation, in process, with a clock that is moved."""

    database: Database
    repository: IdentityRepository
    vault: Vault
    clock: MovedClock
    made: FirstStart
    identity: IdentityService
    tokens: TokenService
    verifier: CountingVerifier
    passwords: SqlPasswords
    lockouts: LockoutRepository
    audit: KeptLog
    logins: LoginService
    delegation: DelegationService
    extra: list[Operation] = field(default_factory=list)

    @property
    def directory(self) -> Directory:
        return self.identity.directory

    @property
    def account(self) -> Account:
        return self.made.account

    def project(self, name: str = "cn-north-4", account: Account | None = None) -> Project:
        wanted = (account or self.account).id
        return next(
            p for p in self.directory.projects.values() if p.name == name and p.account_id == wanted
        )

    def change(self, statement: Any) -> None:
        with self.database.changing() as connection:
            connection.execute(statement)
        self.identity.refresh()

    def add_user(
        self, name: str, password: str | None = "right-Password1", account: Account | None = None
    ) -> User:
        user_id, account_id = UserId(new_hex_id()), (account or self.account).id
        self.change(
            insert_in(Scope(account_id), IAM_USER).values(
                id=user_id,
                name=name,
                description="",
                enabled=True,
                is_owner=False,
                password_hash=None if password is None else f"hash of {password}",
                created_at_ms=self.clock.now(),
            )
        )
        return self.directory.users[user_id]

    def set_user(self, user: User, *, bumped: bool = False, **values: object) -> User:
        if bumped:
            values["credential_epoch"] = self.directory.users[user.id].credential_epoch + 1
        self.change(
            update_in(Scope(user.account_id), IAM_USER)
            .where(IAM_USER.c.id == user.id)
            .values(**values)
        )
        return self.directory.users[user.id]

    def remove_user(self, user: User) -> None:
        self.change(delete_in(Scope(user.account_id), IAM_USER).where(IAM_USER.c.id == user.id))

    def add_account(self, name: str) -> Account:
        account = Account(AccountId(new_hex_id()), name, "", enabled=True)
        owner = User(UserId(new_hex_id()), account.id, "owner", is_owner=True)
        key = new_key()
        self.repository.add_account(
            Founding(
                account,
                owner,
                tuple(
                    replace(p, id=ProjectId(new_hex_id()), account_id=account.id)
                    for p in self.made.projects
                ),
                NewKey(
                    key.access_key, owner.id, self.vault.seal(key.access_key, key.secret_key), ""
                ),
                self.clock.now(),
            )
        )
        self.identity.refresh()
        return self.directory.accounts[account.id]

    def set_account(self, account: Account, *, enabled: bool) -> None:
        self.change(update_in(Scope(account.id), ACCOUNT).values(enabled=enabled))

    def add_key(self, user: User) -> Any:
        key = new_key()
        self.change(
            insert_in(Scope(user.account_id), ACCESS_KEY).values(
                access=key.access_key,
                user_id=user.id,
                secret_ciphertext=(
                    sealed := self.vault.seal(key.access_key, key.secret_key)
                ).ciphertext,
                instance_key_id=sealed.instance_key_id,
                status="active",
                description="",
                created_at_ms=self.clock.now(),
                last_used_at_ms=None,
            )
        )
        return key

    def stop_key(self, access: AccessKey, user: User) -> None:
        self.change(
            update_in(Scope(user.account_id), ACCESS_KEY)
            .where(ACCESS_KEY.c.access == access)
            .values(status="inactive")
        )

    def grant(self, user: User, role_id: str, place: str = "domain", project_id: str = "") -> str:
        group_id, scope = new_hex_id(), Scope(user.account_id)
        self.change(
            insert_in(scope, IAM_GROUP).values(
                id=group_id, name=group_id, description="", created_at_ms=self.clock.now()
            )
        )
        self.change(insert_in(scope, GROUP_MEMBER).values(group_id=group_id, user_id=user.id))
        self.grant_to(user.account_id, "group", group_id, role_id, place, project_id)
        return group_id

    def grant_to(  # noqa: PLR0917 - the columns of a row
        self,
        account_id: AccountId,
        subject: str,
        subject_id: str,
        role_id: str,
        place: str = "domain",
        project_id: str = "",
    ) -> None:
        self.change(
            insert_in(Scope(account_id), ROLE_GRANT).values(
                subject=subject,
                subject_id=subject_id,
                role_id=role_id,
                place=place,
                project_id=project_id,
            )
        )

    def add_policy(self, statements: Sequence[Mapping[str, object]]) -> str:
        """Make a policy of the first account, for global services."""
        role_id = new_hex_id()
        self.change(
            insert_in(Scope(self.account.id), CUSTOM_ROLE).values(
                id=role_id,
                number=1,
                display_name="policy",
                type="AX",
                description="",
                description_cn="",
                document=json.dumps({"Version": "1.1", "Statement": list(statements)}),
                created_at_ms=self.clock.now(),
                updated_at_ms=None,
            )
        )
        return role_id

    def leave(self, user: User, group_id: str) -> None:
        self.change(
            delete_in(Scope(user.account_id), GROUP_MEMBER).where(
                GROUP_MEMBER.c.user_id == user.id, GROUP_MEMBER.c.group_id == group_id
            )
        )

    def add_agency(
        self, lender: Account, borrower: Account, name: str = "helper", duration: str = "FOREVER"
    ) -> Any:
        agency_id = new_hex_id()
        self.change(
            insert_in(Scope(lender.id), AGENCY).values(
                id=agency_id,
                name=name,
                trusted_account_id=borrower.id,
                trusted_account_name=borrower.name,
                description="",
                duration=duration,
                created_at_ms=self.clock.now(),
            )
        )
        return next(a for a in self.directory.agencies.values() if a.id == agency_id)

    def remove_agency(self, agency: Any) -> None:
        self.change(delete_in(Scope(agency.account_id), AGENCY).where(AGENCY.c.id == agency.id))

    def token_for(self, user: User, project: Project | None = None) -> str:
        return self.tokens.issue_user_token(user, project).text

    def read(self, token: str) -> Session:
        return self.tokens.read(token.encode(), self.directory)

    def client(self, address: str = ADDRESS) -> TestClient:
        operations = token_operations(self.identity, self.tokens, self.logins, self.delegation)
        desk = Desk(self.identity, self.audit, self.clock)
        routes = call_routes((*operations, *self.extra), desk, lambda *_: None)
        return TestClient(Starlette(routes=routes), client=(address, 50000))

    def request(self, *headers: tuple[bytes, bytes], body: bytes = b"") -> RawRequest:
        return RawRequest("POST", b"/v3/x", b"", headers, body, ADDRESS)

    def signed(
        self,
        key: Any,
        *,
        method: str = "GET",
        path: str = "/v3/auth/catalog",
        body: bytes = b"",
        more: Mapping[str, str] | None = None,
        unsigned: Sequence[tuple[bytes, bytes]] = (),
        host: str = "testserver",
    ) -> RawRequest:
        """Sign with a key, temporary if it has a security token."""
        headers = {"host": host, "x-sdk-date": self.clock.now().strftime("%Y%m%dT%H%M%SZ")}
        access = getattr(key, "access", None) or key.access_key
        secret = getattr(key, "secret", None) or key.secret_key
        if getattr(key, "security_token", None):
            headers["x-security-token"] = key.security_token
        headers = dict(sorted((headers | dict(more or {})).items()))
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = f"{method}\n{path}/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        text = f"SDK-HMAC-SHA256\n{headers['x-sdk-date']}\n{sha256(canonical.encode()).hexdigest()}"
        signature = digest(secret.encode(), text.encode(), "sha256").hex()
        authorization = (
            f"SDK-HMAC-SHA256 Access={access}, SignedHeaders={names}, Signature={signature}"
        )
        pairs = [(n.encode(), v.encode()) for n, v in headers.items()]
        pairs.append((b"authorization", authorization.encode()))
        return RawRequest(method, path.encode(), b"", (*pairs, *unsigned), body, ADDRESS)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FirstStart]:
    """One database with its first account, to be copied: making one costs a quarter of a second."""
    path = tmp_path_factory.mktemp("founded") / "huiyan.db"
    database = open_migrated(f"sqlite:///{path}")
    made = first_start(
        IdentityRepository(database), Vault(bytes(32)), ("cn-north-4", "cn-east-3"), MovedClock()
    )
    database.close()
    assert made is not None
    return path, made


@pytest.fixture
def house(tmp_path: Path, founded: tuple[Path, FirstStart]) -> Iterator[House]:
    founded_path, made = founded
    path = tmp_path / "huiyan.db"
    shutil.copy(founded_path, path)
    database = open_database(f"sqlite:///{path}")
    repository, vault, clock = IdentityRepository(database), Vault(bytes(32)), MovedClock()
    identity = IdentityService(repository, vault, clock)
    tokens, verifier, audit = identity.tokens, CountingVerifier(), KeptLog()
    passwords, lockouts = SqlPasswords(database), LockoutRepository(database)
    yield House(
        database,
        repository,
        vault,
        clock,
        made,
        identity,
        tokens,
        verifier,
        passwords,
        lockouts,
        audit,
        LoginService(
            identity, passwords, verifier, lockouts, tokens, clock, audit, pause=lambda _s: None
        ),
        DelegationService(identity, tokens, clock, audit),
    )
    database.close()


@pytest.fixture
def password_body() -> Callable[..., dict[str, Any]]:
    def body(
        name: str = "ada",
        password: str = "right-Password1",
        domain: dict[str, str] | None = None,
        scope: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        user = {"name": name, "password": password, "domain": domain or {"name": "huiyan"}}
        auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
        if scope is not None:
            auth["scope"] = scope
        return {"auth": auth}

    return body


@pytest.fixture
def answer_who() -> Operation:
    return Operation(
        "GET",
        "/who",
        "",
        lambda call: Answer(document={"user": call.caller().principal.user_id}),
    )
