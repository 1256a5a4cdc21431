"""Media tagging as values that the shells can offer.

Owns: the paths of its two operations and which pictures they take. Has no opinion on: who offers
them.

Source: ``docs/wire.md``, "Media tagging", "Media tagging with boxes" and "Picture limits".
"""

from __future__ import annotations

from huiyan.imaging.picture import Format, PictureLimits
from huiyan.labelling.model import Finding, LabelParams
from huiyan.media_tagging.recogniser import MediaTagRecogniser
from huiyan.media_tagging.wire import parse_boxes, parse_list, render_boxes, render_list
from huiyan.recognition.model import Capability, alike_everywhere

LIST_INTERFACE = "media-tagging"
BOXES_INTERFACE = "media-tagging-det"

PICTURE_LIMITS = PictureLimits(
    formats=frozenset({Format.PNG, Format.JPEG, Format.BMP, Format.WEBP}),
    min_side_px=1,
    max_side_px=10_000,
)

MediaTaggingCapability = Capability[LabelParams, tuple[Finding, ...]]


def media_tagging_capabilities(
    recogniser: MediaTagRecogniser,
) -> tuple[MediaTaggingCapability, MediaTaggingCapability]:
    """Build the two operations of media tagging.

    Parameters
    ----------
    recogniser : MediaTagRecogniser
        What finds the tags.

    Returns
    -------
    tuple of Capability
        Tags of the whole picture, then tags with boxes.
    """
    return (
        Capability(
            interface=LIST_INTERFACE,
            version="v2",
            path="/v2/{project_id}/image/media-tagging",
            limits=PICTURE_LIMITS,
            min_short_side_px=recogniser.min_short_side_px,
            parse=parse_list,
            recognise=alike_everywhere(recogniser.recognise),
            render=render_list,
        ),
        Capability(
            interface=BOXES_INTERFACE,
            version="v2",
            path="/v2/{project_id}/image/media-tagging-det",
            limits=PICTURE_LIMITS,
            min_short_side_px=recogniser.min_short_side_px,
            parse=parse_boxes,
            recognise=alike_everywhere(recogniser.recognise_places),
            render=render_boxes,
        ),
    )
