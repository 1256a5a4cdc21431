"""Who there is in an account, as new as the database.

Owns: looking up users and groups without telling one account about another's. Has no opinion on:
who asks, and how they come to be.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Directory, Group
from huiyan.iam.model import User
from huiyan.iam.service import IdentityService
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccountId, GroupId, UserId


class Roster:
    """Looks up users and groups in memory, once it is sure that the memory is the newest.

    That costs one tiny query a look, and whoever has made a user on one process finds it on every
    other at once.

    Parameters
    ----------
    identity : IdentityService
        Keeps the memory.
    """

    def __init__(self, identity: IdentityService) -> None:
        self._identity = identity

    def directory(self) -> Directory:
        """Take the newest memory.

        Returns
        -------
        Directory
            As new as the database was a moment ago.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        self._identity.refresh()
        return self._identity.directory

    def users(
        self, account_id: AccountId, name: str | None = None, *, enabled: bool | None = None
    ) -> tuple[User, ...]:
        """List the users of an account.

        Parameters
        ----------
        account_id : AccountId
            The account.
        name : str, optional
            Only the one of this name.
        enabled : bool, optional
            Only those enabled, or only those not.

        Returns
        -------
        tuple of User
            By name.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        found = (
            user
            for user in self.directory().users.values()
            if user.account_id == account_id
            and name in {None, user.name}
            and enabled in {None, user.enabled}
        )
        return tuple(sorted(found, key=lambda user: user.name))

    def get_user(self, account_id: AccountId, user_id: str) -> User:
        """Get a user.

        Parameters
        ----------
        account_id : AccountId
            The account.
        user_id : str
            As the caller wrote it.

        Returns
        -------
        User
            The user.

        Raises
        ------
        NotFoundError
            The account has no such user; another account may have.
        DatabaseError
            The database failed.
        """
        user = self.directory().users.get(UserId(user_id))
        if user is None or user.account_id != account_id:
            raise NotFoundError(f"Could not find user: {user_id}.")
        return user

    def groups(self, account_id: AccountId, name: str | None = None) -> tuple[Group, ...]:
        """List the groups of an account.

        Parameters
        ----------
        account_id : AccountId
            The account.
        name : str, optional
            Only the one of this name.

        Returns
        -------
        tuple of Group
            By name.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        found = (
            group
            for group in self.directory().groups.values()
            if group.account_id == account_id and name in {None, group.name}
        )
        return tuple(sorted(found, key=lambda group: group.name))

    def get_group(self, account_id: AccountId, group_id: str) -> Group:
        """Get a group.

        Parameters
        ----------
        account_id : AccountId
            The account.
        group_id : str
            As the caller wrote it.

        Returns
        -------
        Group
            The group.

        Raises
        ------
        NotFoundError
            The account has no such group; another account may have.
        DatabaseError
            The database failed.
        """
        group = self.directory().groups.get(GroupId(group_id))
        if group is None or group.account_id != account_id:
            raise NotFoundError(f"Could not find group: {group_id}.")
        return group

    def members(self, account_id: AccountId, group_id: str) -> tuple[User, ...]:
        """List the users in a group.

        Parameters
        ----------
        account_id : AccountId
            The account.
        group_id : str
            As the caller wrote it.

        Returns
        -------
        tuple of User
            By name.

        Raises
        ------
        NotFoundError
            The account has no such group.
        DatabaseError
            The database failed.
        """
        group = self.get_group(account_id, group_id)
        directory = self._identity.directory
        found = (
            directory.users[user_id]
            for user_id, joined in directory.memberships.items()
            if group.id in joined and user_id in directory.users
        )
        return tuple(sorted(found, key=lambda user: user.name))

    def groups_of(self, account_id: AccountId, user_id: str) -> tuple[Group, ...]:
        """List the groups that a user is in.

        Parameters
        ----------
        account_id : AccountId
            The account.
        user_id : str
            As the caller wrote it.

        Returns
        -------
        tuple of Group
            By name.

        Raises
        ------
        NotFoundError
            The account has no such user.
        DatabaseError
            The database failed.
        """
        user = self.get_user(account_id, user_id)
        directory = self._identity.directory
        found = (
            directory.groups[group_id]
            for group_id in directory.memberships.get(user.id, ())
            if group_id in directory.groups
        )
        return tuple(sorted(found, key=lambda group: group.name))
