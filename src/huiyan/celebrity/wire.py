"""The wire of celebrity recognition: v2 and the older v1.0, which are alike.

Owns: every quirk of the format. Has no opinion on: how people are recognised.

Source: ``docs/wire.md``, "Celebrity recognition".
"""

from __future__ import annotations

import msgspec

from huiyan.celebrity.model import Appearance, CelebrityParams, Sighting
from huiyan.recognition.model import ParsedRequest
from huiyan.recognition.wire import parse_fields, parse_number

DEFAULT_THRESHOLD = 0.9
_DECIMALS = 4


class _FaceDetail(msgspec.Struct):
    w: int
    h: int
    x: int
    y: int


class _Instance(msgspec.Struct):
    confidence: float
    face_detail: _FaceDetail
    label: str


_ENCODER = msgspec.json.Encoder()


def parse(body: bytes) -> ParsedRequest[CelebrityParams]:
    """Parse a request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of CelebrityParams
        Parameters (threshold 0–1) and the picture's source. ``language`` and ``limit`` are none of
        this operation's and ignored whatever they hold.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for a threshold outside 0..1 (default 0.9).
    """
    fields = parse_fields(body)
    threshold = DEFAULT_THRESHOLD
    if fields.threshold is not None:
        threshold = parse_number("threshold", fields.threshold, 0, 1)
    return ParsedRequest(params=CelebrityParams(threshold), source=fields.source)


def render(sighting: Sighting, params: CelebrityParams) -> bytes:  # noqa: ARG001 -- every capability renders with its parameters
    """Render an answer.

    Parameters
    ----------
    sighting : Sighting
        The surest first.
    params : CelebrityParams
        The request's parameters.

    Returns
    -------
    bytes
        The JSON answer: ``result`` is an array, empty where nobody is known; ``confidence`` is a
        number 0..1 and places are whole px of the full upright picture.
    """
    return _ENCODER.encode({"result": [_instance(it) for it in sighting.appearances]})


def _instance(appearance: Appearance) -> _Instance:
    # Rounded first, so that the far edges never leave the picture by a rounding.
    left, top, right, bottom = (round(edge) for edge in appearance.xyxy)
    x, y = max(0, min(left, right - 1)), max(0, min(top, bottom - 1))
    return _Instance(
        confidence=round(appearance.candidate.confidence, _DECIMALS),
        face_detail=_FaceDetail(w=max(1, right - x), h=max(1, bottom - y), x=x, y=y),
        label=appearance.candidate.person.facts.label,
    )
