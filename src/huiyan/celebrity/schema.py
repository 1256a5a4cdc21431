"""The JSON of celebrity recognition, described.

Owns: the description of v2 and v1.0. Has no opinion on: how it is parsed and rendered (``wire``,
whose numbers are used here), and where it is shown.

Source: ``docs/wire.md``, "Celebrity recognition".
"""

from __future__ import annotations

from types import MappingProxyType

from huiyan.celebrity.wire import DEFAULT_THRESHOLD
from huiyan.kernel.language import Bilingual
from huiyan.recognition.schema import (
    OperationSchema,
    Schema,
    describe,
    exact_object,
    request_schema,
    result_schema,
)


def _px(zh: str, en: str, least: int = 0) -> Schema:
    return describe({"type": "integer", "minimum": least}, zh, en)


_REQUEST = request_schema(
    {
        "threshold": describe(
            {"type": "number", "minimum": 0, "maximum": 1, "default": DEFAULT_THRESHOLD},
            "置信度阈值（0–1），低于它的人脸不返回。",
            "Faces named with a lower confidence, 0 to 1, are left out.",
        ),
    }
)
_FACE_DETAIL = exact_object(
    {
        "w": _px("宽度，像素。", "Width in px.", 1),
        "h": _px("高度，像素。", "Height in px.", 1),
        "x": _px(
            "左上角到左边缘的距离，像素。",
            "Distance of the upper left corner from the left edge in px.",
        ),
        "y": _px(
            "左上角到上边缘的距离，像素。",
            "Distance of the upper left corner from the upper edge in px.",
        ),
    }
)
_INSTANCE = exact_object(
    {
        "confidence": describe(
            {"type": "number", "minimum": 0, "maximum": 1},
            "置信度 0–1，按所搜索的照片数量校准。",
            "The confidence, 0 to 1, calibrated for the number of photos searched.",
        ),
        "face_detail": describe(
            _FACE_DETAIL,
            "人脸位置，以摆正后的原图像素为单位。",
            "The face's place in px of the full upright picture.",
        ),
        "label": describe(
            {"type": "string", "minLength": 1},
            "人名：有中文名时为中文名。",
            "The person's name as stored, the Chinese one where there is one.",
        ),
    }
)
_RESPONSE = result_schema(
    describe(
        {"type": "array", "items": _INSTANCE},
        "认出的人脸，置信度高的在前；没有人脸或没有认识的人时为空数组。",
        "The faces of known people, the surest first; empty where nobody is known.",
    )
)
_REQUEST_EXAMPLE = {"url": "https://example.com/press.jpg", "threshold": DEFAULT_THRESHOLD}
_RESPONSE_EXAMPLE = {
    "result": [
        {
            "confidence": 0.9871,
            "face_detail": {"w": 186, "h": 280, "x": 163, "y": 117},
            "label": "科菲·安南",
        }
    ]
}

CELEBRITY_SCHEMAS = MappingProxyType(
    {
        "v2": OperationSchema(
            title=Bilingual(zh="名人识别", en="Celebrity recognition"),
            description=Bilingual(
                zh="认出图片中的公众人物，以及项目自己人脸库中的人，给出人脸位置；不认识的人不返回。",
                en="Names public figures, and people of the project's own gallery, with the places "
                "of their faces; says nothing of people it does not know.",
            ),
            request=_REQUEST,
            response=_RESPONSE,
            request_example=_REQUEST_EXAMPLE,
            response_example=_RESPONSE_EXAMPLE,
        ),
        "v1.0": OperationSchema(
            title=Bilingual(zh="名人识别（旧版 v1.0）", en="Celebrity recognition (older, v1.0)"),
            description=Bilingual(
                zh="为旧客户端保留；路径中没有项目 ID，使用账号在默认区域的项目。",
                en="Kept for old clients; the path has no project id, so the account's project in "
                "the default region is used.",
            ),
            request=_REQUEST,
            response=_RESPONSE,
            request_example=_REQUEST_EXAMPLE,
            response_example=_RESPONSE_EXAMPLE,
            deprecated=True,
        ),
    }
)
"""By wire version, as ``Capability.version`` says it."""
