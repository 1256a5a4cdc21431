from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from huiyan.iam.policy.system import TENANT_GUEST
from huiyan.iam.roles.agency.model import ends_at

ALL = "/v3.0/OS-AGENCY/agencies"


def make(house: Any, tenant: Any, **fields: object) -> Any:
    body = {
        "name": "lent",
        "domain_id": tenant.id,
        "trust_domain_name": "other",
        "description": "For reading.",
    }
    return house.call(tenant.owner, "POST", ALL, {"agency": {**body, **fields}})


def test_an_agency_is_made_shown_listed_changed_and_removed(
    house: Any, tenant: Any, other: Any
) -> None:
    reply = make(house, tenant)
    assert reply.status_code == 201
    made = reply.json()["agency"]
    assert made == {
        "id": made["id"],
        "name": "lent",
        "domain_id": tenant.id,
        "trust_domain_id": other.id,
        "trust_domain_name": "other",
        "description": "For reading.",
        "duration": "FOREVER",
        "create_time": made["create_time"],
        "expire_time": None,
        "agency_urn": f"iam::{tenant.id}:agency:lent",
    }
    datetime.strptime(made["create_time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    path = f"{ALL}/{made['id']}"
    assert house.call(tenant.owner, "GET", path).json() == {"agency": made}
    listing = f"domain_id={tenant.id}"
    assert house.call(tenant.owner, "GET", ALL, query=listing).json() == {"agencies": [made]}
    change = {"agency": {"trust_domain_name": "op_svc_obs", "duration": 20}}
    changed = house.call(tenant.owner, "PUT", path, change).json()["agency"]
    assert changed | {"expire_time": None} == {
        **made,
        "trust_domain_id": None,
        "trust_domain_name": "op_svc_obs",
        "duration": "480",
    }
    assert house.call(tenant.owner, "GET", path).json() == {"agency": changed}
    removed = house.call(tenant.owner, "DELETE", path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert house.call(tenant.owner, "DELETE", path).status_code == 404
    assert house.call(tenant.owner, "GET", ALL, query=listing).json() == {"agencies": []}


@pytest.mark.parametrize(
    ("asked", "told", "days"),
    [
        (None, "FOREVER", None),
        ("FOREVER", "FOREVER", None),
        ("ONEDAY", "24", 1),
        ("1", "24", 1),
        (20, "480", 20),
        ("020", "480", 20),
    ],
)
def test_an_agency_ends_after_its_days(  # noqa: PLR0917 - one argument a fact
    house: Any, tenant: Any, other: Any, asked: object, told: str, days: int | None
) -> None:
    assert other
    made = make(house, tenant, duration=asked).json()["agency"]
    assert made["duration"] == told
    agency = house.identity.directory.agencies[made["id"]]
    wanted = None if days is None else agency.created_at + timedelta(days=days)
    assert ends_at(agency) == wanted
    if wanted is not None:
        assert made["expire_time"] == wanted.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 65),
        ("name", "x\x00"),
        ("name", " x"),
        ("name", ["x"]),
        ("domain_id", None),
        ("trust_domain_name", None),
        ("trust_domain_name", 7),
        ("description", "x" * 256),
        ("duration", 0),
        ("duration", -1),
        ("duration", True),
        ("duration", 1.5),
        ("duration", []),
        ("duration", "10 days"),
        ("duration", "٣"),
        ("duration", 36_501),
        ("duration", 10**30),
    ],
)
def test_a_malformed_field_of_an_agency_is_named(
    house: Any, tenant: Any, other: Any, field: str, value: object
) -> None:
    assert other
    reply = make(house, tenant, **{field: value})
    assert reply.status_code == 400
    assert field in reply.json()["error"]["message"]
    assert not house.identity.directory.agencies


def test_whom_to_trust_must_be_known(house: Any, tenant: Any, other: Any) -> None:
    unknown = make(house, tenant, trust_domain_name="absent")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"] == "TrustDomainNotFound"
    by_id = {"trust_domain_name": None, "trust_domain_id": other.id}
    assert make(house, tenant, **by_id).json()["agency"]["trust_domain_name"] == "other"
    both = make(house, tenant, name="both", trust_domain_id=tenant.id).json()["agency"]
    assert both["trust_domain_id"] == other.id
    nobody = {"trust_domain_name": None, "trust_domain_id": "f" * 32}
    assert make(house, tenant, name="nobody", **nobody).status_code == 404


