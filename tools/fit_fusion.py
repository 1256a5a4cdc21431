"""Fit how the models are weighed for objects of 80 kinds, and say how well it holds.

Usage: ``python tools/fit_fusion.py BOXED --classes LABELLED [--more DIR …] [--write]``. BOXED is a
folder as for ``huiyan eval detect``, LABELLED one as for ``huiyan eval tagging``; pictures in the
folders after ``--more`` need no labels: the detector itself teaches the context head on them.
Folds come from hashes of file names, so nothing is random. ``docs/decisions/0007-fusion.md`` tells
why the rule has this form.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score

from huiyan.assembly import Assembly
from huiyan.evaluation.boxes import BoxedPicture, read_boxed
from huiyan.evaluation.figures import expected_calibration_error, reliability
from huiyan.evaluation.labelled import find_pictures, read_labelled
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Format, Image, PictureLimits
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.labelling.calibration import load_calibration
from huiyan.labelling.fusion import category_onehot_of
from huiyan.labelling.objects import ObjectWeights, logit
from huiyan.perception.classifier import OUTPUT_COUNT, OUTPUT_LAYER
from huiyan.perception.context import ContextHead, write_context
from huiyan.perception.detector import COCO80_NAMES, Detections, Slicing, min_short_side_px
from huiyan.perception.detector import OUTPUT_COUNT as KIND_COUNT
from huiyan.perception.detector import OUTPUT_LAYER as KIND_LAYER
from huiyan.perception.heads import normalise_embedding
from huiyan.vocabulary.load import load_vocabulary
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import fold, membership_of, own_rows

FOLD_COUNT = 6
RIDGE_ALPHA = 10.0
MORE_WEIGHT = 0.3
"""What a picture without labels counts for the context head."""

CLASSES_WEIGHT = 0.3
"""What a picture of one class counts for the weights: only what the classifier claims of it is
used, since the other things in it are not labelled."""

CLASSES_STEP = 3
"""One in so many of them is looked at: they weigh little, and each costs 22 inferences."""

LEAST_CLAIM = 0.02
LEAST_CONFIDENCE = 0.05
SAME_IOU = 0.5

ROOT = Path(__file__).resolve().parent.parent / "src" / "huiyan"
HEADER = """\
# How much each model counts for objects of 80 kinds; read by huiyan.labelling.objects.
# docs/decisions/0007-fusion.md tells why the rule has this form and how well it holds.
# Written by: python tools/fit_fusion.py BOXED --classes LABELLED --more DIR --write
"""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """What the networks said of a set of pictures.

    Parameters
    ----------
    names : tuple of str
        The files' names.
    embeddings : ndarray of shape (N, 1280), float32
        Normalised.
    classified : ndarray of shape (N, 80), float32
        The classifier's confidence in each kind.
    by_view : ndarray of shape (N, n_views, 80), float32
        The detector's best scores.
    detections : tuple of Detections
        All that the detector found in each.
    truth : ndarray of shape (N, 80), bool
        Kinds that are known to be there.
    """

    names: tuple[str, ...]
    embeddings: FloatArray
    classified: FloatArray
    by_view: FloatArray
    detections: tuple[Detections, ...]
    truth: NDArray[np.bool_]

    @property
    def folds(self) -> NDArray[np.int64]:
        """The fold of each picture, on every machine the same."""
        return np.array([hashlib.sha256(it.encode()).digest()[2] % FOLD_COUNT for it in self.names])


class Reader:
    """Runs the networks over folders."""

    def __init__(self) -> None:
        settings = load_settings()
        self.assembly = Assembly(settings)
        self.vocabulary = load_vocabulary()
        self._limits = PictureLimits(frozenset(Format), min_side_px=1, max_side_px=10_000)
        self._budget = MemoryBudget(settings.decode_budget_mib * MIB_BYTES)
        self._calibration = load_calibration()
        self._onehot = category_onehot_of(self.vocabulary)
        self._members = membership_of(self.vocabulary, OUTPUT_LAYER, OUTPUT_COUNT)
        self.kind_rows = own_rows(self.vocabulary, KIND_LAYER, KIND_COUNT)

    def image(self, path: Path, slicing: Slicing) -> Image:
        """Decode one picture as closely as needed."""
        return decode(path.read_bytes(), self._limits, min_short_side_px(slicing), self._budget)

    def read(
        self, paths: Sequence[Path], truth: NDArray[np.bool_], slicing: Slicing, what: str
    ) -> PictureSet:
        """Run classifier and detector over pictures."""
        embeddings, classified, found = [], [], []
        for path in track(paths, what):
            image = self.image(path, slicing)
            features = self.assembly.classifier.look(image)
            by_output = self._calibration.confidences(features.logits, self._onehot)
            by_label = np.minimum(fold(self._members, by_output), np.float32(1))
            embeddings.append(normalise_embedding(features.embedding))
            classified.append(by_label[self.kind_rows])
            found.append(self.assembly.detector.detect(image, slicing))
        return PictureSet(
            names=tuple(path.name for path in paths),
            embeddings=np.array(embeddings),
            classified=np.array(classified),
            by_view=np.array([it.by_view for it in found]),
            detections=tuple(found),
            truth=truth,
        )


def boxed_truth(pictures: Sequence[BoxedPicture]) -> NDArray[np.bool_]:
    """Tell which kinds are boxed in each picture."""
    truth = np.zeros((len(pictures), KIND_COUNT), np.bool_)
    for row, picture in enumerate(pictures):
        truth[row, [box.class_index for box in picture.boxes]] = True
    return truth


def class_truth(outputs: Iterable[frozenset[int]], vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Tell which kinds lie at or above the class of each picture."""
    members = membership_of(vocabulary, OUTPUT_LAYER, OUTPUT_COUNT)
    rows = own_rows(vocabulary, KIND_LAYER, KIND_COUNT)
    below = [set(members.row(row).tolist()) for row in rows.tolist()]
    return np.array([[bool(own & it) for it in below] for own in outputs], np.bool_)


