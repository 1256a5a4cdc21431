"""From settings to what local commands need, beside a running server or without any.

Owns: which parts a command opens, and that it opens no more than it needs. Has no opinion on:
commands, and what a server needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from huiyan.administration import Administration, open_administration
from huiyan.assembly import Assembly, face_model, open_store
from huiyan.celebrity.assembly import GallerySettings, open_galleries, open_starter_memory
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.gallery.memory import GalleryMemory
from huiyan.celebrity.gallery.model import ModelId
from huiyan.imaging.address import parse_networks
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.fetch import Fetcher, FetchPolicy
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.media_tagging.capability import media_tagging_capabilities
from huiyan.media_tagging.recogniser import MediaTagRecogniser
from huiyan.perception.face_reader import FaceReader
from huiyan.recognition.model import AnyCapability
from huiyan.recognition.service import RecognitionService
from huiyan.tagging.capability import tagging_capabilities
from huiyan.tagging.recogniser import TagRecogniser


@dataclass(frozen=True, slots=True)
class LocalDesk:
    """What local commands need to answer calls without a server.

    Parameters
    ----------
    recognition : RecognitionService
        The one way from body to answer.
    tagging : Capability
        Image tagging, v2.
    media_tagging : Capability
        Media tagging, the list.
    media_tagging_det : Capability
        Media tagging with boxes.
    """

    recognition: RecognitionService
    tagging: AnyCapability
    media_tagging: AnyCapability
    media_tagging_det: AnyCapability


def open_recognition(settings: Settings) -> RecognitionService:
    """Open the one way from body to answer.

    Parameters
    ----------
    settings : Settings
        Fetching, decoding and threads matter.

    Returns
    -------
    RecognitionService
        Serves all threads.

    Raises
    ------
    SettingsError
        A network in ``fetch_allowed_networks`` cannot be read.
    """
    policy = FetchPolicy(
        ports=frozenset(settings.fetch_ports),
        allowed_networks=parse_networks(settings.fetch_allowed_networks),
        timeout_s=settings.fetch_timeout_s,
    )
    return RecognitionService(
        fetcher=Fetcher(policy),
        budget=MemoryBudget(settings.decode_budget_mib * MIB_BYTES),
        clock=SystemClock(),
        compute_threads=settings.resolved_compute_threads(),
        fetch_threads=settings.resolved_fetch_threads(),
    )


def open_desk(settings: Settings) -> LocalDesk:
    """Open what local commands need.

    Parameters
    ----------
    settings : Settings
        All but the server's.

    Returns
    -------
    LocalDesk
        Ready to answer.
    """
    labeller = Assembly(settings).labeller
    tagging, _older = tagging_capabilities(TagRecogniser(labeller))
    media, boxes = media_tagging_capabilities(MediaTagRecogniser(labeller))
    return LocalDesk(
        recognition=open_recognition(settings),
        tagging=tagging,
        media_tagging=media,
        media_tagging_det=boxes,
    )


class StarterDesk:
    """What names people of the starter gallery where there is no installation.

    Parameters
    ----------
    settings : Settings
        All but the server's.

    Attributes
    ----------
    recognition : RecognitionService
        The one way from body to answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._assembly = Assembly(settings)
        self.recognition = open_recognition(settings)

    @cached_property
    def reader(self) -> FaceReader:
        """What reads faces; loaded when first asked for.

        Returns
        -------
        FaceReader
            Serves all threads.
        """
        return self._assembly.face_reader

    @cached_property
    def memory(self) -> GalleryMemory:
        """Who a face may be.

        Returns
        -------
        GalleryMemory
            Serves all threads; no project has a gallery of its own.
        """
        return open_starter_memory(gallery_settings(self._settings))


class GalleryDesk:
    """The galleries of one installation, beside running servers or without any.

    Nothing of the attributes that look at faces is loaded until it is asked for.

    Parameters
    ----------
    settings : Settings
        All but the server's.
    administration : Administration
        The open installation.

    Attributes
    ----------
    administration : Administration
        Accounts, projects and the audit log.
    recognition : RecognitionService
        The one way from body to answer.
    service : GalleryService
        Galleries.
    memory : GalleryMemory
        Who a face may be, in a project's gallery and the starter gallery.
    """

    def __init__(self, settings: Settings, administration: Administration) -> None:
        self._assembly = Assembly(settings)
        self.administration = administration
        self.recognition = open_recognition(settings)
        parts = open_galleries(
            administration.database, administration.vault, SystemClock(), gallery_settings(settings)
        )
        self.service = parts.service
        self.memory = parts.memory

    @cached_property
    def reader(self) -> FaceReader:
        """What reads faces; loaded when first asked for.

        Returns
        -------
        FaceReader
            Serves all threads.
        """
        return self._assembly.face_reader

    @cached_property
    def intake(self) -> Intake:
        """What judges photos; loaded when first asked for.

        Returns
        -------
        Intake
            Serves all threads.
        """
        return Intake(self.reader)


@contextmanager
def open_gallery(settings: Settings) -> Iterator[GalleryDesk]:
    """Open the galleries of an installation that has been started before.

    Parameters
    ----------
    settings : Settings
        Where it is.

    Yields
    ------
    GalleryDesk
        Its galleries; the database is closed at the end of the block.

    Raises
    ------
    OperatorError
        There is no installation, or its database or instance key is not as it must be.
    """
    with open_administration(settings) as administration:
        yield GalleryDesk(settings, administration)


def open_starter(settings: Settings) -> StarterDesk:
    """Open what names people without an installation.

    Parameters
    ----------
    settings : Settings
        All but the server's.

    Returns
    -------
    StarterDesk
        Ready to answer; no database is made.
    """
    return StarterDesk(settings)


def gallery_settings(settings: Settings) -> GallerySettings:
    """Pick what galleries need to know.

    Parameters
    ----------
    settings : Settings
        The installation's.

    Returns
    -------
    GallerySettings
        The few values.
    """
    return GallerySettings(
        model=ModelId(face_model(open_store(settings))),
        has_starter=settings.starter_gallery,
        starter_without=settings.starter_gallery_without,
        encrypts=settings.encrypt_galleries,
        memory_bytes=settings.gallery_memory_mib * MIB_BYTES,
        most_photos=settings.gallery_photo_limit,
    )
