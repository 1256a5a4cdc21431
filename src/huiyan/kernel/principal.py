"""Who calls, once it is established.

Owns: the value that authentication yields. Has no opinion on: how it was established.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.kernel.ids import AccountId, UserId


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    Parameters
    ----------
    account_id : AccountId
        The account (domain) that pays.
    user_id : UserId
        The user in that account.
    user_name : str
        The user's name, for logs.
    credential_id : str
        What proved it: the access key's id, or the token's.
    is_owner : bool
        Whether the user owns the account and so has every right in it.
    """

    account_id: AccountId
    user_id: UserId
    user_name: str
    credential_id: str
    is_owner: bool
