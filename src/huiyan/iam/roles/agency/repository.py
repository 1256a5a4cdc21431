"""Where agencies are stored.

Owns: every statement that changes them. Has no opinion on: who may ask for a change. They are read
with the rest of the directory.
"""

from __future__ import annotations

from huiyan.iam.directory.model import Agency
from huiyan.iam.directory.repository import agency_of
from huiyan.iam.roles.agency.model import MAX_AGENCIES, AgencyChange
from huiyan.iam.roles.repository import changing_account, unique_name
from huiyan.kernel.errors import NotFoundError, QuotaError
from huiyan.kernel.ids import AccountId, AgencyId
from huiyan.persistence.database import Database
from huiyan.persistence.query import (
    Scope,
    count_in,
    delete_in,
    insert_in,
    select_in,
    update_in,
)
from huiyan.persistence.revision import leave_revision
from huiyan.persistence.schema import AGENCY, ROLE_GRANT


class AgencyRepository:
    """Stores agencies.

    Parameters
    ----------
    database : Database
        The open database, in this code's shape.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_agency(self, agency: Agency) -> None:
        """Store a new agency.

        Parameters
        ----------
        agency : Agency
            The agency.

        Raises
        ------
        QuotaError
            The account has as many as it may.
        ConflictError
            The account has one of that name.
        DatabaseError
            The database failed.
        """
        scope = Scope(agency.account_id)
        with unique_name(agency.name), changing_account(self._database, scope) as connection:
            if connection.execute(count_in(scope, AGENCY)).scalar_one() >= MAX_AGENCIES:
                raise QuotaError(f"The account has {MAX_AGENCIES} agencies already.")
            connection.execute(
                insert_in(scope, AGENCY).values(
                    id=agency.id,
                    name=agency.name,
                    trusted_account_id=agency.trusted_account_id,
                    trusted_account_name=agency.trusted_account_name,
                    description=agency.description,
                    duration=agency.duration,
                    created_at_ms=agency.created_at,
                )
            )

    def update_agency(
        self, account_id: AccountId, agency_id: AgencyId, change: AgencyChange
    ) -> Agency:
        """Change an agency.

        Parameters
        ----------
        account_id : AccountId
            Whose rights it lends.
        agency_id : AgencyId
            The agency.
        change : AgencyChange
            What it becomes; the trust resolved.

        Returns
        -------
        Agency
            As it is stored now.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        DatabaseError
            The database failed.
        """
        scope, trust = Scope(account_id), change.trust
        values = {
            "trusted_account_id": None if trust is None else trust.account_id,
            "trusted_account_name": None if trust is None else trust.account_name,
            "description": change.description,
            "duration": change.duration,
        }
        query = select_in(scope, AGENCY).where(AGENCY.c.id == agency_id)
        with changing_account(self._database, scope) as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFoundError(f"Could not find agency: {agency_id}.")
            news = {
                name: value
                for name, value in values.items()
                if value is not None and getattr(row, name) != value
            }
            if not news:
                leave_revision(connection)
                return agency_of(row)
            connection.execute(
                update_in(scope, AGENCY).where(AGENCY.c.id == agency_id).values(news)
            )
            return agency_of(connection.execute(query).one())

    def delete_agency(self, account_id: AccountId, agency_id: AgencyId) -> None:
        """Remove an agency with everything that was granted to it.

        Parameters
        ----------
        account_id : AccountId
            Whose rights it lends.
        agency_id : AgencyId
            The agency.

        Raises
        ------
        NotFoundError
            The account has none of that id.
        DatabaseError
            The database failed.
        """
        scope = Scope(account_id)
        with changing_account(self._database, scope) as connection:
            connection.execute(
                delete_in(scope, ROLE_GRANT).where(
                    ROLE_GRANT.c.subject == "agency", ROLE_GRANT.c.subject_id == agency_id
                )
            )
            removal = delete_in(scope, AGENCY).where(AGENCY.c.id == agency_id)
            if connection.execute(removal).rowcount == 0:
                raise NotFoundError(f"Could not find agency: {agency_id}.")
