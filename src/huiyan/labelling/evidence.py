"""What all networks and measurements say of one picture.

Owns: which models look at a picture, and that they do so side by side. Has no opinion on: what
their answers are worth, and what they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from huiyan.imaging.colour_space import reduce_by_area
from huiyan.imaging.mask import enlarge_mask
from huiyan.imaging.picture import Image
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.labelling.main_object import MainObject, find_main_object
from huiyan.perception.classifier import MIN_SHORT_SIDE_PX, Classifier, Features
from huiyan.perception.colour import colour_shares, dominant_tones, main_colours
from huiyan.perception.context import ContextHead
from huiyan.perception.detector import Detections, Detector, Slicing, min_short_side_px
from huiyan.perception.faces import FaceDetector, Faces
from huiyan.perception.heads import LinearHead
from huiyan.perception.properties import measure_properties
from huiyan.perception.saliency import SaliencyModel
from huiyan.runtime.fan_out import FanOut

COLOUR_SIDE_PX = 128
"""Colours are counted in a picture of at most this side."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of one picture before anything is given a name.

    Parameters
    ----------
    features : Features
        The classifier's logits and embedding.
    detections : Detections
        Objects of 80 kinds.
    faces : Faces
        Faces.
    main_object : MainObject or None
        What the picture is mainly of.
    scenes, materials, context : ndarray of shape (14,), (5,) and (80,), float32
        What the heads on the embedding say.
    colours : ndarray of shape (13,), float32
        How likely each colour is one of the main object's, in [0, 1]; 0 without one.
    tones : ndarray of shape (13,), float32
        How likely each colour dominates the picture, in [0, 1].
    properties : ndarray of shape (n_properties,), float32
        How likely each property of the picture is, in [0, 1].
    """

    features: Features
    detections: Detections
    faces: Faces
    main_object: MainObject | None
    scenes: FloatArray
    materials: FloatArray
    context: FloatArray
    colours: FloatArray
    tones: FloatArray
    properties: FloatArray


@dataclass(frozen=True, slots=True)
class Eyes:
    """All that looks at a picture.

    One instance serves all threads.

    Parameters
    ----------
    classifier : Classifier
        Names 1,000 classes and gives the embedding.
    detector : Detector
        Finds objects.
    saliency : SaliencyModel
        Tells the main object from its surroundings; a coarse mask is enough.
    faces : FaceDetector
        Finds faces.
    scene_head, material_head : LinearHead
        Read scenes and materials off the embedding.
    context : ContextHead
        Reads off the embedding which objects fit the picture.
    slicing : Slicing
        How closely the detector looks.
    fan_out : FanOut
        Lends idle cores.
    """

    classifier: Classifier
    detector: Detector
    saliency: SaliencyModel
    faces: FaceDetector
    scene_head: LinearHead
    material_head: LinearHead
    context: ContextHead
    slicing: Slicing
    fan_out: FanOut

    @property
    def min_short_side_px(self) -> int:
        """How much of a picture decoding should keep.

        Returns
        -------
        int
            The short side in px below which some model would see less than it could.
        """
        needs = (MIN_SHORT_SIDE_PX, self.saliency.side_px, min_short_side_px(self.slicing))
        return max(needs)

    def look(self, image: Image) -> Evidence:
        """Look at a picture with everything.

        Parameters
        ----------
        image : Image
            The picture, upright; its short side should be at least `min_short_side_px`.

        Returns
        -------
        Evidence
            What was seen.

        Raises
        ------
        InferenceError
            A network failed.
        """
        jobs: tuple[Callable[[], Any], ...] = (
            partial(self.detector.detect, image, self.slicing),
            partial(self.saliency.mask, image),
            partial(self.classifier.look, image),
            partial(self.faces.detect, image),
            partial(_measure, image),
        )
        detections, mask, features, faces, (reduced, tones, properties) = self.fan_out.run(jobs)
        main_object = find_main_object(mask, image.size_wh)
        embedding = features.embedding
        return Evidence(
            features=features,
            detections=detections,
            faces=faces,
            main_object=main_object,
            scenes=self.scene_head.confidences(embedding),
            materials=self.material_head.confidences(embedding),
            context=self.context.suggest(embedding),
            colours=_colours(reduced, main_object),
            tones=tones,
            properties=properties,
        )


def _measure(image: Image) -> tuple[PixelArray, FloatArray, FloatArray]:
    reduced = reduce_by_area(image.pixels, COLOUR_SIDE_PX)
    return reduced, dominant_tones(colour_shares(reduced)), measure_properties(image)


def _colours(reduced: PixelArray, main_object: MainObject | None) -> FloatArray:
    if main_object is None:
        return main_colours(colour_shares(reduced[:0]))
    weights = enlarge_mask(main_object.weights, (reduced.shape[1], reduced.shape[0]))
    return main_colours(colour_shares(reduced, weights)) * main_object.confidence
