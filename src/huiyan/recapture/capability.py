"""Recapture detection as values that the shells can offer.

Owns: its paths and which pictures it takes. Has no opinion on: who offers it, and how a picture is
judged.

Source: ``docs/wire.md``, "Recapture detection" and "Picture limits".
"""

from __future__ import annotations

from typing import Protocol

from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.recapture.model import Judgement, RecaptureParams
from huiyan.recapture.wire import parse, render
from huiyan.recognition.model import Capability, alike_everywhere

INTERFACE = "recapture-detect"
PICTURE_LIMITS = PictureLimits(
    formats=frozenset({Format.PNG, Format.JPEG, Format.BMP}),
    min_side_px=1,
    max_side_px=10_000,
)
PATHS = {
    "v2": f"/v2/{{project_id}}/image/{INTERFACE}",
    "v1.0": f"/v1.0/image/{INTERFACE}",
}

RecaptureCapability = Capability[RecaptureParams, Judgement]


class Recogniser(Protocol):
    """What judges pictures."""

    @property
    def min_short_side_px(self) -> int | None:
        """The short side in px that decoding should keep.

        Returns
        -------
        int or None
            None for the full picture: its traces are in its own pixels.
        """

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:
        """Judge a picture.

        Parameters
        ----------
        image : Image
            The picture, upright.
        params : RecaptureParams
            What the caller wants to hear.

        Returns
        -------
        Judgement
            What is known of it.

        Raises
        ------
        InferenceError
            A network failed.
        """


def recapture_capabilities(recogniser: Recogniser) -> tuple[RecaptureCapability, ...]:
    """Build the two wire versions of recapture detection.

    Parameters
    ----------
    recogniser : Recogniser
        What judges pictures.

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
            recognise=alike_everywhere(recogniser.recognise),
            render=render,
        )
        for version, path in PATHS.items()
    )
