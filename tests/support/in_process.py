"""The whole server in this process, on SQLite, with what is seen in pictures known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake_assembly import FakeAssembly, fake_offer
from gallery_parts import GalleryParts
from migrated import open_migrated
from signed_call import Account, Answer, SignedRequest

from huiyan.gateway.admission import Admission
from huiyan.gateway.application import Application, other_paths
from huiyan.gateway.health import health_routes
from huiyan.gateway.observe import Observer
from huiyan.gateway.pipeline import Pipeline
from huiyan.gateway.receive import BodyLimits
from huiyan.gateway.route import RouteTable
from huiyan.gateway.throttle import Throttle
from huiyan.iam.assembly import IdentityParts, open_identity
from huiyan.iam.bootstrap import first_start
from huiyan.iam.call import Operation
from huiyan.iam.directory.model import Limits
from huiyan.iam.http import call_routes
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import open_vault
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import RecordingError
from huiyan.kernel.ids import AccountId, RegionId
from huiyan.kernel.units import MIB_BYTES
from huiyan.metering.model import UseRecord
from huiyan.metering.repository import UseRepository
from huiyan.metering.service import GroupCommitMeter
from huiyan.monitoring.prometheus import Metrics
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope
from huiyan.recognition.model import AnyCapability
from huiyan.recognition.service import RecognitionService

HOST = "127.0.0.1:8686"
REGIONS = ("cn-north-4", "cn-east-3")
CHEAP = HashCost(passes=1, memory_kib=8, lanes=1)
UNLIMITED = Limits(calls_per_minute=0, concurrent_calls=0)


class FakeFetcher:
    """Fetches from a dictionary; what is an error there is raised."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | Exception] = {}

    def fetch(self, url: str) -> bytes:
        page = self.pages[url]
        if isinstance(page, Exception):
            raise page
        return page


class SwitchedMeter:
    """The real meter, until it is told to fail."""

    def __init__(self, meter: GroupCommitMeter) -> None:
        self._meter = meter
        self.fails = False

    def record(self, use: UseRecord) -> None:
        if self.fails:
            raise RecordingError("the disk is full")
        self._meter.record(use)


@dataclass
class House:
    application: Application
    offered: tuple[AnyCapability, ...]
    account: Account
    account_id: AccountId
    database: Database
    parts: IdentityParts
    gallery: GalleryParts
    assembly: FakeAssembly
    fetcher: FakeFetcher
    meter: SwitchedMeter
    metrics: Metrics
    admission: Admission
    closing: list[Callable[[], None]] = field(default_factory=list)

    @property
    def identity(self) -> IdentityService:
        return self.parts.identity

    @property
    def operations(self) -> tuple[Operation, ...]:
        return (*self.parts.operations, *self.gallery.operations)

    def uses(self) -> tuple[UseRecord, ...]:
        return UseRepository(self.database).list_uses(Scope(self.account_id))

    def calls_counted(self, **labels: str) -> float:
        return self.sample("huiyan_calls_total", **labels)

    def sample(self, name: str, **labels: str) -> float:
        total = 0.0
        for line in self.metrics.render().decode().splitlines():
            wanted = all(f'{key}="{value}"' in line for key, value in labels.items())
            if line.startswith((f"{name}{{", f"{name} ")) and wanted:
                total += float(line.rsplit(" ", 1)[1])
        return total

    def path(self, interface: str, region: str = "cn-north-4") -> str:
        """Give an operation's path in the caller's own project."""
        paths = {it.interface: it.path for it in self.offered if "{project_id}" in it.path}
        return paths[interface].replace("{project_id}", self.account.project_ids[region])

    def request(self, body: bytes = b"", **changes: Any) -> SignedRequest:
        path = self.path("tagging")
        return SignedRequest(
            **{"account": self.account, "host": HOST, "path": path} | changes, body=body
        )

    def ask(self, request: SignedRequest, headers: dict[str, str] | None = None) -> Answer:
        return asyncio.run(self.answer(request, headers))

    async def answer(
        self,
        request: SignedRequest,
        headers: dict[str, str] | None = None,
        chunks: Sequence[dict[str, Any]] | None = None,
        client: str = "127.0.0.1",
    ) -> Answer:
        sent = request.headers if headers is None else headers
        return await converse(self.application, request, sent, chunks, client)

    def close(self) -> None:
        for close in self.closing:
            close()


