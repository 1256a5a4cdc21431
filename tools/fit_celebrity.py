"""Fit the calibration of celebrity recognition, and say how well it holds.

Usage: ``python tools/fit_celebrity.py DIR [--write FILE]``, where DIR is a folder as for
``huiyan eval celebrity``. Every pair of pictures of two different people is an impostor. The
upper tail of their similarities is taken for that of a normal distribution: its quantiles from one
pair in a hundred to one in ten thousand are put on a line against those of the standard normal
distribution. Beyond, the line is extrapolated; the rarest pairs, of which wrongly labelled pictures
are a large part, have no say. Intervals come from drawing people, not pairs, with replacement.
All random numbers are from one seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from huiyan.assembly import Assembly
from huiyan.celebrity.calibration import (
    ANCHOR_CONFIDENCE,
    ANCHOR_FALSE_ALARM,
    Calibration,
    SideShift,
)
from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.evaluation.celebrity import nearest_to_middle
from huiyan.evaluation.identities import PortraitFile, read_identities
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Image
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import MIB_BYTES, FloatArray
from huiyan.perception.face_reader import FaceReader

LEVELS = np.logspace(-2, -4, 9)
SIDES_PX = (80, 60, 40, 25)
SMALLEST_ENROLLED_PX = 40
"""Smaller faces are not taken into a gallery."""

REDUCED_OF_EACH = 2
"""Pictures of each person that are reduced, to save time."""

TAIL_PAIR_SHARE = 1e-6
"""The pairs that decide at 0.9 in a gallery of a thousand photos."""

PHOTO_COUNTS = (1, 50, 260, 1300, 10_000, 100_000, 1_000_000)
CHECKED_COUNTS = (50, 260, 1300)
GALLERY_DRAWS = 40
REPLICATES = 200
SEED = 1
_PERCENT = (2.5, 97.5)
_NORMAL = NormalDist()
_DEVIATIONS = np.array([_NORMAL.inv_cdf(1 - level) for level in LEVELS])


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Embeddings with whose they are: (N, 128), (N,), and sizes (N,) in px."""

    embeddings: FloatArray
    owners: NDArray[np.intp]
    side_px: FloatArray

    def of(self, chosen: NDArray[np.intp]) -> Faces:
        """Take some of them."""
        return Faces(self.embeddings[chosen], self.owners[chosen], self.side_px[chosen])


class Impostors:
    """Similarities of all pairs of two people's pictures, of which the tail is kept sorted."""

    def __init__(self, searched: Faces, enrolled: Faces) -> None:
        similarities = searched.embeddings @ enrolled.embeddings.T
        is_pair = searched.owners[:, np.newaxis] != enrolled.owners
        if enrolled is searched:
            is_pair = np.triu(is_pair)
        # Three times what is needed: replicates weigh pairs.
        tail = np.quantile(similarities[is_pair], 1 - 3 * LEVELS[0])
        rows, columns = np.nonzero(is_pair & (similarities >= tail))
        order = np.argsort(-similarities[rows, columns])
        self._tail = similarities[rows, columns][order]
        self._pairs = searched.owners[rows][order], enrolled.owners[columns][order]
        people = int(max(searched.owners.max(), enrolled.owners.max())) + 1
        self._counts = tuple(
            np.bincount(it.owners, minlength=people) for it in (searched, enrolled)
        )
        self._is_both = enrolled is searched
        self.people = people
        self.pair_count = int(is_pair.sum())

    def fit(self, weights: NDArray[np.intp] | None = None) -> tuple[float, float]:
        """Fit mean and deviation, with people counting as often as their weights say."""
        if weights is None:
            weights = np.ones(self.people, np.intp)
        one, other = (weights * counts for counts in self._counts)
        total = float(one.sum()) * float(other.sum()) - float((one * other).sum())
        total /= 2 if self._is_both else 1
        above = np.cumsum(weights[self._pairs[0]] * weights[self._pairs[1]]) / total
        places = np.minimum(np.searchsorted(above, LEVELS), len(self._tail) - 1)
        deviation, mean = np.polyfit(_DEVIATIONS, self._tail[places], 1)
        return float(mean), float(deviation)


