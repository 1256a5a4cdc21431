"""The wire of image tagging: v2 and the older v1.0.

Owns: the defaults of both versions and every quirk of v1.0. Has no opinion on: how tags are found,
and what all tagging operations share (``labelling.wire``).

Source: ``docs/wire.md``, "Image tagging".
"""

from __future__ import annotations

import msgspec

from huiyan.kernel.errors import InvalidParameterError
from huiyan.labelling.model import Finding, LabelParams
from huiyan.labelling.wire import (
    MAX_LIMIT,
    I18nText,
    LabelDefaults,
    build_request,
    parse_request,
    render_i18n,
    render_labels,
    render_tags,
)
from huiyan.recognition.model import ParsedRequest
from huiyan.recognition.wire import parse_fields, parse_number

DEFAULTS = LabelDefaults(threshold_percent=60.0, limit=50)
V1_DEFAULTS = LabelDefaults(threshold_percent=0.0, limit=30)

V1_TYPE_OF_CATEGORY = {
    "scene": "scene",
    "nature": "scene",
    "building": "scene",
    "action": "concept",
    "finance": "concept",
    "science": "concept",
    "belief": "concept",
    "emotion": "concept",
    "leisure": "concept",
    "event": "concept",
    "society": "concept",
    "life": "concept",
    "attribute": "concept",
    "culture": "concept",
    "education": "concept",
    "sport": "concept",
}
"""v1.0 knows three types; every category that is not listed is an ``object``."""


class _TagV1(msgspec.Struct):
    confidence: float
    type: str
    tag: str
    i18n_tag: I18nText


def parse_v2(body: bytes) -> ParsedRequest[LabelParams]:
    """Parse a v2 request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of LabelParams
        Parameters (threshold 0–1) and the picture's source.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for values out of range: threshold 0..100
        (default 60), limit 1..150 (default 50), language zh (default) or en.
    """
    return parse_request(body, DEFAULTS)


def parse_v1(body: bytes) -> ParsedRequest[LabelParams]:
    """Parse a v1.0 request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of LabelParams
        Parameters (threshold 0–1) and the picture's source. A threshold outside 0..100 means the
        default 0, a limit outside 1..150 (old clients send -1) the default 30.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for values of the wrong JSON type.
    """
    fields = parse_fields(body)
    threshold_percent = V1_DEFAULTS.threshold_percent
    if fields.threshold is not None:
        given = parse_number("threshold", fields.threshold, -_ANY, _ANY)
        threshold_percent = given if 0 <= given <= 100 else V1_DEFAULTS.threshold_percent
    limit = V1_DEFAULTS.limit
    if fields.limit is not None:
        if isinstance(fields.limit, bool) or not isinstance(fields.limit, int):
            raise InvalidParameterError("limit", "must be an integer")
        limit = fields.limit if 1 <= fields.limit <= MAX_LIMIT else V1_DEFAULTS.limit
    return build_request(fields, threshold_percent, limit)


def render_v2(findings: tuple[Finding, ...], params: LabelParams) -> bytes:
    """Render a v2 answer.

    Parameters
    ----------
    findings : tuple of Finding
        Confidence falling.
    params : LabelParams
        The request's parameters, for the language.

    Returns
    -------
    bytes
        The JSON answer; confidences are strings with two decimals, ``instances`` is empty.
    """
    return render_labels(findings, params)


def render_v1(findings: tuple[Finding, ...], params: LabelParams) -> bytes:
    """Render a v1.0 answer.

    Parameters
    ----------
    findings : tuple of Finding
        Confidence falling.
    params : LabelParams
        The request's parameters, for the language.

    Returns
    -------
    bytes
        The JSON answer; confidences are numbers 0..100, ``type`` is object, scene or concept.
    """
    return render_tags([_tag_v1(finding, params) for finding in findings])


_ANY = 1e308


def _tag_v1(finding: Finding, params: LabelParams) -> _TagV1:
    name = finding.label.name
    return _TagV1(
        confidence=round(finding.confidence * 100, 2),
        type=V1_TYPE_OF_CATEGORY.get(finding.label.category.id, "object"),
        tag=name.pick(params.language),
        i18n_tag=render_i18n(name),
    )
