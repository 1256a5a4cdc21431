"""The composition root: the only module that knows every part.

Owns: which parts there are and how they are joined. Has no opinion on: anything that a part does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from huiyan.administration import open_installation_vault
from huiyan.assembly import NEEDED_CARDS, Assembly, open_store
from huiyan.celebrity.assembly import GalleryParts, open_galleries, open_starter_memory
from huiyan.celebrity.capability import celebrity_capabilities
from huiyan.celebrity.gallery.calls import gallery_operations
from huiyan.celebrity.gallery.inspection import Inspector
from huiyan.celebrity.gallery.intake import Intake
from huiyan.celebrity.recogniser import CelebrityRecogniser, Lookup
from huiyan.celebrity.schema import CELEBRITY_SCHEMAS
from huiyan.gateway.admission import Admission
from huiyan.gateway.application import Application, other_paths
from huiyan.gateway.health import health_routes
from huiyan.gateway.observe import Observer
from huiyan.gateway.openapi import openapi_routes
from huiyan.gateway.pipeline import Pipeline
from huiyan.gateway.protocol import GUARD_STATE_KEY, ConnectionGuard
from huiyan.gateway.receive import BodyLimits
from huiyan.gateway.route import RouteTable
from huiyan.gateway.throttle import Throttle
from huiyan.iam.assembly import IdentityParts, open_identity
from huiyan.iam.audit.service import AuditService
from huiyan.iam.bootstrap import first_start
from huiyan.iam.call import Operation
from huiyan.iam.directory.model import Limits
from huiyan.iam.http import call_routes
from huiyan.iam.model import FirstStart
from huiyan.iam.people.keys.use import KeyUse
from huiyan.iam.repository import IdentityRepository
from huiyan.iam.service import IdentityService
from huiyan.kernel.clock import SystemClock
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.ids import RegionId
from huiyan.kernel.logs import configure_logs
from huiyan.kernel.settings import Settings
from huiyan.kernel.units import MIB_BYTES
from huiyan.local import gallery_settings, open_recognition
from huiyan.media_tagging.capability import media_tagging_capabilities
from huiyan.media_tagging.recogniser import MediaTagRecogniser
from huiyan.media_tagging.schema import MEDIA_TAGGING_SCHEMAS
from huiyan.metering.model import Meter
from huiyan.metering.repository import UseRepository
from huiyan.metering.service import GroupCommitMeter
from huiyan.monitoring.prometheus import Metrics, forget_dead_processes, forget_process
from huiyan.persistence.database import Database, open_database
from huiyan.persistence.migration import migrate
from huiyan.recapture.capability import recapture_capabilities
from huiyan.recapture.schema import RECAPTURE_SCHEMAS
from huiyan.recognition.model import AnyCapability
from huiyan.recognition.schema import OperationSchema
from huiyan.recognition.service import RecognitionService
from huiyan.runtime.card import get_card
from huiyan.runtime.fan_out import FanOut
from huiyan.subject.capability import subject_capability
from huiyan.subject.schema import SUBJECT_SCHEMAS
from huiyan.tagging.capability import tagging_capabilities
from huiyan.tagging.recogniser import TagRecogniser
from huiyan.tagging.schema import TAGGING_SCHEMAS

REFRESH_PERIOD_S = 1.0
_BEIJING_4, _SHANGHAI_1 = RegionId("cn-north-4"), RegionId("cn-east-3")
VENDOR_REGIONS = {
    "tagging": frozenset({_BEIJING_4, _SHANGHAI_1}),
    "media-tagging": frozenset({_BEIJING_4}),
    "media-tagging-det": frozenset({_BEIJING_4}),
    "celebrity-recognition": frozenset({_BEIJING_4}),
    "main-object-detection": frozenset({_BEIJING_4}),
    "recapture-detect": frozenset({_BEIJING_4}),
}
"""Where the vendor offers each operation, for ``vendor_regions = true``."""

_log = structlog.get_logger(__name__)


def offer(assembly: Assembly, people: Lookup) -> tuple[tuple[AnyCapability, OperationSchema], ...]:
    """List every operation that is served, with the description of its JSON.

    Parameters
    ----------
    assembly : Assembly
        What looks at pictures.
    people : Lookup
        Who is known.

    Returns
    -------
    tuple of tuple of Capability and OperationSchema
        In the order in which they are described.
    """
    tagging = tagging_capabilities(TagRecogniser(assembly.labeller))
    media = media_tagging_capabilities(MediaTagRecogniser(assembly.labeller))
    subject = subject_capability(assembly.subject)
    celebrity = celebrity_capabilities(CelebrityRecogniser(assembly.face_reader, people))
    recapture = recapture_capabilities(assembly.recapture)
    return (
        *((it, TAGGING_SCHEMAS[it.version]) for it in tagging),
        *((it, MEDIA_TAGGING_SCHEMAS[it.interface]) for it in media),
        *((it, CELEBRITY_SCHEMAS[it.version]) for it in celebrity),
        (subject, SUBJECT_SCHEMAS[subject.version]),
        *((it, RECAPTURE_SCHEMAS[it.version]) for it in recapture),
    )


def prepare_installation(settings: Settings) -> FirstStart | None:
    """Bring the installation to where it can serve, before any process is started.

    Parameters
    ----------
    settings : Settings
        Where the database and the instance key are, and which regions there are.

    Returns
    -------
    FirstStart or None
        The account that was created, on the very first start.

    Raises
    ------
    OperatorError
        The database, the instance key or a model is not as it must be.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(settings)
    for name in NEEDED_CARDS:
        store.path(get_card(store.cards, name))
    open_starter_memory(gallery_settings(settings))
    database = open_database(settings.resolved_database_url())
    try:
        migrate(database)
        repository = IdentityRepository(database)
        vault = open_installation_vault(settings, database)
        return first_start(repository, vault, settings.regions, SystemClock())
    finally:
        database.close()


