"""What operators watch: counters and timings in Prometheus' text form.

Owns: the metrics' names, labels and buckets, and their sum over processes. Has no opinion on: what
is recorded for billing; that is ``metering``.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SHARED_DIR_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"

_DURATION_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.5, 1, 2, 5, 15, 60)


class Metrics:
    """The metrics of one process; the text sums over all processes of the server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "huiyan_calls",
            "Calls of the Image operations, by outcome; refusals of any kind included.",
            ("interface", "version", "status", "error_code"),
            registry=self._registry,
        )
        self._duration_s = Histogram(
            "huiyan_call_duration_seconds",
            "From the request's head to its reply.",
            ("interface",),
            buckets=_DURATION_BUCKETS_S,
            registry=self._registry,
        )
        self._refused = Counter(
            "huiyan_refused_requests",
            "Requests refused before they named an operation, by error.",
            ("error_code", "status"),
            registry=self._registry,
        )
        self._iam_calls = Counter(
            "huiyan_iam_calls",
            "IAM calls, by route and status.",
            ("route", "status"),
            registry=self._registry,
        )
        self._in_hand = Gauge(
            "huiyan_calls_in_hand",
            "Calls being received, waiting or worked on.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )

    def count_call(
        self, interface: str, version: str, status: int, error_code: str, duration_s: float
    ) -> None:
        """Count one call of an Image operation.

        Parameters
        ----------
        interface, version : str
            The operation.
        status : int
            HTTP status of the reply.
        error_code : str
            The vendor's code, empty on success.
        duration_s : float
            Seconds from the request's head to its reply.
        """
        self._calls.labels(interface, version, str(status), error_code).inc()
        self._duration_s.labels(interface).observe(duration_s)

    def count_refused(self, error_code: str, status: int) -> None:
        """Count one request that was refused before it named an operation.

        Parameters
        ----------
        error_code : str
            The vendor's code.
        status : int
            HTTP status of the reply.
        """
        self._refused.labels(error_code, str(status)).inc()

    def count_iam_call(self, route: str, status: int) -> None:
        """Count one IAM call.

        Parameters
        ----------
        route : str
            The route, with the names of its variable parts.
        status : int
            HTTP status of the reply.
        """
        self._iam_calls.labels(route, str(status)).inc()

    def show_in_hand(self, calls: int) -> None:
        """Show how many calls are in hand now.

        Parameters
        ----------
        calls : int
            Being received, waiting or worked on in this process.
        """
        self._in_hand.set(calls)

    def render(self) -> bytes:
        """Render all metrics, summed over the server's processes.

        Returns
        -------
        bytes
            Prometheus' text form, UTF-8.
        """
        if SHARED_DIR_VARIABLE not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def share_between_processes() -> Path:
    """Prepare the folder through which processes share their counts.

    To be called before the processes are started: the client library reads the variable when it is
    imported.

    Returns
    -------
    Path
        A fresh folder, named in ``PROMETHEUS_MULTIPROC_DIR`` from now on.
    """
    folder = Path(tempfile.mkdtemp(prefix="huiyan-metrics-"))
    os.environ[SHARED_DIR_VARIABLE] = str(folder)
    return folder


def forget_dead_processes() -> None:
    """Drop the gauges of processes that were killed before they could do it themselves."""
    folder = os.environ.get(SHARED_DIR_VARIABLE)
    if folder is None:
        return
    for file in Path(folder).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            forget_process(pid)


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that has ended; its counters stay counted.

    Parameters
    ----------
    pid : int
        The process.
    """
    if SHARED_DIR_VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
