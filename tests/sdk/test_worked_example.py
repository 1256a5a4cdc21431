"""The product's worked example by the vendor's clients, against a server of two processes.

An owner makes a group, gives it roles, makes a user with keys and puts them into it; the user
recognises with every kind of credential; then the owner takes things away again, and each time
every process must refuse within seconds. Each process is asked over a connection of its own.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest
from live_server import LiveServer
from official_iam import (
    GOOD_PASSWORD,
    IamServer,
    Key,
    Person,
    add_account_beside,
    password_body,
    vendor_home,
)
from signed_call import Account, SignedRequest, connect, read_answer, send

WITHIN_S = 5.0
THREADS = 16
PROCESSES = 2
GUEST, VIEWER = "Tenant Guest", "OBS Buckets Viewer"
NO_PICTURE = json.dumps({"image": "AAAA"}).encode()
"""Costs no recognition: whoever may call is told 400, whoever may not 401 or 403."""

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Workers:
    """One connection to each process of a server, found by who holds its other end."""

    def __init__(self, live: LiveServer, path: str) -> None:
        self.live, self.path = live, path
        self.connections: dict[int, HTTPConnection] = {}
        deadline_s = time.monotonic() + 20
        while len(self.connections) < PROCESSES:
            assert time.monotonic() < deadline_s, f"only {len(self.connections)} processes answer"
            connection = connect(live.port)
            connection.request("GET", "/readyz")
            connection.getresponse().read()
            holder = self._holder(connection.sock.getsockname()[1])
            if holder in self.connections:
                connection.close()
            else:
                self.connections[holder] = connection

    def _holder(self, port: int) -> int:
        for member in self.live.family():
            for held in member.net_connections("tcp"):
                if held.raddr[1:] == (port,):
                    return member.pid
        raise AssertionError(f"no process holds the connection from port {port}")

    def ask(
        self,
        key: Key | None = None,
        token: str | None = None,
        path: str = "",
        body: bytes = NO_PICTURE,
    ) -> list[tuple[int, str]]:
        """Ask every process; gives status and error code of each."""
        signer, extra, path = key or Key("", ""), {}, path or self.path
        if signer.security_token is not None:
            extra = {"X-Security-Token": signer.security_token}
        account = Account(signer.access, signer.secret, {})
        request = SignedRequest(account, self.live.host, path, body, extra=extra)
        told = []
        for connection in self.connections.values():
            if token is None:
                answer = send(connection, request)
            else:
                headers = {"Content-Type": "application/json", "X-Auth-Token": token}
                connection.request("POST", path, body, headers)
                answer = read_answer(connection.getresponse())
            told.append((answer.status, answer.json.get("error_code", "")))
        return told

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()


@pytest.fixture(scope="module")
def live(
    tmp_path_factory: pytest.TempPathFactory, photographs: Mapping[str, Path]
) -> Iterator[LiveServer]:
    assert photographs
    settings = {"HUIYAN_LOG_LEVEL": "warning", "HUIYAN_COMPUTE_THREADS": "1"}
    folder = tmp_path_factory.mktemp("example")
    server = LiveServer(folder, "--processes", str(PROCESSES), settings=settings)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def iam(live: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IamServer]:
    with vendor_home(tmp_path_factory.mktemp("home"), live.url):
        account = live.account
        key = Key(account.access_key, account.secret_key)
        yield IamServer(live.url, key, account.project_ids)


@pytest.fixture
def workers(live: LiveServer, iam: IamServer) -> Iterator[Workers]:
    workers = Workers(live, f"/v2/{iam.project_id}/image/tagging")
    yield workers
    workers.close()


@pytest.fixture(scope="module")
def picture(photographs: Mapping[str, Path]) -> bytes:
    return min(photographs.values(), key=lambda path: path.stat().st_size).read_bytes()


@pytest.fixture
def colleague(iam: IamServer) -> Person:
    """A user as the example makes one."""
    guest, viewer = iam.role_id(GUEST), iam.role_id(VIEWER)
    return iam.make_person(globally=[guest, viewer], everywhere=[guest], password=GOOD_PASSWORD)


def image_client(key: Key, *, url: str = "", project_id: str | None = None) -> Any:
    """Build the vendor's image client, by endpoint or, without one, by region."""
    import sdk_calls  # noqa: PLC0415 -- imports the vendor's client
    from huaweicloudsdkimage.v2.region.image_region import (  # noqa: PLC0415 -- likewise
        ImageRegion,
    )

    credentials = sdk_calls.BasicCredentials(key.access, key.secret, project_id)
    if key.security_token is not None:
        credentials = credentials.with_security_token(key.security_token)
    builder = sdk_calls.ImageClient.new_builder().with_credentials(credentials)
    if url:
        return builder.with_endpoint(url).build()
    return builder.with_region(ImageRegion.value_of("cn-north-4")).build()


