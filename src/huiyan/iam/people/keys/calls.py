"""What the calls about access keys do.

Owns: their lines in the table, and which of them need no right. Has no opinion on: what becomes of
keys, and how they are rendered.
"""

from __future__ import annotations

from huiyan.iam.audit.detail import Telling
from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.field import required_text, text_field
from huiyan.iam.people.keys.model import StoredKey
from huiyan.iam.people.keys.service import KeyService
from huiyan.iam.people.keys.wire import (
    parse_key_change,
    render_key,
    render_key_details,
    render_new_key,
)
from huiyan.iam.people.ownership import is_own, require_lasting, require_not_owner
from huiyan.kernel.errors import BodyError
from huiyan.kernel.ids import AccountId

_CREATE = "iam:credentials:createCredential"
_LIST = "iam:credentials:listCredentials"
_GET = "iam:credentials:getCredential"
_UPDATE = "iam:credentials:updateCredential"
_DELETE = "iam:credentials:deleteCredential"
_TELLS_NEW = Telling(values=("credential.user_id",), made="credential.access")
_TELLS = Telling(values=("credential.status",))


def key_operations(service: KeyService) -> tuple[Operation, ...]:
    """Give the calls about access keys.

    Parameters
    ----------
    service : KeyService
        Does what they ask for.

    Returns
    -------
    tuple of Operation
        The lines of the table.

    Notes
    -----
    ``docs/wire.md``, section "Access keys".
    """
    calls = _KeyCalls(service)
    keys, key = "/v3.0/OS-CREDENTIAL/credentials", "/v3.0/OS-CREDENTIAL/credentials/{access_key}"
    return (
        Operation("POST", keys, _CREATE, calls.create, _is_for_own_user, tells=_TELLS_NEW),
        Operation("GET", keys, _LIST, calls.list_keys, _lists_own),
        Operation("GET", key, _GET, calls.show, calls.is_own_key),
        Operation("PUT", key, _UPDATE, calls.update, calls.is_own_key, tells=_TELLS),
        Operation("DELETE", key, _DELETE, calls.delete, calls.is_own_key),
    )


def _is_for_own_user(call: Call) -> bool:
    try:
        return is_own(call.caller(), required_text(call.member("credential"), "user_id"))
    except BodyError:
        return False


def _lists_own(call: Call) -> bool:
    return is_own(call.caller(), _listed_user(call))


def _listed_user(call: Call) -> str:
    return call.query.get("user_id") or call.caller().principal.user_id


class _KeyCalls:
    """Handlers that share the service."""

    def __init__(self, service: KeyService) -> None:
        self._service = service

    def is_own_key(self, call: Call) -> bool:
        key = self._service.find(_account(call), call.path["access_key"])
        return key is not None and is_own(call.caller(), key.user_id)

    def create(self, call: Call) -> Answer:
        require_lasting(call.caller(), _CREATE)
        fields = call.member("credential")
        user_id = required_text(fields, "user_id", "credential.")
        description = text_field(fields, "description", "credential.") or ""
        user = self._service.roster.get_user(_account(call), user_id)
        require_not_owner(call.caller(), user, _CREATE)
        stored, issued = self._service.create(user.account_id, user.id, description)
        return Answer(201, {"credential": render_new_key(stored, issued)})

    def list_keys(self, call: Call) -> Answer:
        found = self._service.keys_of(_account(call), _listed_user(call))
        return Answer(document={"credentials": [render_key(key) for key in found[call.page()]]})

    def show(self, call: Call) -> Answer:
        key = self._service.get(_account(call), call.path["access_key"])
        return Answer(document={"credential": render_key_details(key)})

    def update(self, call: Call) -> Answer:
        require_lasting(call.caller(), _UPDATE)
        key = self._changeable(call, _UPDATE)
        status, description = parse_key_change(call.member("credential"))
        key = self._service.change(key.account_id, key.access_key, status, description)
        return Answer(document={"credential": render_key(key)})

    def delete(self, call: Call) -> Answer:
        key = self._changeable(call, _DELETE)
        self._service.delete(key.account_id, key.access_key)
        return Answer(204)

    def _changeable(self, call: Call, action: str) -> StoredKey:
        key = self._service.get(_account(call), call.path["access_key"])
        user = self._service.roster.get_user(key.account_id, key.user_id)
        require_not_owner(call.caller(), user, action)
        return key


def _account(call: Call) -> AccountId:
    return call.caller().principal.account_id
