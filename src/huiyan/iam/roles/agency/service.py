"""Rights that an account lends.

Owns: an account's agencies and whom they may trust. Has no opinion on: wires, tables, what is
granted to them, and how they are assumed.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Agency, Directory
from huiyan.iam.roles.agency.model import AgencyChange, AgencyDraft, Trust
from huiyan.iam.roles.agency.repository import AgencyRepository
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import NotFoundError
from huiyan.kernel.ids import AccountId, AgencyId, new_hex_id

_SERVICE_PREFIX = "op_svc_"
"""How the vendor's names of services that can be trusted begin, such as ``op_svc_obs``."""


class AgencyService:
    """Answers about agencies from memory, made new first, and changes them in the database.

    Parameters
    ----------
    repository : AgencyRepository
        Where they are stored.
    identity : IdentityService
        Whose memory holds them.
    clock : Clock
        The server's clock.
    """

    def __init__(
        self, repository: AgencyRepository, identity: IdentityService, clock: Clock
    ) -> None:
        self._repository = repository
        self._identity = identity
        self._clock = clock

    def agencies(
        self, account_id: AccountId, name: str | None = None, trusted_account_id: str | None = None
    ) -> tuple[Agency, ...]:
        """List an account's agencies.

        Parameters
        ----------
        account_id : AccountId
            The account.
        name : str, optional
            Only the one of this name.
        trusted_account_id : str, optional
            Only those that trust this account.

        Returns
        -------
        tuple of Agency
            By name.

        Raises
        ------
        DatabaseError
            The database failed.
        """
        found = [
            agency
            for agency in self._news().agencies.values()
            if agency.account_id == account_id
            and name in {None, agency.name}
            and trusted_account_id in {None, agency.trusted_account_id}
        ]
        return tuple(sorted(found, key=lambda agency: agency.name))

    def agency(self, account_id: AccountId, agency_id: str) -> Agency:
        """Get one of an account's agencies.

        Parameters
        ----------
        account_id : AccountId
            The account.
        agency_id : str
            The agency.

        Returns
        -------
        Agency
            The agency.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        DatabaseError
            The database failed.
        """
        agency = self._news().agencies.get(AgencyId(agency_id))
        if agency is None or agency.account_id != account_id:
            raise NotFoundError(f"Could not find agency: {agency_id}.")
        return agency

    def create_agency(self, account_id: AccountId, draft: AgencyDraft) -> Agency:
        """Make an agency, to which nothing is granted yet.

        Parameters
        ----------
        account_id : AccountId
            Whose rights it lends.
        draft : AgencyDraft
            What it is.

        Returns
        -------
        Agency
            The agency.

        Raises
        ------
        NotFoundError
            There is no such account or service to trust.
        ConflictError
            The account has one of that name.
        QuotaError
            The account has as many as it may.
        DatabaseError
            The database failed.
        """
        trust, now = _resolve(self._news(), draft.trust), self._clock.now()
        agency = Agency(
            id=AgencyId(new_hex_id()),
            account_id=account_id,
            name=draft.name,
            trusted_account_id=trust.account_id,
            trusted_account_name=trust.account_name,
            description=draft.description,
            duration=draft.duration,
            # As it will be read again: rows hold milliseconds.
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        )
        self._repository.insert_agency(agency)
        self._identity.refresh()
        return agency

    def change_agency(self, account_id: AccountId, agency_id: str, change: AgencyChange) -> Agency:
        """Change an agency.

        Parameters
        ----------
        account_id : AccountId
            Whose rights it lends.
        agency_id : str
            The agency.
        change : AgencyChange
            What it becomes.

        Returns
        -------
        Agency
            As it is now.

        Raises
        ------
        NotFoundError
            The account has none of that id, or there is no such account or service to trust.
        DatabaseError
            The database failed.
        """
        agency = self.agency(account_id, agency_id)
        trust = change.trust
        resolved = AgencyChange(
            trust=None if trust is None else _resolve(self._identity.directory, trust),
            description=change.description,
            duration=change.duration,
        )
        changed = self._repository.update_agency(account_id, agency.id, resolved)
        self._identity.refresh()
        return changed

    def delete_agency(self, account_id: AccountId, agency_id: str) -> None:
        """Remove an agency with everything that was granted to it.

        Parameters
        ----------
        account_id : AccountId
            Whose rights it lends.
        agency_id : str
            The agency.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        DatabaseError
            The database failed.
        """
        agency = self.agency(account_id, agency_id)
        self._repository.delete_agency(account_id, agency.id)
        self._identity.refresh()

    def _news(self) -> Directory:
        """Give the memory as new as the database: what another process changed is seen at once."""
        self._identity.refresh()
        return self._identity.directory


def _resolve(directory: Directory, asked: Trust) -> Trust:
    """Find who is trusted; an account that is made later must not come by rights lent before."""
    if asked.account_name:
        account = directory.find_account(asked.account_name)
        if account is None and asked.account_name.startswith(_SERVICE_PREFIX):
            return Trust("", asked.account_name)
    else:
        account = directory.accounts.get(AccountId(asked.account_id))
    if account is None:
        raise NotFoundError("TrustDomainNotFound")
    return Trust(account.id, account.name)
