"""The JSON of main object detection, described.

Owns: the description of v3. Has no opinion on: how it is parsed and rendered (``wire``, whose
numbers are used here), and where it is shown.

Source: ``docs/wire.md``, "Main object detection".
"""

from __future__ import annotations

from types import MappingProxyType

from huiyan.kernel.language import Bilingual
from huiyan.recognition.schema import (
    OperationSchema,
    Schema,
    describe,
    exact_object,
    request_schema,
    result_schema,
)
from huiyan.subject.model import Rank
from huiyan.subject.wire import DEFAULT_THRESHOLD_PERCENT, LABEL_OF_RANK


def _length(zh: str, en: str) -> Schema:
    return describe({"type": "number", "minimum": 0}, zh, en)


_REQUEST = request_schema(
    {
        "threshold": describe(
            {
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "default": DEFAULT_THRESHOLD_PERCENT,
            },
            "置信度阈值（百分数），低于它的主体不返回。",
            "Subjects of a lower confidence, in percent, are left out.",
        ),
    }
)
_INSTANCE = exact_object(
    {
        "label": describe(
            {"type": "string", "enum": list(LABEL_OF_RANK.values())},
            "main_object_box：图片主体的整体框，最多一个；bounding_box：主体由几个分开的部分组成时的"
            "每一部分，以及次要主体。",
            "main_object_box: the main subject as a whole, at most one; bounding_box: each of "
            "several subjects that stand apart, and lesser ones.",
        ),
        "confidence": describe(
            {"type": "string", "pattern": r"^(100|[0-9]{1,2})\.[0-9]{2}$"},
            "置信度 0–100，写成带两位小数的字符串。",
            "The confidence, 0 to 100, as text with two decimals.",
        ),
        "location": describe(
            exact_object(
                {
                    "width": _length("宽度，像素。", "Width in px."),
                    "height": _length("高度，像素。", "Height in px."),
                    "top_left_x": _length(
                        "左上角到左边缘的距离，像素。",
                        "Distance of the upper left corner from the left edge in px.",
                    ),
                    "top_left_y": _length(
                        "左上角到上边缘的距离，像素。",
                        "Distance of the upper left corner from the upper edge in px.",
                    ),
                }
            ),
            "位置，以摆正后的原图像素为单位，两位小数。",
            "The place in px of the full upright picture, with two decimals.",
        ),
    }
)
_RESPONSE = result_schema(
    describe(
        {"type": "array", "items": _INSTANCE},
        "主体列表，main_object_box 在最前；没有主体时为空数组。",
        "The subjects, main_object_box first; empty where the picture has none.",
    )
)

SUBJECT_SCHEMAS = MappingProxyType(
    {
        "v3": OperationSchema(
            title=Bilingual(zh="主体识别", en="Main object detection"),
            description=Bilingual(
                zh="找出图片的主体，给出它的位置框；有几个主体时逐一给出。",
                en="Finds the main subject of a picture and its box; where there are several, each "
                "of them.",
            ),
            request=_REQUEST,
            response=_RESPONSE,
            request_example={"url": "https://example.com/dog.jpg", "threshold": 30},
            response_example={
                "result": [
                    {
                        "label": LABEL_OF_RANK[Rank.MAIN],
                        "confidence": "93.17",
                        "location": {
                            "width": 139.58,
                            "height": 261.32,
                            "top_left_x": 256.13,
                            "top_left_y": 85.21,
                        },
                    }
                ]
            },
        ),
    }
)
"""By wire version, as ``Capability.version`` says it."""
