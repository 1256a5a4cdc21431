"""Agencies between two accounts through the vendor's unchanged IAM client."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from live_server import tagging_body
from made_pictures import jpeg
from official_iam import IamServer, Key, OpenIam, Person, add_account, open_iam

ID = re.compile(r"[0-9a-f]{32}")
NOWHERE = "0" * 32
SERVICE = "op_svc_obs"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIam]:
    with open_iam(tmp_path_factory.mktemp("iam")) as opened:
        yield opened


@pytest.fixture(scope="module")
def iam(opened: OpenIam) -> IamServer:
    return opened.server


@pytest.fixture(scope="module")
def borrower(opened: OpenIam) -> IamServer:
    """The same server as the owner of a second account sees it."""
    key, projects = add_account(opened.house.parts.accounts, "borrower")
    return IamServer(opened.server.url, key, projects)


@pytest.fixture(scope="module")
def guest(iam: IamServer) -> Person:
    return iam.make_person(everywhere=[iam.role_id("Tenant Guest")])


def agency_body(iam: IamServer, **fields: Any) -> dict[str, Any]:
    return {
        "agency": {
            "name": f"agency-{secrets.token_hex(4)}",
            "domain_id": iam.account_id,
            "trust_domain_name": SERVICE,
            "description": "对象存储",
            "duration": "FOREVER",
            **fields,
        }
    }


def make_agency(iam: IamServer, **fields: Any) -> Any:
    return iam.owner("create_agency", agency_body(iam, **fields)).agency


class TestAgencies:
    def test_one_is_made_shown_changed_listed_and_removed(self, iam: IamServer) -> None:
        body = agency_body(iam)
        made = iam.owner("create_agency", body)
        assert made.status_code == 201
        agency = made.agency
        assert ID.fullmatch(agency.id)
        assert (agency.name, agency.domain_id) == (body["agency"]["name"], iam.account_id)
        assert (agency.description, agency.duration) == ("对象存储", "FOREVER")
        assert agency.create_time

        shown = iam.owner("show_agency", agency_id=agency.id)
        assert shown.status_code == 200
        assert shown.agency.trust_domain_name == SERVICE
        assert shown.agency.create_time == agency.create_time
        listed = iam.owner("list_agencies", domain_id=iam.account_id)
        assert agency.id in {one.id for one in listed.agencies}
        named = iam.owner("list_agencies", domain_id=iam.account_id, name=agency.name)
        assert [one.id for one in named.agencies] == [agency.id]
        paged = iam.owner("list_agencies", domain_id=iam.account_id, page=1, per_page=1)
        assert len(paged.agencies) == 1

        change = {"agency": {"description": "changed", "duration": "ONEDAY"}}
        changed = iam.owner("update_agency", change, agency_id=agency.id)
        assert changed.status_code == 200
        assert changed.agency.description == "changed"
        shown_again = iam.owner("show_agency", agency_id=agency.id).agency
        assert shown_again.expire_time
        assert shown_again.trust_domain_name == SERVICE

        removed = iam.owner("delete_agency", agency_id=agency.id)
        assert (removed.status_code, removed.raw_content) == (204, b"")
        assert iam.owner.refused("show_agency", agency_id=agency.id).status == 404

    def test_the_obs_authorisation_of_the_service(self, iam: IamServer) -> None:
        """What the console's switch makes: an agency of OBS rights for the service."""
        agency = make_agency(iam)
        grant = {
            "domain_id": iam.account_id,
            "agency_id": agency.id,
            "role_id": iam.role_id("OBS OperateAccess"),
        }
        assert iam.owner("associate_agency_with_domain_permission", **grant).status_code == 204
        del grant["role_id"]
        roles = iam.owner("list_domain_permissions_for_agency", **grant).roles
        assert [role.display_name for role in roles] == ["OBS OperateAccess"]

    def test_a_name_that_is_there_already_is_a_conflict(self, iam: IamServer) -> None:
        body = agency_body(iam)
        iam.owner("create_agency", body)
        assert iam.owner.refused("create_agency", body).status == 409

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"name": None}, {400}),
            ({"name": "n" * 65}, {400}),
            ({"domain_id": NOWHERE}, {403}),
            ({"trust_domain_name": None}, {400}),
            ({"trust_domain_name": "no-such-account"}, {400, 404}),
            ({"duration": "FORTNIGHT"}, {400}),
            ({"duration": 0}, {400}),
        ],
    )
    def test_what_is_no_agency_is_refused(
        self, iam: IamServer, fields: dict[str, Any], status: set[int]
    ) -> None:
        refused = iam.owner.refused("create_agency", agency_body(iam, **fields))
        assert refused.status in status

    def test_only_with_the_right(self, iam: IamServer, guest: Person) -> None:
        caller, agency = iam.caller(guest.key), make_agency(iam)
        change = {"agency": {"description": "x"}}
        for refused in (
            caller.refused("create_agency", agency_body(iam)),
            caller.refused("list_agencies", domain_id=iam.account_id),
            caller.refused("show_agency", agency_id=agency.id),
            caller.refused("update_agency", change, agency_id=agency.id),
            caller.refused("delete_agency", agency_id=agency.id),
        ):
            assert refused.status == 403


