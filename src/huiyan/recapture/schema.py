"""The JSON of recapture detection, described.

Owns: the description of v2 and v1.0. Has no opinion on: how it is parsed and rendered (``wire``,
whose numbers and words are used here), and where it is shown.

Source: ``docs/wire.md``, "Recapture detection".
"""

from __future__ import annotations

from types import MappingProxyType

from huiyan.kernel.language import Bilingual
from huiyan.recapture.model import Medium
from huiyan.recapture.wire import CATEGORY, DEFAULT_THRESHOLD, LABELS, SUGGESTION_TEXTS
from huiyan.recognition.schema import (
    OperationSchema,
    Schema,
    describe,
    exact_object,
    request_schema,
    result_schema,
)

_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_PROBABILITY_TEXT: Schema = {"type": "string", "pattern": r"^(0\.[0-9]{4}|1\.0000)$"}


def _px(zh: str, en: str, least: int = 0) -> Schema:
    return describe({"type": "integer", "minimum": least}, zh, en)


_PARAMETERS = {
    "threshold": describe(
        {"type": "number", "default": DEFAULT_THRESHOLD},
        "判为翻拍的阈值 0–1；超出范围时按默认值处理。",
        "From which probability, 0 to 1, a picture counts as recaptured; a value out of range "
        "means the default.",
    ),
    "explain": describe(
        {"type": "boolean", "default": False},
        "慧眼自有：为 true 时应答多一个字段 huiyan。其他值等同于 false。",
        "Huiyan's own: true adds the field huiyan to the answer. Anything else means false.",
    ),
}
_REQUEST = request_schema(_PARAMETERS)
_V1_REQUEST = request_schema(
    {
        **_PARAMETERS,
        "scene": describe(
            {"type": "array", "items": {"type": "string"}},
            '旧客户端发送 ["recapture"]；不使用。',
            'Old clients send ["recapture"]; it is ignored whatever it holds.',
        ),
    }
)

