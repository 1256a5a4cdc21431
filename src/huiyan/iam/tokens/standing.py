"""Whether what a credential says of its bearer still holds.

Owns: what withdraws a credential, and which roles are told with a token. Has no opinion on: how
credentials are made and read, and what the bearer may do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from huiyan.iam.directory.model import Agency, Directory
from huiyan.iam.model import Project, Session, User
from huiyan.iam.policy.model import Effect, Policy, Statement
from huiyan.iam.rights import Rights
from huiyan.iam.tokens.model import ASSUME_AGENCY, Bearer, agency_resource, has_ended
from huiyan.kernel.errors import AuthorisationError, ExpiredTokenError, WithdrawnTokenError
from huiyan.kernel.ids import AgencyId, UserId
from huiyan.kernel.principal import Principal

_MOST_NAME_CHARACTERS = 128
_OWNER_ROLES = ("secu_admin", "te_admin")
_NOTHING = Policy("1.1", (Statement(Effect.DENY, ("*:*:*",)),))


def is_parent_usable(bearer: Bearer, directory: Directory) -> bool:
    """Tell whether the permanent key is still usable under which a credential was made.

    Parameters
    ----------
    bearer : Bearer
        For whom the credential was issued.
    directory : Directory
        Who there is.

    Returns
    -------
    bool
        True also for a credential that was made without one.
    """
    return bearer.parent_key is None or bearer.parent_key in directory.keys


def session_of(  # noqa: PLR0913 - one argument a fact
    bearer: Bearer,
    expires_at: datetime,
    directory: Directory,
    now: datetime,
    address: str,
    *,
    by_access_key: bool,
) -> Session:
    """Judge what tokens and temporary keys have in common.

    Parameters
    ----------
    bearer : Bearer
        For whom the credential was issued.
    expires_at : datetime
        Until when, in UTC; no longer at that very instant.
    directory : Directory
        Who there is.
    now : datetime
        The instant, in UTC.
    address : str
        From where the caller calls.
    by_access_key : bool
        Whether a temporary key signed, not a token.

    Returns
    -------
    Session
        The caller, not yet with the credential's id. A disabled user is established, too:
        authorisation says that it is disabled.

    Raises
    ------
    ExpiredTokenError
        Its time is over.
    WithdrawnTokenError
        Password or status were changed, or the user is gone, or may not act for the agency.
    """
    if now >= expires_at:
        raise ExpiredTokenError("token expires")
    user = directory.users.get(bearer.user_id)
    if user is None or user.account_id != bearer.account_id:
        raise WithdrawnTokenError("the user is gone")
    is_current = user.credential_epoch == bearer.epoch
    if user.enabled and not is_current:
        raise WithdrawnTokenError("password or status were changed")
    session = Session(
        Principal(user.account_id, user.id, user.name, "", is_owner=user.is_owner),
        address,
        bearer.project_id,
        # Whoever is let through only to be told of being disabled may nothing, even if the
        # user is enabled again before that is asked.
        narrowing=None if is_current else _NOTHING,
        by_access_key=by_access_key,
        is_temporary=by_access_key,
    )
    if bearer.agency_id is None:
        return session
    return _acting(session, bearer, bearer.agency_id, directory, now)


def role_names(
    user: User, agency: Agency | None, project: Project | None, directory: Directory
) -> tuple[str, ...]:
    """Tell which roles count where a token reaches.

    Parameters
    ----------
    user : User
        Who proved who they are.
    agency : Agency or None
        The agency that the user acts for.
    project : Project or None
        The project; None for global services.
    directory : Directory
        Who there is.

    Returns
    -------
    tuple of str
        The vendor's names; for an owner those that come closest to every right.
    """
    if agency is None and user.is_owner:
        return _OWNER_ROLES
    subjects = directory.memberships.get(user.id, ()) if agency is None else (agency.id,)
    roles = (
        directory.global_roles(subjects)
        if project is None
        else directory.project_roles(subjects, project)
    )
    return tuple(role.name for role in roles)


def _acting(
    session: Session, bearer: Bearer, agency_id: AgencyId, directory: Directory, now: datetime
) -> Session:
    """Put an agency in the place of the user who acts for it, if that is still allowed."""
    agency = directory.agencies.get(agency_id)
    if agency is None or agency.account_id not in directory.accounts:
        raise WithdrawnTokenError("the agency is gone")
    if agency.trusted_account_id != session.principal.account_id or has_ended(agency, now):
        raise WithdrawnTokenError("the agency no longer trusts the user's account")
    # A token made under an access key is that key's doing: who may no longer come by keys may not
    # come by it.
    user = replace(session, by_access_key=session.by_access_key or bearer.parent_key is not None)
    resource = agency_resource(agency.account_id, agency.id)
    try:
        Rights(directory).authorise(user, ASSUME_AGENCY, resource, now)
    except AuthorisationError as error:
        raise WithdrawnTokenError("the user may no longer act for the agency") from error
    name = f"{directory.accounts[agency.account_id].name}/{agency.name}"
    return replace(
        session,
        principal=Principal(
            account_id=agency.account_id,
            # Never the user's: what is a user's own must not be an agency's.
            user_id=UserId(agency.id),
            user_name=name[:_MOST_NAME_CHARACTERS],
            credential_id="",
            is_owner=False,
        ),
        agency_id=agency.id,
    )