def build_application(settings: Settings) -> Application:
    """Build the server of one process: everything is loaded, warmed up and joined.

    Parameters
    ----------
    settings : Settings
        The settings.

    Returns
    -------
    Application
        The ASGI application.

    Raises
    ------
    OperatorError
        A part cannot be opened.
    """
    configure_logs(settings.log_format, settings.log_level)
    clock = SystemClock()
    database = open_database(settings.resolved_database_url())
    vault = open_installation_vault(settings, database)
    throttle = _iam_throttle(settings)
    parts = open_identity(database, vault, clock, settings.regions, throttle=throttle)
    meter = GroupCommitMeter(UseRepository(database))
    assembly = _warm_assembly(settings)
    galleries = open_galleries(database, vault, clock, gallery_settings(settings))
    offered = offer(assembly, galleries.memory)
    forget_dead_processes()
    metrics = Metrics()
    observer = Observer(metrics, clock)
    executor = ThreadPoolExecutor(2 * settings.queue_limit, thread_name_prefix="call")
    recognition = open_recognition(settings)
    operations = (*parts.operations, *_gallery_calls(galleries, assembly, recognition))
    background = _Background(
        identity=parts.identity,
        galleries=galleries,
        key_use=parts.key_use,
        audit=parts.audit,
        meter=meter,
        database=database,
        executor=executor,
        fan_out=assembly.fan_out,
        guard=ConnectionGuard(settings.header_timeout_s, observer),
    )
    routes = [
        *health_routes(metrics, partial(_problems, parts.identity, meter)),
        *call_routes(operations, parts.desk, observer.iam_call_ended),
        *openapi_routes(offered, operations),
    ]
    return Application(
        routes=RouteTable([capability for capability, _ in offered]),
        pipeline=_pipeline(settings, parts, recognition, meter),
        executor=executor,
        admission=Admission(settings.queue_limit, settings.queue_mib * MIB_BYTES),
        limits=BodyLimits(timeout_s=settings.body_timeout_s),
        observer=observer,
        clock=clock,
        others=other_paths(routes, background.lifespan, observer),
    )


