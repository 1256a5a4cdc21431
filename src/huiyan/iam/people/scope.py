"""Which account a call is about.

Owns: that it can be the caller's own only, whatever the call names. Has no opinion on: rights.
"""

from __future__ import annotations

from huiyan.iam.call import Call
from huiyan.kernel.errors import NotPermittedError
from huiyan.kernel.ids import AccountId


def own_account(call: Call, action: str) -> AccountId:
    """Get the account that a list is about.

    Parameters
    ----------
    call : Call
        Its query may name the account as ``domain_id``.
    action : str
        What is asked for, for the refusal.

    Returns
    -------
    AccountId
        The caller's.

    Raises
    ------
    NotPermittedError
        Another one is named.
    """
    require_own_domain(call, call.query.get("domain_id"), action)
    return call.caller().principal.account_id


def require_own_domain(call: Call, domain_id: str | None, action: str) -> None:
    """See that a call names no other account than the caller's.

    Parameters
    ----------
    call : Call
        The call.
    domain_id : str or None
        The account that it names; None or empty if it names none.
    action : str
        What is asked for, for the refusal.

    Raises
    ------
    NotPermittedError
        It names another one.
    """
    if domain_id and domain_id != call.caller().principal.account_id:
        raise NotPermittedError(action, "the domain is not the caller's account")
