"""What the calls about users do; and the table of all calls about people.

Owns: the lines of users in the table, and which of their calls need no right. Has no opinion on:
what becomes of users, and how they are rendered.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.errors_wire import Codes, Shape
from huiyan.iam.field import Document, text_field
from huiyan.iam.lane import Lane
from huiyan.iam.model import User
from huiyan.iam.people.groups.calls import group_operations
from huiyan.iam.people.keys.calls import key_operations
from huiyan.iam.people.ownership import is_own, require_lasting, require_not_owner, require_own
from huiyan.iam.people.scope import own_account, require_own_domain
from huiyan.iam.people.service import PeopleService
from huiyan.iam.people.wire import (
    RenderUser,
    parse_new_user,
    parse_own_change,
    parse_passwords,
    parse_user_change,
    render_new_user,
    render_user,
    render_user_details,
)
from huiyan.kernel.errors import ConflictError, InvalidParameterError, MissingParameterError

_CREATE = "iam:users:createUser"
_LIST = "iam:users:listUsers"
_GET = "iam:users:getUser"
_UPDATE = "iam:users:updateUser"
_DELETE = "iam:users:deleteUser"

_TELLS = Telling(
    values=("user.name", "user.enabled", "user.access_mode"),
    facts=("user.password", "user.email", "user.phone"),
)
_TELLS_NEW = replace(_TELLS, made="user.id")
_TELLS_OWN = Telling(facts=("user.email", "user.mobile"))
_EXPIRY = re.compile(
    r"(?:lt|lte|gt|gte|eq|neq):[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
)
_CODES: Codes = {
    ConflictError: "IAM.1109",
    "user.name": "IAM.1101",
    "user.email": "IAM.1102",
    "user.password": "IAM.1103",
    "user.phone": "IAM.1104",
    "user.mobile": "IAM.1104",
    "user.areacode": "IAM.1106",
}


def people_operations(service: PeopleService) -> tuple[Operation, ...]:
    """Give the calls about users, groups, memberships, passwords and access keys.

    Parameters
    ----------
    service : PeopleService
        Does what they ask for.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Users and groups".
    """
    calls = _UserCalls(service)
    coded = partial(Operation, shape=Shape.CODED, codes=_CODES)
    user, newer = "/v3/users/{user_id}", "/v3.0/OS-USER/users/{user_id}"
    return (
        coded("POST", "/v3.0/OS-USER/users", _CREATE, calls.create_newer, tells=_TELLS_NEW),
        Operation("GET", newer, _GET, calls.show_details, _concerns_self, shape=Shape.CODED),
        coded("PUT", newer, _UPDATE, calls.update_newer, tells=_TELLS),
        coded("PUT", f"{newer}/info", _UPDATE, calls.update_own, _concerns_self, tells=_TELLS_OWN),
        Operation("POST", "/v3/users", _CREATE, calls.create, tells=_TELLS_NEW),
        Operation("GET", "/v3/users", _LIST, calls.list_users),
        Operation("GET", user, _GET, calls.show, _concerns_self),
        Operation("PATCH", user, _UPDATE, calls.update, tells=_TELLS),
        Operation("DELETE", user, _DELETE, calls.delete),
        Operation(
            "POST",
            f"{user}/password",
            _UPDATE,
            calls.change_password,
            _concerns_self,
            lane=Lane.PASSWORD,
            tells=Telling(facts=("user.password",)),
        ),
        *group_operations(service.groups),
        *key_operations(service.keys),
    )


def _concerns_self(call: Call) -> bool:
    return is_own(call.caller(), call.path["user_id"])


class _UserCalls:
    """Handlers that share the service."""

    def __init__(self, service: PeopleService) -> None:
        self._service = service

    def create_newer(self, call: Call) -> Answer:
        fields = call.member("user")
        if not text_field(fields, "domain_id", "user."):
            raise MissingParameterError("'user.domain_id' is a required property")
        return self._create(call, fields, render_new_user)

    def create(self, call: Call) -> Answer:
        return self._create(call, call.member("user"), render_user)

    def list_users(self, call: Call) -> Answer:
        account_id = own_account(call, _LIST)
        found = self._service.roster.users(
            account_id, call.query.get("name") or None, enabled=call.flag("enabled")
        )
        expiry = call.query.get("password_expires_at")
        if expiry:
            if _EXPIRY.fullmatch(expiry) is None:
                raise InvalidParameterError(
                    "password_expires_at", "must be an operator, a colon and a time"
                )
            # No password of ours expires, so none expires before, at or after anything.
            found = ()
        rendered = [render_user(user, call.origin) for user in found[call.page()]]
        return Answer(document={"users": rendered, "links": call.list_links()})

    def show(self, call: Call) -> Answer:
        return _one(call, self._get(call), render_user)

    def show_details(self, call: Call) -> Answer:
        return _one(call, self._get(call), render_user_details)

    def update(self, call: Call) -> Answer:
        return _one(call, self._update(call), render_user)

    def update_newer(self, call: Call) -> Answer:
        return _one(call, self._update(call), render_new_user)

    def update_own(self, call: Call) -> Answer:
        user = self._get(call)
        require_own(call.caller(), user.id, _UPDATE)
        change = parse_own_change(call.member("user"))
        self._service.change_user(user.account_id, user.id, change)
        return Answer(204)

    def delete(self, call: Call) -> Answer:
        user = self._get(call)
        self._service.delete_user(user.account_id, user.id)
        return Answer(204)

    def change_password(self, call: Call) -> Answer:
        user, session = self._get(call), call.caller()
        require_own(session, user.id, _UPDATE)
        require_lasting(session, _UPDATE)
        original, password = parse_passwords(call.member("user"))
        self._service.change_own_password(
            user.account_id, user.id, original, password, session.address
        )
        return Answer(204)

    def _create(self, call: Call, fields: Document, render: RenderUser) -> Answer:
        require_own_domain(call, text_field(fields, "domain_id", "user."), _CREATE)
        account_id = call.caller().principal.account_id
        new = parse_new_user(fields)
        if new.password is not None:
            require_lasting(call.caller(), _CREATE)
        user = self._service.create_user(account_id, new)
        return _one(call, user, render, 201)

    def _update(self, call: Call) -> User:
        user = self._get(call)
        require_not_owner(call.caller(), user, _UPDATE)
        fields = call.member("user")
        require_own_domain(call, text_field(fields, "domain_id", "user."), _UPDATE)
        change = parse_user_change(fields)
        if change.password is not None:
            require_lasting(call.caller(), _UPDATE)
        return self._service.change_user(user.account_id, user.id, change)

    def _get(self, call: Call) -> User:
        account_id = call.caller().principal.account_id
        return self._service.roster.get_user(account_id, call.path["user_id"])


def _one(call: Call, user: User, render: RenderUser, status: int = 200) -> Answer:
    return Answer(status, {"user": render(user, call.origin)})
