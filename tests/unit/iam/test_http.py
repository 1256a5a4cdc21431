import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from in_process import Gate, converse
from signed_call import Account, SignedRequest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from huiyan.iam.audit.repository import AuditRepository
from huiyan.iam.audit.service import AuditService
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.desk import Desk
from huiyan.iam.http import call_routes
from huiyan.iam.lane import LOGINS_WAITING, PICTURES_AT_ONCE, PICTURES_WAITING, Lane
from huiyan.iam.projects.calls import project_operations
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import RecordingError
from huiyan.web.request import RawRequest

Sign = Callable[..., RawRequest]
Get = Callable[..., Any]


def project_routes(installation: Any) -> list[Route]:
    clock = SystemClock()
    audit = AuditService(AuditRepository(installation.database), clock)
    desk = Desk(installation.service, audit, clock)
    return call_routes(project_operations(installation.service), desk, lambda *_told: None)


@pytest.fixture
def get(installation: Any, sign: Sign) -> Get:
    client = TestClient(Starlette(routes=project_routes(installation)))
    key = installation.made.key

    def get_signed(path: str, query: str = "", secret: str = key.secret_key) -> Any:
        signed = sign(key.access_key, secret, path, query)
        headers = {name.decode(): value.decode() for name, value in signed.headers}
        return client.get(f"{path}?{query}" if query else path, headers=headers)

    return get_signed


def test_projects_have_the_fields_that_clients_read(get: Get, installation: Any) -> None:
    reply = get("/v3/projects", "name=cn-north-4")
    account, project = installation.made.account, installation.made.projects[0]
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"] == reply.headers["x-iam-trace-id"]
    assert reply.json() == {
        "projects": [
            {
                "id": project.id,
                "name": "cn-north-4",
                "domain_id": account.id,
                "parent_id": account.id,
                "enabled": True,
                "is_domain": False,
                "description": "",
                "links": {"self": f"http://testserver/v3/projects/{project.id}"},
            }
        ],
        "links": {"self": "http://testserver/v3/projects", "next": None, "previous": None},
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=absent", []),
        ("name=", ["cn-east-3", "cn-north-4"]),
        ("enabled=true", ["cn-east-3", "cn-north-4"]),
        ("enabled=False", []),
        ("is_domain=true", []),
        ("is_domain=false", ["cn-east-3", "cn-north-4"]),
        ("domain_id=other", []),
        ("parent_id=other", []),
        ("page=1&per_page=1", ["cn-east-3"]),
        ("page=2&per_page=1", ["cn-north-4"]),
        ("page=3&per_page=1", []),
        ("page=2", []),
        ("unknown=1", ["cn-east-3", "cn-north-4"]),
    ],
)
def test_projects_can_be_filtered_and_paged(get: Get, query: str, names: list[str]) -> None:
    reply = get("/v3/projects", query)
    assert reply.status_code == 200
    assert [project["name"] for project in reply.json()["projects"]] == names


def test_projects_of_the_own_account_can_be_asked_for_by_its_id(
    get: Get, installation: Any
) -> None:
    account_id = installation.made.account.id
    for name in ("domain_id", "parent_id"):
        assert len(get("/v3/projects", f"{name}={account_id}").json()["projects"]) == 2


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "per_page=5001",
        "page=x",
        "page=%D9%A1",
        "page=" + "9" * 5000,
        "enabled=1",
        "name=a&name=b",
    ],
)
def test_an_impossible_parameter_is_named(get: Get, query: str) -> None:
    reply = get("/v3/projects", query)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"].startswith(query.partition("=")[0])
    assert reply.json()["error"]["title"] == "Bad Request"


def test_one_project_and_the_callers_projects(get: Get, installation: Any) -> None:
    project = installation.made.projects[1]
    one = get(f"/v3/projects/{project.id}").json()["project"]
    own = get("/v3/auth/projects").json()["projects"]
    assert own == get("/v3/projects").json()["projects"]
    assert one in own


def test_domains_hold_the_callers_account(get: Get, installation: Any) -> None:
    account = installation.made.account
    assert get("/v3/auth/domains").json()["domains"] == [
        {
            "id": account.id,
            "name": "huiyan",
            "description": "",
            "enabled": True,
            "links": {"self": f"http://testserver/v3/domains/{account.id}"},
        }
    ]


