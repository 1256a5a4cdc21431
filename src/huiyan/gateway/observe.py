"""What the gateway tells operators about each request.

Owns: one metric and one log event a request. Has no opinion on: billing.
"""

from __future__ import annotations

import structlog

from huiyan.gateway.call import Arrival, Reply, Target
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import AccessError, HuiyanError, OverloadError, RequestError
from huiyan.monitoring.prometheus import Metrics

_log = structlog.get_logger(__name__)


class Observer:
    """Counts and logs requests.

    Parameters
    ----------
    metrics : Metrics
        Where they are counted.
    clock : Clock
        For durations.
    """

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def call_ended(self, target: Target, arrival: Arrival, reply: Reply, bytes_in: int) -> None:
        """Tell about one call of an Image operation.

        Parameters
        ----------
        target : Target
            What it called.
        arrival : Arrival
            Its id and time.
        reply : Reply
            How it ended.
        bytes_in : int
            Size of its body, 0 where it was not read.
        """
        duration_s = self._clock.monotonic_s() - arrival.monotonic_s
        capability = target.capability
        self._metrics.count_call(
            capability.interface, capability.version, reply.status, reply.error_code, duration_s
        )
        _log.info(
            "call",
            request_id=arrival.request_id,
            interface=capability.interface,
            version=capability.version,
            status=reply.status,
            error_code=reply.error_code,
            bytes_in=bytes_in,
            duration_ms=round(duration_s * 1000, 1),
        )

    def request_refused(self, reply: Reply, request_id: str) -> None:
        """Tell about one request that never named an operation.

        Parameters
        ----------
        reply : Reply
            The refusal.
        request_id : str
            The request's id.
        """
        self._metrics.count_refused(reply.error_code, reply.status)
        _log.info(
            "refused", request_id=request_id, status=reply.status, error_code=reply.error_code
        )

    def iam_call_ended(
        self, route: str, status: int, request_id: str, error: HuiyanError | None
    ) -> None:
        """Tell about one IAM call.

        Parameters
        ----------
        route : str
            The route, with the names of its variable parts.
        status : int
            HTTP status of the reply.
        request_id : str
            The call's id.
        error : HuiyanError or None
            Why it failed.
        """
        self._metrics.count_iam_call(route, status)
        _log.info("iam_call", request_id=request_id, route=route, status=status)
        if error is not None:
            self.note_unexpected(error, request_id)

    def note_unexpected(self, error: Exception, request_id: str) -> None:
        """Tell about a fault of this program; the caller's own faults are no news.

        Parameters
        ----------
        error : Exception
            Any error.
        request_id : str
            The request's id.
        """
        if not isinstance(error, RequestError | AccessError | OverloadError):
            _log.error("unexpected_failure", request_id=request_id, exc_info=error)

    def show_in_hand(self, calls: int) -> None:
        """Tell how many calls are in hand.

        Parameters
        ----------
        calls : int
            In this process, now.
        """
        self._metrics.show_in_hand(calls)
