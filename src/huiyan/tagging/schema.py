"""The JSON of image tagging, described.

Owns: the descriptions of v2 and v1.0. Has no opinion on: how they are parsed and rendered
(``wire``, whose numbers are used here), and where they are shown.

Source: ``docs/wire.md``, "Image tagging".
"""

from __future__ import annotations

from types import MappingProxyType

from huiyan.kernel.language import Bilingual
from huiyan.labelling.schema import (
    I18N_TAG,
    LANGUAGE,
    LISTED_TAG,
    TAG,
    labels_request,
    tags_response,
)
from huiyan.labelling.wire import MAX_LIMIT
from huiyan.recognition.schema import OperationSchema, describe, exact_object, request_schema
from huiyan.tagging.wire import DEFAULTS, V1_DEFAULTS

_V2_REQUEST = labels_request(
    DEFAULTS,
    threshold_zh="置信度阈值（百分数），低于它的标签不返回。",
    threshold_en="Tags of a lower confidence, in percent, are left out.",
)
_V2_RESPONSE = tags_response(LISTED_TAG)

_V1_REQUEST = request_schema(
    {
        "language": LANGUAGE,
        "threshold": describe(
            {"type": "number", "default": V1_DEFAULTS.threshold_percent},
            "置信度阈值 0–100；超出范围时按默认值处理。",
            "Tags below it, 0 to 100, are left out; a value out of range means the default.",
        ),
        "limit": describe(
            {"type": "integer", "default": V1_DEFAULTS.limit},
            f"最多返回的标签数，1–{MAX_LIMIT}；超出范围（旧客户端发送 -1）时按默认值处理。",
            f"At most so many tags, 1 to {MAX_LIMIT}; a value out of range (old clients send -1) "
            "means the default.",
        ),
    }
)
_V1_RESPONSE = tags_response(
    exact_object(
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
            "tag": TAG,
            "i18n_tag": I18N_TAG,
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
