"""What is a user's own, the owner's own, and nothing for a temporary key.

Owns: those three rules, which keep accounts from being taken over. Has no opinion on: rights, which
are judged before.
"""

from __future__ import annotations

from huiyan.iam.model import Session, User
from huiyan.kernel.errors import NotPermittedError


def is_own(session: Session, user_id: str) -> bool:
    """Tell whether something concerns the caller's own user alone, which needs no right.

    Parameters
    ----------
    session : Session
        The caller.
    user_id : str
        Whom it concerns.

    Returns
    -------
    bool
        False also for credentials that stand for less than the user: a narrowed key must not make
        itself a wide one, and who acts for an agency is not at home there.
    """
    return (
        session.narrowing is None
        and session.agency_id is None
        and user_id == session.principal.user_id
    )


def require_own(session: Session, user_id: str, action: str) -> None:
    """See that a user does this to themselves.

    Parameters
    ----------
    session : Session
        The caller.
    user_id : str
        To whom it is done.
    action : str
        What, for the refusal.

    Raises
    ------
    NotPermittedError
        It is someone else.
    """
    if session.agency_id is not None or user_id != session.principal.user_id:
        raise NotPermittedError(action, "users do this for themselves only")


def require_not_owner(session: Session, user: User, action: str) -> None:
    """See that nobody but the account's owner changes what the owner calls with.

    Parameters
    ----------
    session : Session
        The caller, who has the right to manage users.
    user : User
        Whom it concerns.
    action : str
        What is to be done, for the refusal.

    Raises
    ------
    NotPermittedError
        The user is the owner and the caller is not: who manages users would otherwise take every
        right in the account.
    """
    if user.is_owner and (session.agency_id is not None or session.principal.user_id != user.id):
        raise NotPermittedError(action, "only the account's owner may change the owner")


def require_lasting(session: Session, action: str) -> None:
    """See that no temporary key makes or revives a credential that outlives it.

    Parameters
    ----------
    session : Session
        The caller, whatever rights they have.
    action : str
        What is to be done, for the refusal.

    Raises
    ------
    NotPermittedError
        A temporary key signed: whoever steals it would otherwise stay for good.
    """
    if session.is_temporary:
        raise NotPermittedError(action, "a temporary key makes no lasting credential")
