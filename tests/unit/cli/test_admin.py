"""``huiyan admin`` on a real data folder, beside a process that is running already."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from migrated import open_migrated

from huiyan.cli.admin import admin
from huiyan.iam.bootstrap import first_start
from huiyan.iam.model import FirstStart, Session
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.rotation.key_file import KeyFile
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.lockout import NAME_FROM_ADDRESS_LIMIT, counters_for
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.vault import open_vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import (
    DisabledAccountError,
    NotPermittedError,
    OperatorError,
    ServiceNotEnabledError,
)
from huiyan.kernel.ids import AccessKey
from huiyan.kernel.settings import Settings
from huiyan.persistence.database import open_database

REGIONS = ("cn-north-4", "cn-east-3")
CHEAP = PasswordHasher(HashCost(memory_kib=8, passes=1, lanes=1))
PASSWORD = "Correct-horse-9"
TAGGING = "image:tagging:run"


class House:
    """An installation, a server that runs beside the commands, and a command line."""

    def __init__(self, folder: Path, made: FirstStart) -> None:
        self.settings = Settings(data_dir=folder, regions=REGIONS)
        self.database = open_database(self.settings.resolved_database_url())
        self.repository = IdentityRepository(self.database)
        self.made = made
        vault = open_vault(None, folder / "instance.key", self.repository.stored_key_ids())
        self.server = IdentityService(self.repository, vault, SystemClock())
        self.runner = CliRunner()
        self.shown = ""

    def run(self, *arguments: str, given: str | None = None) -> Result:
        result = self.runner.invoke(admin, arguments, obj=self.settings, input=given)
        if result.exception is None:
            self.server.refresh()
        self.shown += result.output
        return result

    def do(self, *arguments: str, given: str | None = None) -> str:
        result = self.run(*arguments, given=given)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def ask(self, *arguments: str) -> Any:
        return json.loads(self.do(*arguments, "--json"))

    def refuse(self, *arguments: str, given: str | None = None) -> str:
        result = self.run(*arguments, given=given)
        assert isinstance(result.exception, OperatorError), (result.output, result.exception)
        return result.exception.detail

    def session(self, access: str) -> Session:
        return Session(self.server.directory.keys[AccessKey(access)].principal)

    def recognise(self, access: str, region: str = "cn-north-4") -> None:
        session = self.session(access)
        project = self.server.projects(session, name=region)[0]
        self.server.admit(session, project.id, TAGGING)

    def told(self) -> list[tuple[str, str]]:
        rows = self.ask("audit", "list", "--limit", "1000")
        assert {(row["user_name"], row["address"]) for row in rows} <= {("operator", "local")}
        return [(row["action"], row["resource"]) for row in reversed(rows)]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FirstStart]:
    folder = tmp_path_factory.mktemp("started")
    database = open_migrated(f"sqlite:///{folder / 'huiyan.db'}")
    vault = open_vault(None, folder / "instance.key", frozenset())
    made = first_start(IdentityRepository(database), vault, REGIONS, SystemClock())
    assert made is not None
    database.close()
    return folder, made


@pytest.fixture
def house(
    started: tuple[Path, FirstStart], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    for name in [name for name in os.environ if name.startswith("HUIYAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("huiyan.iam.assembly.PasswordHasher", lambda: CHEAP)
    folder, first = started
    made = House(shutil.copytree(folder, tmp_path / "data"), first)
    yield made
    made.database.close()


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)


def test_every_command_has_help_in_both_languages() -> None:
    def walk(command: click.Command) -> Iterator[click.Command]:
        yield command
        if isinstance(command, click.Group):
            for inner in command.commands.values():
                yield from walk(inner)

    seen = list(walk(admin))
    assert len(seen) > 35
    for command in seen:
        texts = [command.help or "", command.short_help or ""]
        texts += [o.help or "" for o in command.params if isinstance(o, click.Option)]
        for text in texts:
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text), (command.name, text)


def test_where_nothing_was_started_yet_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    result = CliRunner().invoke(admin, ["account", "list"], obj=settings)
    assert isinstance(result.exception, OperatorError)
    assert "huiyan serve" in result.exception.detail
    assert not list(tmp_path.iterdir())


def test_an_empty_database_is_no_installation_either(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    settings = Settings(data_dir=tmp_path / "data", database_url=url)  # type: ignore[arg-type]
    result = CliRunner().invoke(admin, ["user", "list"], obj=settings)
    assert isinstance(result.exception, OperatorError)
    assert "huiyan serve" in result.exception.detail
    assert not (tmp_path / "data").exists()


# accounts


def test_a_further_account_gets_all_it_needs_and_starts_when_it_is_opened(house: House) -> None:
    made = house.ask("account", "create", "acme", "--owner", "ann", "--description", "a [b] c")
    assert [project["name"] for project in made["projects"]] == list(REGIONS)
    access = made["credential"]["access"]
    owner = house.session(access).principal
    assert (owner.user_name, owner.is_owner, owner.account_id) == ("ann", True, made["id"])
    secret = house.server.directory.keys[AccessKey(access)].secret
    assert secret.decode() == made["credential"]["secret"]
    with pytest.raises(ServiceNotEnabledError):
        house.recognise(access)
    opened = house.ask("enable", "--account", "acme", "--region", "cn-north-4")
    assert [project["services"] for project in opened] == [[], ["image"]]
    house.recognise(access)
    with pytest.raises(ServiceNotEnabledError):
        house.recognise(access, "cn-east-3")
    house.do("enable", "--account", "acme")
    house.recognise(access, "cn-east-3")
    house.do("enable", "--account", "acme", "--off", "--yes")
    with pytest.raises(ServiceNotEnabledError):
        house.recognise(access)
    house.recognise(house.made.key.access_key)
    names = [account["name"] for account in house.ask("account", "list")]
    assert names == ["acme", "huiyan"]
    assert "a [b] c" in house.do("account", "list")


def test_an_account_can_be_open_from_the_start(house: House) -> None:
    made = house.ask("account", "create", "acme", "--enable")
    house.recognise(made["credential"]["access"])


def test_a_disabled_account_is_refused_everywhere_and_goes_on_later(house: House) -> None:
    access = house.ask("account", "create", "acme", "--enable")["credential"]["access"]
    house.do("account", "disable", "acme", "--yes")
    with pytest.raises(DisabledAccountError):
        house.recognise(access)
    with pytest.raises(DisabledAccountError):
        house.server.require_standing(house.session(access))
    house.recognise(house.made.key.access_key)
    assert [a["enabled"] for a in house.ask("account", "list")] == [False, True]
    house.do("account", "enable", "acme")
    house.recognise(access)


def test_the_first_secret_goes_to_a_terminal_or_where_it_was_asked_for_only(house: House) -> None:
    assert "no terminal" in house.refuse("account", "create", "acme")
    assert "no terminal" in house.refuse("key", "create", "admin")
    assert [account["name"] for account in house.ask("account", "list")] == ["huiyan"]
    assert len(house.ask("key", "list")) == 1


@pytest.mark.usefixtures("at_a_terminal")
def test_at_a_terminal_the_secret_is_shown_in_plain_lines(house: House) -> None:
    shown = house.do("account", "create", "acme")
    (access,) = set(house.server.directory.keys) - {house.made.key.access_key}
    secret = house.server.directory.keys[access].secret.decode()
    assert f"Access key (AK)     {access}\n" in shown
    assert f"Secret key (SK)     {secret}\n" in shown
    assert "huiyan admin enable --account acme" in shown
    shown = house.do("key", "create", "admin")
    assert "Secret key (SK)" in shown
    assert "不再显示" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("account", "create", "huiyan"), "exists"),
        (("account", "create", "1acme"), "begin with a letter"),
        (("account", "create", "a b"), "begin with a letter"),
        (("account", "create", ""), "begin with a letter"),
        (("account", "create", "a" * 65), "begin with a letter"),
        (("account", "create", "acme", "--owner", "1"), "digit"),
        (("account", "create", "acme", "--description", "x" * 256), "255"),
    ],
)
def test_an_impossible_account_is_refused_with_what_mends_it(
    house: House, arguments: tuple[str, ...], words: str
) -> None:
    assert words in house.refuse(*arguments, "--json")
    assert len(house.ask("account", "list")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "list", "--account", "nobody"),
        ("account", "disable", "nobody", "--yes"),
        ("enable", "--account", "nobody"),
        ("limit", "list", "--account", "nobody"),
        ("audit", "list", "--account", "nobody"),
    ],
)
def test_an_account_that_is_not_there_is_told_with_the_command_that_lists_them(
    house: House, arguments: tuple[str, ...]
) -> None:
    assert "huiyan admin account list" in house.refuse(*arguments)


# users


def test_a_user_is_made_shown_stopped_and_removed(house: House) -> None:
    house.do("group", "create", "staff")
    made = house.ask("user", "create", "lily", "--group", "staff", "--email", "lily@example.com")
    assert (made["groups"], made["enabled"], made["owner"]) == (["staff"], True, False)
    key = house.ask("key", "create", "lily")
    shown = house.ask("user", "show", "lily")
    assert shown["keys"] == [{"access": key["access"], "status": "active"}]
    assert (shown["has_password"], shown["email"]) == (False, "lily@example.com")
    assert house.ask("user", "show", made["id"]) == shown
    assert "lily@example.com" in house.do("user", "show", "lily")
    house.do("user", "disable", "lily")
    assert not house.ask("user", "show", "lily")["enabled"]
    house.do("user", "enable", "lily")
    assert [user["name"] for user in house.ask("user", "list")] == ["admin", "lily"]
    house.do("user", "delete", "lily", "--yes")
    assert [user["name"] for user in house.ask("user", "list")] == ["admin"]
    assert AccessKey(key["access"]) not in house.server.directory.keys


def test_a_password_is_read_from_standard_input_or_by_prompt(house: House) -> None:
    house.do("user", "create", "lily", "--password-stdin", given=f"{PASSWORD}\n")
    shown = house.ask("user", "show", "lily")
    assert (shown["has_password"], shown["must_change_password"]) == (True, True)
    other = f"{PASSWORD}-2"
    house.do("user", "password", "lily", "--keep", given=f"{other}\n{other}\n")
    assert not house.ask("user", "show", "lily")["must_change_password"]
    house.do("user", "create", "mary", "--password", given=f"{PASSWORD}\n{PASSWORD}\n")
    assert house.ask("user", "show", "mary")["has_password"]
    house.do("user", "password", "admin", "--password-stdin", given=PASSWORD)
    assert house.ask("user", "show", "admin")["has_password"]
    assert PASSWORD not in house.shown


def test_a_group_named_as_anothers_id_is_not_taken_for_it(house: House) -> None:
    first = house.ask("group", "create", "staff")
    second = house.ask("group", "create", first["id"])
    for command in (("group", "delete", first["id"], "--yes"), ("group", "members", first["id"])):
        detail = house.refuse(*command)
        assert "the id of one group and the name of another" in detail
    house.do("group", "delete", second["id"], "--yes")
    house.do("group", "delete", first["id"], "--yes")
    assert first["id"] not in {group["id"] for group in house.ask("group", "list")}


def test_an_account_named_as_anothers_id_is_not_taken_for_it(house: House) -> None:
    made = (house.ask("account", "create", f"acme-{number}") for number in range(200))
    victim = next(one["id"] for one in made if one["id"][0].isalpha())
    house.do("account", "create", victim, "--json")
    assert "the id of one account" in house.refuse("account", "disable", victim, "--yes")


def test_the_help_says_that_programs_may_have_passwords(house: House) -> None:
    told = " ".join(house.do("user", "create", "--help").split())
    assert "programmatic: API by keys or a password." in told


def test_an_operator_ends_lock_outs(house: House) -> None:
    counters = counters_for(house.made.account.id, ("admin", ""), "192.0.2.1")
    lockouts, now = LockoutRepository(house.database), SystemClock().now()
    for _ in range(NAME_FROM_ADDRESS_LIMIT):
        assert lockouts.reserve(counters, now) is None
    assert lockouts.reserve(counters, now) is not None
    house.do("user", "unlock")
    assert lockouts.reserve(counters, now) is None
    assert house.told() == [("iam:users:updateUser", "user:*")]


def test_bad_passwords_are_refused_and_never_repeated(house: House) -> None:
    house.do("user", "create", "lily")
    for bad in ("abc\n", "aaaaaaaa\n", "\n", ""):
        detail = house.refuse("user", "password", "lily", "--password-stdin", given=bad)
        assert not bad.strip() or bad.strip() not in detail
    assert "--password" in house.refuse("user", "create", "bob", "--keep")
    twice = house.run("user", "password", "lily", given=f"{PASSWORD}\nanother\n")
    assert twice.exit_code == 1
    assert not house.ask("user", "show", "lily")["has_password"]


def test_the_owner_stays_and_stays_enabled(house: House) -> None:
    assert "owner" in house.refuse("user", "delete", "admin", "--yes")
    assert "owner" in house.refuse("user", "disable", "admin")
    assert house.ask("user", "show", "admin")["enabled"]


def test_a_user_of_another_account_is_not_found(house: House) -> None:
    acme = house.ask("account", "create", "acme")
    for name in (acme["owner"]["id"], "nobody"):
        detail = house.refuse("user", "delete", name, "--yes")
        assert "huiyan admin user list" in detail
    access = acme["credential"]["access"]
    assert "huiyan admin key list" in house.refuse("key", "disable", access)
    house.do("key", "disable", access, "--account", acme["id"])


# groups, policies


def test_the_products_example_from_group_to_refusal(house: House) -> None:
    house.do("group", "create", "readers", "--description", "may read")
    house.do("user", "create", "lily")
    access = house.ask("key", "create", "lily")["access"]
    with pytest.raises(NotPermittedError):
        house.recognise(access)
    house.do("policy", "grant", "--group", "readers", "--role", "Tenant Guest", "--everywhere")
    house.do("policy", "grant", "--group", "readers", "--policy", "obs_b_list", "--global")
    house.do("group", "add", "readers", "lily")
    house.recognise(access)
    assert [user["name"] for user in house.ask("group", "members", "readers")] == ["lily"]
    assert {
        (g["policy"], g["where"]) for g in house.ask("policy", "grants", "--group", "readers")
    } == {
        ("Tenant Guest", "everywhere"),
        ("OBS Buckets Viewer", "global"),
    }
    house.do("group", "remove", "readers", "lily")
    with pytest.raises(NotPermittedError):
        house.recognise(access)
    house.do("group", "add", "readers", "lily", "admin")
    house.do("policy", "revoke", "--group", "readers", "--role", "readonly", "--everywhere")
    with pytest.raises(NotPermittedError):
        house.recognise(access)
    house.do(
        "policy", "grant", "--group", "readers", "--role", "readonly", "--project", "cn-east-3"
    )
    house.recognise(access, "cn-east-3")
    with pytest.raises(NotPermittedError):
        house.recognise(access)
    (listed,) = house.ask("group", "list")
    assert (listed["name"], listed["members"], listed["description"]) == ("readers", 2, "may read")
    house.do("group", "delete", "readers", "--yes")
    assert house.ask("group", "list") == []
    with pytest.raises(NotPermittedError):
        house.recognise(access, "cn-east-3")


def test_a_misspelt_user_changes_no_membership(house: House) -> None:
    house.do("group", "create", "staff")
    assert "user list" in house.refuse("group", "add", "staff", "admin", "nobody")
    assert house.ask("group", "members", "staff") == []
    assert "group list" in house.refuse("group", "members", "stuff")
    assert "exists" in house.refuse("group", "create", "staff") or "staff" in house.refuse(
        "group", "create", "staff"
    )


POLICY = {
    "Version": "1.1",
    "Statement": [{"Effect": "Allow", "Action": ["image:*:*"], "Condition": {}}],
}


def test_a_policy_from_a_file_is_listed_shown_granted_and_removed(
    house: House, tmp_path: Path
) -> None:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(POLICY))
    made = house.ask("policy", "create", str(path), "--name", "Image users", "--description", "d")
    assert (made["kind"], made["reach"]) == ("custom policy", "project")
    shown = json.loads(house.do("policy", "show", "Image users"))
    assert shown["policy"]["Statement"][0]["Action"] == ["image:*:*"]
    assert [it["id"] for it in house.ask("policy", "list", "--custom")] == [made["id"]]
    everything = house.ask("policy", "list")
    assert {"Tenant Guest", "Image users"} <= {it["display_name"] for it in everything}
    house.do("group", "create", "staff")
    grant = ("--group", "staff", "--policy", "Image users", "--project", "cn-north-4")
    house.do("policy", "grant", *grant)
    assert "granted" in house.refuse("policy", "delete", "Image users", "--yes")
    house.do("policy", "revoke", *grant)
    assert house.refuse("policy", "revoke", *grant)
    house.do("policy", "delete", "Image users", "--yes")
    assert house.ask("policy", "list", "--custom") == []
    house.do("policy", "create", "-", "--name", "Again", given=json.dumps(POLICY))
    assert json.loads(house.do("policy", "show", "te_admin"))["kind"] == "system role"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"Version": "1.0", "Statement": []}', "[" * 50_000, "x" * 60_000],
)
def test_a_file_that_is_no_policy_is_refused(house: House, text: str) -> None:
    assert house.refuse("policy", "create", "-", "--name", "P", given=text)
    assert house.ask("policy", "list", "--custom") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "one of"),
        (("--everywhere", "--global"), "one of"),
        (("--global", "--project", "cn-north-4"), "one of"),
        (("--project", "xx-north-1"), "no project"),
    ],
)
def test_a_grant_says_where_exactly_once(
    house: House, options: tuple[str, ...], words: str
) -> None:
    house.do("group", "create", "staff")
    policy = ("policy", "grant", "--group", "staff", "--policy")
    assert words in house.refuse(*policy, "Tenant Guest", *options)
    assert "policy list" in house.refuse(*policy, "Nothing", "--everywhere")
    assert "projects" in house.refuse(*policy, "OBS Buckets Viewer", "--everywhere")
    assert "system" in house.refuse("policy", "delete", "Tenant Guest", "--yes")
    assert house.ask("policy", "grants") == []


# keys


def test_keys_are_made_listed_stopped_and_removed(house: House) -> None:
    issued = house.ask("key", "create", "admin", "--description", "second")
    access = AccessKey(issued["access"])
    assert house.server.directory.keys[access].secret.decode() == issued["secret"]
    listed = house.ask("key", "list", "--user", "admin")
    assert [key["description"] for key in listed] == ["first start", "second"]
    assert "secret" not in listed[0]
    assert "key delete" in house.refuse("key", "create", "admin", "--json")
    house.do("key", "disable", access)
    assert access not in house.server.directory.keys
    assert [key["status"] for key in house.ask("key", "list")] == ["active", "inactive"]
    house.do("key", "enable", access)
    assert access in house.server.directory.keys
    house.do("key", "delete", access, "--yes")
    assert len(house.ask("key", "list")) == 1
    assert access in house.shown
    assert "key list" in house.refuse("key", "delete", "../../etc", "--yes")


# limits


def test_limits_are_set_listed_and_removed(house: House) -> None:
    house.do("limit", "set", "--user", "admin", "--per-minute", "60")
    counts = house.server.directory.limits[house.made.owner.id]
    default = house.settings.throttle_user_concurrent
    assert (counts.calls_per_minute, counts.concurrent_calls) == (60, default)
    house.do("limit", "set", "--user", "admin", "--at-once", "3")
    house.do("limit", "set", "--project", "cn-north-4", "--per-minute", "0", "--at-once", "9")
    listed = house.ask("limit", "list")
    shape = [
        (it["subject"], it["name"], it["calls_per_minute"], it["concurrent_calls"]) for it in listed
    ]
    assert shape == [("project", "cn-north-4", 0, 9), ("user", "admin", 60, 3)]
    assert "cn-north-4" in house.do("limit", "list")
    house.do("limit", "remove", "--user", "admin")
    assert house.made.owner.id not in house.server.directory.limits
    assert "no limit of its own" in house.refuse("limit", "remove", "--user", "admin")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--user", "admin"), "how much"),
        (("--per-minute", "5"), "one of"),
        (("--per-minute", "5", "--user", "admin", "--project", "cn-north-4"), "one of"),
        (("--per-minute", "1000000000", "--user", "admin"), "calls_per_minute"),
        (("--at-once", "1000000000", "--user", "admin"), "concurrent_calls"),
        (("--at-once", "5", "--user", "nobody"), "user list"),
    ],
)
def test_an_impossible_limit_is_refused(house: House, options: tuple[str, ...], words: str) -> None:
    assert words in house.refuse("limit", "set", *options)
    assert house.ask("limit", "list") == []


# the audit log


def test_every_change_is_told_before_it_is_made_and_failures_after(house: House) -> None:
    house.do("group", "create", "staff")
    house.do("user", "create", "lily", "--group", "staff", "--password-stdin", given=PASSWORD)
    issued = house.ask("key", "create", "lily")
    house.do("key", "disable", issued["access"])
    house.do("limit", "set", "--user", "lily", "--per-minute", "5")
    house.do("policy", "grant", "--group", "staff", "--policy", "readonly", "--global")
    house.do("enable")
    house.do("user", "delete", "lily", "--yes")
    house.refuse("user", "delete", "admin", "--yes")
    assert house.told() == [
        ("iam:groups:createGroup", "group:staff"),
        ("iam:users:createUser", "user:lily"),
        ("iam:permissions:addUserToGroup", "group:staff"),
        ("iam:credentials:createCredential", "user:lily"),
        ("iam:credentials:updateCredential", f"credential:{issued['access']}"),
        ("huiyan:limit:set", "user:lily"),
        ("iam:permissions:grantRoleToGroupOnDomain", "group:staff"),
        ("huiyan:service:enable", "project:cn-east-3"),
        ("huiyan:service:enable", "project:cn-north-4"),
        ("iam:users:deleteUser", "user:lily"),
        ("iam:users:deleteUser", "user:admin"),
        ("iam:users:deleteUser", "user:admin"),
    ]
    newest = house.ask("audit", "list", "--limit", "1")[0]
    assert newest["reason"] == "failed: NotPermittedError"
    assert newest["credential_id"] == f"uid:{os.getuid()}"


def test_a_new_account_has_its_making_in_its_own_log(house: House) -> None:
    house.ask("account", "create", "acme")
    told = house.ask("audit", "list", "--account", "acme")
    assert [row["action"] for row in told] == ["huiyan:account:create"]
    assert house.ask("audit", "list") == []


def test_no_secret_is_in_the_log_or_in_the_database_in_the_clear(house: House) -> None:
    secrets = [
        house.ask("account", "create", "acme")["credential"]["secret"],
        house.ask("key", "create", "admin")["secret"],
        PASSWORD,
    ]
    house.do("user", "create", "lily", "--password-stdin", given=PASSWORD)
    house.do("audit", "export")
    house.do("rotate-key", "--step", "seal", "--yes")
    stored = b"".join(file.read_bytes() for file in house.settings.data_dir.iterdir())
    log = house.do("audit", "export") + house.do("audit", "export", "--account", "acme")
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret not in log


def test_the_log_is_filtered_and_exported(house: House, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        house.do("group", "create", name)
    house.do("enable")
    assert len(house.ask("audit", "list", "--action", "iam:*")) == 3
    assert len(house.ask("audit", "list", "--text", "group:b", "--user", "operator")) == 1
    assert house.ask("audit", "list", "--denied") == []
    assert house.ask("audit", "list", "--until", "2000-01-01T00:00:00Z") == []
    assert len(house.ask("audit", "list", "--since", "2000-01-01", "--limit", "2")) == 2
    assert "group:a" in house.do("audit", "list")
    lines = [json.loads(line) for line in house.do("audit", "export").splitlines()]
    assert len(lines) == 5
    path = tmp_path / "log.csv"
    house.do("audit", "export", "--format", "csv", "-o", str(path))
    assert len(path.read_text().splitlines()) == 6
    wrong = house.run("audit", "list", "--since", "yesterday")
    assert wrong.exit_code == 2
    assert "2026-01-31T08:00:00Z" in wrong.output


def test_a_log_that_cannot_be_written_keeps_the_deed_from_being_done(house: House) -> None:
    with sqlite3.connect(house.settings.data_dir / "huiyan.db") as raw:
        raw.execute("ALTER TABLE audit_record RENAME TO audit_gone")
    raw.close()
    assert house.run("group", "create", "staff").exception is not None
    house.server.refresh()
    assert not house.server.directory.groups


# confirmation


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "disable", "huiyan"),
        ("enable", "--off"),
        ("user", "delete", "lily"),
        ("group", "delete", "staff"),
        ("policy", "delete", "Own"),
        ("rotate-key",),
    ],
)
def test_what_cannot_be_undone_is_asked_about(house: House, arguments: tuple[str, ...]) -> None:
    house.do("user", "create", "lily")
    house.do("group", "create", "staff")
    house.do("policy", "create", "-", "--name", "Own", given=json.dumps(POLICY))
    before = house.repository.revision()
    assert house.run(*arguments, given="n\n").exit_code == 1
    assert "--yes" in house.refuse(*arguments, given="")
    assert house.repository.revision() == before


def test_an_answer_is_as_good_as_the_option(house: House) -> None:
    house.do("user", "create", "lily")
    house.do("user", "delete", "lily", given="y\n")
    assert len(house.ask("user", "list")) == 1


# the instance key


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huiyan.iam.rotation.service.SETTLE_S", 0.0)


@pytest.mark.usefixtures("_no_pause")
def test_the_instance_key_is_replaced_beside_a_running_server(house: House) -> None:
    file = KeyFile(house.settings.data_dir / "instance.key")
    before = file.get()
    done = house.ask("rotate-key", "--yes")
    after = file.get()
    assert after.sealing != before.sealing
    assert (done["resealed"], len(done["dropped_key_ids"]), after.older) == (1, 1, ())
    secret = house.server.directory.keys[house.made.key.access_key].secret
    assert secret.decode() == house.made.key.secret_key
    house.ask("key", "create", "admin")
    assert ("huiyan:instanceKey:rotate", "") in house.told()


@pytest.mark.usefixtures("_no_pause")
def test_each_step_of_a_rotation_says_what_comes_next(house: House) -> None:
    file = KeyFile(house.settings.data_dir / "instance.key")
    assert "--step seal" in house.do("rotate-key", "--step", "prepare", "--yes")
    prepared = file.get().prepared
    assert "huiyan admin rotate-key" in house.do("rotate-key", "--step", "seal", "--yes")
    assert file.get().sealing == prepared
    assert "safe place" in house.do("rotate-key", "--yes")
    assert file.get().opening == (prepared,)


def test_keys_of_the_environment_are_told_how_to_change(house: House) -> None:
    old = KeyFile(house.settings.data_dir / "instance.key").get().sealing.hex()
    new = "ab" * 32
    house.settings = Settings(data_dir=house.settings.data_dir, instance_key=old)  # type: ignore[arg-type]
    assert "HUIYAN_INSTANCE_KEY to NEW,OLD" in house.refuse("rotate-key", "--yes")
    assert house.ask("audit", "list")[0]["reason"] == "failed: InstanceKeyError"
    both = f"{new},{old}"
    house.settings = Settings(data_dir=house.settings.data_dir, instance_key=both)  # type: ignore[arg-type]
    result = CliRunner().invoke(admin, ["rotate-key", "--yes"], obj=house.settings)
    assert result.exit_code == 0
    assert "the new key alone" in result.stdout
    assert new not in result.output
    house.settings = Settings(data_dir=house.settings.data_dir, instance_key=new)  # type: ignore[arg-type]
    assert CliRunner().invoke(admin, ["key", "list"], obj=house.settings).exit_code == 0
