"""The parts of IAM, joined.

Owns: which parts there are and what each is given, the same for the server, the command line and
the tests. Has no opinion on: what any part does, and settings; it is handed what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from huiyan.iam.accounts.repository import AccountRepository
from huiyan.iam.accounts.service import AccountService
from huiyan.iam.audit.calls import audit_operations
from huiyan.iam.audit.repository import AuditRepository
from huiyan.iam.audit.service import AuditService
from huiyan.iam.call import CallThrottle, Operation
from huiyan.iam.desk import Desk
from huiyan.iam.limits.repository import LimitRepository
from huiyan.iam.limits.service import LimitService
from huiyan.iam.people.calls import people_operations
from huiyan.iam.people.keys.use import KeyUse
from huiyan.iam.people.passwords import PasswordHasher
from huiyan.iam.people.repository import PeopleRepository
from huiyan.iam.people.service import PeopleService
from huiyan.iam.projects.calls import project_operations
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.roles.agency.calls import agency_operations
from huiyan.iam.roles.agency.repository import AgencyRepository
from huiyan.iam.roles.agency.service import AgencyService
from huiyan.iam.roles.calls import role_operations
from huiyan.iam.roles.grant.calls import grant_operations
from huiyan.iam.roles.grant.service import GrantService
from huiyan.iam.roles.repository import RolesRepository
from huiyan.iam.roles.service import RolesService
from huiyan.iam.service import IdentityService
from huiyan.iam.services.calls import service_operations
from huiyan.iam.tokens.calls import token_operations
from huiyan.iam.tokens.delegation import DelegationService
from huiyan.iam.tokens.login import LoginService
from huiyan.iam.tokens.repository import LockoutRepository
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.persistence.database import Database


@dataclass(frozen=True, slots=True)
class IdentityParts:
    """Everything of IAM over one database.

    Parameters
    ----------
    identity : IdentityService
        Who calls, and what they may.
    people : PeopleService
        Users, groups, passwords and keys.
    roles : RolesService
        Policies.
    grants : GrantService
        Who holds which role where.
    agencies : AgencyService
        Rights that are lent.
    accounts : AccountService
        Whole accounts.
    limits : LimitService
        How much someone may call.
    audit : AuditService
        Who did or tried what; to be flushed now and then.
    key_use : KeyUse
        When keys were last used; to be flushed now and then.
    lockouts : LockoutRepository
        Counts of wrong passwords.
    logins : LoginService
        Tokens for passwords.
    delegation : DelegationService
        Tokens and temporary keys for other credentials.
    desk : Desk
        The way of each call.
    """

    identity: IdentityService
    people: PeopleService
    roles: RolesService
    grants: GrantService
    agencies: AgencyService
    accounts: AccountService
    limits: LimitService
    audit: AuditService
    key_use: KeyUse
    lockouts: LockoutRepository
    logins: LoginService
    delegation: DelegationService
    desk: Desk

    @property
    def operations(self) -> tuple[Operation, ...]:
        """List every call of IAM, and our own beside them.

        Returns
        -------
        tuple of Operation
            One a method and path.
        """
        identity = self.identity
        return (
            *token_operations(identity, identity.tokens, self.logins, self.delegation),
            *project_operations(identity),
            *people_operations(self.people),
            *role_operations(self.roles),
            *grant_operations(self.grants),
            *agency_operations(self.agencies),
            *service_operations(identity),
            *audit_operations(identity, self.audit),
        )


def open_identity(  # noqa: PLR0913 - the parts of it, by name
    database: Database,
    vault: Vault,
    clock: Clock,
    regions: Sequence[str],
    hasher: PasswordHasher | None = None,
    *,
    throttle: CallThrottle | None = None,
) -> IdentityParts:
    """Join the parts of IAM.

    Parameters
    ----------
    database : Database
        Open, in this code's shape.
    vault : Vault
        Opens what is sealed in it.
    clock : Clock
        The server's clock.
    regions : sequence of str
        The configured regions; a new account gets a project in each.
    hasher : PasswordHasher, optional
        For passwords; without it, one of the full cost.
    throttle : CallThrottle, optional
        Holds the callers of the desk to their limits; without it, nothing does.

    Returns
    -------
    IdentityParts
        Ready to answer.

    Raises
    ------
    DatabaseError, InstanceKeyError
        The database failed, or a stored secret does not open.
    """
    hasher = hasher or PasswordHasher()
    repository, people_rows = IdentityRepository(database), PeopleRepository(database)
    role_rows, lockouts = RolesRepository(database), LockoutRepository(database)
    key_use = KeyUse(people_rows.keys, clock)
    identity = IdentityService(repository, vault, clock, key_use)
    audit = AuditService(AuditRepository(database), clock)
    return IdentityParts(
        identity=identity,
        people=PeopleService(people_rows, identity, vault, hasher, clock, lockouts),
        roles=RolesService(role_rows, identity, clock),
        grants=GrantService(role_rows, identity),
        agencies=AgencyService(AgencyRepository(database), identity, clock),
        accounts=AccountService(
            identity, repository, AccountRepository(database), vault, regions=regions, clock=clock
        ),
        limits=LimitService(identity, LimitRepository(database)),
        audit=audit,
        key_use=key_use,
        lockouts=lockouts,
        logins=LoginService(identity, people_rows, hasher, lockouts, identity.tokens, clock, audit),
        delegation=DelegationService(identity, identity.tokens, clock, audit, throttle),
        desk=Desk(identity, audit, clock, throttle),
    )