def fit_context(parts: Sequence[tuple[PictureSet, float]]) -> ContextHead:
    """Fit the context head: labels where there are any, else the detector's own scores."""
    embeddings = np.concatenate([part.embeddings for part, _ in parts])
    taught = np.concatenate([teach(part) for part, _ in parts])
    weights = np.concatenate([np.full(len(part.names), weight) for part, weight in parts])
    ridge = Ridge(alpha=RIDGE_ALPHA).fit(embeddings, taught, sample_weight=weights)
    return ContextHead(ridge.coef_.T.astype(np.float32), ridge.intercept_.astype(np.float32))


def teach(part: PictureSet) -> FloatArray:
    """Give the target of the context head."""
    if part.truth.any(axis=1).all():
        return part.truth.astype(np.float32)
    seen: FloatArray = np.maximum(part.by_view.max(axis=1), part.truth)
    return seen


def take(part: PictureSet, rows: NDArray[np.bool_]) -> PictureSet:
    """Take some pictures of a set."""
    return PictureSet(
        names=tuple(name for name, taken in zip(part.names, rows, strict=True) if taken),
        embeddings=part.embeddings[rows],
        classified=part.classified[rows],
        by_view=part.by_view[rows],
        detections=tuple(it for it, taken in zip(part.detections, rows, strict=True) if taken),
        truth=part.truth[rows],
    )


def contexts_out_of_fold(
    boxed: PictureSet, classes: PictureSet, more: PictureSet
) -> tuple[FloatArray, FloatArray]:
    """Suggest for each picture by a head that has not seen it."""
    found = [np.zeros((len(part.names), KIND_COUNT), np.float32) for part in (boxed, classes)]
    for number in range(FOLD_COUNT):
        head = fit_context(
            [
                (take(boxed, boxed.folds != number), 1.0),
                (take(classes, classes.folds != number), 1.0),
                (more, MORE_WEIGHT),
            ]
        )
        for part, target in zip((boxed, classes), found, strict=True):
            rows = part.folds == number
            target[rows] = part.embeddings[rows] @ head.weights + head.biases
    return found[0], found[1]


