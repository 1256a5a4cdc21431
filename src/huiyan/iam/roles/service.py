"""What can be granted.

Owns: the roles that an account sees, the system's and its own custom policies. Has no opinion on:
wires, tables, which callers may ask, and to whom roles are granted.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Directory
from huiyan.iam.policy.model import Role, RoleId
from huiyan.iam.policy.system import SYSTEM_ROLES
from huiyan.iam.policy.wire import parse_policy, render_policy
from huiyan.iam.roles.model import RoleChange, RoleDraft, RoleFilter
from huiyan.iam.roles.repository import RolesRepository
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import ConflictError, NotFoundError
from huiyan.kernel.ids import AccountId, new_hex_id

_SYSTEM_NAMES = frozenset(role.display_name.casefold() for role in SYSTEM_ROLES)


class RolesService:
    """Answers about roles from memory, made new first, and changes them in the database.

    Parameters
    ----------
    repository : RolesRepository
        Where they are stored.
    identity : IdentityService
        Whose memory holds them.
    clock : Clock
        The server's clock.
    """

    def __init__(
        self, repository: RolesRepository, identity: IdentityService, clock: Clock
    ) -> None:
        self._repository = repository
        self._identity = identity
        self._clock = clock

    def system_roles(self, wanted: RoleFilter) -> tuple[Role, ...]:
        """List the roles and policies that every installation has.

        Parameters
        ----------
        wanted : RoleFilter
            Which of them.

        Returns
        -------
        tuple of Role
            In the system's order.
        """
        return tuple(role for role in SYSTEM_ROLES if wanted.fits(role))

    def custom_roles(self, account_id: AccountId, wanted: RoleFilter) -> tuple[Role, ...]:
        """List an account's own policies.

        Parameters
        ----------
        account_id : AccountId
            The account.
        wanted : RoleFilter
            Which of them.

        Returns
        -------
        tuple of Role
            By name for people.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        own = [
            role
            for role in self._news().roles.values()
            if role.account_id == account_id and wanted.fits(role)
        ]
        return tuple(sorted(own, key=lambda role: role.display_name))

    def role(self, account_id: AccountId, role_id: str) -> Role:
        """Get a role that an account can grant: the system's or its own.

        Parameters
        ----------
        account_id : AccountId
            The account.
        role_id : str
            The role.

        Returns
        -------
        Role
            The role.

        Raises
        ------
        NotFoundError
            There is none of that id, or it is another account's.
        DatabaseError
            The database failed.
        """
        role = self._news().roles.get(RoleId(role_id))
        if role is None or role.account_id not in {None, account_id}:
            raise NotFoundError(f"Could not find role: {role_id}.")
        return role

    def custom_role(self, account_id: AccountId, role_id: str) -> tuple[Role, int]:
        """Get one of an account's own policies.

        Parameters
        ----------
        account_id : AccountId
            The account.
        role_id : str
            The policy.

        Returns
        -------
        role : Role
            The policy.
        references : int
            How often it is granted.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        DatabaseError
            The database failed.
        """
        role = self.role(account_id, role_id)
        if role.is_system:
            raise NotFoundError(f"Could not find role: {role_id}.")
        every = self._identity.directory.grants.values()
        return role, sum(grant.role_id == role.id for grants in every for grant in grants)

    def create_role(self, account_id: AccountId, draft: RoleDraft) -> Role:
        """Make a custom policy.

        Parameters
        ----------
        account_id : AccountId
            Whose it becomes.
        draft : RoleDraft
            What it is.

        Returns
        -------
        Role
            The policy.

        Raises
        ------
        InvalidParameterError
            The policy would be too long as it is stored.
        ConflictError
            The name is one of the account's or of the system's.
        QuotaError
            The account has as many as it may.
        DatabaseError
            The database failed.
        """
        _check(draft)
        role_id = RoleId(new_hex_id())
        role = self._repository.insert_role(account_id, role_id, draft, self._clock.now())
        self._identity.refresh()
        return role

    def change_role(self, account_id: AccountId, role_id: str, change: RoleChange) -> Role:
        """Change a custom policy.

        Parameters
        ----------
        account_id : AccountId
            Whose it is.
        role_id : str
            The policy.
        change : RoleChange
            What it becomes.

        Returns
        -------
        Role
            The policy as it is now.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        InvalidParameterError
            The policy would be too long as it is stored.
        ConflictError
            The name is taken, or the type is to change while the policy is granted.
        DatabaseError
            The database failed.
        """
        role, _references = self.custom_role(account_id, role_id)
        _check(change)
        changed = self._repository.update_role(account_id, role.id, change, self._clock.now())
        self._identity.refresh()
        return changed

    def delete_role(self, account_id: AccountId, role_id: str) -> None:
        """Remove a custom policy that is granted nowhere.

        Parameters
        ----------
        account_id : AccountId
            Whose it is.
        role_id : str
            The policy.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        ConflictError
            It is granted.
        DatabaseError
            The database failed.
        """
        role, _references = self.custom_role(account_id, role_id)
        self._repository.delete_role(account_id, role.id)
        self._identity.refresh()

    def _news(self) -> Directory:
        """Give the memory as new as the database: what another process changed is seen at once."""
        self._identity.refresh()
        return self._identity.directory


def _check(role: RoleDraft | RoleChange) -> None:
    if (role.display_name or "").casefold() in _SYSTEM_NAMES:
        raise ConflictError(f"The name {role.display_name} is the system's.")
    if role.policy is not None:
        # It is stored as it is rendered, and must be readable as that at every later start.
        parse_policy(render_policy(role.policy), parameter="role.policy")
