from typing import Any

import pytest

from huiyan.iam.policy.system import (
    OBS_BUCKETS_VIEWER,
    SECURITY_ADMINISTRATOR,
    TENANT_GUEST,
)
from huiyan.kernel.errors import NotPermittedError

PLACES = ("domain", "project", "inherited")
SUBJECTS = ("group", "agency")
CUSTOM = "/v3.0/OS-ROLE/roles"
ASSIGNMENTS = "/v3.0/OS-PERMISSION/role-assignments"
IMAGE = "image:wholeImage:tag"


def path_of(  # noqa: PLR0917 - one argument a part of the path
    subject: str, place: str, account_id: str, project_id: str, subject_id: str, role_id: str = ""
) -> str:
    where = f"projects/{project_id}" if place == "project" else f"domains/{account_id}"
    whose = f"groups/{subject_id}" if subject == "group" else f"agencies/{subject_id}"
    root = "/v3" if subject == "group" else "/v3.0"
    if place == "inherited":
        root += "/OS-INHERIT"
    elif subject == "agency":
        root += "/OS-AGENCY"
    tail = "/inherited_to_projects" if place == "inherited" else ""
    return f"{root}/{where}/{whose}/roles{'/' + role_id if role_id else ''}{tail}"


def subject_of(house: Any, tenant: Any, subject: str, name: str = "lent") -> str:
    if subject == "group":
        return str(tenant.group_id)
    body = {"agency": {"name": name, "domain_id": tenant.id, "trust_domain_name": "op_svc_obs"}}
    reply = house.call(tenant.owner, "POST", "/v3.0/OS-AGENCY/agencies", body)
    return str(reply.json()["agency"]["id"])


def in_house(  # noqa: PLR0917 - the last two have defaults
    house: Any, tenant: Any, subject: str, place: str, role_id: str = "", name: str = "lent"
) -> str:
    subject_id = subject_of(house, tenant, subject, name)
    return path_of(subject, place, tenant.id, tenant.project_id, subject_id, role_id)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_role_is_granted_checked_listed_and_withdrawn(
    house: Any, tenant: Any, subject: str, place: str
) -> None:
    owner, path = tenant.owner, in_house(house, tenant, subject, place, TENANT_GUEST.id)
    listing = path.replace(f"/{TENANT_GUEST.id}", "")
    assert house.call(owner, "HEAD", path).status_code == 404
    assert house.call(owner, "DELETE", path).status_code == 404
    assert house.call(owner, "GET", listing).json()["roles"] == []
    for _again in range(2):
        granted = house.call(owner, "PUT", path)
        assert (granted.status_code, granted.content) == (204, b"")
    assert house.call(owner, "HEAD", path).status_code == 204
    listed = house.call(owner, "GET", listing)
    assert listed.status_code == 200
    assert [role["id"] for role in listed.json()["roles"]] == [TENANT_GUEST.id]
    if subject == "group" or place == "inherited":
        assert listed.json()["links"]["self"] == f"http://testserver{listing}"
    else:
        assert "links" not in listed.json()
    assert house.call(owner, "DELETE", path).status_code == 204
    assert house.call(owner, "HEAD", path).status_code == 404
    assert house.call(owner, "GET", listing).json()["roles"] == []


def test_a_grant_repeated_changes_nothing(house: Any, tenant: Any) -> None:
    path = in_house(house, tenant, "group", "domain", TENANT_GUEST.id)
    house.call(tenant.owner, "PUT", path)
    revision = house.identity.directory.revision
    house.call(tenant.owner, "PUT", path)
    assert house.identity.directory.revision == revision


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_places_do_not_mix(house: Any, tenant: Any, subject: str, place: str) -> None:
    subject_id = subject_of(house, tenant, subject)
    paths = {
        other: path_of(subject, other, tenant.id, tenant.project_id, subject_id, TENANT_GUEST.id)
        for other in PLACES
    }
    house.call(tenant.owner, "PUT", paths[place])
    for other, path in paths.items():
        status = house.call(tenant.owner, "HEAD", path).status_code
        assert status == (204 if other == place else 404)
    second = path_of(
        subject,
        "project",
        tenant.id,
        tenant.founding.projects[1].id,
        subject_id,
        TENANT_GUEST.id,
    )
    assert house.call(tenant.owner, "HEAD", second).status_code == 404


