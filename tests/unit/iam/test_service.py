import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from keys import issue_key
from sqlalchemy import update

from huiyan.iam.rotation.key_file import InstanceKeys, KeyFile
from huiyan.iam.service import IdentityService
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import (
    DatabaseError,
    ForeignProjectError,
    InstanceKeyError,
    MissingCredentialsError,
    ServiceNotEnabledError,
    SignatureMismatchError,
    UnknownKeyError,
    UnsupportedSchemeError,
    UnusableTokenError,
)
from huiyan.kernel.ids import AccountId, RegionId
from huiyan.persistence.schema import ACCESS_KEY
from huiyan.web.request import RawRequest

Sign = Callable[..., RawRequest]
ACTION = "image:tagging:run"


def test_no_credentials_is_told_in_the_vendors_words(installation: Any) -> None:
    request = RawRequest("GET", b"/", b"", (), b"", "")
    with pytest.raises(MissingCredentialsError, match="x-auth-token not found"):
        installation.service.authenticate(request)


def test_a_signature_by_the_first_key_is_the_owner(installation: Any, sign: Sign) -> None:
    key = installation.made.key
    request = sign(key.access_key, key.secret_key)
    assert installation.service.authenticate(request) == installation.owner


def test_a_good_request_asks_the_database_nothing(installation: Any, sign: Sign) -> None:
    key = installation.made.key
    for _ in range(3):
        installation.service.authenticate(sign(key.access_key, key.secret_key))
        installation.service.admit(installation.owner, installation.made.projects[0].id, ACTION)
    assert (installation.repository.asked, installation.repository.taken) == (0, 1)


def test_a_request_with_a_token_is_judged_by_the_token(installation: Any, sign: Sign) -> None:
    key = installation.made.key
    request = sign(key.access_key, key.secret_key)
    both = replace(request, headers=(*request.headers, (b"x-auth-token", b"MIIF")))
    with pytest.raises(UnusableTokenError):
        installation.service.authenticate(both)


def test_every_refusal_of_a_key_asks_for_news_once(installation: Any, sign: Sign) -> None:
    key = installation.made.key
    for access, secret, kind in (
        (key.access_key, "wrong", SignatureMismatchError),
        ("UNKNOWN", key.secret_key, UnknownKeyError),
    ):
        installation.repository.asked = 0
        with pytest.raises(kind):
            installation.service.authenticate(sign(access, secret))
        assert installation.repository.asked == 1


def test_a_scheme_that_is_not_spoken_asks_for_no_news(installation: Any) -> None:
    request = RawRequest("GET", b"/", b"", ((b"authorization", b"Basic x"),), b"", "")
    with pytest.raises(UnsupportedSchemeError):
        installation.service.authenticate(request)
    assert installation.repository.asked == 0


def test_a_key_made_in_another_process_works_at_once(installation: Any, sign: Sign) -> None:
    issued = issue_key(
        installation.people_of(installation.another_process()), installation.made.account.id
    )
    session = installation.service.authenticate(sign(issued.access_key, issued.secret_key))
    assert session.principal.credential_id == issued.access_key


def test_a_stopped_key_and_an_unknown_one_look_alike(installation: Any, sign: Sign) -> None:
    service, people, made = installation.service, installation.people, installation.made
    stopped = issue_key(people, made.account.id, "admin")
    people.keys.change(made.account.id, stopped.access_key, "inactive")
    texts = []
    for access in (stopped.access_key, "UNKNOWNKEY0000000000"):
        with pytest.raises(UnknownKeyError) as raised:
            service.authenticate(sign(access, stopped.secret_key))
        texts.append(raised.value.detail.replace(access, "AK"))
    assert texts[0] == texts[1]
    people.keys.change(made.account.id, stopped.access_key, "active")
    service.authenticate(sign(stopped.access_key, stopped.secret_key))


def test_a_database_that_fails_leaves_the_memory(installation: Any, sign: Sign) -> None:
    installation.repository.failing = True
    key = installation.made.key
    with pytest.raises(DatabaseError):
        installation.service.refresh()
    installation.service.authenticate(sign(key.access_key, key.secret_key))


def test_a_failing_database_is_not_taken_for_a_wrong_key(installation: Any, sign: Sign) -> None:
    installation.repository.failing = True
    with pytest.raises(DatabaseError):
        installation.service.authenticate(sign("UNKNOWN", "secret"))


