"""A further access key for a user who is known by name."""

from __future__ import annotations

from huiyan.iam.model import IssuedKey
from huiyan.iam.people.service import PeopleService
from huiyan.kernel.ids import AccountId


def issue_key(people: PeopleService, account_id: AccountId, user_name: str = "admin") -> IssuedKey:
    (user,) = people.roster.users(account_id, user_name)
    _stored, issued = people.keys.create(account_id, user.id)
    return issued
