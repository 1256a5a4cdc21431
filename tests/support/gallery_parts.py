"""What stands behind the calls about galleries: real store and search, painted faces."""

from __future__ import annotations

import numpy as np
from painted_faces import DIMENSIONS, MODEL, PaintedFaceReader

from huiyan.celebrity.gallery.calls import gallery_operations
from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.comparison import Comparison
from huiyan.celebrity.gallery.inspection import Inspector
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.memory import GalleryMemory
from huiyan.celebrity.gallery.model import ModelId, Person, PersonFacts, PersonId
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.iam.call import Operation
from huiyan.iam.vault import Vault
from huiyan.imaging.budget import MemoryBudget
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import DownloadError
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.persistence.database import Database
from huiyan.recognition.service import RecognitionService

RULES = GalleryRules(photos_per_project=40, photos_per_person=12)


class PlainConfidence:
    """Says that a likeness is as sure as it is great."""

    def confidence(self, similarity: FloatArray, photos: int, side_px: FloatArray) -> FloatArray:
        assert photos > 0
        assert side_px.min() > 0
        return np.clip(similarity, 0, 1).astype(np.float32)


class OneStarter:
    """A starter gallery with one person, who looks like nobody painted."""

    model = ModelId(MODEL)
    people = (
        Person(
            PersonId("starter-person"),
            PersonFacts("科菲", "Kofi"),
            enabled=True,
            photo_count=1,
            origin="starter",
        ),
    )
    owners = np.zeros(1, np.int64)
    embeddings = np.eye(1, DIMENSIONS, dtype=np.float32)


class ListedFiles:
    """Fetches what it is given to give."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def fetch(self, url: str) -> bytes:
        if url not in self.files:
            raise DownloadError("the other side answered 404")
        return self.files[url]


class GalleryParts:
    """What stands behind the calls about galleries, over a database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self.files, self.reader = ListedFiles(), PaintedFaceReader()
        repository, cipher = GalleryRepository(database), GalleryCipher(vault)
        comparison = Comparison(ModelId(MODEL), DIMENSIONS, PlainConfidence())
        self.memory = GalleryMemory(repository, cipher, OneStarter(), comparison, 64 * MIB_BYTES)
        self.service = GalleryService(
            repository,
            cipher,
            ModelId(MODEL),
            SystemClock(),
            rules=RULES,
            memory=self.memory,
            finder=self.memory,
        )
        budget = MemoryBudget(64 * MIB_BYTES)
        self.recognition = RecognitionService(self.files, budget, SystemClock(), 2, 2)

    @property
    def operations(self) -> tuple[Operation, ...]:
        return gallery_operations(
            self.service,
            Intake(self.reader),
            Inspector(self.reader, self.memory),
            self.recognition,
        )
