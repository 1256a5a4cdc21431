"""Roles, custom policies and grants as JSON and as parameters of queries.

Owns: the vendor's fields and their limits. Has no opinion on: what the calls do, and the grammar of
policies.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from huiyan.iam.call import Call
from huiyan.iam.directory.model import Grant
from huiyan.iam.field import Document, required_text, text_field
from huiyan.iam.people.rules import check_legible
from huiyan.iam.policy.model import Policy, Role, RoleType
from huiyan.iam.policy.wire import parse_policy, render_policy
from huiyan.iam.roles.model import EVERY_PLACE, GrantFilter, RoleChange, RoleDraft, RoleFilter
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

MAX_DISPLAY_NAME_CHARACTERS: Final = 64
MAX_DESCRIPTION_CHARACTERS: Final = 255

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHERE = "role."
_VERSIONS: Final[dict[str, Literal["1.0", "1.1"]]] = {"role": "1.0", "policy": "1.1"}
_SUBJECT_IDS = ("subject.user_id", "subject.group_id", "subject.agency_id")
_SCOPE_IDS = ("scope.project_id", "scope.domain_id", "scope.enterprise_projects_id")


def parse_role_draft(document: Document) -> RoleDraft:
    """Read the ``role`` of a call that makes a custom policy.

    Parameters
    ----------
    document : dict
        Its fields.

    Returns
    -------
    RoleDraft
        The policy to make.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        A field is missing or malformed.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    name, role_type = _parse_name(document), _parse_type(document)
    if name is None or role_type is None:
        missing = "display_name" if name is None else "type"
        raise MissingParameterError(f"'{_WHERE}{missing}' is a required property")
    return RoleDraft(
        display_name=name,
        type=role_type,
        description=_parse_description(document, "description") or "",
        description_cn=_parse_description(document, "description_cn") or "",
        policy=_require_policy(document),
    )


def parse_role_change(document: Document) -> RoleChange:
    """Read the ``role`` of a call that changes a custom policy.

    Parameters
    ----------
    document : dict
        Its fields; what is missing or null stays as it is.

    Returns
    -------
    RoleChange
        What it becomes.

    Raises
    ------
    InvalidParameterError
        A field is malformed.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    return RoleChange(
        display_name=_parse_name(document),
        type=_parse_type(document),
        description=_parse_description(document, "description"),
        description_cn=_parse_description(document, "description_cn"),
        policy=None if document.get("policy") is None else _require_policy(document),
    )


def parse_role_filter(call: Call) -> RoleFilter:
    """Read which roles are asked for.

    Parameters
    ----------
    call : Call
        With ``name``, ``display_name``, ``permission_type``, ``type`` and ``catalog`` in its query.

    Returns
    -------
    RoleFilter
        Which roles.

    Raises
    ------
    InvalidParameterError
        ``permission_type`` or ``type`` is none of the known words.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    query = call.query
    kind = query.get("permission_type", "")
    if kind and kind not in _VERSIONS:
        raise InvalidParameterError("permission_type", "must be policy or role")
    level = query.get("type", "")
    return RoleFilter(
        name=query.get("name") or None,
        display_name=query.get("display_name") or None,
        # Told by the vendor to count for the system's entries only.
        version=None if query.get("domain_id") else _VERSIONS.get(kind),
        level=_parse_level(level) if level else None,
        catalog=query.get("catalog") or None,
    )


def parse_grant_filter(call: Call) -> GrantFilter:
    """Read which grants are asked for.

    Parameters
    ----------
    call : Call
        With ``role_id``, ``subject…``, ``scope…``, ``is_inherited`` and ``include_group`` in its
        query.

    Returns
    -------
    GrantFilter
        Which grants; no place at all for enterprise projects, which are not here.

    Raises
    ------
    InvalidParameterError
        A word is unknown, or two parameters exclude each other.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    subject, subject_id = _parse_subject(call)
    scope_id = _only_one(call, "scope", _SCOPE_IDS)
    with_groups, is_inherited = call.flag("include_group"), call.flag("is_inherited")
    scope = call.query.get("scope", "")
    if scope not in {"", "project", "domain", "enterprise_project"}:
        raise InvalidParameterError("scope", "must be project, domain or enterprise_project")
    places = EVERY_PLACE
    if scope == "project" or scope_id == "scope.project_id":
        places = frozenset({"project"})
    elif scope == "domain" or scope_id == "scope.domain_id":
        places = frozenset({"inherited" if is_inherited else "domain"})
    elif scope or scope_id:
        places = frozenset()
    return GrantFilter(
        subject=subject,
        subject_id=subject_id,
        with_groups=with_groups is not False,
        role_id=call.query.get("role_id") or None,
        places=places,
        project_id=call.query.get("scope.project_id") or None,
    )


def render_role(role: Role, origin: str) -> Document:
    """Show a role in the shape of the v3 calls.

    Parameters
    ----------
    role : Role
        The role.
    origin : str
        Scheme and host, for ``links``.

    Returns
    -------
    dict
        Its fields.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    document = render_custom_role(role, origin)
    document["links"] = {"self": f"{origin}/v3/roles/{role.id}", "next": None, "previous": None}
    if role.flag:
        document["flag"] = role.flag
    return document


