"""What the calls about tokens and temporary keys do.

Owns: their lines in the table. Has no opinion on: who gets a token, and the JSON of each.
"""

from __future__ import annotations

from dataclasses import replace

from huiyan.iam.call import Answer, Call, Operation
from huiyan.iam.field import Document
from huiyan.iam.lane import Lane
from huiyan.iam.model import Session
from huiyan.iam.service import IdentityService
from huiyan.iam.tokens.catalog import render_catalog, render_version
from huiyan.iam.tokens.delegation import DelegationService
from huiyan.iam.tokens.login import Login, LoginService
from huiyan.iam.tokens.model import TokenClaims
from huiyan.iam.tokens.service import TokenService
from huiyan.iam.tokens.wire import (
    AgencyRequest,
    parse_key_request,
    parse_token_request,
    render_key,
    render_token,
)
from huiyan.kernel.errors import (
    AccessError,
    MissingParameterError,
    NotFoundError,
    WithdrawnTokenError,
)

_READ_OTHERS = "iam:tokens:get"
_SUBJECT_HEADER = b"x-subject-token"
_TOKEN_HEADER = b"x-auth-token"


def token_operations(
    identity: IdentityService,
    tokens: TokenService,
    logins: LoginService,
    delegation: DelegationService,
) -> tuple[Operation, ...]:
    """Give the calls about tokens and temporary keys.

    Parameters
    ----------
    identity : IdentityService
        Who calls.
    tokens : TokenService
        Tells about tokens.
    logins : LoginService
        Gives tokens for passwords.
    delegation : DelegationService
        Gives tokens and temporary keys for other credentials.

    Returns
    -------
    tuple of Operation
        The lines of the table. Two are open because their callers prove who they are by the body,
        or not by the headers alone.

    Notes
    -----
    ``docs/wire.md``, section "Tokens and temporary keys".
    """
    calls = _TokenCalls(identity, tokens, logins, delegation)
    keys_path = "/v3.0/OS-CREDENTIAL/securitytokens"
    return (
        Operation(
            "POST", "/v3/auth/tokens", "", calls.create_token, is_open=True, lane=Lane.PASSWORD
        ),
        Operation("GET", "/v3/auth/tokens", _READ_OTHERS, calls.show_token, calls.needs_no_right),
        Operation("POST", keys_path, "", calls.create_key, is_open=True),
        Operation("GET", "/v3/auth/catalog", "", calls.show_catalog),
        Operation("GET", "/v3", "", _show_version, is_open=True),
        Operation("GET", "/", "", _list_versions, is_open=True),
    )


class _TokenCalls:
    """Handlers that share the services."""

    def __init__(
        self,
        identity: IdentityService,
        tokens: TokenService,
        logins: LoginService,
        delegation: DelegationService,
    ) -> None:
        self._identity = identity
        self._tokens = tokens
        self._logins = logins
        self._delegation = delegation

    def create_token(self, call: Call) -> Answer:
        wanted = parse_token_request(call.member("auth"))
        if isinstance(wanted, AgencyRequest):
            issued = self._delegation.agency_token(
                call.request, call.request_id, wanted.agency, wanted.scope
            )
        else:
            # An Authorization header is not looked at: the vendor's client signs this call, too.
            issued = self._logins.log_in(
                Login(
                    wanted.user,
                    wanted.password,
                    wanted.scope,
                    call.request.client_address,
                    call.request_id,
                )
            )
        return self._describe(call, 201, issued.claims, issued.text)

    def show_token(self, call: Call) -> Answer:
        subject = call.header(_SUBJECT_HEADER)
        if not subject:
            raise MissingParameterError("the header X-Subject-Token is required")
        session, claims = self._subject(call)
        if session.principal.account_id != call.caller().principal.account_id:
            raise NotFoundError("Could not find token.")
        try:
            return self._describe(call, 200, claims, subject.decode("ascii"))
        except WithdrawnTokenError as error:
            raise NotFoundError("Could not find token.") from error

    def needs_no_right(self, call: Call) -> bool:
        """Tell that the token is the caller's own, or none that could be told of."""
        try:
            session, _claims = self._subject(call)
        except NotFoundError:
            return True
        own, other = call.caller().principal, session.principal
        return other.account_id != own.account_id or other.user_id == own.user_id

    def create_key(self, call: Call) -> Answer:
        wanted = parse_key_request(call.member("auth"))
        key = self._delegation.temporary_key(call.request, call.request_id, wanted)
        return Answer(201, render_key(key))

    def show_catalog(self, call: Call) -> Answer:
        caller = call.caller()
        projects = [
            project
            for project in self._identity.projects(caller, enabled=True)
            if caller.project_id in {None, project.id}
        ]
        return Answer(
            document={
                "catalog": render_catalog(call.origin, projects),
                "links": {"self": call.url},
            }
        )

    def _subject(self, call: Call) -> tuple[Session, TokenClaims]:
        """Read the token that is asked about, as if it had come to call."""
        subject = call.header(_SUBJECT_HEADER)
        request = replace(call.request, headers=((_TOKEN_HEADER, subject),))
        try:
            session = self._identity.authenticate(request)
            self._identity.require_standing(session)
        except AccessError as error:
            raise NotFoundError("Could not find token.") from error
        claims = self._tokens.find(subject)
        if claims is None:
            raise NotFoundError("Could not find token.")
        return session, claims

    def _describe(self, call: Call, status: int, claims: TokenClaims, text: str) -> Answer:
        directory = self._identity.directory
        description = self._tokens.describe(claims, directory)
        catalog: list[Document] = []
        if not call.query.get("nocatalog"):
            project_id = claims.bearer.project_id
            catalog = render_catalog(
                call.origin,
                (
                    project
                    for project in directory.projects.values()
                    if project.account_id == description.account.id
                    and project.enabled
                    and project_id in {None, project.id}
                ),
            )
        return Answer(status, render_token(description, catalog), {"X-Subject-Token": text})


def _show_version(call: Call) -> Answer:
    return Answer(document={"version": render_version(call.origin)})


def _list_versions(call: Call) -> Answer:
    return Answer(document={"versions": {"values": [render_version(call.origin)]}})
