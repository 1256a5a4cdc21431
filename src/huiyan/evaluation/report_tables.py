"""Which figures of each evaluation the quality page shows, and what they mean.

Owns: the choice of figures, their order and one line on each. Has no opinion on: the
page around them (`huiyan.evaluation.report`), their look
(`huiyan.evaluation.report_cells`), and how figures are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from huiyan.evaluation.report_cells import (
    between,
    between_thousandths,
    how_many,
    percent,
    points,
    share_percent,
    tenths,
    thousandths,
)

Write = Callable[[Any], str]
"""Turns a figure into a cell."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Parameters
    ----------
    key : str
        Its name among the figures; dots lead into figures within figures.
    heading : str
        What it is called.
    write : callable
        Its look.
    meaning : str
        One line on it.
    """

    key: str
    heading: str
    write: Write
    meaning: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One table with a row for each class, or the like.

    Parameters
    ----------
    key : str
        The list's name among the figures.
    title : str
        Stands above it.
    columns : tuple of (str, str, callable)
        Heading, the name of the figure in each item, and its look.
    shown_count : int or None
        At most so many rows; None for all.
    """

    key: str
    title: str
    columns: tuple[tuple[str, str, Write], ...]
    shown_count: int | None = 10


@dataclass(frozen=True, slots=True)
class Chapter:
    """All that the page shows of one kind of evaluation.

    Parameters
    ----------
    kind : str
        As in `huiyan.evaluation.record.Record`.
    uses_slicing : bool
        Whether the setting ``detector_slicing`` changes its figures.
    rows : tuple of Row
        Its figures.
    reliability : tuple of (str, str, str)
        Name among the figures and title of each reliability table, and what holds of the share in
        its last column.
    listings : tuple of Listing
        Its other tables.
    """

    kind: str
    uses_slicing: bool
    rows: tuple[Row, ...]
    reliability: tuple[tuple[str, str, str], ...] = ()
    listings: tuple[Listing, ...] = ()


_PICTURES = Row("picture_count", "pictures", str, "answered; those below count nowhere else")
_UNREADABLE = Row("unreadable", "unreadable", how_many, "files that were no picture within limits")
_SPEED = Row(
    "pictures_per_s", "pictures/s", tenths, "reading, decoding and recognising, one after the other"
)

_TAGGING = Chapter(
    kind="tagging",
    uses_slicing=True,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("top1", "top-1", percent, "the right class is the most likely one"),
        Row("top5", "top-5", percent, "the right class is among the five most likely"),
        Row("ece_top1", "ECE top-1", thousandths, "claimed against true, of the most likely class"),
        Row(
            "ece_tags",
            "ECE all tags",
            thousandths,
            "the same of every tag of 0.05 or more that the class decides, broad ones included",
        ),
        Row("precision", "precision", percent, "right among such tags at the default threshold"),
        Row("coverage", "coverage", percent, "pictures with a tag at the default threshold"),
        _SPEED,
    ),
    reliability=(
        ("top1_reliability", "most likely class", "right"),
        ("tags_reliability", "all tags of 0.05 or more", "right"),
    ),
    listings=(
        Listing(
            "classes",
            "Weakest classes",
            (
                ("class", "name", str),
                ("pictures", "picture_count", str),
                ("top-1", "top1", percent),
                ("top-5", "top5", percent),
            ),
        ),
    ),
)

_COVERAGE = Chapter(
    kind="coverage",
    uses_slicing=True,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("threshold", "threshold", thousandths, "least confidence of a tag"),
        Row("coverage", "coverage", percent, "pictures with at least one tag"),
        Row(
            "coverage_by_outputs",
            "coverage by classes",
            percent,
            "the same if only the classifier's own classes counted",
        ),
        Row("tags_per_picture", "tags a picture", tenths, "of all sorts"),
        _SPEED,
    ),
)