def test_refreshing_at_once_takes_the_news_once(installation: Any) -> None:
    service = installation.another_process()
    issue_key(installation.people, installation.made.account.id, "admin")
    installation.repository.taken = 0
    threads = [threading.Thread(target=service.refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert installation.repository.taken == 1


@pytest.mark.parametrize("project_id", ["", "absent", "{project_id}", "%", "\x00", "a" * 1000])
def test_a_project_that_is_not_there_is_foreign(installation: Any, project_id: str) -> None:
    with pytest.raises(ForeignProjectError):
        installation.service.admit(installation.owner, project_id, ACTION)


def test_another_accounts_project_is_refused_like_one_that_is_not_there(
    installation: Any,
) -> None:
    principal = replace(installation.owner.principal, account_id=AccountId("f" * 32))
    stranger = replace(installation.owner, principal=principal)
    project = installation.made.projects[0]
    texts = []
    for project_id in (project.id, "absent"):
        with pytest.raises(ForeignProjectError) as raised:
            installation.service.admit(stranger, project_id, ACTION)
        texts.append(raised.value.detail)
    assert texts[0] == texts[1]
    assert installation.service.projects(stranger) == ()
    assert installation.service.domains(stranger) == ()
    with pytest.raises(ForeignProjectError):
        installation.service.project_for_region(stranger, RegionId("cn-north-4"))


def test_a_closed_service_is_refused_in_that_project_only(installation: Any) -> None:
    service, (north, east) = installation.service, installation.made.projects
    service.set_service(north, "image", enabled=False)
    with pytest.raises(ServiceNotEnabledError, match="cn-north-4"):
        service.admit(installation.owner, north.id, ACTION)
    assert service.admit(installation.owner, east.id, ACTION).id == east.id
    with pytest.raises(ServiceNotEnabledError):
        service.admit(installation.owner, east.id, ACTION, "gallery")


def test_the_region_names_the_project(installation: Any) -> None:
    for project in installation.made.projects:
        region = RegionId(project.name)
        assert installation.service.project_for_region(installation.owner, region) == project
    with pytest.raises(ForeignProjectError):
        installation.service.project_for_region(installation.owner, RegionId("eu-west-0"))


def test_projects_come_by_name_and_can_be_filtered(installation: Any) -> None:
    service, owner = installation.service, installation.owner
    assert [p.name for p in service.projects(owner)] == ["cn-east-3", "cn-north-4"]
    assert [p.name for p in service.projects(owner, name="cn-north-4")] == ["cn-north-4"]
    assert service.projects(owner, enabled=False) == ()


def damage(installation: Any, access_key: str, **values: object) -> None:
    with installation.database.changing() as connection:
        connection.execute(
            update(ACCESS_KEY).where(ACCESS_KEY.c.access == access_key).values(**values)
        )


@pytest.mark.parametrize(
    "values",
    [{"secret_ciphertext": b"x" * 60}, {"secret_ciphertext": b""}, {"instance_key_id": "f"}],
)
def test_a_secret_that_does_not_open_hides_no_withdrawal_and_is_told(
    installation: Any, sign: Sign, values: dict[str, object]
) -> None:
    service, people, made = installation.service, installation.people, installation.made
    damaged = issue_key(people, made.account.id, "admin")
    service.authenticate(sign(damaged.access_key, damaged.secret_key))
    damage(installation, damaged.access_key, **values)
    with structlog.testing.capture_logs() as logs:
        assert service.refresh()
    assert [(log["event"], log["log_level"], log["access_key"]) for log in logs] == [
        ("key_unreadable", "error", damaged.access_key)
    ]
    with pytest.raises(UnknownKeyError):
        service.authenticate(sign(damaged.access_key, damaged.secret_key))
    service.authenticate(sign(made.key.access_key, made.key.secret_key))
    people.keys.change(made.account.id, made.key.access_key, "inactive")
    with pytest.raises(UnknownKeyError):
        service.authenticate(sign(made.key.access_key, made.key.secret_key))


def test_a_secret_that_does_not_open_is_refused_at_the_start(installation: Any) -> None:
    damage(installation, installation.made.key.access_key, secret_ciphertext=b"x" * 60)
    with pytest.raises(InstanceKeyError, match="restore the database"):
        installation.another_process()


def test_a_key_left_out_comes_back_with_its_instance_key(
    installation: Any, sign: Sign, tmp_path: Path
) -> None:
    path, made, new = tmp_path / "instance.key", installation.made, b"n" * 32
    file = KeyFile(path)
    file.create()
    file.replace(InstanceKeys(bytes(32)))
    vault = Vault(bytes(32), source=file)
    service = IdentityService(installation.repository, vault, SystemClock())
    sealed = Vault(new).seal(made.key.access_key, made.key.secret_key)
    damage(
        installation,
        made.key.access_key,
        secret_ciphertext=sealed.ciphertext,
        instance_key_id=sealed.instance_key_id,
    )
    service.refresh()
    assert not service.directory.keys
    file.replace(InstanceKeys(new, (bytes(32),)))
    assert service.refresh()
    service.authenticate(sign(made.key.access_key, made.key.secret_key))


def test_without_news_for_long_nobody_is_let_in(installation: Any, sign: Sign) -> None:
    class Clock(SystemClock):
        later_s = 0.0

        def monotonic_s(self) -> float:
            return super().monotonic_s() + self.later_s

    clock, key, project = Clock(), installation.made.key, installation.made.projects[0]
    service = IdentityService(installation.repository, installation.vault, clock)
    installation.repository.failing = True
    clock.later_s = 9.0
    service.authenticate(sign(key.access_key, key.secret_key))
    clock.later_s = 11.0
    for question in (
        lambda: service.authenticate(sign(key.access_key, key.secret_key)),
        lambda: service.admit(installation.owner, project.id, ACTION),
        lambda: service.authorise(installation.owner, "iam:users:listUsers"),
        lambda: service.require_standing(installation.owner),
        lambda: service.directory,
    ):
        with pytest.raises(DatabaseError):
            question()
    installation.repository.failing = False
    clock.later_s = 13.0
    service.authenticate(sign(key.access_key, key.secret_key))


def test_a_service_that_is_open_already_changes_no_memory(installation: Any) -> None:
    before = installation.repository.revision()
    installation.service.set_service(installation.made.projects[0], "image", enabled=True)
    assert installation.repository.revision() == before