def test_a_project_that_is_not_the_callers_is_not_found(get: Get) -> None:
    reply = get("/v3/projects/" + "f" * 32)
    assert reply.status_code == 404
    assert reply.json()["error"]["title"] == "Not Found"


@pytest.mark.parametrize(
    "path", ["/v3/projects", "/v3/auth/projects", "/v3/auth/domains", "/v3/projects/x"]
)
def test_each_call_needs_a_good_signature(get: Get, path: str) -> None:
    reply = get(path, secret="wrong")
    assert reply.status_code == 401
    assert reply.headers["x-iam-trace-id"]
    error = reply.json()["error"]
    assert (error["code"], error["title"]) == (401, "Unauthorized")
    assert "verify aksk signature fail, canonicalRequest:GET|/v3/" in error["message"]


def test_without_credentials_the_call_is_refused(installation: Any) -> None:
    client = TestClient(Starlette(routes=project_routes(installation)))
    assert client.get("/v3/projects").json() == {
        "error": {
            "code": 401,
            "message": "The request you have made requires authentication.",
            "title": "Unauthorized",
        }
    }


def test_a_large_body_is_refused_before_it_is_read(installation: Any) -> None:
    client = TestClient(Starlette(routes=project_routes(installation)))
    reply = client.request("GET", "/v3/projects", content=b"x" * 1_000_000)
    assert reply.status_code == 413


class TestCostlyCalls:
    """Log-ins, of which few run at once."""

    def application(self, installation: Any, gate: Gate) -> Starlette:
        clock = SystemClock()
        desk = Desk(
            installation.service, AuditService(AuditRepository(installation.database), clock), clock
        )

        def handle(_call: Call) -> Answer:
            gate()
            return Answer(201, {})

        costly = Operation("POST", "/costly", "", handle, is_open=True, lane=Lane.PASSWORD)
        return Starlette(routes=call_routes([costly], desk, lambda *_told: None))

    def statuses(self, installation: Any, flood: int, later: tuple[str, ...]) -> list[list[int]]:
        """Let many calls come from one address, and then one from each of some others."""
        gate = Gate()
        application = self.application(installation, gate)
        request = SignedRequest(Account("A", "b", {}), "h", "/costly", b"{}")

        async def run() -> list[list[int]]:
            tasks = [
                [
                    asyncio.create_task(converse(application, request, {}, None, client))
                    for client in clients
                ]
                for clients in (("198.51.100.6",) * flood, later)
            ]
            await asyncio.to_thread(gate.arrived.acquire)
            await asyncio.sleep(0.1)
            gate.open()
            return [[answer.status for answer in await asyncio.gather(*some)] for some in tasks]

        return asyncio.run(asyncio.wait_for(run(), 20))

    def test_one_address_leaves_room_for_others(self, installation: Any) -> None:
        flood, others = self.statuses(installation, 100, ("192.0.2.1", "192.0.2.2", "2001:db8::1"))
        assert others == [201, 201, 201]
        assert set(flood) == {201, 429}
        assert flood.count(201) <= LOGINS_WAITING

    def test_more_than_may_wait_are_refused_wherever_they_come_from(
        self, installation: Any
    ) -> None:
        addresses = tuple(f"192.0.2.{number}" for number in range(100))
        _none, others = self.statuses(installation, 0, addresses)
        assert others.count(201) == LOGINS_WAITING + 2
        assert others.count(429) == 100 - LOGINS_WAITING - 2

    def test_addresses_take_turns(self, installation: Any) -> None:
        gate = Gate()
        application = self.application(installation, gate)
        request = SignedRequest(Account("A", "b", {}), "h", "/costly", b"{}")
        ended: list[str] = []

        async def call(client: str) -> None:
            assert (await converse(application, request, {}, None, client)).status == 201
            ended.append(client)

        async def run() -> None:
            tasks = [asyncio.create_task(call("198.51.100.6")) for _ in range(40)]
            await asyncio.to_thread(gate.arrived.acquire)
            tasks.append(asyncio.create_task(call("192.0.2.1")))
            await asyncio.sleep(0.1)
            gate.open()
            await asyncio.gather(*tasks)

        asyncio.run(asyncio.wait_for(run(), 20))
        assert ended.index("192.0.2.1") < 8

    def test_who_leaves_while_waiting_gives_the_place_back(self, installation: Any) -> None:
        gate = Gate()
        application = self.application(installation, gate)
        request = SignedRequest(Account("A", "b", {}), "h", "/costly", b"{}")

        async def run() -> list[int]:
            calls = [
                asyncio.create_task(converse(application, request, {}, None, "192.0.2.1"))
                for _ in range(40)
            ]
            await asyncio.to_thread(gate.arrived.acquire)
            await asyncio.sleep(0.1)
            for call in calls[2:]:
                call.cancel()
            gate.open()
            await asyncio.gather(*calls, return_exceptions=True)
            later = [converse(application, request, {}, None, "192.0.2.1") for _ in range(58)]
            return [answer.status for answer in await asyncio.gather(*later)]

        assert set(asyncio.run(asyncio.wait_for(run(), 20))) == {201}

    def test_a_place_is_free_again_after_the_call(self, installation: Any) -> None:
        gate = Gate()
        gate.open()
        with TestClient(self.application(installation, gate)) as client:
            for _ in range(LOGINS_WAITING * 2):
                assert client.post("/costly").status_code == 201


