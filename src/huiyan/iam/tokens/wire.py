"""Requests for tokens and temporary keys, and the replies, as JSON.

Owns: their fields as the vendor names them. Has no opinion on: who gets one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from huiyan.iam.field import Document, object_field, required_text, text_field
from huiyan.iam.model import Account
from huiyan.iam.policy.wire import parse_policy
from huiyan.iam.tokens.delegation import ChosenAgency, WantedKey
from huiyan.iam.tokens.envelope import MOST_TEXT_BYTES
from huiyan.iam.tokens.login import MOST_PASSWORD_CHARACTERS
from huiyan.iam.tokens.model import TemporaryKey, TokenDescription
from huiyan.iam.tokens.scope import ChosenScope, ChosenUser, Named
from huiyan.kernel.errors import InvalidParameterError, MissingParameterError

_MOST_NAME_CHARACTERS = 128
_LEAST_DURATION_S = 900
_MOST_DURATION_S = 86_400
_IDENTITY = "auth.identity."


@dataclass(frozen=True, slots=True)
class PasswordRequest:
    """A request for a token by a password.

    Parameters
    ----------
    user : ChosenUser
        Who the caller says to be.
    password : str
        What the caller says as proof; kept out of ``repr``.
    scope : ChosenScope
        What the token is wanted for.
    """

    user: ChosenUser
    password: str = field(repr=False)
    scope: ChosenScope


@dataclass(frozen=True, slots=True)
class AgencyRequest:
    """A request for an agency's token.

    Parameters
    ----------
    agency : ChosenAgency
        The agency.
    scope : ChosenScope
        What the token is wanted for.
    """

    agency: ChosenAgency
    scope: ChosenScope


def parse_token_request(auth: Document) -> PasswordRequest | AgencyRequest:
    """Read a request for a token.

    Parameters
    ----------
    auth : dict
        The body's ``auth``.

    Returns
    -------
    PasswordRequest or AgencyRequest
        As its method says.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        A field is missing or malformed, or the method is not one that gives tokens here.

    Notes
    -----
    ``docs/wire.md``, section "Tokens and temporary keys".
    """
    identity = object_field(auth, "identity", "auth.")
    method = _method(identity, ("password", "assume_role"))
    scope = _parse_scope(auth)
    if method == "assume_role":
        role = object_field(identity, "assume_role", _IDENTITY)
        return AgencyRequest(_parse_agency(role), scope)
    where = f"{_IDENTITY}password."
    user = object_field(object_field(identity, "password", _IDENTITY), "user", where)
    where += "user."
    password = required_text(user, "password", where, most=MOST_PASSWORD_CHARACTERS)
    named = _named(user, where)
    account = None
    if named.id is None or user.get("domain") is not None:
        account = _named(object_field(user, "domain", where), f"{where}domain.")
    return PasswordRequest(ChosenUser(named, account), password, scope)


def parse_key_request(auth: Document) -> WantedKey:
    """Read a request for a temporary key.

    Parameters
    ----------
    auth : dict
        The body's ``auth``.

    Returns
    -------
    WantedKey
        Good for 15 minutes unless another duration is given.

    Raises
    ------
    MissingParameterError, InvalidParameterError
        A field is missing or malformed, or the method is not one that gives keys here.

    Notes
    -----
    ``docs/wire.md``, section "Tokens and temporary keys".
    """
    identity = object_field(auth, "identity", "auth.")
    method = _method(identity, ("token", "assume_role"))
    # Null is refused, too: what was meant to limit a key must not vanish.
    narrowing = (
        parse_policy(identity["policy"], parameter=f"{_IDENTITY}policy")
        if "policy" in identity
        else None
    )
    if method == "assume_role":
        role = object_field(identity, "assume_role", _IDENTITY)
        where = f"{_IDENTITY}assume_role."
        return WantedKey(b"", _parse_agency(role), _duration_s(role, where), narrowing)
    token: Document = {}
    if identity.get("token") is not None:
        token = object_field(identity, "token", _IDENTITY)
    text = text_field(token, "id", f"{_IDENTITY}token.", most=MOST_TEXT_BYTES) or ""
    return WantedKey(
        text.encode("utf-8"), None, _duration_s(token, f"{_IDENTITY}token."), narrowing
    )


def render_token(description: TokenDescription, catalog: list[Document]) -> Document:
    """Render what is told about a token.

    Parameters
    ----------
    description : TokenDescription
        What is told.
    catalog : list of dict
        The services' addresses; empty if the caller wants none.

    Returns
    -------
    dict
        The body.

    Notes
    -----
    ``docs/wire.md``, section "Tokens and temporary keys"; ``token_result.py`` and
    ``agency_token_result.py`` of huaweicloudsdkiam.
    """
    claims, user, agency = description.claims, description.user, description.agency
    told_user: Document = {
        "id": user.id,
        "name": user.name,
        "domain": _render_account(description.home),
        "password_expires_at": "",
    }
    token: Document = {
        "methods": list(claims.methods),
        "issued_at": render_instant(claims.issued_at),
        "expires_at": render_instant(claims.expires_at),
        "catalog": catalog,
        "roles": [{"id": "0", "name": name} for name in description.roles],
        "user": told_user,
    }
    account = _render_account(description.account)
    if agency is not None:
        token["assumed_by"] = {"user": told_user}
        token["user"] = {
            "id": agency.id,
            "name": f"{description.account.name}/{agency.name}",
            "domain": account,
        }
    project = description.project
    if project is None:
        token["domain"] = account
    else:
        token["project"] = {"id": project.id, "name": project.name, "domain": account}
    return {"token": token}


def render_key(key: TemporaryKey) -> Document:
    """Render a temporary key.

    Parameters
    ----------
    key : TemporaryKey
        The key.

    Returns
    -------
    dict
        The body.

    Notes
    -----
    ``docs/wire.md``, section "Tokens and temporary keys".
    """
    return {
        "credential": {
            "access": key.access,
            "secret": key.secret,
            "securitytoken": key.security_token,
            "expires_at": render_instant(key.expires_at),
        }
    }


def render_instant(instant: datetime) -> str:
    """Render an instant as tokens do.

    Parameters
    ----------
    instant : datetime
        In UTC.

    Returns
    -------
    str
        ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.
    """
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _method(identity: Document, known: tuple[str, ...]) -> str:
    methods = identity.get("methods")
    if methods is None:
        raise MissingParameterError(f"'{_IDENTITY}methods' is a required property")
    for method in known:
        if methods == [method]:
            return method
    choice = " or ".join(f'["{method}"]' for method in known)
    raise InvalidParameterError(f"{_IDENTITY}methods", f"must be {choice}")


def _parse_scope(auth: Document) -> ChosenScope:
    if auth.get("scope") is None:
        return ChosenScope()
    scope = object_field(auth, "scope", "auth.")
    project, account = scope.get("project"), scope.get("domain")
    if project is not None and account is not None:
        raise InvalidParameterError("auth.scope", "must name a project or a domain, not both")
    if account is not None:
        named = _named(object_field(scope, "domain", "auth.scope."), "auth.scope.domain.")
        return ChosenScope(account=named)
    if project is None:
        return ChosenScope()
    wanted, where = object_field(scope, "project", "auth.scope."), "auth.scope.project."
    named_account = None
    if wanted.get("domain") is not None:
        named_account = _named(object_field(wanted, "domain", where), f"{where}domain.")
    return ChosenScope(_named(wanted, where), named_account)


def _parse_agency(role: Document) -> ChosenAgency:
    where = f"{_IDENTITY}assume_role."
    lender = Named(
        text_field(role, "domain_id", where, most=_MOST_NAME_CHARACTERS) or None,
        text_field(role, "domain_name", where, most=_MOST_NAME_CHARACTERS) or None,
    )
    if lender == Named():
        raise MissingParameterError(f"'{where}domain_id' or '{where}domain_name' is required")
    name = required_text(role, "agency_name", where, most=_MOST_NAME_CHARACTERS)
    return ChosenAgency(lender, name)


def _named(document: Document, where: str) -> Named:
    named = Named(
        text_field(document, "id", where, most=_MOST_NAME_CHARACTERS) or None,
        text_field(document, "name", where, most=_MOST_NAME_CHARACTERS) or None,
    )
    if named == Named():
        raise MissingParameterError(f"'{where}id' or '{where}name' is required")
    return named


def _duration_s(document: Document, where: str) -> int:
    value = document.get("duration_seconds")
    if value is None:
        return _LEAST_DURATION_S
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidParameterError(f"{where}duration_seconds", "must be a whole number")
    if not _LEAST_DURATION_S <= value <= _MOST_DURATION_S:
        raise InvalidParameterError(
            f"{where}duration_seconds",
            f"must be from {_LEAST_DURATION_S} to {_MOST_DURATION_S}",
        )
    return value


def _render_account(account: Account) -> Document:
    return {"id": account.id, "name": account.name}
