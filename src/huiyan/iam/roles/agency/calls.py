"""What the calls about agencies do.

Owns: their lines in the table. Has no opinion on: the fields of the bodies, and what is granted to
agencies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.field import required_text
from huiyan.iam.roles.agency.service import AgencyService
from huiyan.iam.roles.agency.wire import parse_agency_change, parse_agency_draft, render_agency
from huiyan.iam.roles.ownership import require_own_account
from huiyan.kernel.errors import MissingParameterError
from huiyan.kernel.ids import AccountId

_ALL: Final = "/v3.0/OS-AGENCY/agencies"
_ONE: Final = f"{_ALL}/{{agency_id}}"
_LIST: Final = "iam:agencies:listAgencies"
_CREATE: Final = "iam:agencies:createAgency"
_TELLS: Final = Telling(
    values=(
        "agency.name",
        "agency.trust_domain_id",
        "agency.trust_domain_name",
        "agency.duration",
    )
)


def agency_operations(service: AgencyService) -> tuple[Operation, ...]:
    """Give the calls about agencies.

    Parameters
    ----------
    service : AgencyService
        Answers them.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Agencies".
    """
    calls = _AgencyCalls(service)
    return (
        Operation("GET", _ALL, _LIST, calls.list_agencies),
        Operation("POST", _ALL, _CREATE, calls.create, tells=replace(_TELLS, made="agency.id")),
        Operation("GET", _ONE, "iam:agencies:getAgency", calls.show),
        Operation("PUT", _ONE, "iam:agencies:updateAgency", calls.change, tells=_TELLS),
        Operation("DELETE", _ONE, "iam:agencies:deleteAgency", calls.delete),
    )


class _AgencyCalls:
    """Handlers that share the service."""

    def __init__(self, service: AgencyService) -> None:
        self._service = service

    def list_agencies(self, call: Call) -> Answer:
        domain_id = call.query.get("domain_id")
        if not domain_id:
            raise MissingParameterError("'domain_id' is a required property")
        found = self._service.agencies(
            require_own_account(call, domain_id, _LIST),
            call.query.get("name") or None,
            call.query.get("trust_domain_id") or None,
        )
        return Answer(document={"agencies": [render_agency(one) for one in found[call.page()]]})

    def create(self, call: Call) -> Answer:
        fields = call.member("agency")
        account_id = require_own_account(
            call, required_text(fields, "domain_id", "agency."), _CREATE
        )
        agency = self._service.create_agency(account_id, parse_agency_draft(fields))
        return Answer(201, {"agency": render_agency(agency)})

    def show(self, call: Call) -> Answer:
        agency = self._service.agency(_account(call), call.path["agency_id"])
        return Answer(document={"agency": render_agency(agency)})

    def change(self, call: Call) -> Answer:
        change = parse_agency_change(call.member("agency"))
        agency = self._service.change_agency(_account(call), call.path["agency_id"], change)
        return Answer(document={"agency": render_agency(agency)})

    def delete(self, call: Call) -> Answer:
        self._service.delete_agency(_account(call), call.path["agency_id"])
        return Answer(204)


def _account(call: Call) -> AccountId:
    return call.caller().principal.account_id