def read_faces(
    reader: FaceReader, files: Sequence[PortraitFile], side_px: int | None = None
) -> Faces:
    """Read the middle face of each picture; with a side, of the picture reduced to that face."""
    budget = MemoryBudget(256 * MIB_BYTES)
    names = {it: place for place, it in enumerate(sorted({file.person for file in files}))}
    rows: list[tuple[FloatArray, int, float]] = []
    said = "full size" if side_px is None else f"{side_px} px"
    for file in track(files, description=said):
        image = decode(file.path.read_bytes(), PICTURE_LIMITS, reader.min_short_side_px, budget)
        readings = reader.read(image)
        place = nearest_to_middle(readings, image.size_wh)
        if place is not None and side_px is not None:
            image = _reduced(image, side_px / float(readings.side_px[place]))
            readings = reader.read(image)
            place = nearest_to_middle(readings, image.size_wh)
        if place is not None:
            side = float(readings.side_px[place])
            rows.append((readings.embeddings[place], names[file.person], side))
    return Faces(
        np.array([it[0] for it in rows], np.float32),
        np.array([it[1] for it in rows], np.intp),
        np.array([it[2] for it in rows], np.float32),
    )


def _reduced(image: Image, factor: float) -> Image:
    height, width = image.pixels.shape[:2]
    size_wh = max(1, round(width * factor)), max(1, round(height * factor))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return Image(cv2.resize(image.pixels, size_wh, interpolation=how), size_wh)  # type: ignore[arg-type]


def fit_shifts(
    reader: FaceReader, files: Sequence[PortraitFile], full: Faces
) -> tuple[tuple[SideShift, ...], list[dict[str, object]]]:
    """Find how much more alike small faces of two people look, at worst.

    Both against full pictures and against those of the smallest size that galleries take; the
    larger shift counts, and a shift never falls as faces get smaller.
    """
    by_person: dict[str, list[PortraitFile]] = {}
    for file in files:
        by_person.setdefault(file.person, []).append(file)
    some = [file for of_one in by_person.values() for file in of_one[:REDUCED_OF_EACH]]
    usual_px = float(np.median(full.side_px))
    reduced = {side: read_faces(reader, some, side) for side in SIDES_PX if side < usual_px}
    deviation = -_NORMAL.inv_cdf(TAIL_PAIR_SHARE)
    needed = _line(Impostors(full, full).fit(), deviation)
    shifts = [SideShift(round(usual_px, 1), 0.0)]
    report: list[dict[str, object]] = []
    least = 0.0
    for side, faces in reduced.items():
        smallest = max(side, SMALLEST_ENROLLED_PX)
        galleries = {"full size": full, f"{smallest} px": reduced[smallest]}
        found = {
            name: round(_line(Impostors(faces, gallery).fit(), deviation) - needed, 4)
            for name, gallery in galleries.items()
        }
        least = max(least, *found.values())
        shifts.insert(0, SideShift(float(side), round(least, 4)))
        report.append({"side_px": side, "against": found, "faces": len(faces.owners)})
    return tuple(shifts), report


def _line(fit: tuple[float, float], deviation: float) -> float:
    return fit[0] + fit[1] * deviation


def intervals(impostors: Impostors, best: Calibration) -> list[dict[str, object]]:
    """Tell which similarity stands at 0.9, by the number of photos, and how sure that is."""
    random = np.random.default_rng(SEED)
    drawn = [
        Calibration(*impostors.fit(np.bincount(row, minlength=impostors.people)), best.shifts)
        for row in random.integers(impostors.people, size=(REPLICATES, impostors.people))
    ]
    rows: list[dict[str, object]] = []
    for photos in PHOTO_COUNTS:
        values = [it.similarity_for(ANCHOR_CONFIDENCE, photos) for it in drawn]
        low, high = np.percentile(values, _PERCENT)
        at = best.similarity_for(ANCHOR_CONFIDENCE, photos)
        # What the rate would be, if the limits of the interval were the truth.
        truths = [it.false_alarm(np.array([at]), photos, np.array([1e6]))[0] for it in drawn]
        rates = np.percentile(truths, _PERCENT)
        rows.append(
            {
                "photos": photos,
                "similarity": round(at, 4),
                "interval": [round(float(low), 4), round(float(high), 4)],
                "false_alarm_interval": [round(float(it), 6) for it in rates],
            }
        )
    return rows


