"""Boxes of an answer, made ready to be drawn.

Owns: which of the tags that share a box give it its words. Has no opinion on: how boxes look
(``imaging.draw_boxes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from huiyan.imaging.draw_boxes import BoxLine
from huiyan.imaging.picture import Image
from huiyan.vocabulary.model import Vocabulary
from huiyan.vocabulary.tree import ancestor_rows

ATTRIBUTE = "attribute"
MOST_ATTRIBUTES = 2
"""A box names so many attributes of its thing."""

SURE_SHARE = 0.9
"""A narrow tag that is nearly as sure as the surest of its box says more than a broad one."""

SAME_PLACE_IOU = 0.5
"""Boxes that overlap so much as intersection over union are of one thing and its attributes."""

_Corners = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Said:
    """One tag of a box."""

    tag: str
    name: tuple[str, str]
    confidence: float


@dataclass(frozen=True, slots=True)
class _Place:
    """One box with the tags that share it."""

    xyxy: _Corners
    things: list[_Said] = field(default_factory=list)
    attributes: list[_Said] = field(default_factory=list)


class BoxNames:
    """Finds the words of boxes.

    Parameters
    ----------
    vocabulary : Vocabulary
        The labels that tags are made of; tells broad from narrow, and things from attributes.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        labels = vocabulary.labels
        names = [(label.name.zh, label.name.en) for label in labels]
        above = ancestor_rows(vocabulary)
        self._depth = {name: len(rows) for name, rows in zip(names, above, strict=True)}
        self._attributes = {
            name
            for name, label in zip(names, labels, strict=True)
            if label.category.id == ATTRIBUTE
        }

    def lines(self, tags: Sequence[dict[str, Any]], image: Image) -> list[BoxLine]:
        """Make boxes to draw of tags with instances.

        Parameters
        ----------
        tags : sequence of dict
            As media tagging with boxes answers them.
        image : Image
            The picture that they are drawn on, perhaps reduced.

        Returns
        -------
        list of BoxLine
            In px of the reduced picture, confidence falling. Tags that share a box are one line:
            the narrowest of the sure ones, and attributes such as its colour.
        """
        height, width = image.pixels.shape[:2]
        scale = np.array([width / image.size_wh[0], height / image.size_wh[1]] * 2)
        lines = []
        for place in _merge_attributes(self._list_places(tags)):
            best = self._choose(place.things) if place.things else place.attributes[0]
            others = [it for it in place.attributes if it is not best][:MOST_ATTRIBUTES]
            label = " · ".join(it.tag for it in (best, *others))
            left, top, right, bottom = (scale * place.xyxy).tolist()
            lines.append(BoxLine((left, top, right, bottom), label, best.confidence, best.name[1]))
        return sorted(lines, key=lambda line: -line.confidence)

    def _list_places(self, tags: Sequence[dict[str, Any]]) -> list[_Place]:
        places: dict[_Corners, _Place] = {}
        for tag in tags:
            name = (tag["i18n_tag"]["zh"], tag["i18n_tag"]["en"])
            for instance in tag["instances"]:
                xyxy = _corners(instance["bounding_box"])
                place = places.setdefault(xyxy, _Place(xyxy))
                said = _Said(tag["tag"], name, float(instance["confidence"]) / 100)
                (place.attributes if name in self._attributes else place.things).append(said)
        return list(places.values())

    def _choose(self, things: Sequence[_Said]) -> _Said:
        least = SURE_SHARE * max(it.confidence for it in things)
        sure = [it for it in things if it.confidence >= least]
        return max(sure, key=lambda it: (self._depth.get(it.name, 0), it.confidence))


def _corners(box: dict[str, int]) -> _Corners:
    left, top = box["top_left_x"], box["top_left_y"]
    return left, top, left + box["width"], top + box["height"]


def _merge_attributes(places: Sequence[_Place]) -> list[_Place]:
    """Give attributes that stand alone to the thing in their place, where there is one."""
    merged = [place for place in places if place.things]
    for place in places:
        if place.things:
            continue
        nearest = max(merged, key=lambda it: _overlap(it.xyxy, place.xyxy), default=place)
        if nearest.things and _overlap(nearest.xyxy, place.xyxy) >= SAME_PLACE_IOU:
            nearest.attributes.extend(place.attributes)
        else:
            merged.append(place)
    return merged


def _overlap(one: _Corners, other: _Corners) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)
