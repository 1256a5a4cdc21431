"""No account ever sees another's anything: every route is walked with another account's ids.

``PROBES`` has a line for each route of the server; a route without one fails the test. Each line is
sent once for each id in it that can be another account's, all else being the caller's own, and once
with all of them at once. Each line is also sent with the caller's own ids and must then succeed, so
that none is refused merely for being malformed.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from gallery_server import photo
from in_process import HOST, House, open_house
from live_server import tagging_body
from made_pictures import jpeg
from painted_faces import face
from signed_call import Account, Answer, SignedRequest

from huiyan.persistence.schema import (
    ACCOUNT_COLUMN,
    AUDIT_RECORD,
    LOGIN_FAILURE,
    METADATA,
    REVISION,
    USE_RECORD,
)

PASSWORDS = {"huiyan": "Correct-horse7", "quartz-works": "Battery+staple9"}
"""Of each account's users; what is typed is always the caller's own account's."""

OWN_PASSWORD = PASSWORDS["huiyan"]
PICTURE = json.loads(tagging_body(jpeg(64, 48)))
FACE = photo(face(1))
STATEMENT = {"Effect": "Allow", "Action": ["image:tagging:run"]}
POLICY = {"Version": "1.1", "Statement": [STATEMENT]}
SYSTEM_ROLE = "Tenant Guest"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
FOREIGN = frozenset(
    (
        "domain_id",
        "domain_name",
        "project_id",
        "group_id",
        "group_name",
        "user_id",
        "user_name",
        "role_id",
        "role_name",
        "agency_id",
        "agency_name",
        "access_key",
        "token",
        "person_id",
        "person_name",
        "other_person_id",
        "photo_id",
    )
)
"""The placeholders that name something of an account."""

REFUSED = frozenset((403, 404))
TELLING = frozenset((AUDIT_RECORD.name, USE_RECORD.name))
"""The tables that tell what callers asked for, in their own words."""


@dataclass(frozen=True)
class Probe:
    """How a route is called, with placeholders for what is an account's.

    ``allowed`` are the statuses with something of another account in the call, ``query`` and
    ``headers`` what goes beside the path. ``is_open`` marks calls that look at no signature.
    """

    document: Any = None
    query: str = ""
    headers: Mapping[str, str] | None = None
    allowed: frozenset[int] = REFUSED
    is_open: bool = False


def named(**fields: Any) -> dict[str, Any]:
    return fields


def by_password(user: Mapping[str, Any], scope: Mapping[str, Any]) -> dict[str, Any]:
    identity = {"methods": ["password"], "password": {"user": {**user, "password": OWN_PASSWORD}}}
    return {"auth": {"identity": identity, "scope": scope}}


def by_agency(lender: Mapping[str, Any], scope: Mapping[str, Any] | None) -> dict[str, Any]:
    role = {**lender, "agency_name": "{agency_name}"}
    identity = {"methods": ["assume_role"], "assume_role": role}
    return {"auth": {"identity": identity} | ({} if scope is None else {"scope": scope})}


NEW_USER = named(user=named(name="fresh-{fresh}", domain_id="{domain_id}"))
NEW_ROLE = named(role=named(display_name="fresh-{fresh}", type="XA", policy=POLICY))
CHANGED_PASSWORD = named(user=named(original_password=OWN_PASSWORD, password="Other-words8"))
EMPTY = Probe()
EMPTY_LIST = frozenset((200, 403, 404))
"""For filters: what another account's id finds may also be nothing."""

UNKNOWN_NAME = frozenset((401, 403, 404))
"""For log-ins: an unknown user and another account's are told as a wrong password is."""

BY_ID, BY_NAME = {"id": "{domain_id}"}, {"name": "{domain_name}"}
PASSWORD_SCOPES = [
    by_password({"name": "{user_name}", "domain": BY_ID}, {"project": {"id": "{project_id}"}}),
    by_password({"name": "{user_name}", "domain": BY_NAME}, {"domain": BY_ID}),
    by_password({"id": "{user_id}", "domain": BY_ID}, {"domain": BY_NAME}),
]
KEYS = "/v3.0/OS-CREDENTIAL/credentials"
SECURITY_TOKENS = "/v3.0/OS-CREDENTIAL/securitytokens"
ROLES = "/v3.0/OS-ROLE/roles"
AGENCIES = "/v3.0/OS-AGENCY/agencies"
OWN = "/huiyan/v1/{project_id}"
GALLERY = f"{OWN}/gallery"
PEOPLE = f"{GALLERY}/people"
GRANTS = (
    "/v3/domains/{domain_id}/groups/{group_id}/roles",
    "/v3/projects/{project_id}/groups/{group_id}/roles",
    "/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles",
    "/v3.0/OS-AGENCY/domains/{domain_id}/agencies/{agency_id}/roles",
    "/v3.0/OS-AGENCY/projects/{project_id}/agencies/{agency_id}/roles",
    "/v3.0/OS-INHERIT/domains/{domain_id}/agencies/{agency_id}/roles",
)