def check(calibration: Calibration, strangers: Faces, others: Faces) -> Iterator[dict[str, object]]:
    """Search people in galleries that they are not in, and count false names at 0.9."""
    random = np.random.default_rng(SEED)
    people = np.unique(strangers.owners)
    for photos in CHECKED_COUNTS:
        if photos > len(others.owners):
            continue
        named = np.zeros(len(strangers.owners))
        for _ in range(GALLERY_DRAWS):
            gallery = others.of(random.permutation(len(others.owners))[:photos])
            similarities = strangers.embeddings @ gallery.embeddings.T
            similarities[strangers.owners[:, np.newaxis] == gallery.owners] = -1
            sure = calibration.confidence(similarities.max(axis=1), photos, strangers.side_px)
            named += (sure >= ANCHOR_CONFIDENCE) / GALLERY_DRAWS
        by_person = np.array([named[strangers.owners == it].mean() for it in people])
        drawn = [random.choice(by_person, len(by_person)).mean() for _ in range(1000)]
        low, high = np.percentile(drawn, _PERCENT)
        yield {
            "photos": photos,
            "searched_people": len(people),
            "false_names": round(float(by_person.mean()), 5),
            "interval": [round(float(low), 5), round(float(high), 5)],
            "ever_named_people": int((by_person > 0).sum()),
        }


def halves(
    full: Faces, names: Sequence[str], shifts: tuple[SideShift, ...]
) -> list[dict[str, object]]:
    """Fit on half of the people, and count false names among the other half; both ways."""
    first = np.array([hashlib.sha256(it.encode()).digest()[0] & 1 for it in names], np.bool_)
    rows: list[dict[str, object]] = []
    for fitted in (False, True):
        is_fitted = first[full.owners] == fitted
        part, rest = full.of(np.flatnonzero(is_fitted)), full.of(np.flatnonzero(~is_fitted))
        calibration = Calibration(*Impostors(part, part).fit(), shifts)
        rows += check(calibration, rest, rest)
    return rows


def main() -> None:
    """Fit, print, and write where asked to."""
    parser = argparse.ArgumentParser(description="Fit the calibration of celebrity recognition.")
    parser.add_argument("folder", type=Path, help="as for huiyan eval celebrity")
    parser.add_argument("--write", type=Path, help="the calibration file to write")
    arguments = parser.parse_args()
    files = read_identities(arguments.folder)
    reader = Assembly(load_settings()).face_reader
    full = read_faces(reader, files)
    impostors = Impostors(full, full)
    mean, deviation = (round(it, 4) for it in impostors.fit())
    shifts, sides = fit_shifts(reader, files, full)
    calibration = Calibration(mean, deviation, shifts)
    names = sorted({file.person for file in files})
    known = {file.person for file in files if file.is_known}
    is_known = np.array([it in known for it in names], np.bool_)[full.owners]
    strangers = full.of(np.flatnonzero(~is_known))
    document = {
        "model": reader.model_id,
        "impostors": {"mean": mean, "sd": deviation},
        "sides": [{"side_px": it.side_px, "shift": it.shift} for it in shifts],
        "fit": {
            "command": "python tools/fit_celebrity.py DIR --write FILE",
            "set": arguments.folder.resolve().name,
            "method": "normal tail; line through the quantiles of impostor pairs",
            "levels": [float(LEVELS[0]), float(LEVELS[-1])],
            "pictures": len(full.owners),
            "people": impostors.people,
            "pairs": impostors.pair_count,
            "intervals": "95 %, people drawn with replacement",
            "seed": SEED,
            "at_0.9": intervals(impostors, calibration),
            "sides": sides,
            "strangers_at_0.9": list(
                check(calibration, strangers, full.of(np.flatnonzero(is_known)))
            )
            if len(strangers.owners)
            else [],
            "held_out_people_at_0.9": halves(full, names, shifts),
            "wanted_at_0.9": ANCHOR_FALSE_ALARM,
        },
    }
    text = json.dumps(document, indent=2)
    print(text)
    if arguments.write:
        arguments.write.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
