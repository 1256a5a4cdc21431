"""Pictures in, tags out.

Owns: which of the findings image tagging answers. Has no opinion on: how findings are made, the
defaults of a call, and the wire.
"""

from __future__ import annotations

from huiyan.imaging.picture import Image
from huiyan.labelling.finder import LabelFinder
from huiyan.labelling.model import Finding, LabelParams


class TagRecogniser:
    """Names what a picture shows.

    One instance serves all threads.

    Parameters
    ----------
    finder : LabelFinder
        What looks at the picture.
    """

    def __init__(self, finder: LabelFinder) -> None:
        self._finder = finder

    @property
    def min_short_side_px(self) -> int | None:
        """The short side that the networks need.

        Returns
        -------
        int or None
            In px; None for the full picture.
        """
        return self._finder.min_short_side_px

    def recognise(self, image: Image, params: LabelParams) -> tuple[Finding, ...]:
        """Name what the picture shows.

        Parameters
        ----------
        image : Image
            The picture, upright.
        params : LabelParams
            Threshold and limit; the language does not change which tags are found.

        Returns
        -------
        tuple of Finding
            Confidence falling, ties by label id; none below the threshold and none whose
            confidence is 0; may be empty.

        Raises
        ------
        InferenceError
            A network failed.
        """
        return self._finder.find(image).best(params.threshold, params.limit)
