"""IAM's table of calls, to be read and not to be called: its database is closed and gone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from huiyan.iam.assembly import IdentityParts, open_identity
from huiyan.iam.call import Operation
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.persistence.database import open_database
from huiyan.persistence.migration import migrate

_CHEAP = HashCost(memory_kib=8, passes=1, lanes=1)


@cache
def closed_parts() -> IdentityParts:
    """Join the parts of IAM once, over an empty database."""
    with TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'huiyan.db'}")
        try:
            migrate(database)
            regions = ("cn-north-4",)
            hasher = PasswordHasher(_CHEAP)
            return open_identity(database, Vault(bytes(32)), SystemClock(), regions, hasher)
        finally:
            database.close()


def table_of_calls() -> tuple[Operation, ...]:
    """Give every line of the table."""
    return closed_parts().operations