PLACES = {
    "domain": (
        "associate_agency_with_domain_permission",
        "check_domain_permission_for_agency",
        "remove_domain_permission_from_agency",
        "list_domain_permissions_for_agency",
    ),
    "project": (
        "associate_agency_with_project_permission",
        "check_project_permission_for_agency",
        "remove_project_permission_from_agency",
        "list_project_permissions_for_agency",
    ),
    "inherited": (
        "associate_agency_with_all_projects_permission",
        "check_all_projects_permission_for_agency",
        "remove_all_projects_permission_from_agency",
        "list_all_projects_permissions_for_agency",
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_role_is_given_to_an_agency_seen_and_taken(
    iam: IamServer, guest: Person, place: str
) -> None:
    grant, check, remove, show = PLACES[place]
    name = "project_id" if place == "project" else "domain_id"
    where = {name: iam.project_id if place == "project" else iam.account_id}
    where["agency_id"] = make_agency(iam).id
    both = where | {"role_id": iam.role_id("Tenant Guest")}
    assert iam.owner.refused(check, **both).status == 404
    assert iam.owner(grant, **both).status_code == 204
    assert iam.owner(check, **both).status_code == 204
    roles = iam.owner(show, **where).roles
    assert [(role.id, role.name) for role in roles] == [(both["role_id"], "readonly")]
    assigned = iam.owner(
        "show_domain_role_assignments",
        domain_id=iam.account_id,
        subject_agency_id=where["agency_id"],
    ).role_assignments
    assert [one.agency.id for one in assigned] == [where["agency_id"]]
    caller = iam.caller(guest.key)
    for operation in (grant, check, remove):
        assert caller.refused(operation, **both).status == 403
    assert caller.refused(show, **where).status == 403
    assert iam.owner(remove, **both).status_code == 204
    assert iam.owner.refused(check, **both).status == 404
    for bad in ({"agency_id": NOWHERE}, {"role_id": NOWHERE}):
        assert iam.owner.refused(grant, **both | bad).status == 404


class TestLending:
    """Another account works with what was lent to it, and with nothing else."""

    @pytest.fixture
    def lent(self, iam: IamServer, borrower: IamServer) -> Any:
        agency = make_agency(iam, trust_domain_name=borrower.account_name)
        assert agency.trust_domain_id == borrower.account_id
        iam.owner(
            "associate_agency_with_project_permission",
            project_id=iam.project_id,
            agency_id=agency.id,
            role_id=iam.role_id("Tenant Guest"),
        )
        return agency

    def assumed(self, iam: IamServer, agency: Any, **scope: Any) -> dict[str, Any]:
        role = {"domain_name": iam.account_name, "agency_name": agency.name}
        auth: dict[str, Any] = {"identity": {"methods": ["assume_role"], "assume_role": role}}
        return {"auth": auth | ({"scope": scope} if scope else {})}

    def recognise(
        self, iam: IamServer, project_id: str, token: str | None = None, key: Key | None = None
    ) -> int:
        path = f"/v2/{project_id}/image/tagging"
        if key is None:
            answer = iam.plain("POST", path, body=tagging_body(jpeg(64, 48)), token=token)
            return answer.status
        return iam.signed(key, "POST", path, {"image": "AAAA"}).status

    def test_a_borrowers_token_works_in_the_lenders_project_only(
        self, iam: IamServer, borrower: IamServer, lent: Any
    ) -> None:
        body = self.assumed(iam, lent, project={"name": "cn-north-4"})
        answer = borrower.owner("keystone_create_agency_token", body)
        token = answer.x_subject_token
        assert answer.token.project.id == iam.project_id
        assert answer.token.user.domain.id == iam.account_id
        assert answer.token.assumed_by.user.domain.id == borrower.account_id
        assert self.recognise(iam, iam.project_id, token) == 200
        assert self.recognise(iam, iam.project_ids["cn-east-3"], token) == 403
        assert self.recognise(iam, borrower.project_id, token) == 403
        domains = iam.plain("GET", "/v3/auth/domains", token=token).json["domains"]
        assert [domain["id"] for domain in domains] == [iam.account_id]
        assert iam.plain("GET", "/v3/users", token=token).status == 403

    def test_what_was_lent_ends_with_the_agency_or_its_grants(
        self, iam: IamServer, borrower: IamServer, lent: Any
    ) -> None:
        body = self.assumed(iam, lent, project={"name": "cn-north-4"})
        token = borrower.owner("keystone_create_agency_token", body).x_subject_token
        made = borrower.owner(
            "create_temporary_access_key_by_agency", self.assumed(iam, lent)
        ).credential
        key = Key(made.access, made.secret, made.securitytoken)
        assert self.recognise(iam, iam.project_id, token) == 200
        grant = {
            "project_id": iam.project_id,
            "agency_id": lent.id,
            "role_id": iam.role_id("Tenant Guest"),
        }
        iam.owner("remove_project_permission_from_agency", **grant)
        assert self.recognise(iam, iam.project_id, token) == 403
        assert self.recognise(iam, iam.project_id, key=key) == 403
        iam.owner("delete_agency", agency_id=lent.id)
        assert self.recognise(iam, iam.project_id, token) == 401
        assert self.recognise(iam, iam.project_id, key=key) == 401

    def test_only_the_account_that_is_trusted_may_borrow(
        self, iam: IamServer, borrower: IamServer
    ) -> None:
        private = make_agency(iam)
        body = self.assumed(iam, private)
        refused = borrower.owner.refused("create_temporary_access_key_by_agency", body)
        assert refused.status in {403, 404}
        body = self.assumed(iam, private, domain={"id": iam.account_id})
        assert borrower.owner.refused("keystone_create_agency_token", body).status in {403, 404}