_DETAIL = exact_object(
    {
        "label": describe(
            {"type": "string", "enum": list(LABELS)},
            "original：实物；recapture：翻拍。",
            "original: the thing itself; recapture: a picture of a screen or a print.",
        ),
        "confidence": describe(
            _PROBABILITY_TEXT,
            "概率 0–1，写成带四位小数的字符串。",
            "The probability, 0 to 1, as text with four decimals.",
        ),
    }
)
_BARCODE: Schema = {
    **exact_object(
        {
            "text": describe({"type": "string"}, "条码内容。", "What it says."),
            "format": describe(
                {"type": "string", "minLength": 1},
                "条码制式，例如 EAN13、QRCode。",
                "Its kind, such as EAN13 or QRCode.",
            ),
            "corners": describe(
                {
                    "type": "array",
                    "items": {
                        "type": "array",
                        "items": {"type": "number"},
                        "minItems": 2,
                        "maxItems": 2,
                    },
                    "minItems": 4,
                    "maxItems": 4,
                },
                "四个角 [x, y]，以摆正后的原图像素为单位：条码自身的左上、右上、右下、左下。",
                "Its corners as [x, y], px of the full upright picture: the code's own upper left, "
                "upper right, lower right and lower left.",
            ),
        }
    ),
    "type": ["object", "null"],
}
_PATCH = exact_object(
    {
        "left": _px("左边缘，像素。", "Left edge in px."),
        "top": _px("上边缘，像素。", "Upper edge in px."),
        "side": _px("边长，像素。", "Side in px.", 1),
        "recaptured": describe(
            _PROBABILITY,
            "仅由这一块得出的翻拍概率，比整图的粗略。",
            "Probability of a recapture from this place alone; rougher than the picture's.",
        ),
    }
)
_EXPLANATION = exact_object(
    {
        "medium": describe(
            {"type": "string", "enum": [medium.value for medium in Medium]},
            "最可能的拍摄对象：original 实物，screen 屏幕，print 印刷品。",
            "What most likely stood before the camera: the thing itself, a screen or a print.",
        ),
        "probabilities": describe(
            exact_object(
                {
                    "original": describe(_PROBABILITY, "实物的概率。", "Of the thing itself."),
                    "screen": describe(_PROBABILITY, "屏幕的概率。", "Of a screen."),
                    "print": describe(_PROBABILITY, "印刷品的概率。", "Of a print."),
                }
            ),
            "三种情况的概率，合计为 1，最多四位小数。",
            "Of the three, one in all; numbers of at most four decimals.",
        ),
        "barcode": describe(
            _BARCODE,
            "最先判断的条码；没有时为 null。",
            "The code that was judged first; null where there is none.",
        ),
        "patches": describe(
            {"type": "array", "items": _PATCH},
            "在原始分辨率下看过的方块，最可疑的在前；以摆正后的原图像素为单位。",
            "The squares looked at in the picture's own pixels, the most suspicious first; px of "
            "the full upright picture.",
        ),
    }
)
_VENDOR_FIELDS = {
    "suggestion": describe(
        {"type": "string", "enum": list(SUGGESTION_TEXTS.values())},
        "结论（字符串）：true 真实，false 翻拍，uncertainty 不确定。",
        "The conclusion, as text: true (genuine), false (recaptured) or uncertainty.",
    ),
    "category": describe(
        {"type": "string", "enum": ["", CATEGORY]},
        f"suggestion 为 true 时为空字符串，否则为 {CATEGORY}。",
        f"Empty where suggestion is true, else {CATEGORY}.",
    ),
    "score": describe(
        _PROBABILITY_TEXT,
        "两个概率中较大的一个，写成带四位小数的字符串。",
        "The larger of the two probabilities, as text with four decimals.",
    ),
    "detail": describe(
        {"type": "array", "items": _DETAIL, "minItems": 2, "maxItems": 2},
        "两个标签及其概率，较大的在前。",
        "Both labels with their probabilities, the larger first.",
    ),
}
_RESPONSE = result_schema(
    describe(
        {
            **exact_object(
                {
                    **_VENDOR_FIELDS,
                    "huiyan": describe(
                        _EXPLANATION,
                        "慧眼自有：仅当请求中 explain 为 true 时出现。",
                        "Huiyan's own: there only where the request's explain is true.",
                    ),
                }
            ),
            "required": list(_VENDOR_FIELDS),
        },
        "判断结果。",
        "The judgement.",
    )
)
_REQUEST_EXAMPLE = {"url": "https://example.com/label.jpg", "threshold": DEFAULT_THRESHOLD}
_RESPONSE_EXAMPLE = {
    "result": {
        "suggestion": "false",
        "category": CATEGORY,
        "score": "0.9871",
        "detail": [
            {"label": "recapture", "confidence": "0.9871"},
            {"label": "original", "confidence": "0.0129"},
        ],
    }
}

RECAPTURE_SCHEMAS = MappingProxyType(
    {
        "v2": OperationSchema(
            title=Bilingual(zh="翻拍识别", en="Recapture detection"),
            description=Bilingual(
                zh="判断图片是实物照片，还是对屏幕或印刷品的翻拍；有条码时先看条码。",
                en="Tells whether the thing itself was photographed or a screen or print that "
                "shows it; a barcode is looked at first.",
            ),
            request=_REQUEST,
            response=_RESPONSE,
            request_example=_REQUEST_EXAMPLE,
            response_example=_RESPONSE_EXAMPLE,
        ),
        "v1.0": OperationSchema(
            title=Bilingual(zh="翻拍识别（旧版 v1.0）", en="Recapture detection (older, v1.0)"),
            description=Bilingual(
                zh="为旧客户端保留；路径中没有项目 ID，使用账号在默认区域的项目。",
                en="Kept for old clients; the path has no project id, so the account's project in "
                "the default region is used.",
            ),
            request=_V1_REQUEST,
            response=_RESPONSE,
            request_example={**_REQUEST_EXAMPLE, "scene": [CATEGORY]},
            response_example=_RESPONSE_EXAMPLE,
            deprecated=True,
        ),
    }
)
"""By wire version, as ``Capability.version`` says it."""
