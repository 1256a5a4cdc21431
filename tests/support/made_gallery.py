"""Galleries of invented people, whose embeddings are random."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np

from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.model import ModelId, NewPhoto, PersonFacts
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import Finder, GalleryService
from huiyan.celebrity.gallery.store_model import MemoryRefresher
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.units import FloatArray
from huiyan.persistence.database import Database
from huiyan.persistence.query import Scope, insert_in
from huiyan.persistence.schema import ACCOUNT, PROJECT

MODEL = ModelId("sface-2021dec:0123456789ab")
OTHER_MODEL = ModelId("newface-2027:ba9876543210")
KEY = bytes(range(32))
ONE = Scope(AccountId("a" * 32), ProjectId("1" * 32))
TWO = Scope(AccountId("a" * 32), ProjectId("2" * 32))
FOREIGN = Scope(AccountId("b" * 32), ProjectId("3" * 32))


def make_projects(database: Database) -> None:
    """Store the accounts and projects of ``ONE``, ``TWO`` and ``FOREIGN``."""
    now = datetime.now(UTC)
    with database.writing() as connection:
        for account in {ONE.account_id, TWO.account_id, FOREIGN.account_id}:
            connection.execute(
                insert_in(Scope(account), ACCOUNT).values(
                    name=account, description="", enabled=True, created_at_ms=now
                )
            )
        for scope in (ONE, TWO, FOREIGN):
            connection.execute(
                insert_in(Scope(scope.account_id, scope.project_id), PROJECT).values(
                    name=scope.project_id,
                    parent_id=scope.account_id,
                    description="",
                    enabled=True,
                    created_at_ms=now,
                )
            )


def make_service(
    database: Database,
    *,
    model: ModelId = MODEL,
    rules: GalleryRules | None = None,
    vault: Vault | None = None,
    memory: MemoryRefresher | None = None,
    finder: Finder | None = None,
) -> GalleryService:
    """Make the service over a database with projects."""
    return GalleryService(
        GalleryRepository(database),
        GalleryCipher(vault or Vault(KEY)),
        model,
        SystemClock(),
        rules=rules or GalleryRules(),
        memory=memory,
        finder=finder,
    )


def unit_vector(seed: int) -> FloatArray:
    """Make a (128,) float32 vector of unit length; the same for the same seed."""
    vector = np.random.default_rng(seed).normal(size=128)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def near(vector: FloatArray, seed: int, noise: float = 0.05) -> FloatArray:
    """Make a vector that is alike."""
    moved = vector + noise * unit_vector(seed)
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


def photo(seed: int, embedding: FloatArray | None = None, picture: bytes | None = None) -> NewPhoto:
    """Make a photo whose file and face follow from the seed."""
    return NewPhoto(
        unit_vector(seed) if embedding is None else embedding,
        hashlib.sha256(str(seed).encode()).hexdigest(),
        0.5,
        112.0,
        picture,
    )


def facts(name_en: str = "Somebody", name_zh: str = "", **others: str) -> PersonFacts:
    """Say who somebody is."""
    return PersonFacts(name_zh, name_en, (), others.get("occupation", ""), others.get("link", ""))
