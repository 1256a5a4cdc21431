"""Celebrity recognition as values that the shells can offer.

Owns: its paths and which pictures it takes. Has no opinion on: who offers it.

Source: ``docs/wire.md``, "Celebrity recognition" and "Picture limits".
"""

from __future__ import annotations

from huiyan.celebrity.model import CelebrityParams, Sighting
from huiyan.celebrity.recogniser import CelebrityRecogniser, tell
from huiyan.celebrity.wire import parse, render
from huiyan.imaging.picture import Format, PictureLimits
from huiyan.recognition.model import Capability

INTERFACE = "celebrity-recognition"
PICTURE_LIMITS = PictureLimits(
    formats=frozenset({Format.PNG, Format.JPEG, Format.BMP, Format.WEBP}),
    min_side_px=1,
    max_side_px=10_000,
)
PATHS = {
    "v2": f"/v2/{{project_id}}/image/{INTERFACE}",
    "v1.0": f"/v1.0/image/{INTERFACE}",
}

CelebrityCapability = Capability[CelebrityParams, Sighting]


def celebrity_capabilities(recogniser: CelebrityRecogniser) -> tuple[CelebrityCapability, ...]:
    """Build celebrity recognition.

    Parameters
    ----------
    recogniser : CelebrityRecogniser
        What names people.

    Returns
    -------
    tuple of Capability
        The v2 form, then the older v1.0.
    """
    return tuple(
        Capability(
            interface=INTERFACE,
            version=version,
            path=path,
            limits=PICTURE_LIMITS,
            min_short_side_px=recogniser.min_short_side_px,
            parse=parse,
            recognise=recogniser.recognise,
            render=render,
            tells=tell,
            prepare=recogniser.prepare,
        )
        for version, path in PATHS.items()
    )