def token_client(token: str, url: str, project_id: str) -> Any:
    """Build the vendor's image client with a token: its keys are nobody's, its handler adds it."""
    import sdk_calls  # noqa: PLC0415 -- imports the vendor's client
    from huaweicloudsdkcore.http.http_handler import HttpHandler  # noqa: PLC0415 -- likewise

    def add_token(request: Any, **_others: Any) -> None:
        request.header_params["X-Auth-Token"] = token

    credentials = sdk_calls.BasicCredentials("A" * 20, "b" * 40, project_id)
    builder = sdk_calls.ImageClient.new_builder().with_credentials(credentials)
    handler = HttpHandler().add_request_handler(add_token)
    return builder.with_http_handler(handler).with_endpoint(url).build()


def recognised(client: Any, picture: bytes) -> list[Any]:
    import sdk_calls  # noqa: PLC0415 -- imports the vendor's client

    answer = sdk_calls.tag(client, picture, language="en")
    assert answer.status_code == 200
    return list(answer.result.tags)


def refusal(client: Any, picture: bytes) -> tuple[int, str]:
    import sdk_calls  # noqa: PLC0415 -- imports the vendor's client

    with pytest.raises(sdk_calls.ClientRequestException) as raised:
        sdk_calls.tag(client, picture)
    return raised.value.status_code, raised.value.error_code


def token_of(iam: IamServer, person: Person, **scope: Any) -> str:
    scope = scope or {"project": {"name": "cn-north-4"}}
    return str(iam.log_in(person.name, person.password, **scope).x_subject_token)


def temporary_key(iam: IamServer, token: str) -> Key:
    identity = {"methods": ["token"], "token": {"id": token, "duration_seconds": 900}}
    body = {"auth": {"identity": identity}}
    made = iam.owner("create_temporary_access_key_by_token", body).credential
    return Key(made.access, made.secret, made.securitytoken)


def until_told(
    what: str, ask: Callable[[], list[tuple[int, str]]], wanted: tuple[int, str]
) -> float:
    """Ask until every process says what is wanted; gives and prints the seconds it took."""
    started_s = time.monotonic()
    while (told := ask()) != [wanted] * PROCESSES:
        assert time.monotonic() - started_s < WITHIN_S, f"{what}: {told} after {WITHIN_S} s"
        time.sleep(0.05)
    took_s = time.monotonic() - started_s
    for _again in range(5):
        assert ask() == [wanted] * PROCESSES
    line = f"\n{what}: refused by {PROCESSES} processes after {took_s:.2f} s"
    print(line)  # noqa: T201 -- for whoever runs this with -s to see how quick it is
    return took_s


def test_the_example_from_the_group_to_the_refusal(
    iam: IamServer, live: LiveServer, workers: Workers, picture: bytes
) -> None:
    owner, domain = iam.owner, iam.account_id
    body = {"group": {"name": "quality", "description": "质检", "domain_id": domain}}
    group_id = owner("keystone_create_group", body).group.id
    place = {"domain_id": domain, "group_id": group_id}
    for name in (GUEST, VIEWER):
        grant = place | {"role_id": iam.role_id(name)}
        assert owner("keystone_associate_group_with_domain_permission", **grant).status_code == 204
    grant = place | {"role_id": iam.role_id(GUEST)}
    assert owner("update_domain_group_inherit_role", **grant).status_code == 204
    user = {"name": "line-7", "domain_id": domain, "password": GOOD_PASSWORD}
    user_id = owner("create_user", {"user": user}).user.id
    member = {"group_id": group_id, "user_id": user_id}
    assert owner("keystone_add_user_to_group", **member).status_code == 204
    key = iam.make_key(user_id)

    answer = iam.log_in("line-7", GOOD_PASSWORD, project={"name": "cn-north-4"})
    assert answer.token.project.id == iam.project_id
    assert [role.name for role in answer.token.roles] == ["readonly"]
    token = answer.x_subject_token
    temporary = temporary_key(iam, token)

    shown = [
        recognised(image_client(key, url=live.url, project_id=iam.project_id), picture),
        recognised(image_client(key), picture),
        recognised(image_client(temporary, url=live.url, project_id=iam.project_id), picture),
        recognised(image_client(temporary), picture),
        recognised(token_client(token, live.url, iam.project_id), picture),
    ]
    assert all(tags == shown[0] for tags in shown[1:])
    assert shown[0]
    body = json.loads(live.request(picture).body) | {"language": "en"}
    plain = iam.plain("POST", workers.path, body, token=token)
    assert plain.status == 200
    assert [tag["tag"] for tag in plain.json["result"]["tags"]] == [tag.tag for tag in shown[0]]
    for ask in ({"key": key}, {"key": temporary}, {"token": token}):
        assert {status for status, _code in workers.ask(**ask)} == {400}

    assert owner("keystone_remove_user_from_group", **member).status_code == 204
    not_allowed = (403, "APIGW.0302")
    for what, ask in (
        ("removed from the group, key", {"key": key}),
        ("removed from the group, token", {"token": token}),
        ("removed from the group, temporary key", {"key": temporary}),
    ):
        until_told(what, partial(workers.ask, **ask), not_allowed)
    for client in (
        image_client(key, url=live.url, project_id=iam.project_id),
        token_client(token, live.url, iam.project_id),
    ):
        assert refusal(client, picture) == not_allowed
    for _connection in range(20):
        assert iam.signed(key, "POST", workers.path, {"image": "AAAA"}).status == 403
    # And back: what is given again works at once, wherever it is asked.
    owner("keystone_add_user_to_group", **member)
    assert {status for status, _code in workers.ask(key=key)} == {400}


