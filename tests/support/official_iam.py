"""IAM through the vendor's Python client, and a whole server on loopback for it to talk to.

Importing this module imports nothing of the vendor's: its client writes into the home folder when
it is imported, so ``open_iam`` moves that aside first.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn
from in_process import REGIONS, House, open_house
from signed_call import Account, Answer, SignedRequest, connect, read_answer, send

from huiyan.iam.accounts.service import AccountService
from huiyan.iam.assembly import open_identity
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.vault import open_vault
from huiyan.kernel.clock import SystemClock
from huiyan.persistence.database import open_database

GOOD_PASSWORD = "Correct-horse7"
SERVICES = ("IAM", "IMAGE")

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """What signs: a permanent key, or a temporary one with its security token."""

    access: str
    secret: str
    security_token: str | None = None


@dataclass(frozen=True)
class Refusal:
    """What a program sees of a call that failed."""

    status: int
    code: str | int
    text: str
    request_id: str


class IamCaller:
    """One program with the vendor's IAM client.

    Every answer is looked at as clients in Go, .NET and Java would read it: each value of the raw
    JSON must be of the type that the client's own model declares.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, operation: str, body: Document | None = None, /, **fields: Any) -> Any:
        """Make one call; ``body`` is written as on the wire and must fit the client's models."""
        answer = getattr(self.client, operation)(request_of(operation, body, fields))
        raw = answer.raw_content
        if raw:
            assert type_faults(json.loads(raw), type(answer).__name__) == [], operation
        return answer

    def refused(self, operation: str, body: Document | None = None, /, **fields: Any) -> Refusal:
        """Make one call that must fail."""
        from huaweicloudsdkcore.exceptions.exceptions import (  # noqa: PLC0415 -- after HOME moved
            ServiceResponseException,
        )

        with pytest.raises(ServiceResponseException) as raised:
            self(operation, body, **fields)
        error = raised.value
        return Refusal(error.status_code, error.error_code, error.error_msg, error.request_id)


def raw_of(answer: Any) -> Any:
    """Give the JSON that came over the wire."""
    return json.loads(answer.raw_content)


def request_of(operation: str, body: Document | None, fields: Mapping[str, Any]) -> Any:
    """Fill the client's request of an operation."""
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 -- after HOME was moved aside

    name = "".join(part[:1].upper() + part[1:] for part in operation.split("_"))
    request = getattr(model, f"{name}Request")(**fields)
    if body is not None:
        request.body = filled(type(request).openapi_types["body"], body)
    return request


def filled(kind: str, value: Any) -> Any:
    """Turn JSON into the client's models; a field that they do not have is a mistake in a test."""
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 -- after HOME was moved aside

    inner = re.fullmatch(r"list\[(.+)\]", kind)
    if inner is not None:
        return [filled(inner.group(1), item) for item in value]
    made = getattr(model, kind, None)
    if made is None or not isinstance(value, Mapping):
        return value
    attributes = {wire: name for name, wire in made.attribute_map.items()}
    return made(
        **{
            attributes[wire]: filled(made.openapi_types[attributes[wire]], item)
            for wire, item in value.items()
        }
    )


_PLAIN: dict[str, Any] = {
    "str": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "object": lambda _value: True,
}


def type_faults(value: Any, kind: str, place: str = "$") -> list[str]:
    """Name every place where JSON is not of the type that the client's model declares."""
    return list(_faults(value, kind, place))


def _faults(value: Any, kind: str, place: str) -> Iterator[str]:
    from huaweicloudsdkiam.v3 import model  # noqa: PLC0415 -- after HOME was moved aside

    listed = re.fullmatch(r"list\[(.+)\]", kind)
    mapped = re.fullmatch(r"dict\(str, (.+)\)", kind)
    if value is None:
        return
    if kind in _PLAIN:
        if not _PLAIN[kind](value):
            yield f"{place}: {value!r} is no {kind}"
    elif listed is not None and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _faults(item, listed[1], f"{place}[{number}]")
    elif listed is not None or not isinstance(value, dict):
        yield f"{place}: {value!r} is no {kind}"
    elif mapped is not None:
        for name, item in value.items():
            yield from _faults(item, mapped[1], f"{place}.{name}")
    else:
        declared = getattr(model, kind)
        for attribute, name in declared.attribute_map.items():
            inner = declared.openapi_types[attribute]
            yield from _faults(value.get(name), inner, f"{place}.{name}")


