"""Pictures in, findings out.

Owns: the way from a picture to its findings. Has no opinion on: what a caller wants to hear of
them.
"""

from __future__ import annotations

from dataclasses import dataclass

from huiyan.imaging.picture import Image
from huiyan.labelling.boxes import BoxFinder
from huiyan.labelling.evidence import Evidence, Eyes
from huiyan.labelling.fusion import Confidences, Fusion
from huiyan.labelling.groups import load_groups
from huiyan.labelling.model import Findings
from huiyan.vocabulary.model import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """All that is known of a picture, for those who judge it.

    Parameters
    ----------
    evidence : Evidence
        What each model said.
    confidences : Confidences
        What that is worth together.
    """

    evidence: Evidence
    confidences: Confidences


class Labeller:
    """Says what is in a picture, by all models together.

    One instance serves all threads.

    Parameters
    ----------
    eyes : Eyes
        The models.
    fusion : Fusion
        How their answers are weighed.
    """

    def __init__(self, eyes: Eyes, fusion: Fusion) -> None:
        self._eyes = eyes
        self._fusion = fusion
        self._box_finder = BoxFinder(fusion)
        self._below_groups = load_groups(fusion.vocabulary)

    @property
    def vocabulary(self) -> Vocabulary:
        """The labels that findings are made of.

        Returns
        -------
        Vocabulary
            The one that the fusion weighs for.
        """
        return self._fusion.vocabulary

    @property
    def min_short_side_px(self) -> int:
        """How much of a picture decoding should keep.

        Returns
        -------
        int
            The short side in px.
        """
        return self._eyes.min_short_side_px

    def see(self, image: Image) -> Seen:
        """Look at a picture and keep everything.

        Parameters
        ----------
        image : Image
            The picture, upright.

        Returns
        -------
        Seen
            Evidence and confidences.

        Raises
        ------
        InferenceError
            A network failed.
        """
        evidence = self._eyes.look(image)
        return Seen(evidence, self._fusion.weigh(evidence))

    def find(self, image: Image) -> Findings:
        """Say what is in a picture.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least `min_short_side_px`.

        Returns
        -------
        Findings
            Without boxes.

        Raises
        ------
        InferenceError
            A network failed.
        """
        by_label = self.see(image).confidences.by_label
        return Findings(self.vocabulary, by_label, {}, self._below_groups)

    def locate(self, image: Image) -> Findings:
        """Say what is in a picture, and where.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least `min_short_side_px`.

        Returns
        -------
        Findings
            The same as by `find`, with boxes.

        Raises
        ------
        InferenceError
            A network failed.
        """
        seen = self.see(image)
        instances = self._box_finder.find(seen.evidence, seen.confidences)
        by_label = seen.confidences.by_label
        return Findings(self.vocabulary, by_label, instances, self._below_groups)
