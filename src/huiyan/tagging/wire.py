"""The wire of image tagging: v2 and the older v1.0.

Owns: every quirk of the two formats. Has no opinion on: how tags are found.

Source: ``docs/wire.md``, "Image tagging".
"""

from __future__ import annotations

from typing import Any

import msgspec

from huiyan.kernel.errors import InvalidParameterError
from huiyan.recognition.model import ParsedRequest
from huiyan.recognition.wire import (
    WireFields,
    parse_fields,
    parse_integer,
    parse_language,
    parse_number,
)
from huiyan.tagging.model import Tag, TagParams

DEFAULT_THRESHOLD_PERCENT = 60.0
DEFAULT_LIMIT = 50
MAX_LIMIT = 150

V1_DEFAULT_THRESHOLD_PERCENT = 0.0
V1_DEFAULT_LIMIT = 30

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


class _I18nText(msgspec.Struct):
    zh: str
    en: str


class _TagV2(msgspec.Struct):
    confidence: str
    type: str
    tag: str
    i18n_tag: _I18nText
    i18n_type: _I18nText
    instances: list[Any]


class _TagV1(msgspec.Struct):
    confidence: float
    type: str
    tag: str
    i18n_tag: _I18nText


_ENCODER = msgspec.json.Encoder()


def parse_v2(body: bytes) -> ParsedRequest[TagParams]:
    """Parse a v2 request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of TagParams
        Parameters (threshold 0–1) and the picture's source.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for values out of range: threshold 0..100
        (default 60), limit 1..150 (default 50), language zh (default) or en.
    """
    fields = parse_fields(body)
    threshold_percent = DEFAULT_THRESHOLD_PERCENT
    if fields.threshold is not None:
        threshold_percent = parse_number("threshold", fields.threshold, 0, 100)
    limit = DEFAULT_LIMIT
    if fields.limit is not None:
        limit = parse_integer("limit", fields.limit, 1, MAX_LIMIT)
    return _request(fields, threshold_percent, limit)


def parse_v1(body: bytes) -> ParsedRequest[TagParams]:
    """Parse a v1.0 request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of TagParams
        Parameters (threshold 0–1) and the picture's source. A threshold outside 0..100 means the
        default 0, a limit outside 1..150 (old clients send -1) the default 30.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for values of the wrong JSON type.
    """
    fields = parse_fields(body)
    threshold_percent = V1_DEFAULT_THRESHOLD_PERCENT
    if fields.threshold is not None:
        given = parse_number("threshold", fields.threshold, -_ANY, _ANY)
        threshold_percent = given if 0 <= given <= 100 else V1_DEFAULT_THRESHOLD_PERCENT
    limit = V1_DEFAULT_LIMIT
    if fields.limit is not None:
        if isinstance(fields.limit, bool) or not isinstance(fields.limit, int):
            raise InvalidParameterError("limit", "must be an integer")
        limit = fields.limit if 1 <= fields.limit <= MAX_LIMIT else V1_DEFAULT_LIMIT
    return _request(fields, threshold_percent, limit)


def render_v2(tags: tuple[Tag, ...], params: TagParams) -> bytes:
    """Render a v2 answer.

    Parameters
    ----------
    tags : tuple of Tag
        Confidence falling.
    params : TagParams
        The request's parameters, for the language.

    Returns
    -------
    bytes
        The JSON answer; confidences are strings with two decimals, ``instances`` is empty.
    """
    return _ENCODER.encode({"result": {"tags": [_tag_v2(tag, params) for tag in tags]}})


def render_v1(tags: tuple[Tag, ...], params: TagParams) -> bytes:
    """Render a v1.0 answer.

    Parameters
    ----------
    tags : tuple of Tag
        Confidence falling.
    params : TagParams
        The request's parameters, for the language.

    Returns
    -------
    bytes
        The JSON answer; confidences are numbers 0..100, ``type`` is object, scene or concept.
    """
    return _ENCODER.encode({"result": {"tags": [_tag_v1(tag, params) for tag in tags]}})


_ANY = 1e308


def _request(fields: WireFields, threshold_percent: float, limit: int) -> ParsedRequest[TagParams]:
    params = TagParams(
        language=parse_language(fields.language), threshold=threshold_percent / 100, limit=limit
    )
    return ParsedRequest(params=params, source=fields.source)


def _tag_v2(tag: Tag, params: TagParams) -> _TagV2:
    name, category = tag.label.name, tag.label.category.name
    return _TagV2(
        confidence=f"{tag.confidence * 100:.2f}",
        type=category.pick(params.language),
        tag=name.pick(params.language),
        i18n_tag=_I18nText(name.zh, name.en),
        i18n_type=_I18nText(category.zh, category.en),
        instances=[],
    )


def _tag_v1(tag: Tag, params: TagParams) -> _TagV1:
    name = tag.label.name
    return _TagV1(
        confidence=round(tag.confidence * 100, 2),
        type=V1_TYPE_OF_CATEGORY.get(tag.label.category.id, "object"),
        tag=name.pick(params.language),
        i18n_tag=_I18nText(name.zh, name.en),
    )
