"""What the JSON of the tagging operations shares, described.

Owns: the descriptions of the parameters and fields that several operations have. Has no opinion on:
which operation has which; each one's own ``schema`` puts them together.

Source: ``docs/wire.md``, "Image tagging" and "Media tagging with boxes".
"""

from __future__ import annotations

from huiyan.kernel.language import LANGUAGES
from huiyan.labelling.wire import MAX_LIMIT, LabelDefaults
from huiyan.recognition.schema import (
    Schema,
    describe,
    exact_object,
    request_schema,
    result_schema,
)


def labels_request(defaults: LabelDefaults, *, threshold_zh: str, threshold_en: str) -> Schema:
    """Describe the request of a v2 tagging operation.

    Parameters
    ----------
    defaults : LabelDefaults
        The operation's own.
    threshold_zh, threshold_en : str
        What the threshold does here.

    Returns
    -------
    dict
        The schema of the body.
    """
    return request_schema(
        {
            "language": LANGUAGE,
            "threshold": describe(
                {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 100,
                    "default": defaults.threshold_percent,
                },
                threshold_zh,
                threshold_en,
            ),
            "limit": describe(
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": defaults.limit},
                "最多返回的标签数。必须写成整数：5.0 不接受。",
                "At most so many tags. Written as an integer: 5.0 is refused.",
            ),
        }
    )


def tags_response(tag: Schema) -> Schema:
    """Describe the answer of a tagging operation.

    Parameters
    ----------
    tag : dict
        The schema of one tag.

    Returns
    -------
    dict
        The schema of the answer.
    """
    tags = describe(
        {"type": "array", "items": tag, "maxItems": MAX_LIMIT},
        "标签，按置信度从高到低；没有高于阈值的标签时为空数组。",
        "The tags, the most certain first; empty where none reaches the threshold.",
    )
    return result_schema(exact_object({"tags": tags}))


LANGUAGE = describe(
    {"type": "string", "enum": list(LANGUAGES), "default": "zh"},
    "tag 与 type 的语言：zh 中文，en 英文。i18n 字段总是两种语言都有。",
    "The language of tag and type: zh Chinese, en English. The i18n fields always hold both.",
)
CONFIDENCE_TEXT = describe(
    {"type": "string", "pattern": r"^(100|[0-9]{1,2})\.[0-9]{2}$"},
    "置信度 0–100，写成带两位小数的字符串。",
    "The confidence, 0 to 100, as text with two decimals.",
)
TAG = describe({"type": "string"}, "所选语言的标签名称。", "The tag's name in the language chosen.")
TYPE = describe(
    {"type": "string"}, "所选语言的类别名称。", "The name of its category in the language chosen."
)
I18N_TAG = describe(
    exact_object({"zh": {"type": "string"}, "en": {"type": "string"}}),
    "标签名称的中文与英文。",
    "The tag's name in Chinese and English.",
)
I18N_TYPE = describe(
    exact_object({"zh": {"type": "string"}, "en": {"type": "string"}}),
    "类别名称的中文与英文。",
    "The category's name in Chinese and English.",
)
LISTED_TAG = exact_object(
    {
        "confidence": CONFIDENCE_TEXT,
        "type": TYPE,
        "tag": TAG,
        "i18n_tag": I18N_TAG,
        "i18n_type": I18N_TYPE,
        "instances": describe(
            {"type": "array", "maxItems": 0},
            "本操作不返回位置框，总是空数组。",
            "This operation gives no boxes: always empty.",
        ),
    }
)
"""A tag of an operation that lists labels of the whole picture."""

BOUNDING_BOX = describe(
    exact_object(
        {
            "width": describe({"type": "integer", "minimum": 1}, "宽度，像素。", "Width in px."),
            "height": describe({"type": "integer", "minimum": 1}, "高度，像素。", "Height in px."),
            "top_left_x": describe(
                {"type": "integer", "minimum": 0},
                "左上角到左边缘的距离，像素。",
                "Distance of the upper left corner from the left edge in px.",
            ),
            "top_left_y": describe(
                {"type": "integer", "minimum": 0},
                "左上角到上边缘的距离，像素。",
                "Distance of the upper left corner from the upper edge in px.",
            ),
        }
    ),
    "位置框，以摆正后的原图像素为单位，整数，不超出图片。",
    "The box in whole px of the full upright picture, never outside of it.",
)
