"""The wire of main object detection, v3.

Owns: every quirk of the format. Has no opinion on: how subjects are found.

Source: ``docs/wire.md``, "Main object detection".
"""

from __future__ import annotations

import msgspec

from huiyan.recognition.model import ParsedRequest
from huiyan.recognition.wire import parse_fields, parse_number
from huiyan.subject.model import Rank, Subject, SubjectParams

DEFAULT_THRESHOLD_PERCENT = 30.0
LABEL_OF_RANK = {Rank.MAIN: "main_object_box", Rank.SECONDARY: "bounding_box"}


class _Location(msgspec.Struct):
    width: float
    height: float
    top_left_x: float
    top_left_y: float


class _Instance(msgspec.Struct):
    label: str
    confidence: str
    location: _Location


_ENCODER = msgspec.json.Encoder()


def parse_v3(body: bytes) -> ParsedRequest[SubjectParams]:
    """Parse a v3 request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of SubjectParams
        Parameters (threshold 0–1) and the picture's source. ``language`` and ``limit``, which
        published samples send, are none of this operation's and ignored whatever they hold.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for a threshold outside 0..100 (default
        30).
    """
    fields = parse_fields(body)
    threshold_percent = DEFAULT_THRESHOLD_PERCENT
    if fields.threshold is not None:
        threshold_percent = parse_number("threshold", fields.threshold, 0, 100)
    return ParsedRequest(params=SubjectParams(threshold_percent / 100), source=fields.source)


def render_v3(subjects: tuple[Subject, ...], params: SubjectParams) -> bytes:  # noqa: ARG001 -- every capability renders with its parameters
    """Render a v3 answer.

    Parameters
    ----------
    subjects : tuple of Subject
        The main subject first.
    params : SubjectParams
        The request's parameters.

    Returns
    -------
    bytes
        The JSON answer: ``result`` is an array; confidences are strings 0..100 and positions are
        numbers, both with two decimals.
    """
    return _ENCODER.encode({"result": [_instance(subject) for subject in subjects]})


def _instance(subject: Subject) -> _Instance:
    # Rounded first, so that the far edges never leave the picture by a rounding.
    left, top, right, bottom = (round(edge, 2) for edge in subject.xyxy)
    return _Instance(
        label=LABEL_OF_RANK[subject.rank],
        confidence=f"{subject.confidence * 100:.2f}",
        location=_Location(
            width=round(right - left, 2),
            height=round(bottom - top, 2),
            top_left_x=left,
            top_left_y=top,
        ),
    )