class TestLargeBodies:
    """Calls that take more than the usual, each on a lane of their own."""

    LIMIT_BYTES = 1_000_000

    def application(self, installation: Any, handle: Callable[[Call], Answer]) -> Starlette:
        clock = SystemClock()
        audit = AuditService(AuditRepository(installation.database), clock)
        desk = Desk(installation.service, audit, clock)
        lines = [
            Operation(
                "POST",
                "/open",
                "",
                handle,
                is_open=True,
                lane=Lane.PICTURE,
                body_limit_bytes=self.LIMIT_BYTES,
            ),
            Operation("POST", "/closed", "", handle, body_limit_bytes=self.LIMIT_BYTES),
            Operation("GET", "/light", "", lambda _call: Answer(200, {}), is_open=True),
        ]
        return Starlette(routes=call_routes(lines, desk, lambda *_told: None))

    def test_a_body_up_to_the_limit_is_read_whole(self, installation: Any) -> None:
        sizes: list[int] = []

        def handle(call: Call) -> Answer:
            sizes.append(len(call.request.body))
            return Answer(201, {})

        client = TestClient(self.application(installation, handle))
        for size in (0, self.LIMIT_BYTES):
            assert client.post("/open", content=bytes(size)).status_code == 201
        assert sizes == [0, self.LIMIT_BYTES]
        assert client.post("/open", content=bytes(self.LIMIT_BYTES + 1)).status_code == 413

    @pytest.mark.parametrize("length", ["x", "-1", "\u00b2", "1" * 30, "1000001"])
    def test_nothing_is_read_of_what_is_refused_anyway(
        self, installation: Any, length: str
    ) -> None:
        application = self.application(installation, lambda _call: Answer(201, {}))
        request = SignedRequest(Account("A", "b", {}), "h", "/open", b"")
        headers = {"content-length": length}
        # Whoever asks for the body waits for ever.
        reading = converse(application, request, headers, [])
        answer = asyncio.run(asyncio.wait_for(reading, 10))
        assert answer.status in {400, 413}

    @pytest.mark.parametrize("headers", [{}, {"X-Auth-Token": ""}, {"Cookie": "a=b"}])
    def test_nothing_is_read_of_a_call_without_credentials(
        self, installation: Any, headers: dict[str, str]
    ) -> None:
        application = self.application(installation, lambda _call: Answer(201, {}))
        request = SignedRequest(Account("A", "b", {}), "h", "/closed", b"")
        answer = asyncio.run(asyncio.wait_for(converse(application, request, headers, []), 10))
        assert answer.status == 401

    def test_light_calls_pass_while_every_place_for_pictures_is_taken(
        self, installation: Any
    ) -> None:
        gate = Gate()

        def handle(_call: Call) -> Answer:
            gate()
            return Answer(201, {})

        application = self.application(installation, handle)
        heavy = SignedRequest(Account("A", "b", {}), "h", "/open", b"{}")
        light = SignedRequest(Account("A", "b", {}), "h", "/light", b"", method="GET")

        async def run() -> list[int]:
            clients = [f"192.0.2.{number}" for number in range(100)]
            tasks = [
                asyncio.create_task(converse(application, heavy, {}, None, client))
                for client in clients
            ]
            for _ in range(PICTURES_AT_ONCE):
                await asyncio.to_thread(gate.arrived.acquire)
            for _ in range(50):
                assert (await converse(application, light, {})).status == 200
            full = [task.result().status for task in tasks if task.done()]
            # One more is refused before its body is asked for.
            one_more = converse(application, heavy, {"content-length": "2"}, [], "192.0.2.200")
            assert (await asyncio.wait_for(one_more, 5)).status == 429
            gate.open()
            await asyncio.gather(*tasks)
            return full

        full = asyncio.run(asyncio.wait_for(run(), 30))
        assert full == [429] * (100 - PICTURES_AT_ONCE - PICTURES_WAITING)


