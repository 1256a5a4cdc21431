"""A call's record of use.

Owns: how a call and its outcome become one record. Has no opinion on: where records go.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.metering.model import UseRecord
from huiyan.recognition.model import AnyCapability, Caller


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended.

    Parameters
    ----------
    http_status : int
        Of the reply.
    error_code : str
        The vendor's code, empty on success.
    size_wh : tuple of int or None
        The picture's width and height in pixels, where it came that far.
    """

    http_status: int
    error_code: str
    size_wh: tuple[int, int] | None


def use_record(
    caller: Caller,
    capability: AnyCapability,
    outcome: Outcome,
    bytes_in: int,
    duration_ms: float,
) -> UseRecord:
    """Build the record of one call.

    Parameters
    ----------
    caller : Caller
        On whose behalf.
    capability : Capability
        Which operation.
    outcome : Outcome
        How it ended.
    bytes_in : int
        Size of the wire body.
    duration_ms : float
        Milliseconds since the call arrived.

    Returns
    -------
    UseRecord
        The record.
    """
    width_px, height_px = outcome.size_wh or (None, None)
    return UseRecord(
        request_id=caller.request_id,
        at=caller.arrived,
        account_id=caller.principal.account_id,
        project_id=caller.project_id,
        region=caller.region,
        user_id=caller.principal.user_id,
        credential_id=caller.principal.credential_id,
        interface=capability.interface,
        version=capability.version,
        succeeded=outcome.error_code == "",
        error_code=outcome.error_code or None,
        http_status=outcome.http_status,
        bytes_in=bytes_in,
        width_px=width_px,
        height_px=height_px,
        duration_ms=round(duration_ms),
    )
