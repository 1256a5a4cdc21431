"""What the wires of the tagging operations share.

Owns: reading ``language``, ``threshold`` and ``limit`` with an operation's own defaults, and how
confidences, names in both languages, lists of labels and boxes are written. Has no opinion on:
which operation has which defaults and fields; each one's own ``wire`` says so.

Source: ``docs/wire.md``, "Image tagging" and "Media tagging with boxes".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Finding, Instance, LabelParams
from huiyan.recognition.model import ParsedRequest
from huiyan.recognition.wire import (
    WireFields,
    parse_fields,
    parse_integer,
    parse_language,
    parse_number,
)

MAX_LIMIT = 150

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class LabelDefaults:
    """What an operation takes where the caller names nothing.

    Parameters
    ----------
    threshold_percent : float
        In [0, 100].
    limit : int
        In 1..150.
    """

    threshold_percent: float
    limit: int


class I18nText(msgspec.Struct):
    """A text in both languages, as the wire writes it.

    Parameters
    ----------
    zh, en : str
        The text.
    """

    zh: str
    en: str


class BoundingBox(msgspec.Struct):
    """A box in whole pixels of the upright picture, as the wire writes it.

    Parameters
    ----------
    width, height : int
        At least 1.
    top_left_x, top_left_y : int
        Distance of the upper left corner from the left and the upper edge; at least 0.
    """

    width: int
    height: int
    top_left_x: int
    top_left_y: int


class BoxedInstance(msgspec.Struct):
    """One place of a label, as the wire writes it.

    Parameters
    ----------
    bounding_box : BoundingBox
        Where.
    confidence : str
        0 to 100 with two decimals.
    """

    bounding_box: BoundingBox
    confidence: str


class _ListedLabel(msgspec.Struct):
    confidence: str
    type: str
    tag: str
    i18n_tag: I18nText
    i18n_type: I18nText
    instances: list[BoxedInstance]


def parse_request(body: bytes, defaults: LabelDefaults) -> ParsedRequest[LabelParams]:
    """Parse a v2 request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.
    defaults : LabelDefaults
        The operation's own.

    Returns
    -------
    ParsedRequest of LabelParams
        Parameters (threshold 0–1) and the picture's source.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for values out of range: threshold 0..100,
        limit 1..150, language zh (default) or en.
    """
    fields = parse_fields(body)
    threshold_percent, limit = defaults.threshold_percent, defaults.limit
    if fields.threshold is not None:
        threshold_percent = parse_number("threshold", fields.threshold, 0, 100)
    if fields.limit is not None:
        limit = parse_integer("limit", fields.limit, 1, MAX_LIMIT)
    return build_request(fields, threshold_percent, limit)


def build_request(
    fields: WireFields, threshold_percent: float, limit: int
) -> ParsedRequest[LabelParams]:
    """Put a request together from its fields and from numbers that were checked.

    Parameters
    ----------
    fields : WireFields
        For the language and the picture.
    threshold_percent : float
        In [0, 100].
    limit : int
        At least 1.

    Returns
    -------
    ParsedRequest of LabelParams
        Parameters (threshold 0–1) and the picture's source.

    Raises
    ------
    InvalidParameterError
        The language is neither zh nor en.
    """
    params = LabelParams(
        language=parse_language(fields.language), threshold=threshold_percent / 100, limit=limit
    )
    return ParsedRequest(params=params, source=fields.source)


def render_labels(findings: tuple[Finding, ...], params: LabelParams) -> bytes:
    """Render a v2 answer that lists labels and gives no boxes.

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
    return render_tags([_listed(finding, params) for finding in findings])


def render_tags(tags: list[msgspec.Struct]) -> bytes:
    """Render an answer around tags.

    Parameters
    ----------
    tags : list of Struct
        Each one tag, in the operation's own shape.

    Returns
    -------
    bytes
        ``{"result": {"tags": …}}``.
    """
    return _ENCODER.encode({"result": {"tags": tags}})


def render_confidence(confidence: float) -> str:
    """Write a confidence.

    Parameters
    ----------
    confidence : float
        In [0, 1].

    Returns
    -------
    str
        Percent with two decimals.

    Examples
    --------
    >>> render_confidence(0.92378)
    '92.38'
    """
    return f"{confidence * 100:.2f}"


def render_i18n(text: Bilingual) -> I18nText:
    """Write a text in both languages.

    Parameters
    ----------
    text : Bilingual
        The text.

    Returns
    -------
    I18nText
        Both languages, always.
    """
    return I18nText(text.zh, text.en)


def render_instance(instance: Instance) -> BoxedInstance:
    """Write one place of a label.

    Parameters
    ----------
    instance : Instance
        Where; inside the picture.

    Returns
    -------
    BoxedInstance
        Edges are rounded to the nearest pixel, so that a box never leaves the picture, and is at
        least 1 px wide and high.
    """
    left, top, right, bottom = instance.xyxy
    left_px, width_px = _whole_px(left, right)
    top_px, height_px = _whole_px(top, bottom)
    box = BoundingBox(width=width_px, height=height_px, top_left_x=left_px, top_left_y=top_px)
    return BoxedInstance(bounding_box=box, confidence=render_confidence(instance.confidence))


def _whole_px(low: float, high: float) -> tuple[int, int]:
    """Round both edges: the picture's own edges are whole, so neither passes them by rounding."""
    first, last = max(0, round(low)), round(high)
    if last > first:
        return first, last - first
    # Both edges lie within one pixel of each other: that pixel, which begins left of the last edge.
    return max(0, math.ceil(high) - 1), 1


def _listed(finding: Finding, params: LabelParams) -> _ListedLabel:
    name, category = finding.label.name, finding.label.category.name
    return _ListedLabel(
        confidence=render_confidence(finding.confidence),
        type=category.pick(params.language),
        tag=name.pick(params.language),
        i18n_tag=render_i18n(name),
        i18n_type=render_i18n(category),
        instances=[],
    )