_MEDIA = Chapter(
    kind="media",
    uses_slicing=True,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("kind_count", "kinds", str, "kinds of object that occur, of 80"),
        Row("map_fused", "mAP, fused list", percent, "mean average precision over those kinds"),
        Row("map_detector", "mAP, detector alone", percent, "by its best score in any view"),
        Row("map_whole", "mAP, detector without slices", percent, "its score in the whole picture"),
        Row("map_classifier", "mAP, classifier alone", percent, "it has no class for some kinds"),
        Row("gain", "gain", points, "fused list above the best single model"),
        Row("ece", "ECE", thousandths, "claimed against true, kinds of 0.05 or more"),
        Row(
            "precision", "precision", percent, "kinds said at the default threshold that are there"
        ),
        Row("recall", "recall", percent, "kinds there that are said at the default threshold"),
        Row("tags_per_picture", "tags a picture", tenths, "of all sorts, at the default threshold"),
        Row("people.accuracy", "people counted right", percent, "nobody, 1, 2, 3, 4–9 or 10+"),
        Row(
            "people.ece", "ECE of people", thousandths, "claimed against true, tags of 0.05 or more"
        ),
        _SPEED,
    ),
    reliability=(
        ("reliability", "kinds of object", "right"),
        ("people.reliability", "how many people", "right"),
    ),
    listings=(
        Listing(
            "people.groups",
            "People",
            (
                ("people", "people", str),
                ("pictures", "picture_count", str),
                ("said of", "said_count", str),
                ("right", "right_count", str),
            ),
            shown_count=None,
        ),
        Listing(
            "kinds",
            "Weakest kinds of object",
            (
                ("kind", "name", str),
                ("pictures", "picture_count", str),
                ("AP", "ap", percent),
                ("detector", "ap_detector", percent),
                ("without slices", "ap_whole", percent),
                ("classifier", "ap_classifier", percent),
            ),
        ),
    ),
)

_DETECT = Chapter(
    kind="detect",
    uses_slicing=False,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("box_count", "objects", str, "boxed by people"),
        Row("slicing", "slicing", str, "how closely pictures are looked at"),
        Row("ap", "AP", percent, "average precision, mean over IoU .50 to .95"),
        Row("ap50", "AP50", percent, "at IoU .50"),
        Row("ap75", "AP75", percent, "at IoU .75"),
        Row("ap_small", "AP small", percent, "objects below 32² px"),
        Row("ap_medium", "AP medium", percent, "up to 96² px"),
        Row("ap_large", "AP large", percent, "above"),
        Row("inferences_per_picture", "inferences", str, "runs of the network for each picture"),
        _SPEED,
    ),
    listings=(
        Listing(
            "classes",
            "Weakest kinds of object",
            (("kind", "name", str), ("objects", "box_count", str), ("AP", "ap", percent)),
        ),
    ),
)

_SUBJECT = Chapter(
    kind="subject",
    uses_slicing=False,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("max_f", "max F", thousandths, "best F-measure of the mask (beta² 0.3), one threshold"),
        Row("max_f_threshold", "its threshold", thousandths, "where that is reached"),
        Row("mean_f", "mean F", thousandths, "mean over 256 thresholds"),
        Row("mae", "MAE", thousandths, "mean absolute error of the mask"),
        Row("box_iou", "box IoU", thousandths, "overlap of the main subject's box with the truth"),
        Row("box_over_half", "box IoU > 0.5", percent, "share of pictures"),
        Row("box_over_three_quarters", "box IoU > 0.75", percent, "share of pictures"),
        Row("without_subject", "no subject", str, "pictures of which none was named"),
        Row("with_several", "several subjects", str, "pictures of which several were named"),
        _SPEED,
    ),
)

_SHARES = (
    ("rank1", "rank-1", "the right person is the most alike"),
    (
        "found_at_hundredth",
        "found at 1 %",
        "and more alike than 99 of 100 strangers are to anybody",
    ),
    ("found_at_thousandth", "found at 0.1 %", "and more alike than 999 of 1,000 are"),
    ("found_at_wire", "found at 0.9", "named rightly with the wire's default confidence"),
    ("misnamed_at_wire", "wrong name at 0.9", "known, and given somebody else's name"),
    ("false_names_at_wire", "false name at 0.9", "strangers given a name; meant to be 0.10 %"),
)