@pytest.mark.parametrize(
    ("role", "place", "status"),
    [
        (OBS_BUCKETS_VIEWER, "domain", 204),
        (OBS_BUCKETS_VIEWER, "project", 400),
        (OBS_BUCKETS_VIEWER, "inherited", 400),
        (SECURITY_ADMINISTRATOR, "project", 400),
    ],
)
def test_a_role_without_effect_in_the_place_is_refused(
    house: Any, tenant: Any, role: Any, place: str, status: int
) -> None:
    reply = house.call(tenant.owner, "PUT", in_house(house, tenant, "group", place, role.id))
    assert reply.status_code == status
    if status == 400:
        assert reply.json()["error"]["message"].startswith("role_id: ")


def test_a_custom_policy_is_granted_by_its_type(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    body = {"role": {**document, "type": "XA"}}
    role_id = house.call(tenant.owner, "POST", CUSTOM, body).json()["role"]["id"]
    for place, status in (("domain", 400), ("project", 204), ("inherited", 204)):
        path = in_house(house, tenant, "group", place, role_id)
        assert house.call(tenant.owner, "PUT", path).status_code == status


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE", "GET"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_another_accounts_ids_are_not_found(  # noqa: PLR0917 - one argument a fact
    house: Any,
    tenant: Any,
    other: Any,
    document: dict[str, Any],
    subject: str,
    place: str,
    method: str,
) -> None:
    mine, theirs = (subject_of(house, one, subject) for one in (tenant, other))
    body = {"role": {**document, "type": "AX" if place == "domain" else "XA"}}
    role_id = house.call(tenant.owner, "POST", CUSTOM, body).json()["role"]["id"]
    for account, project, who, role in (
        (tenant.id, tenant.project_id, mine, role_id),
        (other.id, other.project_id, mine, TENANT_GUEST.id),
        (other.id, other.project_id, theirs, role_id),
        (tenant.id, tenant.project_id, theirs, TENANT_GUEST.id),
        ("f" * 32, "f" * 32, theirs, TENANT_GUEST.id),
        (other.id, other.project_id, "f" * 32, TENANT_GUEST.id),
        (other.id, other.project_id, theirs, "%00"),
    ):
        if method == "GET" and who == theirs and account == other.id:
            continue
        named = "" if method == "GET" else role
        path = path_of(subject, place, account, project, who, named)
        foreign = account != other.id and place != "project"
        reply = house.call(other.owner, method, path)
        assert reply.status_code == (403 if foreign else 404), path
    assert not house.identity.directory.grants


def test_grants_work_and_end_at_once(house: Any, tenant: Any) -> None:
    user = house.user(tenant.id, "user", tenant.group_id)
    second = tenant.founding.projects[1].id

    def may(project_id: str) -> bool:
        try:
            house.identity.admit(user.session, project_id, IMAGE)
        except NotPermittedError:
            return False
        return True

    assert not may(tenant.project_id)
    one = in_house(house, tenant, "group", "project", TENANT_GUEST.id)
    house.call(tenant.owner, "PUT", one)
    assert (may(tenant.project_id), may(second)) == (True, False)
    house.call(tenant.owner, "PUT", in_house(house, tenant, "group", "inherited", TENANT_GUEST.id))
    assert (may(tenant.project_id), may(second)) == (True, True)
    house.call(tenant.owner, "DELETE", one)
    assert may(tenant.project_id)
    house.call(
        tenant.owner, "DELETE", in_house(house, tenant, "group", "inherited", TENANT_GUEST.id)
    )
    assert (may(tenant.project_id), may(second)) == (False, False)


