"""The listening server: sockets, processes, TLS, shutdown.

Owns: where the server listens and how its processes are started and ended. Has no opinion on: what
it answers.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from huiyan.kernel.errors import OperatorError, SettingsError
from huiyan.kernel.settings import Settings
from huiyan.monitoring.prometheus import share_between_processes

_BACKLOG = 2048
_WORKER_START_S = 60
_DO_NOT_RESTART = 3  # the exit status that uvicorn's supervisor takes as final


def check_bind(settings: Settings) -> None:
    """Refuse to listen in clear text where others can hear.

    Parameters
    ----------
    settings : Settings
        ``host``, ``tls_cert`` and ``insecure_http`` matter.

    Raises
    ------
    SettingsError
        The address is not loopback, there is no TLS, and nobody said that this is meant; or the
        certificate and its key cannot be used.
    """
    if settings.tls_cert is not None:
        _check_certificate(settings.tls_cert, settings.tls_key)
        return
    if settings.insecure_http or _is_loopback(settings.host):
        return
    raise SettingsError(
        f"{settings.host} is not a loopback address: give --tls-cert and --tls-key, or say "
        "--insecure-http if a proxy in front ends TLS (docs/proxy.md)"
    )


def open_socket(settings: Settings) -> socket.socket:
    """Open the listening socket.

    Parameters
    ----------
    settings : Settings
        ``host`` and ``port`` (0 for any free one).

    Returns
    -------
    socket
        Bound and listening; the processes share it.

    Raises
    ------
    SettingsError
        The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}; "
            "choose another with --host and --port"
        ) from error


def serve(settings: Settings, build: Callable[[], ASGIApp], listening: socket.socket) -> None:
    """Serve until told to stop; finishes what was accepted.

    Parameters
    ----------
    settings : Settings
        Processes, TLS and time-outs matter here.
    build : callable
        Builds the application inside each process; must be picklable for more than one.
    listening : socket
        From ``open_socket``.
    """
    config = uvicorn.Config(
        build if settings.processes == 1 else _Builder(build),
        factory=True,
        http="huiyan.gateway.protocol:GuardedProtocol",
        loop="auto",
        ws="none",
        lifespan="on",
        workers=settings.processes,
        log_config=None,
        access_log=False,
        server_header=False,
        # What a trusted proxy tells of scheme and address counts, and nobody else's.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_worker_healthcheck=_WORKER_START_S,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_s,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    if settings.processes == 1:
        uvicorn.Server(config).run(sockets=[listening])
        return
    shared: Path = share_between_processes()
    supervisor = Multiprocess(config, sockets=[listening])
    try:
        supervisor.run()
    finally:
        shutil.rmtree(shared, ignore_errors=True)
    if any(member.exitcode == _DO_NOT_RESTART for member in supervisor.processes):
        sys.exit(_DO_NOT_RESTART)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Builds the application in a process of several; what cannot be built is not tried again."""

    build: Callable[[], ASGIApp]

    def __call__(self) -> ASGIApp:
        try:
            return self.build()
        except OperatorError as error:
            sys.stderr.write(f"huiyan: {error}\n")
            sys.stderr.flush()
            # At once: a process that ends slowly leaves the supervisor's question unanswered, and
            # the supervisor waits for the answer as long as for a start.
            os._exit(_DO_NOT_RESTART)


def _check_certificate(certificate: Path, key: Path | None) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise SettingsError(f"tls_cert {certificate}, tls_key {key}: {error}") from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
