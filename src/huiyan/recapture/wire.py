"""The wire of recapture detection: v2 and the older v1.0, which are alike.

Owns: every quirk of the format, and what is ours in it: the request's ``explain`` and the answer's
``huiyan``. Has no opinion on: how a picture is judged.

Source: ``docs/wire.md``, "Recapture detection".
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from huiyan.kernel.errors import InvalidParameterError
from huiyan.perception.barcode import Barcode
from huiyan.recapture.model import Judgement, Medium, PatchEvidence, RecaptureParams, Suggestion
from huiyan.recognition.model import ParsedRequest
from huiyan.recognition.wire import parse_fields

DEFAULT_THRESHOLD = 0.95
CATEGORY = "recapture"
SUGGESTION_TEXTS = {
    Suggestion.GENUINE: "true",
    Suggestion.RECAPTURED: "false",
    Suggestion.UNCERTAIN: "uncertainty",
}
LABELS = ("original", "recapture")
_PROBABILITY_DECIMALS = 4
_PX_DECIMALS = 2


class _OwnFields(msgspec.Struct):
    explain: msgspec.Raw = msgspec.Raw(b"false")


class _Detail(msgspec.Struct):
    label: str
    confidence: str


class _Probabilities(msgspec.Struct):
    original: float
    screen: float
    print: float


class _Code(msgspec.Struct):
    text: str
    format: str
    corners: list[tuple[float, float]]


class _Patch(msgspec.Struct):
    left: int
    top: int
    side: int
    recaptured: float


class _Explanation(msgspec.Struct):
    medium: Medium
    probabilities: _Probabilities
    barcode: _Code | None
    patches: list[_Patch]


class _Result(msgspec.Struct):
    suggestion: str
    category: str
    score: str
    detail: list[_Detail]
    huiyan: _Explanation | msgspec.UnsetType = msgspec.UNSET


_OWN_DECODER = msgspec.json.Decoder(_OwnFields)
_ENCODER = msgspec.json.Encoder()


def parse(body: bytes) -> ParsedRequest[RecaptureParams]:
    """Parse a request body.

    Parameters
    ----------
    body : bytes
        The JSON text, as sent.

    Returns
    -------
    ParsedRequest of RecaptureParams
        Parameters (threshold 0–1) and the picture's source. A threshold outside 0..1 means the
        default 0.95. ``explain`` counts where it is JSON's true, and nowhere else. ``scene``, which
        v1.0 clients send, and fields of other operations are ignored whatever they hold.

    Raises
    ------
    BodyError
        As ``huiyan.recognition.wire.parse_fields``, and for a threshold that is no number.
    """
    fields = parse_fields(body)
    explains = bytes(_OWN_DECODER.decode(body).explain) == b"true"
    params = RecaptureParams(_parse_threshold(fields.threshold), explains)
    return ParsedRequest(params=params, source=fields.source)


def render(judgement: Judgement, params: RecaptureParams) -> bytes:
    """Render an answer.

    Parameters
    ----------
    judgement : Judgement
        What is known of the picture.
    params : RecaptureParams
        The request's parameters.

    Returns
    -------
    bytes
        The JSON answer: ``result`` is an object of texts, probabilities 0..1 with four decimals;
        ``detail`` names both labels, the larger first. Only where it was asked for there is one
        more field, ``huiyan``, whose probabilities are numbers.
    """
    # Everything follows from one rounded number: what a client reads adds up to one and never
    # contradicts the suggestion.
    recaptured = round(judgement.recaptured, _PROBABILITY_DECIMALS)
    judgement = replace(judgement, recaptured=recaptured)
    suggestion = judgement.suggestion(params.threshold)
    shares = {LABELS[0]: 1 - recaptured, LABELS[1]: recaptured}
    order = LABELS if recaptured <= 0.5 else LABELS[::-1]
    detail = [_Detail(label, f"{shares[label]:.{_PROBABILITY_DECIMALS}f}") for label in order]
    result = _Result(
        suggestion=SUGGESTION_TEXTS[suggestion],
        category="" if suggestion is Suggestion.GENUINE else CATEGORY,
        score=detail[0].confidence,
        detail=detail,
    )
    if params.explains:
        result.huiyan = _explanation(judgement)
    return _ENCODER.encode({"result": result})


def _parse_threshold(value: object) -> float:
    if value is None:
        return DEFAULT_THRESHOLD
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidParameterError("threshold", "must be a number")
    return float(value) if 0 <= value <= 1 else DEFAULT_THRESHOLD


def _explanation(judgement: Judgement) -> _Explanation:
    recaptured = judgement.recaptured
    screen = min(round(recaptured * judgement.screen, _PROBABILITY_DECIMALS), recaptured)
    return _Explanation(
        medium=judgement.medium,
        probabilities=_Probabilities(
            original=round(1 - recaptured, _PROBABILITY_DECIMALS),
            screen=screen,
            print=round(recaptured - screen, _PROBABILITY_DECIMALS),
        ),
        barcode=None if judgement.barcode is None else _code(judgement.barcode),
        patches=[_patch(evidence) for evidence in judgement.patches],
    )


def _code(barcode: Barcode) -> _Code:
    return _Code(
        text=barcode.text,
        format=barcode.symbology,
        corners=[(round(x, _PX_DECIMALS), round(y, _PX_DECIMALS)) for x, y in barcode.corners_xy],
    )


def _patch(evidence: PatchEvidence) -> _Patch:
    return _Patch(
        left=evidence.left_px,
        top=evidence.top_px,
        side=evidence.side_px,
        recaptured=round(evidence.recaptured, _PROBABILITY_DECIMALS),
    )