@dataclass(frozen=True)
class Person:
    """A user that a test made."""

    id: str
    name: str
    key: Key
    password: str
    group_ids: tuple[str, ...]


class IamServer:
    """A server that listens, its first account, and its owner with the vendor's client."""

    def __init__(self, url: str, owner_key: Key, project_ids: Mapping[str, str]) -> None:
        self.url = url
        self.port = int(url.rsplit(":", 1)[1])
        self.owner_key = owner_key
        self.project_ids = project_ids
        self.account_id = ""
        domain = self.caller(owner_key)("keystone_list_auth_domains").domains[0]
        self.account_id, self.account_name = str(domain.id), str(domain.name)
        self.owner = self.caller(owner_key)

    @property
    def project_id(self) -> str:
        return self.project_ids["cn-north-4"]

    def caller(self, key: Key) -> IamCaller:
        """Build a client that signs with a key."""
        from huaweicloudsdkcore.auth.credentials import (  # noqa: PLC0415 -- after HOME was moved
            GlobalCredentials,
        )

        credentials = GlobalCredentials(key.access, key.secret, self.account_id or None)
        if key.security_token is not None:
            credentials = credentials.with_security_token(key.security_token)
        return self.caller_with(credentials)

    def caller_with(self, credentials: Any) -> IamCaller:
        from huaweicloudsdkiam.v3 import IamClient  # noqa: PLC0415 -- after HOME was moved aside

        builder = IamClient.new_builder().with_credentials(credentials)
        return IamCaller(builder.with_endpoint(self.url).build())

    def make_group(self, name: str | None = None) -> str:
        name = name or f"group-{secrets.token_hex(4)}"
        body = {"group": {"name": name, "domain_id": self.account_id}}
        return str(self.owner("keystone_create_group", body).group.id)

    def make_user(self, name: str | None = None, **fields: Any) -> str:
        """Make a user; without a password unless one is given."""
        name = name or f"user-{secrets.token_hex(4)}"
        body = {"user": {"name": name, "domain_id": self.account_id, **fields}}
        return str(self.owner("create_user", body).user.id)

    def make_key(self, user_id: str) -> Key:
        body = {"credential": {"user_id": user_id}}
        made = self.owner("create_permanent_access_key", body).credential
        return Key(made.access, made.secret)

    def make_person(
        self,
        *,
        globally: Sequence[str] = (),
        everywhere: Sequence[str] = (),
        password: str = "",
    ) -> Person:
        """Make a user with a key, and a group of their own with roles, by their ids."""
        name = f"person-{secrets.token_hex(4)}"
        user_id = self.make_user(name, **({"password": password} if password else {}))
        group_id = self.make_group(f"of {name}")
        self.owner("keystone_add_user_to_group", group_id=group_id, user_id=user_id)
        place = {"domain_id": self.account_id, "group_id": group_id}
        for role_id in globally:
            grant = "keystone_associate_group_with_domain_permission"
            self.owner(grant, role_id=role_id, **place)
        for role_id in everywhere:
            self.owner("update_domain_group_inherit_role", role_id=role_id, **place)
        return Person(user_id, name, self.make_key(user_id), password, (group_id,))

    def role_id(self, display_name: str) -> str:
        """Find one of the system's roles, as a program does."""
        found = self.owner("keystone_list_permissions", display_name=display_name).roles
        return str(next(role.id for role in found if role.display_name == display_name))

    def log_in(self, name: str, password: str, **scope: Any) -> Any:
        """Ask for a token with the vendor's client, whose signature must not matter."""
        nobody = self.caller(Key("A" * 20, "b" * 40))
        body = password_body(name, password, self.account_name, **scope)
        return nobody("keystone_create_user_token_by_password", body)

    def plain(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        connection: HTTPConnection | None = None,
        body: bytes | None = None,
        **query: str,
    ) -> Answer:
        """Call over plain HTTP, as a program without a client does."""
        sent = dict(headers or {})
        if document is not None:
            body = json.dumps(document).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        if token is not None:
            sent["X-Auth-Token"] = token
        own = connection or connect(self.port)
        try:
            own.request(method, path + (f"?{urlencode(query)}" if query else ""), body, sent)
            return read_answer(own.getresponse())
        finally:
            if connection is None:
                own.close()

    def signed(
        self,
        key: Key,
        method: str,
        path: str,
        document: Any = None,
        query: str = "",
        **changes: Any,
    ) -> Answer:
        """Call with a signature that is written apart from the vendor's."""
        extra = {} if key.security_token is None else {"X-Security-Token": key.security_token}
        request = SignedRequest(
            Account(key.access, key.secret, self.project_ids),
            f"127.0.0.1:{self.port}",
            path,
            b"" if document is None else json.dumps(document).encode(),
            method=method,
            query=query,
            **{"extra": extra} | changes,
        )
        own = connect(self.port)
        try:
            return send(own, request)
        finally:
            own.close()