def test_an_account_named_like_a_trusted_service_gains_nothing(house: Any, tenant: Any) -> None:
    made = make(house, tenant, trust_domain_name="op_svc_obs").json()["agency"]
    late = house.tenant("op_svc_obs")
    agency = house.identity.directory.agencies[made["id"]]
    assert agency.trusted_account_id == ""
    assert agency.trusted_account_id != late.id


def test_agencies_can_be_filtered_and_paged(house: Any, tenant: Any, other: Any) -> None:
    for name, trusted in (("c", "other"), ("a", "op_svc_obs"), ("b", "other")):
        assert make(house, tenant, name=name, trust_domain_name=trusted).status_code == 201

    def names(query: str) -> list[str]:
        asked = f"domain_id={tenant.id}{query}"
        reply = house.call(tenant.owner, "GET", ALL, query=asked).json()
        return [agency["name"] for agency in reply["agencies"]]

    assert names("") == ["a", "b", "c"]
    assert names("&name=b") == ["b"]
    assert names("&name=x") == []
    assert names(f"&trust_domain_id={other.id}") == ["b", "c"]
    assert names("&page=2&per_page=2") == ["c"]
    assert house.call(tenant.owner, "GET", ALL).status_code == 400
    foreign = house.call(tenant.owner, "GET", ALL, query=f"domain_id={other.id}")
    assert foreign.status_code == 403


def test_another_accounts_agency_is_not_found(house: Any, tenant: Any, other: Any) -> None:
    path = f"{ALL}/{make(house, tenant).json()['agency']['id']}"
    # Not even by the account that it lends to.
    assert house.call(other.owner, "GET", path).status_code == 404
    body = {"agency": {"trust_domain_name": "other"}}
    assert house.call(other.owner, "PUT", path, body).status_code == 404
    assert house.call(other.owner, "DELETE", path).status_code == 404
    assert make(house, other, domain_id=tenant.id).status_code == 403
    assert house.call(tenant.owner, "GET", path).status_code == 200


def test_a_change_of_an_agency_must_say_something(house: Any, tenant: Any, other: Any) -> None:
    assert other
    path = f"{ALL}/{make(house, tenant).json()['agency']['id']}"
    assert house.call(tenant.owner, "PUT", path, {"agency": {}}).status_code == 400
    kept = house.call(tenant.owner, "PUT", path, {"agency": {"description": ""}}).json()["agency"]
    assert (kept["description"], kept["trust_domain_name"]) == ("", "other")


def test_an_agency_takes_its_grants_with_it(house: Any, tenant: Any, other: Any) -> None:
    made, kept = (make(house, tenant, name=name).json()["agency"]["id"] for name in ("one", "two"))
    assert other
    for agency in (made, kept):
        for where in (f"domains/{tenant.id}", f"projects/{tenant.project_id}"):
            path = f"/v3.0/OS-AGENCY/{where}/agencies/{agency}/roles/{TENANT_GUEST.id}"
            assert house.call(tenant.owner, "PUT", path).status_code == 204
    house.call(tenant.owner, "DELETE", f"{ALL}/{made}")
    assert set(house.identity.directory.grants) == {kept}


def test_a_name_is_taken_once(house: Any, tenant: Any, other: Any) -> None:
    assert make(house, tenant).status_code == 201
    assert make(house, other).status_code == 201
    assert make(house, tenant).status_code == 409


def test_agencies_are_managed_by_security_administrators_only(
    house: Any, tenant: Any, other: Any
) -> None:
    path = f"{ALL}/{make(house, tenant).json()['agency']['id']}"
    assert other
    user = house.user(tenant.id, "user", tenant.group_id)
    for method, where in (("GET", ALL), ("POST", ALL), ("GET", path), ("PUT", path)):
        assert house.call(user, method, where).status_code == 403
    assert house.call(user, "DELETE", path).status_code == 403


@pytest.mark.usefixtures("other")
def test_whom_an_agency_trusts_and_its_id_are_told(house: Any, tenant: Any) -> None:
    made = make(house, tenant, duration=20).json()["agency"]
    house.call(tenant.owner, "PUT", f"{ALL}/{made['id']}", {"agency": {"duration": "FOREVER"}})
    asked, done, changed = house.audit.entries
    assert asked.detail == {
        "agency.name": "lent",
        "agency.trust_domain_name": "other",
        "agency.duration": "20",
    }
    assert done.detail == {"agency.id": made["id"]}
    assert changed.detail == {"agency.duration": "FOREVER"}
