"""The listening server: sockets, processes, TLS, shutdown.

Owns: where the server listens and how its processes are started and ended. Has no opinion on: what
it answers.
"""

from __future__ import annotations

import ipaddress
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from huiyan.kernel.errors import SettingsError
from huiyan.kernel.settings import Settings
from huiyan.monitoring.prometheus import share_between_processes

_BACKLOG = 2048


def check_bind(settings: Settings) -> None:
    """Refuse to listen in clear text where others can hear.

    Parameters
    ----------
    settings : Settings
        ``host``, ``tls_cert`` and ``insecure_http`` matter.

    Raises
    ------
    SettingsError
        The address is not loopback, there is no TLS, and nobody said that this is meant.
    """
    if settings.tls_cert is not None or settings.insecure_http or _is_loopback(settings.host):
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
        build,
        factory=True,
        http="huiyan.gateway.protocol:GuardedProtocol",
        loop="auto",
        ws="none",
        lifespan="on",
        workers=settings.processes,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(settings.keep_alive_s),
        timeout_graceful_shutdown=int(settings.shutdown_s),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    if settings.processes == 1:
        uvicorn.Server(config).run(sockets=[listening])
        return
    shared: Path = share_between_processes()
    try:
        Multiprocess(config, sockets=[listening]).run()
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
