"""Access keys, and how clients are built with them, through the vendor's unchanged clients."""

from __future__ import annotations

import json
import re
import secrets
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from made_pictures import jpeg
from official_iam import (
    GOOD_PASSWORD,
    IamCaller,
    IamServer,
    Key,
    OpenIam,
    Person,
    open_iam,
)

AK = re.compile(r"[A-Z0-9]{20}")
SK = re.compile(r"[A-Za-z0-9]{40}")
UNKNOWN = "UNKNOWNUNKNOWNUNKNOW"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIam]:
    with open_iam(tmp_path_factory.mktemp("iam")) as opened:
        yield opened


@pytest.fixture(scope="module")
def iam(opened: OpenIam) -> IamServer:
    return opened.server


@pytest.fixture(scope="module")
def guest(iam: IamServer) -> Person:
    return iam.make_person(everywhere=[iam.role_id("Tenant Guest")])


class TestKeys:
    def test_a_key_is_made_shown_stopped_started_and_removed(self, iam: IamServer) -> None:
        user_id = iam.make_user()
        body: dict[str, Any] = {"credential": {"user_id": user_id, "description": "产线"}}
        made = iam.owner("create_permanent_access_key", body)
        assert made.status_code == 201
        key = made.credential
        assert AK.fullmatch(key.access)
        assert SK.fullmatch(key.secret)
        assert (key.user_id, key.status, key.description) == (user_id, "active", "产线")
        assert key.create_time
        caller = iam.caller(Key(key.access, key.secret))
        assert caller("keystone_list_auth_domains").domains

        listed = iam.owner("list_permanent_access_keys", user_id=user_id)
        assert listed.status_code == 200
        assert [(one.access, one.status, one.description) for one in listed.credentials] == [
            (key.access, "active", "产线")
        ]
        assert key.secret.encode() not in listed.raw_content
        shown = iam.owner("show_permanent_access_key", access_key=key.access)
        assert shown.status_code == 200
        assert shown.credential.user_id == user_id
        assert shown.credential.create_time == key.create_time
        assert "last_use_time" in json.loads(shown.raw_content)["credential"]
        assert key.secret.encode() not in shown.raw_content

        body = {"credential": {"status": "inactive", "description": "old"}}
        stopped = iam.owner("update_permanent_access_key", body, access_key=key.access)
        assert stopped.status_code == 200
        assert (stopped.credential.status, stopped.credential.description) == ("inactive", "old")
        refused = caller.refused("keystone_list_auth_domains")
        assert refused.status == 401
        assert refused.text.endswith(f"ak:{key.access},err:ak not exist")
        body = {"credential": {"status": "active"}}
        started = iam.owner("update_permanent_access_key", body, access_key=key.access)
        assert (started.credential.status, started.credential.description) == ("active", "old")
        assert caller("keystone_list_auth_domains").domains

        removed = iam.owner("delete_permanent_access_key", access_key=key.access)
        assert (removed.status_code, removed.raw_content) == (204, b"")
        assert caller.refused("keystone_list_auth_domains").status == 401
        refused = iam.owner.refused("show_permanent_access_key", access_key=key.access)
        assert refused.status == 404

    def test_the_last_use_is_told_and_a_refused_signature_is_none(self, opened: OpenIam) -> None:
        """A key that was never used tells when it was made."""
        iam = opened.server
        person = iam.make_person()

        def told() -> Any:
            opened.house.parts.key_use.close()
            return iam.owner("show_permanent_access_key", access_key=person.key.access).credential

        made = told()
        assert made.last_use_time == made.create_time
        bad = Key(person.key.access, "x" * 40)
        assert iam.caller(bad).refused("keystone_list_auth_domains").status == 401
        assert told().last_use_time == made.create_time
        iam.caller(person.key)("keystone_list_auth_domains")
        assert told().last_use_time > made.create_time

    def test_two_keys_are_enough_for_a_user(self, iam: IamServer) -> None:
        user_id = iam.make_user()
        keys = [iam.make_key(user_id) for _both in range(2)]
        body = {"credential": {"user_id": user_id}}
        refused = iam.owner.refused("create_permanent_access_key", body)
        assert refused.status == 400
        assert refused.text == "akSkNumExceed"
        iam.owner("delete_permanent_access_key", access_key=keys[0].access)
        iam.make_key(user_id)

    def test_users_manage_their_own_keys_and_nobody_elses(
        self, iam: IamServer, guest: Person
    ) -> None:
        caller = iam.caller(guest.key)
        made = caller("create_permanent_access_key", {"credential": {"user_id": guest.id}})
        access = made.credential.access
        own = caller("list_permanent_access_keys").credentials
        assert {key.access for key in own} == {guest.key.access, access}
        assert caller("show_permanent_access_key", access_key=access).credential
        body = {"credential": {"status": "inactive"}}
        assert caller("update_permanent_access_key", body, access_key=access).credential
        assert caller("delete_permanent_access_key", access_key=access).status_code == 204
        other = iam.make_person()
        refusals = [
            caller.refused("create_permanent_access_key", {"credential": {"user_id": other.id}}),
            caller.refused("list_permanent_access_keys", user_id=other.id),
            caller.refused("show_permanent_access_key", access_key=other.key.access),
            caller.refused("update_permanent_access_key", body, access_key=other.key.access),
            caller.refused("delete_permanent_access_key", access_key=other.key.access),
        ]
        assert {refused.status for refused in refusals} == {403}

    def test_unknown_keys_and_users_are_not_found(self, iam: IamServer) -> None:
        body: dict[str, Any] = {"credential": {"status": "inactive"}}
        for operation, change in (
            ("show_permanent_access_key", None),
            ("update_permanent_access_key", body),
            ("delete_permanent_access_key", None),
        ):
            refused = iam.owner.refused(operation, change, access_key=UNKNOWN)
            assert refused.status == 404, operation
        body = {"credential": {"user_id": secrets.token_hex(16)}}
        assert iam.owner.refused("create_permanent_access_key", body).status == 404

    @pytest.mark.parametrize(
        "credential", [{}, {"status": "paused"}, {"status": 1}, {"description": ["x"]}]
    )
    def test_what_is_no_change_is_refused(
        self, iam: IamServer, guest: Person, credential: dict[str, Any]
    ) -> None:
        refused = iam.owner.refused(
            "update_permanent_access_key",
            {"credential": credential},
            access_key=guest.key.access,
        )
        assert refused.status == 400


