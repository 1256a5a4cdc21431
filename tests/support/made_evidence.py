"""Evidence of pictures that nobody took: what networks might say, made on the spot."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from huiyan.kernel.language import Bilingual
from huiyan.kernel.units import FloatArray
from huiyan.labelling.evidence import Evidence
from huiyan.labelling.main_object import MainObject
from huiyan.labelling.objects import ObjectWeights
from huiyan.perception.classifier import Features
from huiyan.perception.colour import COLOURS
from huiyan.perception.detector import Detections
from huiyan.perception.faces import Faces
from huiyan.perception.properties import PROPERTIES
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId, Vocabulary

WEIGHTS = ObjectWeights(
    bias=1.6,
    whole=0.7,
    slices=0.7,
    classifier=0.25,
    context=0.2,
    box_bias=0.3,
    box_score=1.2,
)
SILENT = 0.001
"""A score that says no more than that nothing was seen."""

WHOLE = (10.0, 20.0, 90.0, 80.0)

THING = Category(CategoryId("thing"), Bilingual("东西", "Thing"))


def vocabulary_of(*ids: str) -> Vocabulary:
    """Labels that stand side by side, without outputs."""
    labels = tuple(
        Label(LabelId(it), Bilingual(it, it), THING, (), Aliases(), ()) for it in sorted(ids)
    )
    return Vocabulary(labels, (THING,), {label.id: row for row, label in enumerate(labels)})


@dataclass(frozen=True)
class Made:
    """What is to be said; all else stays silent."""

    logits: dict[int, float] = field(default_factory=dict)
    boxes: tuple[tuple[int, float, tuple[float, float, float, float]], ...] = ()
    faces: tuple[tuple[float, tuple[float, float, float, float]], ...] = ()
    main_object: float | None = None
    scenes: dict[int, float] = field(default_factory=dict)
    materials: dict[int, float] = field(default_factory=dict)
    context: dict[int, float] = field(default_factory=dict)
    colours: dict[int, float] = field(default_factory=dict)
    tones: dict[int, float] = field(default_factory=dict)
    properties: dict[int, float] = field(default_factory=dict)

    def evidence(self) -> Evidence:
        """Build the evidence; boxes may be given in any order."""
        boxes = sorted(self.boxes, key=lambda it: -it[1])
        by_view = np.full((5, 80), SILENT, np.float32)
        for kind, score, _ in boxes:
            by_view[:, kind] = np.maximum(by_view[:, kind], np.float32(score))
        detections = Detections(
            xyxy=np.array([it[2] for it in boxes], np.float32).reshape(-1, 4),
            scores=np.array([it[1] for it in boxes], np.float32),
            classes=np.array([it[0] for it in boxes], np.intp),
            by_view=by_view,
        )
        faces = Faces(
            xyxy=np.array([it[1] for it in self.faces], np.float32).reshape(-1, 4),
            points=np.zeros((len(self.faces), 5, 2), np.float32),
            scores=np.array([it[0] for it in self.faces], np.float32),
        )
        sure = self.main_object
        weights = np.ones((8, 8), np.float32)
        return Evidence(
            features=Features(filled(1000, self.logits), np.zeros(1280, np.float32)),
            detections=detections,
            faces=faces,
            main_object=None if sure is None else MainObject(WHOLE, sure, weights),
            scenes=filled(14, self.scenes),
            materials=filled(5, self.materials),
            context=filled(80, self.context),
            colours=filled(len(COLOURS), self.colours),
            tones=filled(len(COLOURS), self.tones),
            properties=filled(len(PROPERTIES), self.properties),
        )


def filled(size: int, values: dict[int, float]) -> FloatArray:
    """Zeros but for some places."""
    array = np.zeros(size, np.float32)
    for place, value in values.items():
        array[place] = value
    return array


def random_evidence(seed: int, n_boxes: int, n_faces: int, logit_spread: float) -> Evidence:
    """Build evidence of a picture of 1000 × 1000 px that shows a bit of everything."""
    rng = np.random.default_rng(seed)

    def unit(*shape: int) -> FloatArray:
        # Most networks are silent or certain most of the time; the middle is rare.
        return rng.beta(0.3, 0.5, shape).astype(np.float32)

    def boxes(count: int) -> FloatArray:
        corner = rng.uniform(0, 900, (count, 2))
        sides = rng.uniform(1, 100, (count, 2))
        return np.hstack([corner, corner + sides]).astype(np.float32)

    main_object = MainObject((0.0, 0.0, 500.0, 400.0), float(unit()), np.ones((8, 8), np.float32))
    return Evidence(
        features=Features(
            (rng.standard_normal(1000) * logit_spread).astype(np.float32),
            np.zeros(1280, np.float32),
        ),
        detections=Detections(
            xyxy=boxes(n_boxes),
            scores=-np.sort(-unit(n_boxes)),
            classes=rng.integers(0, 80, n_boxes),
            by_view=unit(5, 80),
        ),
        faces=Faces(
            boxes(n_faces), np.zeros((n_faces, 5, 2), np.float32), -np.sort(-unit(n_faces))
        ),
        main_object=main_object if seed % 3 else None,
        scenes=unit(14) / np.float32(14),
        materials=unit(5) / np.float32(5),
        context=rng.normal(0.1, 0.5, 80).astype(np.float32),
        colours=unit(13),
        tones=unit(13),
        properties=unit(20),
    )
