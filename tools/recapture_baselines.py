"""What recapture detection is compared with.

Owns: the plain ways that were known before: a frozen ImageNet network with a linear classifier, and
frequencies and colours with one. Has no opinion on: how the own networks work.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from head_views import read_pixels
from numpy.typing import NDArray
from recapture_features import Shelf
from recapture_views import Crop, as_image, corner_squares
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.perception.classifier import INPUT_SIDE_PX, MIN_SHORT_SIDE_PX, Classifier
from huiyan.perception.patches import overview

EMBEDDING_LOOSENESS, DESCRIPTION_LOOSENESS = 1e-3, 1.0
"""Of the ridge; each the best of powers of ten."""

RING_COUNT = 40
SECTOR_COUNT = 12


def embed_crops(classifier: Classifier, crops: tuple[Crop, ...], shelf: Shelf) -> FloatArray:
    """Embed the middle of each crop at native resolution, and each overview.

    Parameters
    ----------
    classifier : Classifier
        The network, frozen.
    crops : tuple of Crop
        The pictures.
    shelf : Shelf
        Where features are kept.

    Returns
    -------
    ndarray of shape (N, 2, 1280), float32
        Of the crop and of the overview.
    """

    def work(crop: Crop) -> FloatArray:
        whole = overview(as_image(read_pixels(crop.overview_path)), INPUT_SIDE_PX)
        views = (_middle(read_pixels(crop.path)), _framed(whole))
        return np.stack([classifier.look(as_image(view)).embedding for view in views])

    return shelf.rows("baseline-lite3", crops, work)


def _middle(pixels: PixelArray) -> PixelArray:
    top, left = (max(0, length - MIN_SHORT_SIDE_PX) // 2 for length in pixels.shape[:2])
    return pixels[top : top + MIN_SHORT_SIDE_PX, left : left + MIN_SHORT_SIDE_PX]


def _framed(square: PixelArray) -> PixelArray:
    """Mirror the edges, so that what the classifier cuts off at them is nothing but that."""
    edge = (MIN_SHORT_SIDE_PX - INPUT_SIDE_PX) // 2
    return np.pad(square, ((edge, edge), (edge, edge), (0, 0)), mode="reflect")


def describe_crops(crops: tuple[Crop, ...], shelf: Shelf) -> FloatArray:
    """Describe each crop by its frequencies and colours.

    Parameters
    ----------
    crops : tuple of Crop
        The pictures.
    shelf : Shelf
        Where features are kept.

    Returns
    -------
    ndarray of shape (N, 1, D), float32
        Means over four squares.
    """

    def work(crop: Crop) -> FloatArray:
        squares = corner_squares(read_pixels(crop.path))
        described: FloatArray = np.mean([_describe(square) for square in squares], axis=0)
        return described[np.newaxis].astype(np.float32)

    return shelf.rows("baseline-frequencies", crops, work)


def _describe(square: PixelArray) -> FloatArray:
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    side = len(grey)
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.log(np.abs(np.fft.fftshift(np.fft.fft2((grey - grey.mean()) * window))) + 1)
    down, across = np.indices(power.shape) - side // 2
    distance = np.hypot(down, across)
    rings = np.minimum((distance / (side / 2) * RING_COUNT).astype(int), RING_COUNT - 1)
    sizes = np.bincount(rings.ravel(), minlength=RING_COUNT)
    means = np.bincount(rings.ravel(), power.ravel(), RING_COUNT) / sizes
    excess = power - means[rings]
    peaks = np.array([excess[rings == ring].max() for ring in range(RING_COUNT)])
    outer = distance > side / 8
    turns = ((np.arctan2(down, across) % np.pi) / np.pi * SECTOR_COUNT).astype(int) % SECTOR_COUNT
    sectors = np.bincount(turns[outer], excess[outer], SECTOR_COUNT) / outer.sum()
    hsv = cv2.cvtColor(square, cv2.COLOR_RGB2HSV).reshape(-1, 3).astype(np.float32)
    colours = np.concatenate([square.reshape(-1, 3), hsv], axis=1).astype(np.float32)
    quantiles = np.quantile(colours[::7], (0.05, 0.25, 0.5, 0.75, 0.95), axis=0).ravel()
    moments = (colours.mean(axis=0), colours.std(axis=0))
    return np.concatenate([means, peaks, np.sort(sectors), *moments, quantiles]).astype(np.float32)


def score_left_out(
    features: FloatArray,
    positive: NDArray[np.bool_],
    collectors: NDArray[np.str_],
    looseness: float,
    told: Callable[[str], None],
) -> NDArray[np.float64]:
    """Score each picture by a logistic regression that has not seen its collector.

    Parameters
    ----------
    features : ndarray of shape (N, D), float32
        Of each picture.
    positive : ndarray of shape (N,), bool
        Whether each is a recapture.
    collectors : ndarray of shape (N,), str
        Who took each.
    looseness : float
        How little large weights cost.
    told : callable
        Hears which collector is done.

    Returns
    -------
    ndarray of shape (N,), float64
        Log-odds.
    """
    scores = np.zeros(len(features))
    for collector in sorted(set(collectors.tolist())):
        tested = collectors == collector
        scaler = StandardScaler().fit(features[~tested])
        machine = LogisticRegression(C=looseness, class_weight="balanced", max_iter=300)
        weights = _even_weights(collectors[~tested], positive[~tested])
        machine.fit(scaler.transform(features[~tested]), positive[~tested], sample_weight=weights)
        scores[tested] = machine.decision_function(scaler.transform(features[tested]))
        told(collector)
    return scores


def _even_weights(collectors: NDArray[np.str_], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    weights = np.ones(len(collectors))
    for collector in set(collectors.tolist()):
        for side in (False, True):
            members = (collectors == collector) & (positive == side)
            weights[members] = 1 / np.sqrt(max(1, members.sum()))
    evened: NDArray[np.float64] = weights / weights.mean()
    return evened
