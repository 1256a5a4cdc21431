"""The table of IAM's calls and our own, to be read and not called: its database is gone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from migrated import open_migrated

from huiyan.celebrity.gallery.calls import gallery_operations
from huiyan.iam.assembly import IdentityParts, open_identity
from huiyan.iam.call import Operation
from huiyan.iam.people.passwords import HashCost, PasswordHasher
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock

_CHEAP = HashCost(memory_kib=8, passes=1, lanes=1)


@cache
def closed_parts() -> IdentityParts:
    """Join the parts of IAM once, over an empty database."""
    with TemporaryDirectory() as folder:
        database = open_migrated(f"sqlite:///{Path(folder) / 'huiyan.db'}")
        try:
            regions = ("cn-north-4",)
            hasher = PasswordHasher(_CHEAP)
            return open_identity(database, Vault(bytes(32)), SystemClock(), regions, hasher)
        finally:
            database.close()


@cache
def table_of_calls() -> tuple[Operation, ...]:
    """Give every line of the table."""
    nothing: Any = None
    return (
        *closed_parts().operations,
        *gallery_operations(nothing, nothing, nothing, nothing),
    )