def evidence_of(part: PictureSet, context: FloatArray) -> FloatArray:
    """Lay out the rule's terms, shape (N, 80, 4)."""
    views = part.by_view
    slices = logit(views[:, 1:].max(axis=1)) if views.shape[1] > 1 else np.zeros_like(context)
    claim = np.maximum(logit(part.classified) + 3, 0)
    return np.stack([logit(views[:, 0]), slices, claim, logit(context)], axis=-1)


def fit_weights(
    terms: FloatArray, truth: NDArray[np.bool_], counts: FloatArray
) -> LogisticRegression:
    """Fit the rule's weights, shared by all kinds."""
    rows = counts.ravel() > 0
    return LogisticRegression(C=1.0, max_iter=1000).fit(
        terms.reshape(-1, terms.shape[-1])[rows], truth.ravel()[rows], counts.ravel()[rows]
    )


def judge(name: str, confidences: FloatArray, truth: NDArray[np.bool_]) -> None:
    """Print mean average precision and calibration error."""
    kinds = np.flatnonzero(truth.any(axis=0))
    precisions = [average_precision_score(truth[:, it], confidences[:, it]) for it in kinds]
    shown = confidences >= LEAST_CONFIDENCE
    ece = expected_calibration_error(reliability(confidences[shown], truth[shown]))
    print(f"{name:32s} mAP {np.mean(precisions):.4f}  ECE of ≥ {LEAST_CONFIDENCE} {ece:.4f}")


def fit_slicing(
    boxed: PictureSet,
    classes: PictureSet,
    contexts: tuple[FloatArray, FloatArray],
    slicing: Slicing,
) -> dict[str, float]:
    """Fit one slicing's weights and print how they do on pictures not fitted on."""
    terms = [
        evidence_of(part, context) for part, context in zip((boxed, classes), contexts, strict=True)
    ]
    counts = [
        np.ones(boxed.truth.shape, np.float32),
        np.where(classes.classified >= LEAST_CLAIM, np.float32(CLASSES_WEIGHT), np.float32(0)),
    ]
    held_out = np.zeros(boxed.truth.shape, np.float32)
    for number in range(FOLD_COUNT):
        rows = [boxed.folds != number, classes.folds != number]
        rule = fit_weights(
            np.concatenate([it[taken] for it, taken in zip(terms, rows, strict=True)]),
            np.concatenate([boxed.truth[rows[0]], classes.truth[rows[1]]]),
            np.concatenate([it[taken] for it, taken in zip(counts, rows, strict=True)]),
        )
        test = terms[0][~rows[0]]
        found = rule.predict_proba(test.reshape(-1, test.shape[-1]))[:, 1]
        held_out[~rows[0]] = found.reshape(test.shape[:2])
    judge(f"{slicing}: detector alone", boxed.by_view.max(axis=1), boxed.truth)
    judge(f"{slicing}: fused, held out", held_out, boxed.truth)
    rule = fit_weights(
        np.concatenate(terms),
        np.concatenate([boxed.truth, classes.truth]),
        np.concatenate(counts),
    )
    whole, slices, classifier, context = rule.coef_[0].tolist()
    return {
        "bias": float(rule.intercept_[0]),
        "whole": whole,
        "slices": slices,
        "classifier": classifier,
        "context": context,
    }


