"""Pictures in, tags of the whole picture or of places in it out.

Owns: which of the findings each of the two operations answers. Has no opinion on: how findings are
made, the defaults of a call, and the wire.
"""

from __future__ import annotations

from huiyan.imaging.picture import Image
from huiyan.labelling.finder import LabelFinder
from huiyan.labelling.model import Finding, LabelParams


class MediaTagRecogniser:
    """Says what a picture shows, and where.

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
        """Say what the picture shows.

        Parameters
        ----------
        image : Image
            The picture, upright.
        params : LabelParams
            Threshold and limit; the language does not change what is found.

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

    def recognise_places(self, image: Image, params: LabelParams) -> tuple[Finding, ...]:
        """Say what the picture shows where.

        Parameters
        ----------
        image : Image
            The picture, upright.
        params : LabelParams
            The threshold of each place, and how many labels at most; the language does not change
            what is found.

        Returns
        -------
        tuple of Finding
            Each label once, with all its places and the confidence of the best one; confidence
            falling, ties by label id; may be empty.

        Raises
        ------
        InferenceError
            A network failed.
        """
        return self._finder.locate(image).boxed(params.threshold, params.limit)