def test_a_changed_password_withdraws_tokens(
    iam: IamServer, workers: Workers, colleague: Person
) -> None:
    token = token_of(iam, colleague)
    temporary = temporary_key(iam, token)
    assert {status for status, _ in workers.ask(token=token)} == {400}
    change = {"user": {"original_password": GOOD_PASSWORD, "password": "Battery+staple9"}}
    iam.caller(colleague.key)("keystone_update_user_password", change, user_id=colleague.id)
    withdrawn = (401, "APIGW.0307")
    until_told("password changed", partial(workers.ask, token=token), withdrawn)
    told = workers.ask(key=temporary)
    assert {status for status, _code in told} == {401}
    assert {status for status, _code in workers.ask(key=colleague.key)} == {400}


def test_a_stopped_key_signs_nothing(
    iam: IamServer, live: LiveServer, workers: Workers, colleague: Person, picture: bytes
) -> None:
    access, body = colleague.key.access, {"credential": {"status": "inactive"}}
    assert {status for status, _ in workers.ask(key=colleague.key)} == {400}
    iam.owner("update_permanent_access_key", body, access_key=access)
    unknown = (401, "APIGW.0301")
    until_told("key stopped", partial(workers.ask, colleague.key), unknown)
    client = image_client(colleague.key, url=live.url, project_id=iam.project_id)
    assert refusal(client, picture) == unknown
    iam.owner(
        "update_permanent_access_key", {"credential": {"status": "active"}}, access_key=access
    )
    assert {status for status, _ in workers.ask(key=colleague.key)} == {400}


def test_a_disabled_user_may_nothing(iam: IamServer, workers: Workers, colleague: Person) -> None:
    token = token_of(iam, colleague)
    for ask in ({"key": colleague.key}, {"token": token}):
        assert {status for status, _ in workers.ask(**ask)} == {400}
    iam.owner("update_user", {"user": {"enabled": False}}, user_id=colleague.id)
    not_allowed = (403, "APIGW.0302")
    for what, ask in (("key", {"key": colleague.key}), ("token", {"token": token})):
        until_told(f"user disabled, {what}", partial(workers.ask, **ask), not_allowed)


def test_a_removed_grant_counts_everywhere(
    iam: IamServer, workers: Workers, colleague: Person
) -> None:
    grant = {
        "domain_id": iam.account_id,
        "group_id": colleague.group_ids[0],
        "role_id": iam.role_id(GUEST),
    }
    assert {status for status, _ in workers.ask(key=colleague.key)} == {400}
    iam.owner("delete_domain_group_inherited_role", **grant)
    not_allowed = (403, "APIGW.0302")
    until_told("grant withdrawn", partial(workers.ask, colleague.key), not_allowed)


def test_a_service_that_is_closed_is_closed_to_everyone(
    iam: IamServer, workers: Workers, colleague: Person
) -> None:
    switch = f"/huiyan/v1/{iam.project_id}/services/image"
    closed = iam.signed(iam.owner_key, "PUT", switch, {"service": {"enabled": False}})
    assert closed.status == 200
    not_open = (403, "ModelArts.4204")
    try:
        for key in (colleague.key, iam.owner_key):
            until_told("service closed", partial(workers.ask, key), not_open)
        elsewhere = workers.path.replace(iam.project_id, iam.project_ids["cn-east-3"])
        assert {status for status, _ in workers.ask(key=colleague.key, path=elsewhere)} == {400}
    finally:
        opened = iam.signed(colleague.key, "PUT", switch, {"service": {"enabled": True}})
    assert opened.status == 200
    assert {status for status, _ in workers.ask(key=colleague.key)} == {400}


