"""Credentials made by means of others: agency tokens and temporary keys.

Owns: who may make which, so that no credential ever makes a wider one. Has no opinion on: the JSON
around it, and how a token is sealed.

A temporary key makes neither tokens nor keys, so its narrowing cannot be shaken off; who acts for
an agency does not act for a further one. A key made by a token keeps that token's project. What is
made by a token ends when that ends, and what is made under a permanent key, be it by way of a
token, dies with that key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from huiyan.iam.audit.model import AuditEntry, AuditLog
from huiyan.iam.call import NO_PROJECT, CallThrottle
from huiyan.iam.directory.model import Agency
from huiyan.iam.model import Session
from huiyan.iam.policy.model import Policy
from huiyan.iam.service import IdentityService
from huiyan.iam.signing.canonical import index_headers
from huiyan.iam.tokens.model import (
    ASSUME_AGENCY,
    Bearer,
    IssuedToken,
    TemporaryKey,
    agency_resource,
)
from huiyan.iam.tokens.scope import ChosenScope, Named, find_account, find_agency, get_project
from huiyan.iam.tokens.service import TokenService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import (
    AuthorisationError,
    NotFoundError,
    NotPermittedError,
    UnusableTokenError,
)
from huiyan.kernel.ids import AccessKey, AccountId, RequestId
from huiyan.web.request import RawRequest

CREATE_TEMPORARY_KEY = "iam:securitytokens:create"

_TOKEN_HEADER = b"x-auth-token"
_NO_AGENCY = "0" * 32
_NEVER = "a temporary key makes no further credentials"


@dataclass(frozen=True, slots=True)
class ChosenAgency:
    """An agency as a caller names it.

    Parameters
    ----------
    lender : Named
        The account that made it.
    name : str
        Its name.
    """

    lender: Named
    name: str


@dataclass(frozen=True, slots=True)
class WantedKey:
    """What temporary key a caller wants.

    Parameters
    ----------
    token : bytes
        The token in the body; empty without one.
    agency : ChosenAgency or None
        The agency to act for.
    duration_s : int
        How long it is to live, in seconds.
    narrowing : Policy or None
        What it is to be narrowed to.
    """

    token: bytes
    agency: ChosenAgency | None
    duration_s: int
    narrowing: Policy | None


@dataclass(frozen=True, slots=True)
class _Proof:
    """Who asks, for whom the credential will be, and when the token ends that proved it."""

    session: Session
    bearer: Bearer
    until: datetime | None


class DelegationService:
    """Gives credentials to callers who have others.

    Parameters
    ----------
    identity : IdentityService
        Who calls, and what they may.
    tokens : TokenService
        Makes tokens and temporary keys.
    clock : Clock
        The server's clock.
    audit : AuditLog
        Told of every credential before it is given, and of every refusal.
    throttle : CallThrottle, optional
        How much a user may call. Without it, any number.
    """

    def __init__(
        self,
        identity: IdentityService,
        tokens: TokenService,
        clock: Clock,
        audit: AuditLog,
        throttle: CallThrottle | None = None,
    ) -> None:
        self._identity = identity
        self._tokens = tokens
        self._clock = clock
        self._audit = audit
        self._throttle = throttle

    def agency_token(
        self, request: RawRequest, request_id: RequestId, chosen: ChosenAgency, scope: ChosenScope
    ) -> IssuedToken:
        """Give a token for an agency.

        Parameters
        ----------
        request : RawRequest
            As sent; it proves who calls.
        request_id : RequestId
            Ours.
        chosen : ChosenAgency
            The agency.
        scope : ChosenScope
            A project of the agency's account, or that account.

        Returns
        -------
        IssuedToken
            With the agency's rights.

        Raises
        ------
        AuthenticationError
            Who calls could not be established.
        AuthorisationError
            The caller may not act for the agency, or there is no such project.
        NotFoundError
            There is no such agency for the caller's account; told only to those who may act for
            such agencies; or no such account.
        """
        proof = self._prove(request, b"", request_id, ASSUME_AGENCY)
        agency = self._require_agency(proof, chosen, request_id)
        directory = self._identity.directory
        project = get_project(directory, directory.accounts[agency.account_id], scope)
        token = self._tokens.issue_agency_token(proof.bearer, agency, project, proof.until)
        reason = f"gives token:{token.claims.id}"
        self._tell_agency(proof.session, agency, request_id, reason)
        return token

    def temporary_key(
        self, request: RawRequest, request_id: RequestId, wanted: WantedKey
    ) -> TemporaryKey:
        """Give a temporary key.

        Parameters
        ----------
        request : RawRequest
            As sent; it proves who calls, unless a token in the body does.
        request_id : RequestId
            Ours.
        wanted : WantedKey
            What is wanted.

        Returns
        -------
        TemporaryKey
            The key.

        Raises
        ------
        AuthenticationError
            Who calls could not be established.
        AuthorisationError
            The caller may not make one, or may not act for the agency.
        NotFoundError
            There is no such agency for the caller's account; told only to those who may act for
            such agencies.
        InvalidParameterError
            The policy is too long to travel in a header.
        """
        proof = self._prove(request, wanted.token, request_id, CREATE_TEMPORARY_KEY)
        bearer, agency = proof.bearer, None
        if wanted.agency is not None:
            agency = self._require_agency(proof, wanted.agency, request_id)
            bearer = replace(bearer, agency_id=agency.id, project_id=None)
        key = self._tokens.issue_temporary_key(
            bearer, wanted.duration_s, wanted.narrowing, proof.until
        )
        reason = f"gives {key.access}"
        if agency is None:
            self._tell(proof.session, request_id, CREATE_TEMPORARY_KEY, reason, allowed=True)
        else:
            self._tell_agency(proof.session, agency, request_id, reason)
        return key

    def _prove(
        self, request: RawRequest, body_token: bytes, request_id: RequestId, action: str
    ) -> _Proof:
        token = index_headers(request.headers).get(_TOKEN_HEADER, b"")
        if token == b"" and body_token:
            token = body_token
            headers = tuple(pair for pair in request.headers if pair[0].lower() != _TOKEN_HEADER)
            request = replace(request, headers=(*headers, (_TOKEN_HEADER, body_token)))
        session = self._identity.authenticate(request)
        if self._throttle is not None:
            with self._throttle.enter(session.principal.user_id, NO_PROJECT):
                pass  # it is the rate that counts: the call itself is short
        try:
            self._identity.authorise_own(session, action)
            return self._proof(session, token or b"", action)
        except AuthorisationError as error:
            self._refuse(session, request_id, action, error)
            raise

    def _proof(self, session: Session, token: bytes, action: str) -> _Proof:
        if session.is_temporary or session.narrowing is not None:
            raise NotPermittedError(action, _NEVER)
        if not session.by_access_key:
            claims = self._tokens.find(token)
            if claims is None:
                raise UnusableTokenError("decrypt token fail")
            # From the token, not from the directory: the user may have been changed meanwhile.
            return _Proof(session, claims.bearer, claims.expires_at)
        principal, directory = session.principal, self._identity.directory
        access_key = AccessKey(principal.credential_id)
        user = directory.users.get(principal.user_id)
        if access_key not in directory.keys or user is None:
            raise NotPermittedError(action, _NEVER)
        bearer = Bearer(user.id, user.account_id, user.credential_epoch, parent_key=access_key)
        return _Proof(session, bearer, None)

    def _require_agency(self, proof: _Proof, chosen: ChosenAgency, request_id: RequestId) -> Agency:
        session = proof.session
        # An agency made this very second on another machine is there, too.
        self._identity.refresh()
        directory, borrower_id = self._identity.directory, proof.bearer.account_id
        lender, agency = find_account(directory, chosen.lender), None
        if lender is not None:
            agency = find_agency(directory, lender, chosen.name, borrower_id)
        # The right is judged before it is told whether there is such an agency: without the right
        # nobody learns which agencies there are.
        resource = agency_resource(
            "" if lender is None else lender.id, _NO_AGENCY if agency is None else agency.id
        )
        try:
            if session.agency_id is not None:
                raise NotPermittedError(ASSUME_AGENCY, "acts for an agency already")
            self._identity.authorise(session, ASSUME_AGENCY, resource)
        except AuthorisationError as error:
            self._refuse(session, request_id, ASSUME_AGENCY, error)
            raise
        if agency is None:
            raise NotFoundError(f"Could not find agency: {chosen.name}.")
        return agency

    def _refuse(
        self, session: Session, request_id: RequestId, action: str, error: AuthorisationError
    ) -> None:
        reason = error.reason if isinstance(error, NotPermittedError) else error.detail
        self._tell(session, request_id, action, reason, allowed=False)

    def _tell_agency(
        self, session: Session, agency: Agency, request_id: RequestId, reason: str
    ) -> None:
        """Tell both accounts: who made use of the agency, and by whom one's own was used."""
        for account_id in dict.fromkeys((session.principal.account_id, agency.account_id)):
            self._tell(
                session,
                request_id,
                ASSUME_AGENCY,
                reason,
                allowed=True,
                account_id=account_id,
                resource=agency_resource(agency.account_id, agency.id),
            )

    def _tell(  # noqa: PLR0913 - one argument a fact
        self,
        session: Session,
        request_id: RequestId,
        action: str,
        reason: str,
        *,
        allowed: bool,
        account_id: AccountId | None = None,
        resource: str = "",
    ) -> None:
        principal = session.principal
        is_home = account_id in {None, principal.account_id}
        self._audit.record(
            AuditEntry(
                at=self._clock.now(),
                account_id=account_id or principal.account_id,
                project_id="",
                user_id=principal.user_id,
                user_name=principal.user_name,
                # Which keys and tokens an account has is no other account's business.
                credential_id=principal.credential_id if is_home else "",
                address=session.address,
                request_id=request_id,
                action=action,
                resource=resource,
                allowed=allowed,
                reason=reason,
                pattern="" if allowed else action,
            )
        )