def grant_probes() -> dict[tuple[str, str], list[Probe]]:
    probes: dict[tuple[str, str], list[Probe]] = {}
    for path in GRANTS:
        tail = "/inherited_to_projects" if "INHERIT" in path else ""
        probes["GET", path + tail] = [EMPTY]
        for method in ("PUT", "HEAD", "DELETE"):
            probes[method, f"{path}/{{role_id}}{tail}"] = [EMPTY]
    return probes


PROBES: dict[tuple[str, str], list[Probe]] = {
    ("GET", f"{OWN}/audit/records"): [
        EMPTY,
        Probe(query="scope=account"),
        Probe(query="user_id={user_id}", allowed=EMPTY_LIST),
        Probe(query="scope=account&user_name={user_name}", allowed=EMPTY_LIST),
        Probe(query="scope=account&text={group_id}", allowed=EMPTY_LIST),
    ],
    ("GET", f"{OWN}/audit/export"): [
        EMPTY,
        Probe(query="scope=account&format=csv"),
        Probe(query="user_id={user_id}", allowed=EMPTY_LIST),
    ],
    ("GET", f"{OWN}/services"): [EMPTY],
    ("PUT", f"{OWN}/services/{{service}}"): [
        Probe(named(service=named(enabled=enabled))) for enabled in (False, True)
    ],
    ("GET", "/"): [EMPTY],
    ("GET", "/v3"): [EMPTY],
    ("GET", "/v3/auth/catalog"): [EMPTY],
    ("GET", "/v3/auth/projects"): [EMPTY],
    ("GET", "/v3/auth/domains"): [EMPTY],
    ("GET", "/v5/caller-identity"): [EMPTY],
    ("POST", "/v3/auth/tokens"): [
        *(Probe(body, allowed=UNKNOWN_NAME, is_open=True) for body in PASSWORD_SCOPES),
        Probe(by_agency({"domain_id": "{domain_id}"}, {"project": {"id": "{project_id}"}})),
        Probe(by_agency({"domain_name": "{domain_name}"}, {"domain": {"id": "{domain_id}"}})),
    ],
    ("GET", "/v3/auth/tokens"): [Probe(headers={"X-Subject-Token": "{token}"})],
    ("POST", SECURITY_TOKENS): [
        Probe(by_agency({"domain_id": "{domain_id}"}, None)),
        Probe(by_agency({"domain_name": "{domain_name}"}, None)),
    ],
    ("GET", "/v3/projects"): [
        EMPTY,
        Probe(query="domain_id={domain_id}", allowed=EMPTY_LIST),
        Probe(query="parent_id={domain_id}", allowed=EMPTY_LIST),
    ],
    ("GET", "/v3/projects/{project_id}"): [EMPTY],
    ("GET", "/v3/users/{user_id}/projects"): [EMPTY],
    ("POST", "/v3.0/OS-USER/users"): [Probe(NEW_USER)],
    ("GET", "/v3.0/OS-USER/users/{user_id}"): [EMPTY],
    ("PUT", "/v3.0/OS-USER/users/{user_id}"): [Probe(named(user=named(description="walked")))],
    ("PUT", "/v3.0/OS-USER/users/{user_id}/info"): [
        Probe(named(user=named(email="walked@example.test")))
    ],
    ("POST", "/v3/users"): [Probe(NEW_USER)],
    ("GET", "/v3/users"): [
        EMPTY,
        Probe(query="domain_id={domain_id}"),
        Probe(query="name={user_name}", allowed=EMPTY_LIST),
    ],
    ("GET", "/v3/users/{user_id}"): [EMPTY],
    ("PATCH", "/v3/users/{user_id}"): [
        Probe(named(user=named(description="walked"))),
        Probe(named(user=named(description="walked", domain_id="{domain_id}"))),
    ],
    ("DELETE", "/v3/users/{user_id}"): [EMPTY],
    ("POST", "/v3/users/{user_id}/password"): [Probe(CHANGED_PASSWORD)],
    ("POST", "/v3/groups"): [
        Probe(named(group=named(name="fresh-{fresh}", domain_id="{domain_id}")))
    ],
    ("GET", "/v3/groups"): [
        EMPTY,
        Probe(query="domain_id={domain_id}"),
        Probe(query="name={group_name}", allowed=EMPTY_LIST),
    ],
    ("GET", "/v3/groups/{group_id}"): [EMPTY],
    ("PATCH", "/v3/groups/{group_id}"): [
        Probe(named(group=named(description="walked"))),
        Probe(named(group=named(description="walked", domain_id="{domain_id}"))),
    ],
    ("DELETE", "/v3/groups/{group_id}"): [EMPTY],
    ("GET", "/v3/groups/{group_id}/users"): [EMPTY],
    ("GET", "/v3/users/{user_id}/groups"): [EMPTY],
    ("PUT", "/v3/groups/{group_id}/users/{user_id}"): [EMPTY],
    ("HEAD", "/v3/groups/{group_id}/users/{user_id}"): [EMPTY],
    ("DELETE", "/v3/groups/{group_id}/users/{user_id}"): [EMPTY],
    ("POST", KEYS): [Probe(named(credential=named(user_id="{user_id}")))],
    ("GET", KEYS): [Probe(query="user_id={user_id}")],
    ("GET", f"{KEYS}/{{access_key}}"): [EMPTY],
    ("PUT", f"{KEYS}/{{access_key}}"): [Probe(named(credential=named(status="inactive")))],
    ("DELETE", f"{KEYS}/{{access_key}}"): [EMPTY],
    ("GET", "/v3/roles"): [
        EMPTY,
        Probe(query="domain_id={domain_id}"),
        Probe(query="display_name={role_name}", allowed=EMPTY_LIST),
    ],
    ("GET", "/v3/roles/{role_id}"): [EMPTY],
    ("GET", ROLES): [EMPTY],
    ("POST", ROLES): [Probe(NEW_ROLE)],
    ("GET", f"{ROLES}/{{role_id}}"): [EMPTY],
    ("PATCH", f"{ROLES}/{{role_id}}"): [Probe(named(role=named(description="walked")))],
    ("DELETE", f"{ROLES}/{{role_id}}"): [EMPTY],
    ("GET", "/v3.0/OS-PERMISSION/role-assignments"): [
        Probe(query="domain_id={domain_id}"),
        *(
            Probe(query=f"domain_id={{domain_id}}&{name}={{{value}}}", allowed=EMPTY_LIST)
            for name, value in (
                ("subject.group_id", "group_id"),
                ("subject.user_id", "user_id"),
                ("subject.agency_id", "agency_id"),
                ("scope.project_id", "project_id"),
                ("role_id", "role_id"),
            )
        ),
        Probe(query="domain_id={domain_id}&scope.domain_id={domain_id}", allowed=EMPTY_LIST),
    ],
    **grant_probes(),
    ("GET", AGENCIES): [
        Probe(query="domain_id={domain_id}"),
        Probe(query="domain_id={domain_id}&name={agency_name}", allowed=EMPTY_LIST),
        Probe(query="domain_id={domain_id}&trust_domain_id={domain_id}"),
    ],
    ("POST", AGENCIES): [
        Probe(
            named(
                agency=named(
                    name="fresh-{fresh}",
                    domain_id="{domain_id}",
                    trust_domain_name="op_svc_obs",
                    duration="FOREVER",
                )
            )
        )
    ],
    ("GET", f"{AGENCIES}/{{agency_id}}"): [EMPTY],
    ("PUT", f"{AGENCIES}/{{agency_id}}"): [Probe(named(agency=named(description="walked")))],
    ("DELETE", f"{AGENCIES}/{{agency_id}}"): [EMPTY],
    **{
        ("POST", path): [Probe(PICTURE)]
        for path in (
            "/v2/{project_id}/image/tagging",
            "/v2/{project_id}/image/media-tagging",
            "/v2/{project_id}/image/media-tagging-det",
            "/v2/{project_id}/image/celebrity-recognition",
            "/v3/{project_id}/image/main-object-detection",
            "/v2/{project_id}/image/recapture-detect",
        )
    },
    **{
        ("POST", f"/v1.0/image/{operation}"): [
            Probe(PICTURE),
            Probe(PICTURE, headers={"X-Project-Id": "{project_id}"}),
        ]
        for operation in ("tagging", "celebrity-recognition", "recapture-detect")
    },
    ("GET", GALLERY): [EMPTY],
    ("PATCH", GALLERY): [Probe(named(gallery=named(uses_starter=True)))],
    ("GET", PEOPLE): [EMPTY, Probe(query="text={person_name}", allowed=EMPTY_LIST)],
    ("POST", PEOPLE): [
        Probe(named(person=named(name=named(zh="新{fresh}")), photos=[photo(face(2))]))
    ],
    ("GET", f"{PEOPLE}/{{person_id}}"): [EMPTY],
    ("PATCH", f"{PEOPLE}/{{person_id}}"): [
        Probe(named(person=named(occupation="walked", enabled=True)))
    ],
    ("DELETE", f"{PEOPLE}/{{person_id}}"): [EMPTY],
    ("GET", f"{PEOPLE}/{{person_id}}/photos"): [EMPTY],
    ("POST", f"{PEOPLE}/{{person_id}}/photos"): [Probe(named(photos=[photo(face(3))]))],
    ("GET", f"{PEOPLE}/{{person_id}}/photos/{{photo_id}}/picture"): [EMPTY],
    ("DELETE", f"{PEOPLE}/{{person_id}}/photos/{{photo_id}}"): [EMPTY],
    ("POST", f"{PEOPLE}/{{person_id}}/merge"): [Probe({"from": ["{other_person_id}"]})],
    ("GET", f"{GALLERY}/duplicates"): [EMPTY],
    ("POST", f"{GALLERY}/search"): [Probe(FACE)],
    ("GET", f"{GALLERY}/export"): [EMPTY, Probe(query="pictures=true")],
    ("POST", f"{GALLERY}/import"): [Probe("{export}")],
    # The last one, because the others want what it removes.
    ("DELETE", GALLERY): [EMPTY],
}


