"""Calls that name an account.

Owns: that it is the caller's. Has no opinion on: what the call does.
"""

from __future__ import annotations

from huiyan.iam.call import Call
from huiyan.kernel.errors import NotPermittedError
from huiyan.kernel.ids import AccountId


def require_own_account(call: Call, domain_id: str, action: str) -> AccountId:
    """See that a call names no account but the caller's.

    Parameters
    ----------
    call : Call
        The call.
    domain_id : str
        The account that it names.
    action : str
        What it wants to do.

    Returns
    -------
    AccountId
        The account.

    Raises
    ------
    NotPermittedError
        It is another, or none.
    """
    account_id = call.caller().principal.account_id
    if domain_id != account_id:
        raise NotPermittedError(action, "names another account")
    return account_id
