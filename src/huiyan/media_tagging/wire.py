"""The wires of media tagging: the list, and the boxes.

Owns: the defaults of both operations and the shape of a tag with boxes. Has no opinion on: how tags
are found, and what all tagging operations share (``labelling.wire``).

Source: ``docs/wire.md``, "Media tagging" and "Media tagging with boxes".
"""

from __future__ import annotations

import msgspec

from huiyan.labelling.model import Finding, LabelParams
from huiyan.labelling.wire import (
    BoxedInstance,
    I18nText,
    LabelDefaults,
    parse_request,
    render_confidence,
    render_i18n,
    render_instance,
    render_labels,
    render_tags,
)
from huiyan.recognition.model import ParsedRequest

LIST_DEFAULTS = LabelDefaults(threshold_percent=60.0, limit=10)
BOXES_DEFAULTS = LabelDefaults(threshold_percent=20.0, limit=10)


class _BoxedTag(msgspec.Struct):
    confidence: str
    type: str
    tag: str
    i18n_tag: I18nText
    instances: list[BoxedInstance]


def parse_list(body: bytes) -> ParsedRequest[LabelParams]:
    """Parse a request for tags of the whole picture.

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
        (default 60), limit 1..150 (default 10), language zh (default) or en.
    """
    return parse_request(body, LIST_DEFAULTS)


def parse_boxes(body: bytes) -> ParsedRequest[LabelParams]:
    """Parse a request for tags with boxes.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of LabelParams
        Parameters (threshold 0–1, of each box) and the picture's source.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for values out of range: threshold 0..100
        (default 20), limit 1..150 (default 10), language zh (default) or en.
    """
    return parse_request(body, BOXES_DEFAULTS)


def render_list(findings: tuple[Finding, ...], params: LabelParams) -> bytes:
    """Render tags of the whole picture.

    Parameters
    ----------
    findings : tuple of Finding
        Confidence falling; where they are seen is left out.
    params : LabelParams
        The request's parameters, for the language.

    Returns
    -------
    bytes
        The JSON answer; confidences are strings with two decimals, ``instances`` is empty.
    """
    return render_labels(findings, params)


def render_boxes(findings: tuple[Finding, ...], params: LabelParams) -> bytes:
    """Render tags with boxes.

    Parameters
    ----------
    findings : tuple of Finding
        Confidence falling, each with at least one instance.
    params : LabelParams
        The request's parameters, for the language.

    Returns
    -------
    bytes
        The JSON answer; there is no ``i18n_type``, confidences are strings with two decimals, and
        boxes are whole pixels.
    """
    return render_tags([_boxed(finding, params) for finding in findings])


def _boxed(finding: Finding, params: LabelParams) -> _BoxedTag:
    name = finding.label.name
    return _BoxedTag(
        confidence=render_confidence(finding.confidence),
        type=finding.label.category.name.pick(params.language),
        tag=name.pick(params.language),
        i18n_tag=render_i18n(name),
        instances=[render_instance(instance) for instance in finding.instances],
    )