def _rows_of(key: str, photos: str) -> tuple[Row, ...]:
    return tuple(
        Row(f"{key}.{name}", f"{heading}, {photos}", between, meaning)
        for name, heading, meaning in _SHARES
    )


_CELEBRITY = Chapter(
    kind="celebrity",
    uses_slicing=False,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("without_face", "no face", how_many, "pictures without a face found; they are missed"),
        Row(
            "known_count", "known people", str, "enrolled by some pictures, searched by the others"
        ),
        Row("stranger_count", "strangers", str, "people who are never enrolled"),
        *_rows_of("enrolled_one", "1 photo"),
        *_rows_of("enrolled_three", "3 photos"),
        Row("suspects", "suspects", how_many, "pairs under two names that look like one person"),
        _SPEED,
    ),
    listings=tuple(
        Listing(
            f"{key}.det",
            f"Missed at a share of false alarms, {photos} of each person enrolled",
            (("false alarms", "false_alarm", percent), ("missed", "missed", between)),
            shown_count=None,
        )
        for key, photos in (("enrolled_one", "one photo"), ("enrolled_three", "three photos"))
    ),
)

_RECAPTURE = Chapter(
    kind="recapture",
    uses_slicing=False,
    rows=(
        _PICTURES,
        _UNREADABLE,
        Row("collector_count", "people", str, "who took them; 0 where that is not told"),
        Row("auc", "AUC", between_thousandths, "originals against screens and prints together"),
        Row(
            "balanced_accuracy",
            "balanced accuracy",
            between,
            "decided rightly at 0.5, mean of originals and the others",
        ),
        Row("accuracy", "accuracy", between, "decided rightly at 0.5, of all"),
        Row("threshold", "threshold", thousandths, "of the next three rows"),
        Row("originals_accused", "originals accused", between, "said to be recaptured"),
        Row("recaptures_passed", "recaptures passed", between, "said to be genuine"),
        Row("uncertain", "uncertain", between, "of all"),
        Row("ece", "ECE", thousandths, "claimed probability against how many were recaptured"),
        Row(
            "spread.collector_count",
            "people with both",
            str,
            "who took originals and others; the next rows are their balanced accuracies",
        ),
        Row("spread.lowest", "lowest", percent, "of one of them"),
        Row("spread.lower_quartile", "lower quartile", percent, "a quarter of them is below"),
        Row("spread.median", "median", percent, "half of them is below"),
        Row("spread.deviation", "deviation", percent, "standard deviation between them"),
        Row("with_code", "with a code", str, "pictures in which a bar or matrix code was read"),
        _SPEED,
    ),
    reliability=(("reliability", "probability of a recapture", "recaptured"),),
    listings=(
        Listing(
            "media",
            "By what stood before the camera",
            (
                ("medium", "medium", str),
                ("pictures", "picture_count", str),
                ("people", "collector_count", str),
                ("with a code", "with_code", str),
                ("right at 0.5", "decided", between),
                ("named so", "named", share_percent),
                ("said genuine", "genuine", share_percent),
                ("uncertain", "uncertain", share_percent),
                ("said recaptured", "recaptured", share_percent),
            ),
            shown_count=None,
        ),
        Listing(
            "collectors",
            "People whose pictures are judged worst",
            (
                ("who", "collector", str),
                ("originals", "original_count", str),
                ("others", "recaptured_count", str),
                ("AUC", "auc", thousandths),
                ("balanced accuracy", "balanced_accuracy", percent),
            ),
        ),
    ),
)

CHAPTERS = (_TAGGING, _COVERAGE, _MEDIA, _DETECT, _SUBJECT, _CELEBRITY, _RECAPTURE)