class TestClients:
    """Credentials as programs build them: with and without ids, by endpoint and by region."""

    def test_a_global_client_needs_no_account_id(self, iam: IamServer, guest: Person) -> None:
        from huaweicloudsdkcore.auth.credentials import (  # noqa: PLC0415 -- after HOME moved
            GlobalCredentials,
        )
        from huaweicloudsdkiam.v3 import IamClient  # noqa: PLC0415 -- after HOME moved
        from huaweicloudsdkiam.v3.region.iam_region import (  # noqa: PLC0415 -- after HOME moved
            IamRegion,
        )

        for region in ("cn-north-4", "cn-east-3"):
            credentials = GlobalCredentials(guest.key.access, guest.key.secret)
            builder = IamClient.new_builder().with_credentials(credentials)
            caller = IamCaller(builder.with_region(IamRegion.value_of(region)).build())
            groups = caller("keystone_list_groups_for_user", user_id=guest.id).groups
            assert [group.id for group in groups] == list(guest.group_ids)
            assert credentials.domain_id == iam.account_id

    def test_the_iam_client_takes_project_credentials_too(
        self, iam: IamServer, guest: Person
    ) -> None:
        from huaweicloudsdkcore.auth.credentials import (  # noqa: PLC0415 -- after HOME moved
            BasicCredentials,
        )
        from huaweicloudsdkiam.v3 import IamClient  # noqa: PLC0415 -- after HOME moved

        credentials = BasicCredentials(guest.key.access, guest.key.secret, iam.project_id)
        builder = IamClient.new_builder()
        client = builder.with_credentials(credentials).with_endpoint(iam.url).build()
        listed = IamCaller(client)("keystone_list_auth_projects").projects
        assert {project.id for project in listed} == set(iam.project_ids.values())

    @pytest.mark.parametrize("region", ["cn-north-4", "cn-east-3"])
    def test_an_image_client_by_region_finds_its_project(
        self, iam: IamServer, guest: Person, region: str
    ) -> None:
        from huaweicloudsdkcore.auth.credentials import (  # noqa: PLC0415 -- after HOME moved
            BasicCredentials,
        )

        for key in (guest.key, temporary_key(iam, guest)):
            credentials = BasicCredentials(key.access, key.secret)
            if key.security_token:
                credentials = credentials.with_security_token(key.security_token)
            assert tag(image_client(credentials, region)).status_code == 200
            assert credentials.project_id == iam.project_ids[region]

    def test_keys_come_from_the_environment(
        self, iam: IamServer, guest: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = temporary_key(iam, guest)
        monkeypatch.setenv("HUAWEICLOUD_SDK_AK", key.access)
        monkeypatch.setenv("HUAWEICLOUD_SDK_SK", key.secret)
        monkeypatch.setenv("HUAWEICLOUD_SDK_SECURITY_TOKEN", str(key.security_token))
        assert tag(image_client(None, "cn-north-4")).status_code == 200

    def test_a_disabled_user_is_told_so_when_a_client_is_built(self, iam: IamServer) -> None:
        from huaweicloudsdkcore.auth.credentials import (  # noqa: PLC0415 -- after HOME moved
            BasicCredentials,
        )
        from huaweicloudsdkcore.exceptions.exceptions import (  # noqa: PLC0415 -- see above
            SdkException,
        )

        person = iam.make_person()
        change = {"user": {"enabled": False}}
        iam.owner("keystone_update_user_by_admin", change, user_id=person.id)
        with pytest.raises(SdkException, match="disabled"):
            image_client(BasicCredentials(person.key.access, person.key.secret), "cn-north-4")


def test_a_temporary_key_makes_no_lasting_one(iam: IamServer, guest: Person) -> None:
    temporary = iam.caller(temporary_key(iam, guest))
    wish = {"credential": {"user_id": guest.id}}
    change = {"credential": {"status": "active"}}
    refusals = (
        temporary.refused("create_permanent_access_key", wish),
        temporary.refused("update_permanent_access_key", change, access_key=guest.key.access),
    )
    assert [refused.status for refused in refusals] == [403, 403]
    assert len(iam.owner("list_permanent_access_keys", user_id=guest.id).credentials) == 1


def temporary_key(iam: IamServer, person: Person) -> Key:
    identity = {"methods": ["token"], "token": {"duration_seconds": 900}}
    made = iam.caller(person.key)(
        "create_temporary_access_key_by_token", {"auth": {"identity": identity}}
    ).credential
    return Key(made.access, made.secret, made.securitytoken)


def image_client(credentials: Any, region: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from huaweicloudsdkimage.v2 import ImageClient  # noqa: PLC0415 -- after HOME was moved
        from huaweicloudsdkimage.v2.region.image_region import (  # noqa: PLC0415 -- see above
            ImageRegion,
        )
    builder = ImageClient.new_builder()
    if credentials is not None:
        builder = builder.with_credentials(credentials)
    return builder.with_region(ImageRegion.value_of(region)).build()


def tag(client: Any) -> Any:
    import sdk_calls  # noqa: PLC0415 -- imports the vendor's client

    return sdk_calls.tag(client, jpeg(64, 48))


def test_a_password_is_never_in_what_a_key_call_answers(iam: IamServer) -> None:
    person = iam.make_person(password=GOOD_PASSWORD)
    listed = iam.owner("list_permanent_access_keys", user_id=person.id)
    shown = iam.owner("show_user", user_id=person.id)
    for answer in (listed, shown):
        for secret in (GOOD_PASSWORD, person.key.secret, "argon2"):
            assert secret.encode() not in answer.raw_content
