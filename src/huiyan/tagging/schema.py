"""The JSON of image tagging, described.

Owns: the descriptions of v2 and v1.0. Has no opinion on: how they are parsed and rendered
(``wire``, whose numbers are used here), and where they are shown.

Source: ``docs/wire.md``, "Image tagging".
"""

from __future__ import annotations

from types import MappingProxyType

from huiyan.kernel.language import LANGUAGES, Bilingual
from huiyan.recognition.schema import (
    OperationSchema,
    Schema,
    describe,
    request_schema,
    result_schema,
)
from huiyan.tagging.wire import (
    DEFAULT_LIMIT,
    DEFAULT_THRESHOLD_PERCENT,
    MAX_LIMIT,
    V1_DEFAULT_LIMIT,
    V1_DEFAULT_THRESHOLD_PERCENT,
)


def _object(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _tags(tag: Schema) -> Schema:
    tags = describe(
        {"type": "array", "items": tag, "maxItems": MAX_LIMIT},
        "标签，按置信度从高到低；没有高于阈值的标签时为空数组。",
        "The tags, the most certain first; empty where none reaches the threshold.",
    )
    return result_schema(_object({"tags": tags}))


_LANGUAGE = describe(
    {"type": "string", "enum": list(LANGUAGES), "default": "zh"},
    "tag 与 type 的语言：zh 中文，en 英文。i18n 字段总是两种语言都有。",
    "The language of tag and type: zh Chinese, en English. The i18n fields always hold both.",
)
_TAG = describe(
    {"type": "string"}, "所选语言的标签名称。", "The tag's name in the language chosen."
)
_TYPE = describe(
    {"type": "string"}, "所选语言的类别名称。", "The name of its category in the language chosen."
)
_I18N_TAG = describe(
    _object({"zh": {"type": "string"}, "en": {"type": "string"}}),
    "标签名称的中文与英文。",
    "The tag's name in Chinese and English.",
)
_I18N_TYPE = describe(
    _object({"zh": {"type": "string"}, "en": {"type": "string"}}),
    "类别名称的中文与英文。",
    "The category's name in Chinese and English.",
)

_V2_REQUEST = request_schema(
    {
        "language": _LANGUAGE,
        "threshold": describe(
            {
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "default": DEFAULT_THRESHOLD_PERCENT,
            },
            "置信度阈值（百分数），低于它的标签不返回。",
            "Tags of a lower confidence, in percent, are left out.",
        ),
        "limit": describe(
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "最多返回的标签数。必须写成整数：5.0 不接受。",
            "At most so many tags. Written as an integer: 5.0 is refused.",
        ),
    }
)
_V2_RESPONSE = _tags(
    _object(
        {
            "confidence": describe(
                {"type": "string", "pattern": r"^(100|[0-9]{1,2})\.[0-9]{2}$"},
                "置信度 0–100，写成带两位小数的字符串。",
                "The confidence, 0 to 100, as text with two decimals.",
            ),
            "type": _TYPE,
            "tag": _TAG,
            "i18n_tag": _I18N_TAG,
            "i18n_type": _I18N_TYPE,
            "instances": describe(
                {"type": "array", "maxItems": 0},
                "本操作不返回位置框，总是空数组。",
                "This operation gives no boxes: always empty.",
            ),
        }
    )
)

_V1_REQUEST = request_schema(
    {
        "language": _LANGUAGE,
        "threshold": describe(
            {"type": "number", "default": V1_DEFAULT_THRESHOLD_PERCENT},
            "置信度阈值 0–100；超出范围时按默认值处理。",
            "Tags below it, 0 to 100, are left out; a value out of range means the default.",
        ),
        "limit": describe(
            {"type": "integer", "default": V1_DEFAULT_LIMIT},
            f"最多返回的标签数，1–{MAX_LIMIT}；超出范围（旧客户端发送 -1）时按默认值处理。",
            f"At most so many tags, 1 to {MAX_LIMIT}; a value out of range (old clients send -1) "
            "means the default.",
        ),
    }
)
_V1_RESPONSE = _tags(
    _object(
        {
            "confidence": describe(
                {"type": "number", "minimum": 0, "maximum": 100},
                "置信度 0–100，数字，最多两位小数。",
                "The confidence, 0 to 100, a number of at most two decimals.",
            ),
            "type": describe(
                {"type": "string", "enum": ["object", "scene", "concept"]},
                "三种类别之一，不翻译。",
                "One of three kinds, never translated.",
            ),
            "tag": _TAG,
            "i18n_tag": _I18N_TAG,
        }
    )
)

_EXAMPLE_URL = "https://example.com/dog.jpg"
_EXAMPLE_NAMES = {"zh": "金毛寻回犬", "en": "golden retriever"}

TAGGING_SCHEMAS = MappingProxyType(
    {
        "v2": OperationSchema(
            title=Bilingual(zh="图像标签", en="Image tagging"),
            description=Bilingual(
                zh="说出图片中有什么：每个标签有中英文名称、类别和经过校准的置信度。",
                en="Names what a picture shows: each tag has a name and a category in Chinese and "
                "English and a calibrated confidence.",
            ),
            request=_V2_REQUEST,
            response=_V2_RESPONSE,
            request_example={"url": _EXAMPLE_URL, "language": "en", "threshold": 60, "limit": 10},
            response_example={
                "result": {
                    "tags": [
                        {
                            "confidence": "93.17",
                            "type": "Animal",
                            "tag": "golden retriever",
                            "i18n_tag": _EXAMPLE_NAMES,
                            "i18n_type": {"zh": "动物", "en": "Animal"},
                            "instances": [],
                        }
                    ]
                }
            },
        ),
        "v1.0": OperationSchema(
            title=Bilingual(zh="图像标签（旧版 v1.0）", en="Image tagging (older, v1.0)"),
            description=Bilingual(
                zh="为旧客户端保留；路径中没有项目 ID，使用账号在默认区域的项目。",
                en="Kept for old clients; the path has no project id, so the account's project in "
                "the default region is used.",
            ),
            request=_V1_REQUEST,
            response=_V1_RESPONSE,
            request_example={"url": _EXAMPLE_URL, "language": "en", "threshold": 0, "limit": 10},
            response_example={
                "result": {
                    "tags": [
                        {
                            "confidence": 93.17,
                            "type": "object",
                            "tag": "golden retriever",
                            "i18n_tag": _EXAMPLE_NAMES,
                        }
                    ]
                }
            },
            deprecated=True,
        ),
    }
)
"""By wire version, as ``Capability.version`` says it."""
