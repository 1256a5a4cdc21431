"""How well people are told from strangers, by their embeddings.

Owns: which photos are enrolled in each draw, searching, and boiling scores down to shares with
their intervals. Has no opinion on: where embeddings come from, and what is good enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huiyan.celebrity.calibration import ANCHOR_CONFIDENCE, Calibration
from huiyan.kernel.units import FloatArray

DET_FALSE_ALARMS = (0.1, 0.03, 0.01, 0.003, 0.001)
REPLICATES = 200
_INTERVAL_PERCENT = (2.5, 97.5)
_DEVIATIONS = 1.96
_NOT_SEEN = -2.0
"""Under any cosine: a searched picture in which no face was found."""

_Indices = NDArray[np.intp]
_Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """A share and how sure it is.

    Parameters
    ----------
    value : float
        0 to 1.
    low, high : float
        The 95 % interval, from drawing people with replacement; Wilson's for so many people where
        the share is 0 or 1.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DetPoint:
    """One point of the curve of detection error trade-off.

    Parameters
    ----------
    false_alarm : float
        Share of searched strangers that are taken for somebody (FPIR).
    missed : Share
        Share of searched pictures of known people that are not named rightly (FNIR).
    """

    false_alarm: float
    missed: Share


@dataclass(frozen=True, slots=True)
class EnrolledFigures:
    """What a set shows with so many photos of each person enrolled.

    Parameters
    ----------
    photos : int
        Of each person; of those with fewer, all.
    gallery_size : int
        Photos searched.
    searched_count : int
        Pictures of known people searched in all draws together.
    rank1 : Share
        The right person is the most alike.
    found_at_hundredth, found_at_thousandth : Share
        The right person is the most alike, at the similarity that one stranger in a hundred, or in
        a thousand, reaches.
    det : tuple of DetPoint
        At `DET_FALSE_ALARMS`.
    found_at_wire : Share
        Known people named rightly with a confidence of 0.9.
    misnamed_at_wire : Share
        Known people given somebody else's name with a confidence of 0.9.
    false_names_at_wire : Share
        Strangers given a name with a confidence of 0.9.
    """

    photos: int
    gallery_size: int
    searched_count: int
    rank1: Share
    found_at_hundredth: Share
    found_at_thousandth: Share
    det: tuple[DetPoint, ...]
    found_at_wire: Share
    misnamed_at_wire: Share
    false_names_at_wire: Share


@dataclass(frozen=True, slots=True, eq=False)
class Portraits:
    """Pictures with what was read from them.

    Parameters
    ----------
    embeddings : ndarray of shape (N, 128), float32
        Unit length; anything where no face was found.
    side_px : ndarray of shape (N,), float32
        Size of each face.
    is_seen : ndarray of shape (N,), bool
        Whether a face was found.
    owners : ndarray of shape (N,), intp
        Whose picture it is, from 0.
    is_known : ndarray of shape (N,), bool
        Whether the person may be enrolled.
    """

    embeddings: FloatArray
    side_px: FloatArray
    is_seen: NDArray[np.bool_]
    owners: _Indices
    is_known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Searches:
    """Scores of searched pictures, those of all draws one after the other."""

    scores: _Scores
    confidences: FloatArray
    is_right: NDArray[np.bool_]
    owners: _Indices


def measure_enrolled(
    portraits: Portraits, photos: int, calibration: Calibration, draws: int, seed: int
) -> EnrolledFigures | None:
    """Enrol people, search all other pictures, and tell how often the answer is right.

    Where there are no strangers, every known person is searched a second time without their own
    photos, as one.

    Parameters
    ----------
    portraits : Portraits
        The set.
    photos : int
        How many photos of each known person are enrolled, at least 1.
    calibration : Calibration
        For the figures at the wire's 0.9.
    draws : int
        How often photos are drawn anew; figures are over all draws.
    seed : int
        The same seed draws the same photos.

    Returns
    -------
    EnrolledFigures, optional
        None where no picture with a face is left to be searched.
    """
    random = np.random.default_rng(seed)
    known: list[_Searches] = []
    alarms: list[_Searches] = []
    gallery_size = 0
    for _ in range(draws):
        gallery, searched = _draw(portraits, photos, random)
        if not portraits.is_seen[searched].any():
            return None
        gallery_size = len(gallery)
        known.append(_search(portraits, gallery, searched, calibration))
        strangers = np.flatnonzero(~portraits.is_known & portraits.is_seen)
        if len(strangers):
            alarms.append(_search(portraits, gallery, strangers, calibration))
        else:
            seen = searched[portraits.is_seen[searched]]
            alarms.append(_search(portraits, gallery, seen, calibration, leaves_out_own=True))
    found = _Bootstrap(_join(known), _join(alarms), seed)
    rank1, wire, misnamed, false_names = found.fixed()
    missed = {rate: found.missed(rate) for rate in DET_FALSE_ALARMS}
    hundredth, thousandth = (_complement(missed[rate]) for rate in (0.01, 0.001))
    return EnrolledFigures(
        photos=photos,
        gallery_size=gallery_size,
        searched_count=found.known_count,
        rank1=rank1,
        found_at_hundredth=hundredth,
        found_at_thousandth=thousandth,
        det=tuple(DetPoint(rate, share) for rate, share in missed.items()),
        found_at_wire=wire,
        misnamed_at_wire=misnamed,
        false_names_at_wire=false_names,
    )


