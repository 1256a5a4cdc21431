"""The operations that the vendor's client knows and we serve: how each is called, what it takes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from live_server import LiveServer

Call = Callable[..., Any]
"""Takes a picture's bytes, if any, and the other fields of the body; gives the client's answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """``refuses`` holds bodies for AIS.0501 that not every operation refuses, by what is wrong."""

    interface: str
    method: str
    version: str = "v2"
    older_version: str | None = None
    formats: tuple[str, ...] = ("JPEG", "PNG", "BMP", "WEBP")
    sides_px: tuple[int, int] = (1, 10_000)
    refuses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    older_codes: Mapping[str, str] = field(default_factory=dict)
    """What the older path answers, where that differs, by what is wrong."""

    @property
    def path(self) -> str:
        return f"/{self.version}/{{project_id}}/image/{self.interface}"

    @property
    def older_path(self) -> str | None:
        """A path without a project, where there is one."""
        version = self.older_version
        return None if version is None else f"/{version}/image/{self.interface}"

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path,) if self.older_path is None else (self.path, self.older_path)

    def caller(self, client: Any) -> Call:
        """Give what calls the operation with the fields of its body."""
        import huaweicloudsdkimage.v2 as vendor  # noqa: PLC0415 -- after HOME was moved aside

        stem = "".join(word.capitalize() for word in self.method.split("_"))
        make_request = getattr(vendor, f"{stem}Request")
        make_body = getattr(vendor, f"{stem.removeprefix('Run')}Req")

        def call(picture: bytes | None = None, **fields: Any) -> Any:
            if picture is not None:
                fields["image"] = base64.b64encode(picture).decode("ascii")
            return getattr(client, self.method)(make_request(body=make_body(**fields)))

        return call

    def answer_schema(self, server: LiveServer) -> Any:
        """Give what the server itself says that it answers."""
        operation = server.get("/openapi.json").json["paths"][self.path]["post"]
        return operation["responses"]["200"]["content"]["application/json"]["schema"]


PERCENT: dict[str, dict[str, Any]] = {
    "a threshold above": {"image": "AAAA", "threshold": 100.01},
    "a threshold far above": {"image": "AAAA", "threshold": 101},
    "a threshold below": {"image": "AAAA", "threshold": -0.5},
}
LIMIT: dict[str, dict[str, Any]] = {
    "no limit": {"image": "AAAA", "limit": 0},
    "a limit of old clients": {"image": "AAAA", "limit": -1},
    "a limit above": {"image": "AAAA", "limit": 151},
}
LANGUAGE: dict[str, dict[str, Any]] = {"a language": {"image": "AAAA", "language": "fr"}}

IMAGE_TAGGING = Operation(
    "tagging",
    "run_image_tagging",
    older_version="v1.0",
    sides_px=(15, 4096),
    refuses=PERCENT | LIMIT | LANGUAGE,
    older_codes=dict.fromkeys(PERCENT | LIMIT, "AIS.0502"),  # the default instead; then AAAA
)
MEDIA_TAGGING = Operation(
    "media-tagging", "run_image_media_tagging", refuses=PERCENT | LIMIT | LANGUAGE
)
MEDIA_TAGGING_DET = Operation(
    "media-tagging-det", "run_image_media_tagging_det", refuses=PERCENT | LIMIT | LANGUAGE
)
CELEBRITY_RECOGNITION = Operation(
    "celebrity-recognition",
    "run_celebrity_recognition",
    older_version="v1.0",
    refuses={
        "a threshold above": {"image": "AAAA", "threshold": 1.0001},
        "a threshold in percent": {"image": "AAAA", "threshold": 90},
        "a threshold below": {"image": "AAAA", "threshold": -0.0001},
    },
)
MAIN_OBJECT_DETECTION = Operation(
    "main-object-detection", "run_image_main_object_detection", "v3", refuses=PERCENT
)
RECAPTURE_DETECT = Operation(
    "recapture-detect",
    "run_recapture_detect",
    older_version="v1.0",
    formats=("JPEG", "PNG", "BMP"),
)
OPERATIONS = (
    IMAGE_TAGGING,
    MEDIA_TAGGING,
    MEDIA_TAGGING_DET,
    CELEBRITY_RECOGNITION,
    MAIN_OBJECT_DETECTION,
    RECAPTURE_DETECT,
)
