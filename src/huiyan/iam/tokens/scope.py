"""Where a token is wanted for.

Owns: how the words of a request for a token become an account, a user, an agency or a project. Has
no opinion on: the JSON that they stand in, and whether the caller may.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.iam.directory.model import Agency, Directory
from huiyan.iam.model import Account, Project, User
from huiyan.kernel.errors import ForeignProjectError, NotFoundError
from huiyan.kernel.ids import AccountId, ProjectId, UserId


@dataclass(frozen=True, slots=True)
class Named:
    """Something as a caller names it; the id goes before the name.

    Parameters
    ----------
    id : str, optional
        Its id.
    name : str, optional
        Its name.
    """

    id: str | None = None
    name: str | None = None

    def fits(self, item_id: str, item_name: str) -> bool:
        """Tell whether this means a certain thing.

        Parameters
        ----------
        item_id, item_name : str
            The thing's.

        Returns
        -------
        bool
            By the id if one is given, else by the name.
        """
        return self.id == item_id if self.id is not None else self.name == item_name


@dataclass(frozen=True, slots=True)
class ChosenUser:
    """A user as a caller names it.

    Parameters
    ----------
    user : Named
        The user.
    account : Named or None
        The user's account; not needed beside the user's id.
    """

    user: Named
    account: Named | None


@dataclass(frozen=True, slots=True)
class ChosenScope:
    """What a token is wanted for; with neither, for the account.

    Parameters
    ----------
    project : Named, optional
        A project of the account.
    account : Named, optional
        The account; of a project, too, where its name needs one.
    """

    project: Named | None = None
    account: Named | None = None


def find_account(directory: Directory, chosen: Named) -> Account | None:
    """Find an account.

    Parameters
    ----------
    directory : Directory
        Who there is.
    chosen : Named
        The account as the caller names it.

    Returns
    -------
    Account or None
        None if there is no such one.
    """
    if chosen.id is not None:
        return directory.accounts.get(AccountId(chosen.id))
    return directory.find_account(chosen.name or "")


def find_user(directory: Directory, chosen: ChosenUser) -> User | None:
    """Find a user.

    Parameters
    ----------
    directory : Directory
        Who there is.
    chosen : ChosenUser
        The user as the caller names it.

    Returns
    -------
    User or None
        None if there is no such one, or it is of another account than the one named.
    """
    account = None if chosen.account is None else find_account(directory, chosen.account)
    if chosen.user.id is not None:
        user = directory.users.get(UserId(chosen.user.id))
    elif account is not None:
        user = directory.find_user(account.id, chosen.user.name or "")
    else:
        return None
    if user is None or (chosen.account is not None and user.account_id != _id_of(account)):
        return None
    return user


def get_project(directory: Directory, account: Account, scope: ChosenScope) -> Project | None:
    """Get the project that a token is wanted for.

    Parameters
    ----------
    directory : Directory
        Who there is.
    account : Account
        The account in which the token will act.
    scope : ChosenScope
        As the caller names it.

    Returns
    -------
    Project or None
        None for the account as a whole.

    Raises
    ------
    ForeignProjectError
        The project does not exist, is disabled or another account's; which is not told.
    NotFoundError
        The account named is another one, existing or not.
    """
    is_here = scope.account is None or scope.account.fits(account.id, account.name)
    if scope.project is None:
        if not is_here:
            raise NotFoundError("Could not find the domain.")
        return None
    if scope.project.id is not None:
        project = directory.projects.get(ProjectId(scope.project.id))
    else:
        project = next(
            (
                found
                for found in directory.projects.values()
                if found.account_id == account.id and found.name == scope.project.name
            ),
            None,
        )
    if project is None or not is_here or project.account_id != account.id or not project.enabled:
        raise ForeignProjectError("no such enabled project in the account")
    return project


def find_agency(
    directory: Directory, lender: Account, name: str, borrower: AccountId
) -> Agency | None:
    """Find an agency that an account may make use of.

    Parameters
    ----------
    directory : Directory
        Who there is.
    lender : Account
        The account that made the agency.
    name : str
        The agency's name.
    borrower : AccountId
        The account that wants to use it.

    Returns
    -------
    Agency or None
        None if there is none of that name that trusts this account.
    """
    for agency in directory.agencies.values():
        if (
            agency.account_id == lender.id
            and agency.name == name
            and agency.trusted_account_id == borrower
        ):
            return agency
    return None


def _id_of(account: Account | None) -> AccountId | None:
    return None if account is None else account.id
