from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from pathlib import Path

import pytest
from migrated import open_migrated

from huiyan.iam.bootstrap import first_start
from huiyan.iam.directory.model import Directory
from huiyan.iam.directory.secrets import SecretOpener
from huiyan.iam.model import FirstStart, Session
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.people.repository import PeopleRepository
from huiyan.iam.people.service import PeopleService
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DatabaseError
from huiyan.kernel.principal import Principal
from huiyan.persistence.database import Database
from huiyan.web.request import RawRequest


class CountingRepository(IdentityRepository):
    """Counts how often news was asked for and taken, and fails when told to."""

    asked = 0
    taken = 0
    failing = False

    def revision(self) -> int:
        self.asked += 1
        if self.failing:
            raise DatabaseError("unreachable")
        return super().revision()

    def directory(self, secrets: SecretOpener) -> Directory:
        self.taken += 1
        return super().directory(secrets)


@dataclass(frozen=True)
class Installation:
    repository: CountingRepository
    vault: Vault
    service: IdentityService
    made: FirstStart
    database: Database

    @property
    def owner(self) -> Session:
        made = self.made
        principal = Principal(
            made.account.id, made.owner.id, made.owner.name, made.key.access_key, is_owner=True
        )
        return Session(principal, "192.0.2.1", by_access_key=True)

    @property
    def people(self) -> PeopleService:
        return self.people_of(self.service)

    def people_of(self, service: IdentityService) -> PeopleService:
        return PeopleService(
            PeopleRepository(self.database),
            service,
            self.vault,
            PasswordHasher(HashCost(memory_kib=8, passes=1, lanes=1)),
            SystemClock(),
            LockoutRepository(self.database),
        )

    def another_process(self) -> IdentityService:
        return IdentityService(self.repository, self.vault, SystemClock())


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    database = open_migrated(f"sqlite:///{tmp_path / 'huiyan.db'}")
    repository, vault = CountingRepository(database), Vault(bytes(32))
    made = first_start(repository, vault, ("cn-north-4", "cn-east-3"), SystemClock())
    assert made is not None
    service = IdentityService(repository, vault, SystemClock())
    yield Installation(repository, vault, service, made, database)
    database.close()


@pytest.fixture
def sign() -> Callable[..., RawRequest]:
    def sign_request(  # noqa: PLR0917 - each part of a request has a default
        access: str,
        secret: str,
        path: str = "/v3/projects",
        query: str = "",
        body: bytes = b"",
        host: str = "testserver",
    ) -> RawRequest:
        date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        canonical = (
            f"GET\n{path}/\n{query}\nhost:{host}\nx-sdk-date:{date}\n\nhost;x-sdk-date\n"
            f"{sha256(body).hexdigest()}"
        )
        text = f"SDK-HMAC-SHA256\n{date}\n{sha256(canonical.encode()).hexdigest()}"
        signature = digest(secret.encode(), text.encode(), "sha256").hex()
        header = (
            f"SDK-HMAC-SHA256 Access={access}, SignedHeaders=host;x-sdk-date, Signature={signature}"
        )
        headers = (
            (b"host", host.encode()),
            (b"x-sdk-date", date.encode()),
            (b"authorization", header.encode()),
        )
        return RawRequest("GET", path.encode(), query.encode(), headers, body, "192.0.2.1")

    return sign_request