def test_a_changed_policy_counts_at_once(house: Any, tenant: Any, document: dict[str, Any]) -> None:
    user = house.user(tenant.id, "user", tenant.group_id)
    body = {"role": {**document, "policy": policy("iam:users:listUsers")}}
    role_id = house.call(tenant.owner, "POST", CUSTOM, body).json()["role"]["id"]
    house.call(tenant.owner, "PUT", in_house(house, tenant, "group", "domain", role_id))
    house.identity.authorise(user.session, "iam:users:listUsers")
    change = {"role": {"policy": policy("iam:groups:listGroups")}}
    house.call(tenant.owner, "PATCH", f"{CUSTOM}/{role_id}", change)
    with pytest.raises(NotPermittedError):
        house.identity.authorise(user.session, "iam:users:listUsers")
    house.identity.authorise(user.session, "iam:groups:listGroups")


def policy(action: str) -> dict[str, Any]:
    return {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": [action]}]}


def test_a_granted_policy_is_neither_removed_nor_moved(
    house: Any, tenant: Any, document: dict[str, Any]
) -> None:
    reply = house.call(tenant.owner, "POST", CUSTOM, {"role": document})
    path = f"{CUSTOM}/{reply.json()['role']['id']}"
    grant = in_house(house, tenant, "group", "domain", reply.json()["role"]["id"])
    house.call(tenant.owner, "PUT", grant)
    assert house.call(tenant.owner, "GET", path).json()["role"]["references"] == 1
    refused = house.call(tenant.owner, "DELETE", path)
    assert refused.status_code == 409
    assert "is granted" in refused.json()["error_msg"]
    assert house.call(tenant.owner, "PATCH", path, {"role": {"type": "XA"}}).status_code == 409
    assert house.call(tenant.owner, "PATCH", path, {"role": {"type": "AX"}}).status_code == 200
    house.call(tenant.owner, "DELETE", grant)
    assert house.call(tenant.owner, "DELETE", path).status_code == 200


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_only_who_may_grant_can_grant(house: Any, tenant: Any, subject: str, place: str) -> None:
    user = house.user(tenant.id, "user")
    path = in_house(house, tenant, subject, place, TENANT_GUEST.id)
    listing = path.replace(f"/{TENANT_GUEST.id}", "")
    for method in ("PUT", "HEAD", "DELETE"):
        assert house.call(user, method, path).status_code == 403
    reply = house.call(user, "GET", listing)
    on = {"domain": "OnDomain", "project": "OnProject", "inherited": ""}[place]
    wanted = f"iam:permissions:listRolesFor{subject.capitalize()}{on}."
    assert reply.json()["error"]["message"].endswith(wanted)


@pytest.fixture
def granted(house: Any, tenant: Any, other: Any) -> dict[str, str]:
    """Five grants of one account and one of another."""
    agency = subject_of(house, tenant, "agency")
    grants = (
        ("group", "domain", tenant.group_id, OBS_BUCKETS_VIEWER),
        ("group", "project", tenant.group_id, TENANT_GUEST),
        ("group", "inherited", tenant.group_id, TENANT_GUEST),
        ("agency", "domain", agency, TENANT_GUEST),
        ("agency", "inherited", agency, TENANT_GUEST),
    )
    for subject, place, who, role in grants:
        path = path_of(subject, place, tenant.id, tenant.project_id, who, role.id)
        assert house.call(tenant.owner, "PUT", path).status_code == 204
    house.call(other.owner, "PUT", in_house(house, other, "group", "domain", TENANT_GUEST.id))
    empty = house.group(tenant.id, "empty")
    return {
        "domain": tenant.id,
        "project": tenant.project_id,
        "group": tenant.group_id,
        "agency": agency,
        "member": house.user(tenant.id, "member", tenant.group_id, empty).user_id,
        "loner": house.user(tenant.id, "loner").user_id,
        "guest": TENANT_GUEST.id,
        "foreign": other.group_id,
        "foreigner": house.user(other.id, "foreigner", other.group_id).user_id,
    }


FILTERS = (
    ("", 5),
    ("subject=group", 3),
    ("subject=agency", 2),
    ("subject=user", 3),
    ("subject=user&include_group=false", 0),
    ("subject.user_id={member}", 3),
    ("subject.user_id={member}&include_group=false", 0),
    ("subject.user_id={loner}", 0),
    ("subject.user_id={foreigner}", 0),
    ("subject.group_id={group}", 3),
    ("subject.group_id={agency}", 0),
    ("subject.group_id={foreign}", 0),
    ("subject.agency_id={agency}", 2),
    ("role_id={guest}", 4),
    ("role_id={guest}&scope=project", 1),
    ("scope=project", 1),
    ("scope.project_id={project}", 1),
    ("scope.project_id={group}", 0),
    ("scope=domain", 2),
    ("scope=domain&is_inherited=true", 2),
    ("scope=domain&is_inherited=false", 2),
    ("scope.domain_id={domain}&is_inherited=true", 2),
    ("is_inherited=true", 5),
    ("scope=enterprise_project", 0),
    ("scope.enterprise_projects_id=x", 0),
)


def test_all_grants_of_an_account_can_be_filtered(
    house: Any, tenant: Any, granted: dict[str, str]
) -> None:
    for query, count in FILTERS:
        asked = f"domain_id={tenant.id}&{query.format(**granted)}".rstrip("&")
        reply = house.call(tenant.owner, "GET", ASSIGNMENTS, query=asked)
        assert reply.status_code == 200, query
        assert reply.json()["total_num"] == count, query
        assert len(reply.json()["role_assignments"]) == count, query


def test_a_grant_is_shown_with_subject_role_and_scope(
    house: Any, tenant: Any, granted: dict[str, str]
) -> None:
    def shown(query: str) -> Any:
        asked = f"domain_id={tenant.id}&{query}"
        return house.call(tenant.owner, "GET", ASSIGNMENTS, query=asked).json()["role_assignments"]

    assert shown("scope=project") == [
        {
            "group": {"id": granted["group"]},
            "role": {"id": granted["guest"]},
            "scope": {"project": {"id": granted["project"]}},
            "is_inherited": False,
        }
    ]
    assert shown("subject=agency&scope=domain&is_inherited=true") == [
        {
            "agency": {"id": granted["agency"]},
            "role": {"id": granted["guest"]},
            "scope": {"domain": {"id": tenant.id}},
            "is_inherited": True,
        }
    ]


def test_all_grants_have_pages_that_add_up(
    house: Any, tenant: Any, granted: dict[str, str]
) -> None:
    assert granted
    pages = [
        house.call(
            tenant.owner,
            "GET",
            ASSIGNMENTS,
            query=f"domain_id={tenant.id}&page={page}&per_page=2",
        ).json()
        for page in (1, 2, 3, 4)
    ]
    assert [len(page["role_assignments"]) for page in pages] == [2, 2, 1, 0]
    assert {page["total_num"] for page in pages} == {5}
    seen = [str(one) for page in pages for one in page["role_assignments"]]
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "IAM.0072"),
        ("domain_id=", 400, "IAM.0072"),
        ("domain_id={other}", 403, "IAM.0003"),
        ("domain_id={own}&scope.domain_id={other}", 403, "IAM.0003"),
        ("domain_id={own}&subject=role", 400, "IAM.0073"),
        ("domain_id={own}&scope=region", 400, "IAM.0073"),
        ("domain_id={own}&subject=user&subject.user_id=x", 400, "IAM.0073"),
        ("domain_id={own}&subject.group_id=x&subject.user_id=x", 400, "IAM.0073"),
        ("domain_id={own}&scope=domain&scope.project_id=x", 400, "IAM.0073"),
        ("domain_id={own}&is_inherited=1", 400, "IAM.0073"),
        ("domain_id={own}&page=0", 400, "IAM.0073"),
    ],
)
def test_an_impossible_question_about_grants_is_refused(  # noqa: PLR0917 - one argument a fact
    house: Any, tenant: Any, other: Any, query: str, status: int, code: str
) -> None:
    asked = query.format(own=tenant.id, other=other.id)
    reply = house.call(tenant.owner, "GET", ASSIGNMENTS, query=asked)
    assert (reply.status_code, reply.json()["error_code"]) == (status, code)
