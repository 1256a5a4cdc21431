"""Groups and who is in them.

Owns: what may be done with them. Has no opinion on: who may ask for it, wires and tables.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Group
from huiyan.iam.people.groups.repository import GroupRepository
from huiyan.iam.people.roster import Roster
from huiyan.iam.people.rules import check_description, check_group_name, whole_milliseconds
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import Clock
from huiyan.kernel.ids import AccountId, GroupId, UserId, new_hex_id


class GroupService:
    """Makes and changes groups.

    Parameters
    ----------
    repository : GroupRepository
        Where they are stored.
    identity : IdentityService
        Told of every change.
    clock : Clock
        The server's clock.
    """

    def __init__(
        self, repository: GroupRepository, identity: IdentityService, clock: Clock
    ) -> None:
        self._repository = repository
        self._identity = identity
        self._clock = clock
        self.roster = Roster(identity)

    def create(self, account_id: AccountId, name: str, description: str = "") -> Group:
        """Make a group.

        Parameters
        ----------
        account_id : AccountId
            The account.
        name : str
            Unique in the account.
        description : str, default ''
            Free text.

        Returns
        -------
        Group
            The group, with nobody in it.

        Raises
        ------
        InvalidParameterError
            The name or the description is not good.
        QuotaError
            The account has as many groups as it may.
        ConflictError
            The account has a group of that name.
        DatabaseError
            The database failed.
        """
        check_group_name(name)
        check_description(description, "group.description")
        group_id = GroupId(new_hex_id())
        created_at = whole_milliseconds(self._clock.now())
        group = Group(group_id, account_id, name, description, created_at)
        self._repository.add(group)
        self._identity.refresh()
        return group

    def change(
        self,
        account_id: AccountId,
        group_id: str,
        name: str | None = None,
        description: str | None = None,
    ) -> Group:
        """Change a group.

        Parameters
        ----------
        account_id : AccountId
            The account.
        group_id : str
            The group.
        name : str, optional
            The new name.
        description : str, optional
            The new description.

        Returns
        -------
        Group
            As it is now.

        Raises
        ------
        NotFoundError
            The account has no such group.
        InvalidParameterError
            The name or the description is not good.
        ConflictError
            The account has another group of that name.
        DatabaseError
            The database failed.
        """
        known = self.roster.get_group(account_id, group_id)
        if name is not None:
            check_group_name(name)
        if description is not None:
            check_description(description, "group.description")
        group = self._repository.change(account_id, known.id, name, description)
        self._identity.refresh()
        return group

    def delete(self, account_id: AccountId, group_id: str) -> None:
        """Remove a group; what its grants allowed ends at once.

        Parameters
        ----------
        account_id : AccountId
            The account.
        group_id : str
            The group.

        Raises
        ------
        NotFoundError
            The account has no such group.
        DatabaseError
            The database failed.
        """
        group = self.roster.get_group(account_id, group_id)
        self._repository.remove(account_id, group.id)
        self._identity.refresh()

    def add_member(self, account_id: AccountId, group_id: str, user_id: str) -> None:
        """Put a user into a group; one who is in it already stays there.

        Parameters
        ----------
        account_id : AccountId
            The account of both.
        group_id : str
            The group.
        user_id : str
            The user.

        Raises
        ------
        NotFoundError
            The account has no such group or no such user.
        DatabaseError
            The database failed.
        """
        group = self.roster.get_group(account_id, group_id)
        user = self.roster.get_user(account_id, user_id)
        self._repository.add_member(account_id, group.id, user.id)
        self._identity.refresh()

    def remove_member(self, account_id: AccountId, group_id: str, user_id: str) -> None:
        """Take a user out of a group; what its grants allowed the user ends at once.

        Parameters
        ----------
        account_id : AccountId
            The account of both.
        group_id : str
            The group.
        user_id : str
            The user.

        Raises
        ------
        NotFoundError
            The user is not in it, or one of them is not there.
        DatabaseError
            The database failed.
        """
        group = self.roster.get_group(account_id, group_id)
        user = self.roster.get_user(account_id, user_id)
        self._repository.remove_member(account_id, group.id, user.id)
        self._identity.refresh()

    def is_member(self, account_id: AccountId, group_id: str, user_id: str) -> bool:
        """Tell whether a user is in a group.

        Parameters
        ----------
        account_id : AccountId
            The account of both.
        group_id : str
            The group.
        user_id : str
            The user.

        Returns
        -------
        bool
            Whether it is.

        Raises
        ------
        NotFoundError
            The account has no such group or no such user.
        DatabaseError
            The database failed.
        """
        group = self.roster.get_group(account_id, group_id)
        user = self.roster.get_user(account_id, user_id)
        return group.id in self._identity.directory.memberships.get(UserId(user.id), ())