@dataclass
class Side:
    """One account: its owner's key, and the things in it by the names of placeholders."""

    house: House
    key: Account
    things: dict[str, str]
    sent: list[str] = field(default_factory=list)

    def ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        key: Account | None = None,
    ) -> Answer:
        body = body_of(document)
        request = SignedRequest(
            key or self.key, HOST, path, body, method=method, query=query, extra=headers or {}
        )
        self.sent.append(f"{path} {query} {body.decode(errors='replace')} {dict(headers or {})}")
        return self.house.ask(request)

    def send(  # noqa: PLR0917 -- a probe, and who asks it of what
        self,
        method: str,
        path: str,
        probe: Probe,
        values: Mapping[str, str],
        key: Account,
        plain: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a probe, signed by a key, or with ``plain`` headers instead of a signature."""
        values = {**values, "fresh": secrets.token_hex(6)}
        target, query = filled(path, values), filled(probe.query, values)
        document = filled(probe.document, values)
        headers = {**filled(probe.headers or {}, values), **(more or {})}
        if plain is None:
            return self.ask(method, target, document, query=query, headers=headers, key=key)
        body = body_of(document)
        request = SignedRequest(key, HOST, target, body, method=method, query=query)
        return self.house.ask(request, {**headers, **plain})

    def manage(self, method: str, path: str, document: Any = None, query: str = "") -> Any:
        answer = self.ask(method, path, document, query=query)
        assert answer.status < 300, (method, path, answer.body)
        return answer.json if answer.body else None


def body_of(document: Any) -> bytes:
    """Give the body of a document; text is sent as it is."""
    if isinstance(document, str):
        return document.encode(errors="surrogatepass")
    return b"" if document is None else json.dumps(document).encode()


def open_side(house: House, key: Account) -> Side:
    side = Side(house, key, {})
    domain = side.manage("GET", "/v3/auth/domains")["domains"][0]
    listed = side.manage("GET", "/v3/roles", query="name=readonly")["roles"]
    side.things = {
        "domain_id": domain["id"],
        "domain_name": domain["name"],
        "project_id": key.project_ids["cn-north-4"],
        "system_role_id": listed[0]["id"],
        "service": "image",
    }
    side.things |= make_things(side)
    return side


def make_things(side: Side, wanted: Collection[str] = FOREIGN) -> dict[str, str]:
    """Make what is wanted, tied together; gives the ids and names."""
    own, word = side.things, secrets.token_hex(6)
    made = {f"{kind}_name": f"{kind[0]}-{word}" for kind in ("user", "group", "role", "agency")}
    domain, wanted = own["domain_id"], set(wanted)
    if wanted & {"user_id", "user_name", "access_key", "token"}:
        made |= make_user(side, made["user_name"], with_token="token" in wanted)
    if wanted & {"group_id", "group_name"}:
        body = named(group=named(name=made["group_name"]))
        made["group_id"] = side.manage("POST", "/v3/groups", body)["group"]["id"]
    if {"user_id", "group_id"} <= made.keys():
        side.manage("PUT", f"/v3/groups/{made['group_id']}/users/{made['user_id']}")
    if wanted & {"role_id", "role_name"}:
        role = named(display_name=made["role_name"], type="XA", policy=POLICY)
        made["role_id"] = side.manage("POST", ROLES, named(role=role))["role"]["id"]
    if wanted & {"agency_id", "agency_name"}:
        agency = named(name=made["agency_name"], domain_id=domain, duration="FOREVER")
        agency["trust_domain_name"] = own["domain_name"]
        made["agency_id"] = side.manage("POST", AGENCIES, named(agency=agency))["agency"]["id"]
    if wanted & {"person_id", "person_name", "other_person_id", "photo_id"}:
        made |= make_people(side, word)
    for path in GRANTS:
        if "role_id" in made and set(PLACEHOLDER.findall(path)) <= (own | made).keys():
            tail = "/inherited_to_projects" if "INHERIT" in path else ""
            role_id = own["system_role_id"]
            side.manage("PUT", filled(f"{path}/{role_id}{tail}", own | made))
    return made


def make_people(side: Side, word: str) -> dict[str, str]:
    """Make two people with a photo each, whose pictures are kept, and export them."""
    gallery = filled(GALLERY, side.things)
    side.manage("PATCH", gallery, named(gallery=named(keeps_pictures=True)))
    made = {"person_name": f"p-{word}"}
    for name in ("other_person_id", "person_id"):
        body = named(person=named(name=named(en=made["person_name"])), photos=[FACE])
        made[name] = side.manage("POST", f"{gallery}/people", body)["person"]["id"]
    photos = side.manage("GET", f"{gallery}/people/{made['person_id']}/photos")["photos"]
    made["photo_id"] = photos[0]["id"]
    made["export"] = side.ask("GET", f"{gallery}/export").body.decode()
    return made


def make_user(side: Side, name: str, *, with_token: bool) -> dict[str, str]:
    """Make a user with a key, and a token for the account's first project if wanted."""
    own = side.things
    password = PASSWORDS[own["domain_name"]]
    body = named(user=named(name=name, domain_id=own["domain_id"], password=password))
    user_id = side.manage("POST", "/v3.0/OS-USER/users", body)["user"]["id"]
    key = side.manage("POST", KEYS, named(credential=named(user_id=user_id)))["credential"]
    made = {"user_id": user_id, "access_key": key["access"], "secret_key": key["secret"]}
    if with_token:
        body = by_password(named(id=user_id), named(project=named(id=own["project_id"])))
        body["auth"]["identity"]["password"]["user"]["password"] = password
        answer = side.ask("POST", "/v3/auth/tokens", body)
        made["token"] = answer.headers["x-subject-token"]
    return made


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """Put values into a template, however deep its placeholders lie."""
    if isinstance(template, str):
        return PLACEHOLDER.sub(lambda found: values[found.group(1)], template)
    if isinstance(template, Mapping):
        return {name: filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    return template


def asked_for(path: str, probe: Probe) -> list[str]:
    """List the placeholders of a probe that name something of an account."""
    told = json.dumps([path, probe.query, probe.document, dict(probe.headers or {})])
    return sorted(set(PLACEHOLDER.findall(told)) & FOREIGN)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = open_house(tmp_path_factory.mktemp("accounts"))
    yield house
    house.close()


@pytest.fixture(scope="module")
def mine(house: House) -> Side:
    return open_side(house, house.account)


@pytest.fixture(scope="module")
def theirs(house: House) -> Side:
    made = house.parts.accounts.create("quartz-works", "quartz-owner", is_image_open=True)
    projects = {str(project.name): str(project.id) for project in made.projects}
    return open_side(house, Account(made.key.access_key, made.key.secret_key, projects))


@pytest.fixture(scope="module")
def callers(house: House, mine: Side) -> dict[str, Account]:
    """Who walks: the owner, a Security Administrator with every right in projects, and nobody."""
    found = {"owner": house.account}
    for name, roles in (
        ("manager", {"domains": "secu_admin", "inherited": "te_admin"}),
        ("guest", {"domains": "readonly", "inherited": "readonly"}),
        ("nobody", {}),
    ):
        user = named(name=f"walker-{name}", domain_id=mine.things["domain_id"])
        user_id = mine.manage("POST", "/v3.0/OS-USER/users", named(user=user))["user"]["id"]
        group = mine.manage("POST", "/v3/groups", named(group=named(name=name)))["group"]["id"]
        mine.manage("PUT", f"/v3/groups/{group}/users/{user_id}")
        for place, role in roles.items():
            listed = mine.manage("GET", "/v3/roles", query=f"name={role}")["roles"]
            tail = f"domains/{mine.things['domain_id']}/groups/{group}/roles/{listed[0]['id']}"
            path = f"/v3/OS-INHERIT/{tail}/inherited_to_projects"
            mine.manage("PUT", path if place == "inherited" else f"/v3/{tail}")
        key = mine.manage("POST", KEYS, named(credential=named(user_id=user_id)))["credential"]
        found[name] = Account(key["access"], key["secret"], house.account.project_ids)
    return found


def operations(house: House) -> set[tuple[str, str]]:
    table = {(operation.method, operation.path) for operation in house.operations}
    return table | {("POST", capability.path) for capability in house.offered}


def rows(folder: Path, account_id: str | None) -> dict[str, list[tuple[Any, ...]]]:
    """Read the rows of one account, or of all others than none, straight from the database."""
    found = {}
    with sqlite3.connect(f"file:{folder / 'huiyan.db'}?mode=ro", uri=True) as connection:
        for table in METADATA.sorted_tables:
            if table is REVISION:
                continue
            column = table.info[ACCOUNT_COLUMN]
            query = f"SELECT * FROM {table.name}"  # noqa: S608 -- our own tables
            values: tuple[str, ...] = ()
            if account_id is not None:
                query += f" WHERE {column} = ?"
                values = (account_id,)
            found[table.name] = sorted(connection.execute(query, values).fetchall(), key=repr)
    connection.close()
    return found


def words_of(side: Side) -> dict[str, str]:
    """Give what must not be seen: every id and name, and what is secret."""
    words = {name: value for name, value in side.things.items() if name in FOREIGN}
    words |= {f"project {name}": id_ for name, id_ in side.key.project_ids.items()}
    return words | {"owner's key": side.key.access_key, "owner": "quartz-owner"}


def test_every_route_has_a_probe(house: House) -> None:
    assert set(PROBES) == operations(house)
    assert len(PROBES) == len(house.operations) + len(house.offered)


def is_harmless(method: str) -> bool:
    return method in {"GET", "HEAD"}


def variants(method: str, path: str, probe: Probe) -> Iterator[list[str]]:
    """Give which placeholders are another account's: each alone, all, and none if that is safe."""
    names = asked_for(path, probe)
    if is_harmless(method):
        yield []
    yield from ([name] for name in names)
    if len(names) > 1:
        yield names


def walk(
    mine: Side, theirs: Side, caller: Account, *, skips_open: bool
) -> Iterator[tuple[str, Probe, list[str], Answer]]:
    """Make every call with something of another account in it."""
    for (method, path), probes in PROBES.items():
        for probe in probes:
            if probe.is_open and skips_open:
                continue
            for foreign in variants(method, path, probe):
                values = mine.things | {name: theirs.things[name] for name in foreign}
                answer = mine.send(method, path, probe, values, caller)
                line = f"{method} {path}?{probe.query} with their {foreign}: {answer.status}"
                yield line, probe, foreign, answer


@pytest.mark.parametrize("who", ["owner", "manager", "nobody"])
def test_no_route_tells_or_changes_anything_of_another_account(
    house: House, mine: Side, theirs: Side, callers: dict[str, Account], who: str
) -> None:
    folder = Path(str(house.database.engine.url.database)).parent
    before = rows(folder, theirs.things["domain_id"])
    hidden, faults, calls = words_of(theirs), [], 0
    for line, probe, foreign, answer in walk(mine, theirs, callers[who], skips_open=who != "owner"):
        calls += 1
        # What the caller wrote is no news; an audit log tells all that was ever written.
        sent = "".join(mine.sent) if "/audit/" in line else mine.sent[-1]
        told = answer.body.decode(errors="replace") + json.dumps(dict(answer.headers))
        seen = {name for name, word in hidden.items() if word in told and word not in sent}
        if seen:
            faults.append(f"{line} tells {seen}")
        if answer.status >= 500 or (foreign and answer.status not in probe.allowed):
            faults.append(f"{line} {answer.body[:200]!r}")
    assert not faults, "\n".join(faults)
    assert calls > 200
    after = rows(folder, theirs.things["domain_id"])
    # That someone tried a password of theirs is known to both sides, and is no change of a thing.
    tried = set(after.pop(AUDIT_RECORD.name)) - set(before.pop(AUDIT_RECORD.name))
    assert all("iam:tokens:create" in row and 1 not in row for row in tried)
    for found in (before, after):
        del found[LOGIN_FAILURE.name]
    assert after == before
    for table, lines in rows(folder, mine.things["domain_id"]).items():
        if table not in TELLING:
            text = repr(lines)
            assert not {name for name, word in hidden.items() if word in text}, table


def own_calls() -> Iterator[tuple[str, str, Probe]]:
    """Give every call that is not open to everyone, once for each probe."""
    for (method, path), probes in PROBES.items():
        for probe in probes:
            if not probe.is_open and path not in {"/", "/v3"}:
                yield method, path, probe


def test_every_route_wants_credentials(mine: Side) -> None:
    faults = []
    for method, path, probe in own_calls():
        for headers in ({}, {"X-Auth-Token": "no-token"}, {"Authorization": "Basic YTpi"}):
            plain = {"Host": HOST, "Content-Type": "application/json", **headers}
            answer = mine.send(method, path, probe, mine.things, mine.key, plain)
            if answer.status != 401:
                faults.append(f"{method} {path} with {headers}: {answer.status}")
    assert not faults, "\n".join(faults)


NEEDS_NO_RIGHT = frozenset(
    (
        ("GET", "/v3/auth/projects"),
        ("GET", "/v3/auth/domains"),
        ("GET", "/v3/auth/catalog"),
        ("GET", "/v5/caller-identity"),
        ("GET", "/v3/projects"),
        ("GET", "/v3/projects/{project_id}"),
    )
)
"""What every enabled user may ask: where one is, and which regions there are."""


@pytest.mark.parametrize("who", ["nobody", "guest", "narrowed owner"])
def test_every_other_route_wants_a_right(mine: Side, callers: dict[str, Account], who: str) -> None:
    """Tenant Guest sees what is not identity; a narrowed key does what it was narrowed to."""
    extra, caller = {}, callers.get(who, mine.key)
    opened = {("POST", "/v2/{project_id}/image/tagging")} if who == "narrowed owner" else set()
    if who == "narrowed owner":
        body = {"auth": {"identity": {"methods": ["token"], "token": {}, "policy": POLICY}}}
        made = mine.manage("POST", SECURITY_TOKENS, body)["credential"]
        caller = Account(made["access"], made["secret"], {})
        extra = {"X-Security-Token": made["securitytoken"]}
        opened.add(("POST", "/v1.0/image/tagging"))
    elif who == "guest":
        opened = {("POST", path) for method, path in PROBES if "/image/" in path}
        opened |= {line for line in PROBES if line[0] == "GET" and line[1].startswith(GALLERY)}
        opened |= {("POST", f"{GALLERY}/search")}
        opened -= {("GET", f"{GALLERY}/export")}
        opened |= {("GET", f"{OWN}/services"), ("PUT", f"{OWN}/services/{{service}}")}
    faults = []
    for method, path, probe in own_calls():
        is_system = (method, path) == ("GET", "/v3/roles") and "domain_id" not in probe.query
        if (method, path) in NEEDS_NO_RIGHT | opened or is_system:
            continue
        answer = mine.send(method, path, probe, mine.things, caller, more=extra)
        # An agency that is not lent to the caller is not found.
        if answer.status != 403:
            faults.append(f"{method} {path}?{probe.query}: {answer.status} {answer.body[:200]!r}")
    assert not faults, "\n".join(faults)


def test_a_disabled_account_is_refused_everywhere(house: House) -> None:
    made = house.parts.accounts.create("stopped-works", is_image_open=True)
    projects = {str(project.name): str(project.id) for project in made.projects}
    PASSWORDS.setdefault("stopped-works", OWN_PASSWORD)
    side = open_side(house, Account(made.key.access_key, made.key.secret_key, projects))
    house.parts.accounts.set_enabled(made.account, enabled=False)
    faults = []
    for method, path, probe in own_calls():
        answer = side.send(method, path, probe, side.things, side.key)
        if answer.status != 403:
            faults.append(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
    assert not faults, "\n".join(faults)
    for probe in PROBES["POST", "/v3/auth/tokens"]:
        answer = side.send("POST", "/v3/auth/tokens", probe, side.things, side.key)
        assert answer.status in {401, 403}
    token = {"Host": HOST, "X-Auth-Token": side.things["token"]}
    assert side.send("GET", "/v3/auth/domains", EMPTY, {}, side.key, token).status in {401, 403}


def test_every_probe_is_a_good_call_for_ones_own_things(
    mine: Side, callers: dict[str, Account]
) -> None:
    faults = []
    for (method, path), probes in PROBES.items():
        for probe in probes:
            values, key = dict(mine.things), callers["owner"]
            if not is_harmless(method):
                values |= make_things(mine, asked_for(path, probe))
            if path.endswith(("/password", "/info")):
                key = Account(values["access_key"], values["secret_key"], {})
            if "/roles/{role_id}" in path and path.startswith(GRANTS):
                values["role_id"] = mine.things["system_role_id"]
            answer = mine.send(method, path, probe, values, key)
            if answer.status >= 300:
                faults.append(f"{method} {path}?{probe.query}: {answer.status} {answer.body!r}")
            if values["agency_id"] != mine.things["agency_id"]:
                mine.ask("DELETE", f"{AGENCIES}/{values['agency_id']}")
    open_again = named(service=named(enabled=True))
    mine.manage("PUT", filled(f"{OWN}/services/image", mine.things), open_again)
    assert not faults, "\n".join(faults)


ABSURD: tuple[Any, ...] = (None, -1, True, "", "x" * 300, "\ud800", [[]], {})
"""What stands in place of each value of a body in turn."""

ABSURD_QUERIES = (
    "page=0&per_page=-1",
    "page=x",
    "per_page=99999999999999999999",
    "enabled=maybe",
    "limit=0",
    "limit=1e9",
    "marker=%FF%00",
    "name=a&name=b",
    "subject.group_id=%00",
    "domain_id=%F0%9F%A6%8A",
    "from=yesterday&to=tomorrow",
    "%00=%00",
    "&&&=",
)


def spoiled(template: Any) -> Iterator[Any]:
    """Give a body with each of its values, inner and outer, replaced by what it must not be."""
    yield from ABSURD
    if isinstance(template, dict):
        for name, value in template.items():
            yield {other: kept for other, kept in template.items() if other != name}
            yield from ({**template, name: worse} for worse in spoiled(value))
    elif isinstance(template, list) and template:
        yield from ([worse] for worse in spoiled(template[0]))


def test_no_absurd_value_in_any_body_makes_the_server_fail(tmp_path: Path) -> None:
    """In a house of its own: some of these bodies are good and change things, others guess."""
    house = open_house(tmp_path)
    side, faults, seen = open_side(house, house.account), [], 0
    for (method, path), probes in PROBES.items():
        # Beyond the first two, templates differ in names only.
        for template in {json.dumps(probe.document) for probe in probes[:2] if probe.document}:
            if "/image/" in path:
                continue
            for document in spoiled(json.loads(template)):
                answer = side.send(method, path, Probe(document), side.things, side.key)
                seen += 1
                if answer.status >= 500:
                    faults.append(f"{method} {path} {json.dumps(document)[:200]}: {answer.body!r}")
    house.close()
    assert not faults, "\n".join(faults)
    assert seen > 500


def test_no_absurd_query_makes_the_server_fail(mine: Side) -> None:
    faults = []
    for method, path, _probe in own_calls():
        if method == "GET":
            for query in ABSURD_QUERIES:
                answer = mine.send(method, path, Probe(query=query), mine.things, mine.key)
                if answer.status >= 500:
                    faults.append(f"{path}?{query}: {answer.status} {answer.body!r}")
    assert not faults, "\n".join(faults)


def test_the_same_names_in_both_accounts_are_two_things(mine: Side, theirs: Side) -> None:
    made: dict[str, list[str]] = {}
    for side in (mine, theirs):
        user = named(name="the-same", domain_id=side.things["domain_id"])
        role = named(display_name="the-same", type="XA", policy=POLICY)
        for path, thing, fields in (
            ("/v3/users", "user", user),
            ("/v3/groups", "group", named(name="the-same")),
            (ROLES, "role", role),
        ):
            thing_id = side.manage("POST", path, {thing: fields})[thing]["id"]
            made.setdefault(thing, []).append(thing_id)
    for thing, ids in made.items():
        assert len(set(ids)) == 2, thing
    for number, side in enumerate((mine, theirs)):
        for thing in ("user", "group"):
            found = side.manage("GET", f"/v3/{thing}s", query="name=the-same")[f"{thing}s"]
            assert [one["id"] for one in found] == [made[thing][number]]


def test_a_temporary_key_and_a_token_stay_in_their_account(mine: Side, theirs: Side) -> None:
    token = mine.things["token"]
    plain = {"Host": HOST, "Content-Type": "application/json", "X-Auth-Token": token}
    path = f"/v2/{theirs.things['project_id']}/image/tagging"
    request = SignedRequest(mine.key, HOST, path, json.dumps(PICTURE).encode())
    assert mine.house.ask(request, plain).status == 403
    body = {"auth": {"identity": {"methods": ["token"], "token": {}}}}
    made = mine.manage("POST", SECURITY_TOKENS, body)["credential"]
    key = Account(made["access"], made["secret"], {})
    headers = {"X-Security-Token": made["securitytoken"]}
    assert mine.ask("POST", path, PICTURE, headers=headers, key=key).status == 403
    # The other account's signature with this account's security token is nobody's.
    answer = theirs.ask("GET", "/v3/users", headers=headers)
    assert answer.status == 401