@dataclass(frozen=True, slots=True)
class _Background:
    """What lives as long as the process serves."""

    identity: IdentityService
    galleries: GalleryParts
    key_use: KeyUse
    audit: AuditService
    meter: GroupCommitMeter
    database: Database
    executor: ThreadPoolExecutor
    fan_out: FanOut
    guard: ConnectionGuard

    @asynccontextmanager
    async def lifespan(self, _others: object) -> AsyncIterator[dict[str, Any]]:
        refreshing = asyncio.create_task(self._refresh())
        try:
            yield {GUARD_STATE_KEY: self.guard}
        finally:
            refreshing.cancel()
            try:
                with suppress(asyncio.CancelledError):
                    await refreshing
            finally:
                await asyncio.to_thread(self._close)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_PERIOD_S)
            try:
                await asyncio.to_thread(self._follow)
            except HuiyanError as error:
                _log.warning("refresh_failed", detail=error.detail)
            except Exception as error:  # noqa: BLE001 -- stopped keys must not live on unseen
                _log.error("refresh_failed", exc_info=error)

    def _follow(self) -> None:
        self.identity.follow()
        self.key_use.flush()
        self.audit.flush()
        self.galleries.memory.follow()
        self.galleries.service.scrub()

    def _close(self) -> None:
        self.executor.shutdown()
        with suppress(HuiyanError):  # when keys were last used is no reason to stop half-way
            self.key_use.close()
        with suppress(HuiyanError):
            self.audit.close()
        self.fan_out.close()
        self.meter.close()
        self.database.close()
        forget_process(os.getpid())


def _warm_assembly(settings: Settings) -> Assembly:
    assembly = Assembly(settings)
    assembly.warm_up()
    return assembly


def _gallery_calls(
    galleries: GalleryParts, assembly: Assembly, recognition: RecognitionService
) -> tuple[Operation, ...]:
    reader = assembly.face_reader
    inspector = Inspector(reader, galleries.memory)
    return gallery_operations(galleries.service, Intake(reader), inspector, recognition)


def _regions(settings: Settings) -> dict[str, frozenset[RegionId]]:
    return VENDOR_REGIONS if settings.vendor_regions else {}


def _pipeline(
    settings: Settings, parts: IdentityParts, recognition: RecognitionService, meter: Meter
) -> Pipeline:
    identity = parts.identity
    users = Limits(settings.throttle_user_per_minute, settings.throttle_user_concurrent)
    projects = Limits(settings.throttle_project_per_minute, settings.throttle_project_concurrent)
    return Pipeline(
        identity=identity,
        recognition=recognition,
        meter=meter,
        audit=parts.audit,
        throttle=Throttle(
            SystemClock(),
            lambda user_id: identity.directory.limits.get(user_id, users),
            lambda project_id: identity.directory.limits.get(project_id, projects),
            settings.processes,
        ),
        regions=_regions(settings),
        default_region=RegionId(settings.default_region),
    )


def _iam_throttle(settings: Settings) -> Throttle:
    """Hold users to a limit of their own in calls of IAM."""
    users = Limits(settings.throttle_iam_per_minute, concurrent_calls=0)
    unlimited = Limits(calls_per_minute=0, concurrent_calls=0)
    return Throttle(SystemClock(), lambda _id: users, lambda _id: unlimited, settings.processes)


def _problems(identity: IdentityService, meter: GroupCommitMeter) -> list[str]:
    """Tell what keeps this process from answering; the networks answered before it listened.

    Anyone may read this, so the details are in the log only.
    """
    if not meter.is_running():
        return ["use cannot be recorded; restart the server and see the log"]
    try:
        identity.refresh()
    except HuiyanError as error:
        _log.warning("not_ready", detail=error.detail)
        return ["the database cannot be used; see the log"]
    return []
