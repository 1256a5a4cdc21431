"""The parts of galleries, joined.

Owns: which store, memory and starter gallery the deeds and the searches share. Has no opinion on:
anything that a part does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from huiyan.celebrity.calibration import load_calibration
from huiyan.celebrity.gallery.cipher import GalleryCipher
from huiyan.celebrity.gallery.comparison import Comparison
from huiyan.celebrity.gallery.memory import GalleryMemory
from huiyan.celebrity.gallery.model import ModelId
from huiyan.celebrity.gallery.nothing_stored import NothingStored
from huiyan.celebrity.gallery.repository import GalleryRepository
from huiyan.celebrity.gallery.service import GalleryService
from huiyan.celebrity.gallery.writer import GalleryRules
from huiyan.celebrity.starter import StarterGallery, load_starter
from huiyan.iam.vault import Vault
from huiyan.kernel.clock import Clock
from huiyan.perception.face_embedder import DIMENSIONS
from huiyan.persistence.database import Database


@dataclass(frozen=True, slots=True)
class GallerySettings:
    """The few values that galleries need to know.

    Parameters
    ----------
    model : ModelId
        The network that tells faces apart now.
    has_starter : bool
        Whether the people who come with Huiyan are known.
    starter_without : tuple of str
        Ids of those among them who are not.
    encrypts : bool
        Whether galleries that are made from now on are encrypted.
    memory_bytes : int
        What projects' galleries may take in memory together.
    most_photos : int
        The most photos of one gallery.
    """

    model: ModelId
    has_starter: bool
    starter_without: tuple[str, ...]
    encrypts: bool
    memory_bytes: int
    most_photos: int


@dataclass(frozen=True, slots=True)
class GalleryParts:
    """Galleries, ready to serve.

    Parameters
    ----------
    service : GalleryService
        What can be done with them.
    memory : GalleryMemory
        Who a face may be; to be told to follow now and then.
    """

    service: GalleryService
    memory: GalleryMemory


def open_galleries(
    database: Database, vault: Vault, clock: Clock, settings: GallerySettings
) -> GalleryParts:
    """Join the parts of galleries.

    Parameters
    ----------
    database : Database
        Open, in this code's shape.
    vault : Vault
        Seals the galleries' keys.
    clock : Clock
        The server's clock.
    settings : GallerySettings
        What they are like.

    Returns
    -------
    GalleryParts
        Nothing is loaded yet but the starter gallery.

    Raises
    ------
    SettingsError
        Somebody who is to be left out of the starter gallery is not in it.
    OperatorError
        The starter gallery in the package is damaged, or was made by another network.
    """
    repository, cipher = GalleryRepository(database), GalleryCipher(vault)
    memory = GalleryMemory(
        repository,
        cipher,
        _starter(settings),
        _comparison(settings),
        settings.memory_bytes,
    )
    rules = GalleryRules(photos_per_project=settings.most_photos, encrypts=settings.encrypts)
    service = GalleryService(
        repository, cipher, settings.model, clock, rules=rules, memory=memory, finder=memory
    )
    return GalleryParts(service, memory)


def open_starter_memory(settings: GallerySettings) -> GalleryMemory:
    """Make a memory that knows the starter gallery alone.

    Parameters
    ----------
    settings : GallerySettings
        Which network reads faces, and who is left out.

    Returns
    -------
    GalleryMemory
        No project has a gallery of its own.

    Raises
    ------
    OperatorError
        As `open_galleries`.
    """
    nothing = NothingStored()
    return GalleryMemory(
        nothing,
        nothing,
        _starter(settings),
        _comparison(settings),
        settings.memory_bytes,
    )


def _comparison(settings: GallerySettings) -> Comparison:
    return Comparison(settings.model, DIMENSIONS, load_calibration(settings.model))


def _starter(settings: GallerySettings) -> StarterGallery:
    if settings.has_starter:
        return load_starter().without(settings.starter_without)
    nobody = np.empty((0, DIMENSIONS), np.float32)
    return StarterGallery(settings.model, (), np.empty(0, np.int64), nobody)
