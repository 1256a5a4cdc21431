"""Limits of single users and projects.

Owns: which limits there may be and whose they may be. Has no opinion on: how callers are held to
them, and what counts where there is none (the settings).
"""

from __future__ import annotations

from huiyan.iam.directory.model import Limits
from huiyan.iam.limits.model import LimitSubject
from huiyan.iam.limits.repository import LimitRepository
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import InvalidParameterError, NotFoundError
from huiyan.kernel.ids import AccountId, ProjectId, UserId

MOST_CALLS_PER_MINUTE = 100_000_000
MOST_CONCURRENT_CALLS = 1_000_000


class LimitService:
    """Sets, removes and lists limits.

    Parameters
    ----------
    identity : IdentityService
        Knows users and projects; its memory is renewed after a change.
    repository : LimitRepository
        Where limits are stored.
    """

    def __init__(self, identity: IdentityService, repository: LimitRepository) -> None:
        self._identity = identity
        self._repository = repository

    def list_limits(self, account_id: AccountId) -> tuple[tuple[LimitSubject, Limits], ...]:
        """List the limits of one account.

        Parameters
        ----------
        account_id : AccountId
            Whose.

        Returns
        -------
        tuple of tuple of LimitSubject and Limits
            Projects before users, each by id.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        return self._repository.list_limits(account_id)

    def set_limit(self, account_id: AccountId, subject: LimitSubject, limits: Limits) -> None:
        """Limit a user or project of an account otherwise than the settings do.

        Parameters
        ----------
        account_id : AccountId
            The account.
        subject : LimitSubject
            A user or project of it.
        limits : Limits
            Calls a minute, 0 to 100,000,000, and calls at once, 0 to 1,000,000; 0 is no limit.

        Raises
        ------
        InvalidParameterError
            A number is out of range.
        NotFoundError
            The account has no such user or project.
        ConflictError
            Somebody else set them at the same time.
        DatabaseError
            The database failed.
        """
        if not 0 <= limits.calls_per_minute <= MOST_CALLS_PER_MINUTE:
            raise InvalidParameterError("calls_per_minute", "must be 0 to 100000000")
        if not 0 <= limits.concurrent_calls <= MOST_CONCURRENT_CALLS:
            raise InvalidParameterError("concurrent_calls", "must be 0 to 1000000")
        self._require(account_id, subject)
        self._repository.set_limit(account_id, subject, limits)
        self._identity.refresh()

    def remove_limit(self, account_id: AccountId, subject: LimitSubject) -> None:
        """Take away the limits of a user or project: the settings count again.

        Parameters
        ----------
        account_id : AccountId
            The account.
        subject : LimitSubject
            A user or project of it, or one that is gone.

        Raises
        ------
        NotFoundError
            It has none of its own.
        DatabaseError
            The database failed.
        """
        self._repository.remove_limit(account_id, subject)
        self._identity.refresh()

    def _require(self, account_id: AccountId, subject: LimitSubject) -> None:
        directory = self._identity.directory
        found = (
            directory.users.get(UserId(subject.id))
            if subject.kind == "user"
            else directory.projects.get(ProjectId(subject.id))
        )
        if found is None or found.account_id != account_id:
            raise NotFoundError(f"Could not find {subject.kind}: {subject.id}.")
