"""The JSON of media tagging, described.

Owns: the descriptions of both operations. Has no opinion on: how they are parsed and rendered
(``wire``, whose numbers are used here), and where they are shown.

Source: ``docs/wire.md``, "Media tagging" and "Media tagging with boxes".
"""

from __future__ import annotations

from types import MappingProxyType

from huiyan.kernel.language import Bilingual
from huiyan.labelling.schema import (
    BOUNDING_BOX,
    CONFIDENCE_TEXT,
    I18N_TAG,
    LISTED_TAG,
    TAG,
    TYPE,
    labels_request,
    tags_response,
)
from huiyan.media_tagging.capability import BOXES_INTERFACE, LIST_INTERFACE
from huiyan.media_tagging.wire import BOXES_DEFAULTS, LIST_DEFAULTS
from huiyan.recognition.schema import OperationSchema, describe, exact_object

_BOXED_TAG = exact_object(
    {
        "confidence": describe(
            CONFIDENCE_TEXT,
            "各位置框中最高的置信度，0–100，写成带两位小数的字符串。",
            "The confidence of the best box, 0 to 100, as text with two decimals.",
        ),
        "type": TYPE,
        "tag": TAG,
        "i18n_tag": I18N_TAG,
        "instances": describe(
            {
                "type": "array",
                "minItems": 1,
                "items": exact_object(
                    {"bounding_box": BOUNDING_BOX, "confidence": CONFIDENCE_TEXT}
                ),
            },
            "该标签的全部位置框，按置信度从高到低。",
            "All boxes of this tag, the most certain first.",
        ),
    }
)

_EXAMPLE_URL = "https://example.com/street.jpg"

MEDIA_TAGGING_SCHEMAS = MappingProxyType(
    {
        LIST_INTERFACE: OperationSchema(
            title=Bilingual(zh="媒资图像标签", en="Media tagging"),
            description=Bilingual(
                zh="说出图片中的物体、场景、概念和属性（颜色、材质、人数、明暗等）：每个标签有中英文名称、"
                "类别和经过校准的置信度。",
                en="Names the objects, scenes, concepts and attributes (colour, material, number "
                "of people, brightness and more) of a picture: each tag has a name and a category "
                "in Chinese and English and a calibrated confidence.",
            ),
            request=labels_request(
                LIST_DEFAULTS,
                threshold_zh="置信度阈值（百分数），低于它的标签不返回。",
                threshold_en="Tags of a lower confidence, in percent, are left out.",
            ),
            response=tags_response(LISTED_TAG),
            request_example={"url": _EXAMPLE_URL, "language": "en", "threshold": 60, "limit": 10},
            response_example={
                "result": {
                    "tags": [
                        {
                            "confidence": "96.04",
                            "type": "Vehicle",
                            "tag": "car",
                            "i18n_tag": {"zh": "汽车", "en": "car"},
                            "i18n_type": {"zh": "交通工具", "en": "Vehicle"},
                            "instances": [],
                        },
                        {
                            "confidence": "88.20",
                            "type": "Scene",
                            "tag": "street",
                            "i18n_tag": {"zh": "街道", "en": "street"},
                            "i18n_type": {"zh": "场景", "en": "Scene"},
                            "instances": [],
                        },
                    ]
                }
            },
        ),
        BOXES_INTERFACE: OperationSchema(
            title=Bilingual(zh="媒资图像标签（检测）", en="Media tagging with boxes"),
            description=Bilingual(
                zh="说出图片中有什么、在哪里：每个标签只出现一次，带有它的全部位置框；物体的属性带有该物体的"
                "位置框。整张图片的属性不在此返回。",
                en="Names what a picture shows and where: each tag appears once with all its "
                "boxes, an object's attributes carry that object's boxes. What is said of the "
                "whole picture is not given here.",
            ),
            request=labels_request(
                BOXES_DEFAULTS,
                threshold_zh="每个位置框的置信度阈值（百分数），低于它的位置框不返回。",
                threshold_en="Boxes of a lower confidence, in percent, are left out.",
            ),
            response=tags_response(_BOXED_TAG),
            request_example={"url": _EXAMPLE_URL, "language": "en", "threshold": 20, "limit": 10},
            response_example={
                "result": {
                    "tags": [
                        {
                            "confidence": "93.17",
                            "type": "Vehicle",
                            "tag": "car",
                            "i18n_tag": {"zh": "汽车", "en": "car"},
                            "instances": [
                                {
                                    "bounding_box": {
                                        "width": 412,
                                        "height": 230,
                                        "top_left_x": 96,
                                        "top_left_y": 301,
                                    },
                                    "confidence": "93.17",
                                },
                            ],
                        }
                    ]
                }
            },
        ),
    }
)
"""By the last segment of the path, as ``Capability.interface`` says it."""