def _draw(
    portraits: Portraits, photos: int, random: np.random.Generator
) -> tuple[_Indices, _Indices]:
    """Choose what is enrolled, one person after the other, and what is searched."""
    enrolled: list[_Indices] = []
    for person in np.unique(portraits.owners[portraits.is_known]):
        usable = np.flatnonzero((portraits.owners == person) & portraits.is_seen)
        enrolled.append(random.permutation(usable)[:photos])
    gallery = np.concatenate(enrolled)
    is_searched = portraits.is_known.copy()
    is_searched[gallery] = False
    # Somebody of whom no enrolled picture shows a face cannot be found.
    is_searched &= np.isin(portraits.owners, portraits.owners[gallery])
    return gallery, np.flatnonzero(is_searched)


def _search(
    portraits: Portraits,
    gallery: _Indices,
    searched: _Indices,
    calibration: Calibration,
    *,
    leaves_out_own: bool = False,
) -> _Searches:
    similarities = portraits.embeddings[searched] @ portraits.embeddings[gallery].T
    owners, enrolled = portraits.owners[searched], portraits.owners[gallery]
    if leaves_out_own:
        similarities[owners[:, np.newaxis] == enrolled] = _NOT_SEEN
    best = similarities.argmax(axis=1)
    scores = similarities[np.arange(len(searched)), best]
    is_seen = portraits.is_seen[searched]
    confidences = calibration.confidence(scores, len(gallery), portraits.side_px[searched])
    return _Searches(
        scores=np.where(is_seen, scores, _NOT_SEEN).astype(np.float64),
        confidences=np.where(is_seen, confidences, np.float32(0)),
        is_right=is_seen & (enrolled[best] == owners),
        owners=owners,
    )


def _join(parts: Sequence[_Searches]) -> _Searches:
    return _Searches(
        scores=np.concatenate([it.scores for it in parts]),
        confidences=np.concatenate([it.confidences for it in parts]),
        is_right=np.concatenate([it.is_right for it in parts]),
        owners=np.concatenate([it.owners for it in parts]),
    )


def _complement(share: Share) -> Share:
    return Share(1 - share.value, 1 - share.high, 1 - share.low)


class _Bootstrap:
    """Shares over all searches, and over sets in which people are drawn with replacement."""

    def __init__(self, known: _Searches, alarms: _Searches, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._known = known
        self._known_weights = _People(known.owners, random)
        order = np.argsort(-alarms.scores, kind="stable")
        self._alarm_scores = alarms.scores[order]
        self._is_false = alarms.confidences[order] >= ANCHOR_CONFIDENCE
        self._alarm_weights = _People(alarms.owners[order], random)
        self.known_count = len(known.scores)

    def fixed(self) -> tuple[Share, Share, Share, Share]:
        is_sure = self._known.confidences >= ANCHOR_CONFIDENCE
        right = self._known.is_right
        return (
            _share_of(right, self._known_weights),
            _share_of(right & is_sure, self._known_weights),
            _share_of(~right & is_sure, self._known_weights),
            _share_of(self._is_false, self._alarm_weights),
        )

    def missed(self, false_alarm: float) -> Share:
        values: list[float] = []
        for weights, alarm_weights in zip(self._known_weights, self._alarm_weights, strict=True):
            above = np.cumsum(alarm_weights) / alarm_weights.sum()
            # The strangers before this one are all that may alarm.
            place = int(np.searchsorted(above, false_alarm + 1e-9, side="right"))
            scores = self._alarm_scores
            threshold = scores[place] if place < len(scores) else _NOT_SEEN
            is_found = self._known.is_right & (self._known.scores > threshold)
            values.append(1 - _mean(is_found, weights))
        return _share(values, self._known_weights.count)


class _People:
    """Weights of searches: first all the same, then those of people drawn with replacement."""

    def __init__(self, owners: _Indices, random: np.random.Generator) -> None:
        _, self._places = np.unique(owners, return_inverse=True)
        count = int(self._places.max()) + 1
        drawn = random.integers(count, size=(REPLICATES, count))
        self.count = count
        self._weights = [np.ones(count), *(np.bincount(row, minlength=count) for row in drawn)]

    def __iter__(self) -> Iterator[_Scores]:
        for weights in self._weights:
            yield weights[self._places].astype(np.float64)


def _share_of(values: NDArray[np.bool_], people: _People) -> Share:
    return _share([_mean(values, weights) for weights in people], people.count)


def _mean(values: NDArray[np.bool_], weights: _Scores) -> float:
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total else 0.0


def _share(values: Sequence[float], people: int) -> Share:
    value = values[0]
    low, high = np.percentile(np.array(values[1:]), _INTERVAL_PERCENT)
    # Drawing again from searches that all agree says nothing; Wilson's interval does.
    unseen = _DEVIATIONS**2 / (people + _DEVIATIONS**2)
    if value <= 0:
        high = unseen
    if value >= 1:
        low = 1 - unseen
    return Share(value, min(float(low), value), max(float(high), value))
