"""Main object detection as a value that the shells can offer.

Owns: its path and which pictures it takes. Has no opinion on: who offers it.

Source: ``docs/wire.md``, "Main object detection" and "Picture limits".
"""

from __future__ import annotations

from huiyan.imaging.picture import Format, PictureLimits
from huiyan.recognition.model import Capability, alike_everywhere
from huiyan.subject.model import Subject, SubjectParams
from huiyan.subject.recogniser import SubjectRecogniser
from huiyan.subject.wire import parse_v3, render_v3

PICTURE_LIMITS = PictureLimits(
    formats=frozenset({Format.PNG, Format.JPEG, Format.BMP, Format.WEBP}),
    min_side_px=1,
    max_side_px=10_000,
)

SubjectCapability = Capability[SubjectParams, tuple[Subject, ...]]


def subject_capability(recogniser: SubjectRecogniser) -> SubjectCapability:
    """Build main object detection.

    Parameters
    ----------
    recogniser : SubjectRecogniser
        What finds the subjects.

    Returns
    -------
    Capability
        The v3 form, the only one.
    """
    return Capability(
        interface="main-object-detection",
        version="v3",
        path="/v3/{project_id}/image/main-object-detection",
        limits=PICTURE_LIMITS,
        min_short_side_px=recogniser.min_short_side_px,
        parse=parse_v3,
        recognise=alike_everywhere(recogniser.recognise),
        render=render_v3,
    )
