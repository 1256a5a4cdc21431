"""A labeller whose pictures are red, green or blue, and what it sees in each is made up."""

from __future__ import annotations

from pathlib import Path

from made_evidence import Made
from PIL import Image as PilImage

from huiyan.imaging.picture import Image
from huiyan.labelling.calibration import load_calibration
from huiyan.labelling.fusion import Fusion
from huiyan.labelling.labeller import Seen
from huiyan.labelling.objects import ObjectWeights
from huiyan.vocabulary.model import Vocabulary

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}

CLASSIFIER_IS_BELIEVED = ObjectWeights(
    bias=-3.0, whole=0.0, slices=0.0, classifier=2.0, context=0.0, box_bias=0.0, box_score=1.0
)
"""A kind of object is at least as sure as the classifier says, where it speaks at all."""


class ColourLabeller:
    """Sees by a picture's colour; the decoder may have changed it a little."""

    min_short_side_px = 312

    def __init__(self, vocabulary: Vocabulary, by_colour: dict[str, Seen]) -> None:
        self.vocabulary = vocabulary
        self._by_colour = by_colour

    def see(self, image: Image) -> Seen:
        height, width = image.pixels.shape[:2]
        middle = image.pixels[height // 2, width // 2].tolist()
        return self._by_colour[list(COLOURS)[middle.index(max(middle))]]


def fused_labeller(vocabulary: Vocabulary, by_colour: dict[str, Made]) -> ColourLabeller:
    """Weigh made-up evidence as real evidence is, and believe the classifier."""
    fusion = Fusion(vocabulary, load_calibration(), CLASSIFIER_IS_BELIEVED)
    seen = {}
    for colour, made in by_colour.items():
        evidence = made.evidence()
        seen[colour] = Seen(evidence, fusion.weigh(evidence))
    return ColourLabeller(vocabulary, seen)


def paint(path: Path, colour: str) -> Path:
    """Write a picture that the labeller knows."""
    PilImage.new("RGB", (320, 320), COLOURS[colour]).save(path, "JPEG", quality=95)
    return path