def fit_boxes(
    boxed: PictureSet, pictures: Sequence[BoxedPicture], slicing: Slicing
) -> dict[str, float]:
    """Fit how sure a box is by its score."""
    scores, is_right, folds = [], [], []
    for picture, found, number in zip(pictures, boxed.detections, boxed.folds, strict=True):
        taken: set[int] = set()
        for xyxy, score, kind in zip(found.xyxy, found.scores, found.classes, strict=True):
            match = best_match(xyxy, int(kind), picture, taken)
            taken |= {match} if match is not None else set()
            scores.append(float(score))
            is_right.append(match is not None)
            folds.append(int(number))
    terms, truth = logit(np.array(scores, np.float32))[:, np.newaxis], np.array(is_right)
    held_out = np.zeros(len(truth), np.float32)
    for number in range(FOLD_COUNT):
        rows = np.array(folds) == number
        rule = LogisticRegression(C=1.0).fit(terms[~rows], truth[~rows])
        held_out[rows] = rule.predict_proba(terms[rows])[:, 1]
    shown = held_out >= LEAST_CONFIDENCE
    ece = expected_calibration_error(reliability(held_out[shown], truth[shown]))
    print(f"{slicing}: boxes, held out: ECE of ≥ {LEAST_CONFIDENCE} {ece:.4f}")
    rule = LogisticRegression(C=1.0).fit(terms, truth)
    return {"box_bias": float(rule.intercept_[0]), "box_score": float(rule.coef_[0, 0])}


def best_match(xyxy: FloatArray, kind: int, picture: BoxedPicture, taken: set[int]) -> int | None:
    """Find the labelled box of the kind that a found one overlaps most, if by half."""
    best, best_iou = None, SAME_IOU
    for number, box in enumerate(picture.boxes):
        if box.class_index != kind or number in taken:
            continue
        left, top = max(xyxy[0], box.xyxy[0]), max(xyxy[1], box.xyxy[1])
        right, bottom = min(xyxy[2], box.xyxy[2]), min(xyxy[3], box.xyxy[3])
        shared = max(0.0, right - left) * max(0.0, bottom - top)
        area = (xyxy[2] - xyxy[0]) * (xyxy[3] - xyxy[1])
        other = (box.xyxy[2] - box.xyxy[0]) * (box.xyxy[3] - box.xyxy[1])
        iou = shared / max(area + other - shared, 1e-9)
        if iou >= best_iou:
            best, best_iou = number, iou
    return best


def main() -> None:
    """Fit, print the figures, and write the files where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("boxed", type=Path, help="a folder with boxes")
    parser.add_argument("--classes", type=Path, required=True, help="a folder with classes")
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="folders without labels")
    parser.add_argument("--write", action="store_true", help="store the fitted files")
    arguments = parser.parse_args()
    reader = Reader()
    pictures = read_boxed(arguments.boxed, COCO80_NAMES)
    labelled = read_labelled(arguments.classes, reader.vocabulary)[::CLASSES_STEP]
    paths = [[it.path for it in pictures], [it.path for it in labelled]]
    truth = [
        boxed_truth(pictures),
        class_truth([it.outputs for it in labelled], reader.vocabulary),
    ]
    boxed, classes = (
        {it: reader.read(*pair, it, f"{it}, {len(pair[0])} pictures") for it in Slicing}
        for pair in zip(paths, truth, strict=True)
    )
    unlabelled = [path for folder in arguments.more for path in find_pictures(folder)]
    nothing = np.zeros((len(unlabelled), KIND_COUNT), np.bool_)
    more = reader.read(unlabelled, nothing, Slicing.OFF, "without labels")
    teachers = boxed[Slicing.STANDARD], classes[Slicing.STANDARD]
    contexts = contexts_out_of_fold(*teachers, more)
    judge("context alone, held out", contexts[0], truth[0])
    judge("classifier alone", teachers[0].classified, truth[0])
    text = HEADER
    for slicing in Slicing:
        values = fit_slicing(boxed[slicing], classes[slicing], contexts, slicing)
        values |= fit_boxes(boxed[slicing], pictures, slicing)
        weights = ObjectWeights(**values)
        lines = [f"{it.name} = {getattr(weights, it.name):.4f}" for it in fields(weights)]
        text += "\n".join(["", f"[{slicing}]", *lines, ""])
    print(text)
    if arguments.write:
        (ROOT / "labelling" / "data" / "objects.toml").write_text(text, encoding="utf-8")
        head = fit_context([*((it, 1.0) for it in teachers), (more, MORE_WEIGHT)])
        with (ROOT / "perception" / "data" / "context80.npz").open("wb") as file:
            write_context(head, file)


if __name__ == "__main__":
    main()