def render_custom_role(role: Role, origin: str) -> Document:
    """Show a custom policy in the shape of the calls that manage them.

    Parameters
    ----------
    role : Role
        The policy.
    origin : str
        Scheme and host, for ``links``.

    Returns
    -------
    dict
        Its fields.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    document: Document = {
        "id": role.id,
        "name": role.name,
        "display_name": role.display_name,
        "catalog": role.catalog,
        "type": role.type.value,
        "description": role.description,
        "description_cn": role.description_cn,
        "domain_id": role.account_id,
        "policy": render_policy(role.policy),
        "links": {"self": f"{origin}/v3/roles/{role.id}"},
    }
    if role.created_at is not None:
        document["created_time"] = _milliseconds(role.created_at)
        document["updated_time"] = _milliseconds(role.updated_at or role.created_at)
    return document


def render_grants(grants: Iterable[Grant]) -> list[Document]:
    """Show grants as ``role_assignments``.

    Parameters
    ----------
    grants : iterable of Grant
        The grants.

    Returns
    -------
    list of dict
        One for each.

    Notes
    -----
    ``docs/wire.md``, section "Roles and policies".
    """
    return [
        {
            grant.subject: {"id": grant.subject_id},
            "role": {"id": grant.role_id},
            "scope": (
                {"domain": {"id": grant.account_id}}
                if grant.project_id is None
                else {"project": {"id": grant.project_id}}
            ),
            "is_inherited": grant.place == "inherited",
        }
        for grant in grants
    ]


def _parse_name(document: Document) -> str | None:
    if document.get("display_name") is None:
        return None
    name = required_text(document, "display_name", _WHERE, most=MAX_DISPLAY_NAME_CHARACTERS)
    if name != name.strip():
        raise InvalidParameterError(f"{_WHERE}display_name", "must not begin or end with a space")
    check_legible(name, f"{_WHERE}display_name")
    return name


def _parse_type(document: Document) -> RoleType | None:
    text = text_field(document, "type", _WHERE)
    if text is None:
        return None
    if text not in {"AX", "XA"}:
        raise InvalidParameterError(f"{_WHERE}type", "must be AX or XA")
    return RoleType(text)


def _parse_description(document: Document, name: str) -> str | None:
    return text_field(document, name, _WHERE, most=MAX_DESCRIPTION_CHARACTERS)


def _require_policy(document: Document) -> Policy:
    value = document.get("policy")
    if value is None:
        raise MissingParameterError(f"'{_WHERE}policy' is a required property")
    return parse_policy(value, parameter=f"{_WHERE}policy")


def _parse_level(text: str) -> Literal["domain", "project", "all"]:
    match text:
        case "domain" | "project" | "all":
            return text
        case _:
            raise InvalidParameterError("type", "must be domain, project or all")


def _parse_subject(
    call: Call,
) -> tuple[Literal["user", "group", "agency"] | None, str | None]:
    named = _only_one(call, "subject", _SUBJECT_IDS)
    word = call.query.get("subject", "") if named is None else named[len("subject.") : -len("_id")]
    subject_id = None if named is None else call.query[named]
    match word:
        case "user" | "group" | "agency":
            return word, subject_id
        case "":
            return None, None
        case _:
            raise InvalidParameterError("subject", "must be user, group or agency")


def _only_one(call: Call, word: str, ids: tuple[str, ...]) -> str | None:
    """Find which of some parameters is given, all of which exclude each other."""
    given = [name for name in (word, *ids) if call.query.get(name)]
    if len(given) > 1:
        raise InvalidParameterError(given[1], f"must not be given together with {given[0]}")
    return given[0] if given and given[0] != word else None


def _milliseconds(instant: datetime) -> str:
    return str((instant - _EPOCH) // timedelta(milliseconds=1))