async def converse(
    application: Any,
    request: SignedRequest,
    headers: dict[str, str],
    chunks: Sequence[dict[str, Any]] | None = None,
    client: str = "127.0.0.1",
) -> Answer:
    """Speak ASGI to the application as uvicorn does."""
    named = {name.lower(): value for name, value in headers.items()}
    if chunks is None:
        named.setdefault("content-length", str(len(request.body)))
        chunks = [{"type": "http.request", "body": request.body, "more_body": False}]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": request.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": (client, 50000),
        "server": ("127.0.0.1", 8686),
        "state": {},
    }
    waiting = list(chunks)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def take(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, take)
    if not sent:
        return Answer(0, {}, b"")
    start = sent[0]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, body)


def open_house(
    folder: Path,
    *,
    regions: dict[str, frozenset[RegionId]] | None = None,
    queue_limit: int = 64,
    queue_bytes: int = 64 * MIB_BYTES,
    body_timeout_s: float = 5.0,
    user_limits: Limits = UNLIMITED,
    project_limits: Limits = UNLIMITED,
) -> House:
    clock = SystemClock()
    database = open_migrated(f"sqlite:///{folder / 'huiyan.db'}")
    repository = IdentityRepository(database)
    vault = open_vault(None, folder / "instance.key", repository.stored_key_ids())
    first = first_start(repository, vault, REGIONS, clock)
    assert first is not None
    parts = open_identity(database, vault, clock, REGIONS, PasswordHasher(CHEAP))
    identity, gallery = parts.identity, GalleryParts(database, vault)
    meter = GroupCommitMeter(UseRepository(database), retry_for_s=0.2)
    switched = SwitchedMeter(meter)
    assembly, fetcher, metrics = FakeAssembly(), FakeFetcher(), Metrics()
    observer = Observer(metrics, clock)
    offered = tuple(capability for capability, _ in fake_offer(assembly))
    service = RecognitionService(fetcher, MemoryBudget(64 * MIB_BYTES), clock, 2, 2)
    executor = ThreadPoolExecutor(2 * queue_limit)
    admission = Admission(queue_limit, queue_bytes)

    @asynccontextmanager
    async def lifespan(_others: Any) -> Any:
        yield {}

    routes = [
        *health_routes(metrics, list),
        *call_routes((*parts.operations, *gallery.operations), parts.desk, observer.iam_call_ended),
    ]
    application = Application(
        routes=RouteTable(offered),
        pipeline=Pipeline(
            identity=identity,
            recognition=service,
            meter=switched,
            audit=parts.audit,
            throttle=Throttle(clock, lambda _id: user_limits, lambda _id: project_limits, 1),
            regions=regions or {},
            default_region=RegionId("cn-north-4"),
        ),
        executor=executor,
        admission=admission,
        limits=BodyLimits(timeout_s=body_timeout_s),
        observer=observer,
        clock=clock,
        others=other_paths(routes, lifespan, observer),
    )
    account = Account(
        first.key.access_key,
        first.key.secret_key,
        {project.name: project.id for project in first.projects},
    )
    return House(
        application=application,
        offered=offered,
        account=account,
        account_id=first.account.id,
        database=database,
        parts=parts,
        gallery=gallery,
        assembly=assembly,
        fetcher=fetcher,
        meter=switched,
        metrics=metrics,
        admission=admission,
        closing=[executor.shutdown, parts.audit.close, meter.close, database.close],
    )


class Gate:
    """Holds threads until it is opened."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.arrived = threading.Semaphore(0)

    def __call__(self) -> None:
        self.arrived.release()
        assert self._open.wait(20)

    def open(self) -> None:
        self._open.set()
