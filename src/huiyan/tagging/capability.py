"""Image tagging as values that the shells can offer.

Owns: which paths image tagging has and which pictures it takes. Has no opinion on: who offers it.

Source: ``docs/wire.md``, "Image tagging" and "Picture limits".
"""

from __future__ import annotations

from huiyan.imaging.picture import Format, PictureLimits
from huiyan.labelling.model import Finding, LabelParams
from huiyan.recognition.model import Capability, alike_everywhere
from huiyan.tagging.recogniser import TagRecogniser
from huiyan.tagging.wire import parse_v1, parse_v2, render_v1, render_v2

PICTURE_LIMITS = PictureLimits(
    formats=frozenset({Format.PNG, Format.JPEG, Format.BMP, Format.WEBP}),
    min_side_px=15,
    max_side_px=4096,
)

TaggingCapability = Capability[LabelParams, tuple[Finding, ...]]


def tagging_capabilities(
    recogniser: TagRecogniser,
) -> tuple[TaggingCapability, TaggingCapability]:
    """Build the two wire versions of image tagging.

    Parameters
    ----------
    recogniser : TagRecogniser
        What finds the tags.

    Returns
    -------
    tuple of Capability
        The v2 form, then the older v1.0.
    """
    return (
        Capability(
            interface="tagging",
            version="v2",
            path="/v2/{project_id}/image/tagging",
            limits=PICTURE_LIMITS,
            min_short_side_px=recogniser.min_short_side_px,
            parse=parse_v2,
            recognise=alike_everywhere(recogniser.recognise),
            render=render_v2,
        ),
        Capability(
            interface="tagging",
            version="v1.0",
            path="/v1.0/image/tagging",
            limits=PICTURE_LIMITS,
            min_short_side_px=recogniser.min_short_side_px,
            parse=parse_v1,
            recognise=alike_everywhere(recogniser.recognise),
            render=render_v1,
        ),
    )