def password_body(name: str, password: str, account_name: str, **scope: Any) -> dict[str, Any]:
    """Write the body of a log-in; the scope is ``project={"name": …}`` or ``domain={…}``."""
    user = {"name": name, "password": password, "domain": {"name": account_name}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": scope} if scope else {"identity": identity}}


@contextmanager
def vendor_home(home: Path, url: str) -> Iterator[None]:
    """Move HOME aside, and tell the vendor's client by its variables where every service is."""
    pytest.importorskip("huaweicloudsdkcore", reason="the vendor's client is not installed")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("HOME", str(home))
        for name in [name for name in os.environ if name.startswith("HUAWEICLOUD_SDK_")]:
            patch.delenv(name)
        for service in SERVICES:
            for region in REGIONS:
                variable = f"{service}_{region}".upper().replace("-", "_")
                patch.setenv(f"HUAWEICLOUD_SDK_REGION_{variable}", url)
        patch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", url)
        patch.setenv("HUAWEICLOUD_SDK_STS_ENDPOINT", url)
        warnings.simplefilter("ignore")
        import huaweicloudsdkiam.v3  # noqa: F401, PLC0415 -- after HOME was moved aside

        yield


@contextmanager
def listening(application: Any) -> Iterator[str]:
    """Let uvicorn serve an application from a thread; gives its address."""
    config = uvicorn.Config(application, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True)
class OpenIam:
    """A server of this process and the house behind it."""

    server: IamServer
    house: House
    folder: Path


@contextmanager
def open_iam(folder: Path, **options: Any) -> Iterator[OpenIam]:
    """Serve a whole house, with a fake recogniser, to the vendor's client."""
    house = open_house(folder, **options)
    (folder / "home").mkdir()
    try:
        with listening(house.application) as url, vendor_home(folder / "home", url):
            key = Key(house.account.access_key, house.account.secret_key)
            yield OpenIam(IamServer(url, key, house.account.project_ids), house, folder)
    finally:
        house.close()


def add_account(accounts: AccountService, name: str) -> tuple[Key, dict[str, str]]:
    """Make a further account as the operator does; gives its owner's key and its projects."""
    made = accounts.create(name, is_image_open=True)
    projects = {str(project.name): str(project.id) for project in made.projects}
    return Key(made.key.access_key, made.key.secret_key), projects


def add_account_beside(data_dir: Path, name: str) -> tuple[Key, dict[str, str]]:
    """Do so in the database of a server that runs as a process of its own."""
    database = open_database(f"sqlite:///{data_dir / 'huiyan.db'}")
    try:
        key_ids = IdentityRepository(database).stored_key_ids()
        vault = open_vault(None, data_dir / "instance.key", key_ids)
        parts = open_identity(database, vault, SystemClock(), REGIONS)
        return add_account(parts.accounts, name)
    finally:
        database.close()