class Pieces:
    """A body that comes to be piece by piece, and knows whether it was closed."""

    def __init__(self, fault: Exception | None = None, *, endless: bool = False) -> None:
        self.closed = 0
        self._fault, self._endless = fault, endless
        self._left = 2

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._left or self._endless:
            self._left -= 1
            return b"piece\n"
        raise self._fault or StopIteration

    def close(self) -> None:
        self.closed += 1


class TestPieces:
    """Bodies that are sent while they come to be."""

    def send(
        self, installation: Any, pieces: Pieces, leaves_after: int | None = None, spec: str = "2.3"
    ) -> tuple[list[Any], list[Any]]:
        """Give what was sent and told, to a client that may leave after so many messages."""
        clock = SystemClock()
        audit = AuditService(AuditRepository(installation.database), clock)
        desk = Desk(installation.service, audit, clock)
        line = Operation("GET", "/p", "", lambda _call: Answer(pieces=pieces), is_open=True)
        told: list[Any] = []
        routes = call_routes([line], desk, lambda *it: told.append((*it[:2], it[3])))
        sent: list[Any] = []

        async def run() -> None:
            gone = asyncio.Event()
            asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

            async def receive() -> Any:
                for message in asked:
                    return message
                await gone.wait()
                return {"type": "http.disconnect"}

            async def send(message: Any) -> None:
                sent.append(message)
                if len(sent) == leaves_after:
                    gone.set()

            scope = {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": spec},
                "method": "GET",
                "path": "/p",
                "raw_path": b"/p",
                "query_string": b"",
                "headers": [(b"host", b"h")],
                "client": ("192.0.2.1", 1),
                "scheme": "http",
                "server": ("h", 80),
            }
            await Starlette(routes=routes)(scope, receive, send)

        asyncio.run(asyncio.wait_for(run(), 20))
        return sent, told

    @pytest.mark.parametrize("spec", ["2.3", "2.4"])
    def test_what_is_sent_whole_is_told_once_and_closed(self, installation: Any, spec: str) -> None:
        pieces = Pieces()
        sent, told = self.send(installation, pieces, spec=spec)
        assert b"".join(it.get("body", b"") for it in sent) == b"piece\npiece\n"
        assert sent[-1]["more_body"] is False
        assert (told, pieces.closed) == ([("/p", 200, None)], 1)

    def test_what_nobody_waits_for_is_closed(self, installation: Any) -> None:
        pieces = Pieces(endless=True)
        sent, told = self.send(installation, pieces, leaves_after=5)
        assert sent[-1]["more_body"] is True
        assert (told, pieces.closed) == ([("/p", 200, None)], 1)

    @pytest.mark.parametrize("spec", ["2.3", "2.4"])
    def test_a_fault_on_the_way_breaks_the_reply_off_and_is_told_once(
        self, installation: Any, spec: str
    ) -> None:
        fault = RecordingError("the disk is full")
        pieces = Pieces(fault)
        sent, told = self.send(installation, pieces, spec=spec)
        assert [it.get("more_body") for it in sent] == [None, True, True]
        assert (told, pieces.closed) == ([("/p", 503, fault)], 1)

    def test_an_unexpected_fault_is_closed_too(self, installation: Any) -> None:
        pieces = Pieces(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            self.send(installation, pieces)
        assert pieces.closed == 1


@pytest.mark.parametrize("path", ["/v3/projects", "/v3/auth/projects"])
def test_lists_of_projects_come_by_pages(get: Get, path: str) -> None:
    names = [get(path, f"page={page}&per_page=1").json()["projects"] for page in (1, 2, 3)]
    assert [[project["name"] for project in page] for page in names] == [
        ["cn-east-3"],
        ["cn-north-4"],
        [],
    ]
    assert get(path, "per_page=x").status_code == 400