def test_a_token_for_the_account_is_of_the_wrong_type(
    iam: IamServer, workers: Workers, colleague: Person
) -> None:
    token = token_of(iam, colleague, domain={"name": iam.account_name})
    assert workers.ask(token=token) == [(400, "AIS.0026")] * PROCESSES


def test_a_user_without_a_role_may_nothing(
    iam: IamServer, live: LiveServer, workers: Workers, picture: bytes
) -> None:
    nobody = iam.make_person(password=GOOD_PASSWORD)
    token, not_allowed = token_of(iam, nobody), (403, "APIGW.0302")
    assert workers.ask(key=nobody.key) == [not_allowed] * PROCESSES
    assert workers.ask(token=token) == [not_allowed] * PROCESSES
    client = image_client(nobody.key, url=live.url, project_id=iam.project_id)
    assert refusal(client, picture) == not_allowed


def test_another_accounts_project_is_closed(
    iam: IamServer, live: LiveServer, workers: Workers, colleague: Person, picture: bytes
) -> None:
    key, projects = add_account_beside(live.data_dir, f"other-{secrets.token_hex(4)}")
    foreign = f"/v2/{projects['cn-north-4']}/image/tagging"
    # The new account is known to every process at once; its project is nobody else's.
    assert {status for status, _ in workers.ask(key=key, path=foreign)} == {400}
    not_allowed = [(403, "APIGW.0302")] * PROCESSES
    assert workers.ask(key=colleague.key, path=foreign) == not_allowed
    assert workers.ask(key=iam.owner_key, path=foreign) == not_allowed
    assert workers.ask(token=token_of(iam, colleague), path=foreign) == not_allowed
    assert workers.ask(key=key, path=f"/v2/{iam.project_id}/image/tagging") == not_allowed
    client = image_client(key, url=live.url, project_id=iam.project_id)
    assert refusal(client, picture) == (403, "APIGW.0302")
    assert recognised(image_client(key), picture)


def test_of_many_who_make_one_name_in_both_processes_one_does(
    iam: IamServer, live: LiveServer
) -> None:
    start = threading.Barrier(THREADS)
    body = {"user": {"name": f"same-{secrets.token_hex(4)}", "domain_id": iam.account_id}}

    def make(_number: int) -> int:
        start.wait()
        return iam.signed(iam.owner_key, "POST", "/v3.0/OS-USER/users", body).status

    with ThreadPoolExecutor(THREADS) as pool:
        told = Counter(pool.map(make, range(THREADS)))
    assert told == {201: 1, 409: THREADS - 1}
    assert live.is_running


def test_a_guesser_is_locked_out_of_both_processes(
    iam: IamServer, workers: Workers, colleague: Person
) -> None:
    def log_in(password: str) -> set[str]:
        body = password_body(colleague.name, password, iam.account_name)
        answers = [
            iam.plain("POST", "/v3/auth/tokens", body, connection=connection)
            for connection in workers.connections.values()
        ]
        assert {answer.status for answer in answers} == {401}
        return {answer.json["error"]["message"] for answer in answers}

    for number in range(3):
        log_in(f"Wrong-pass{number}")
    told = log_in(GOOD_PASSWORD)
    assert len(told) == 1
    assert "minutes" in told.pop()


def test_an_unknown_user_takes_as_long_as_a_wrong_password(
    iam: IamServer, workers: Workers, colleague: Person
) -> None:
    """At the full cost of a password; the quickest of few tries, as more would lock us out."""
    connection = next(iter(workers.connections.values()))
    times_s: dict[str, list[float]] = {colleague.name: [], "no-such-user": []}
    for number in range(4):
        for name, times in times_s.items():
            body = password_body(name, f"Wrong-pass{number}", iam.account_name)
            started_s = time.perf_counter()
            answer = iam.plain("POST", "/v3/auth/tokens", body, connection=connection)
            times.append(time.perf_counter() - started_s)
            assert answer.status == 401
            assert answer.json["error"]["message"] == "The username or password is wrong."
    wrong_s, unknown_s = (min(times) for times in times_s.values())
    line = f"\nwrong password {wrong_s * 1000:.1f} ms, unknown user {unknown_s * 1000:.1f} ms"
    print(line)  # noqa: T201 -- as above
    assert wrong_s > 0.005
    assert 0.6 < unknown_s / wrong_s < 1.7


def test_both_processes_did_answer(live: LiveServer, workers: Workers) -> None:
    assert len(workers.connections) == PROCESSES
    assert all(psutil.pid_exists(pid) for pid in workers.connections)
    assert live.is_running
