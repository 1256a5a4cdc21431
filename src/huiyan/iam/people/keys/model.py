"""Access keys as values.

Owns: the shape of a stored key without its secret. Has no opinion on: how it is stored and shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from huiyan.iam.model import KeyStatus
from huiyan.kernel.ids import AccessKey, AccountId, UserId

KEYS_A_USER = 2
"""How many keys a user may have, so that one can be replaced while the other is in use."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An access key as it is listed.

    Parameters
    ----------
    access_key : AccessKey
        20 upper-case letters and digits.
    account_id : AccountId
        Whose it is.
    user_id : UserId
        Who signs with it.
    status : {'active', 'inactive'}
        Whether it may sign.
    description : str
        Free text.
    created_at : datetime
        When it was made, in UTC.
    last_used_at : datetime or None
        When it last signed, to about a minute, in UTC.
    """

    access_key: AccessKey
    account_id: AccountId
    user_id: UserId
    status: KeyStatus
    description: str
    created_at: datetime
    last_used_at: datetime | None
