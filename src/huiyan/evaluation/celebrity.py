"""How well people are recognised on a set of pictures that say whose face they show.

Owns: running the real way (bytes, decode, face reader) over a set, which face of a picture counts,
and joining the figures. Has no opinion on: which set, which networks, how figures are computed
(`huiyan.evaluation.open_set`) and shown, and what is good enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from huiyan.celebrity.calibration import Calibration
from huiyan.evaluation.identities import LEAST_KNOWN, PortraitFile
from huiyan.evaluation.open_set import EnrolledFigures, Portraits, measure_enrolled
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Image, PictureLimits
from huiyan.kernel.clock import Clock
from huiyan.kernel.errors import OperatorError, PictureError
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_reader import FaceReadings

ENROLLED_PHOTOS = (1, 3)
SUSPECT_SIMILARITY = 0.6
"""Two people's pictures that are so alike are mostly one person's under two names."""

MOST_SUSPECTS = 100
_BLOCK_ROWS = 512


@dataclass(frozen=True, slots=True)
class SuspectPair:
    """Two pictures under different names that look like one person's.

    Parameters
    ----------
    file, other_file : str
        Names of the files, with their folders.
    similarity : float
        Cosine, -1 to 1.
    """

    file: str
    other_file: str
    similarity: float


@dataclass(frozen=True, slots=True)
class CelebrityFigures:
    """What a set shows about recognising people.

    Parameters
    ----------
    picture_count : int
        Pictures that could be read.
    unreadable : tuple of str
        Files that no answer could be given for, and why; they count nowhere else.
    without_face : tuple of str
        Pictures in which no face was found; those of known people count as missed.
    several_faces_count : int
        Pictures with more than one face, of which the one nearest to the middle counts.
    known_count, stranger_count : int
        People.
    draws, seed : int
        How often the enrolled photos were drawn, and from which seed.
    enrolled_one : EnrolledFigures or None
        With one photo of each person enrolled.
    enrolled_three : EnrolledFigures or None
        With three; None where nobody has more than three.
    suspects : tuple of SuspectPair
        Most alike first, at most 100: look at them, the set may be labelled wrongly. They count
        as labelled in every figure.
    pictures_per_s : float
        Reading, decoding and recognising, one after the other.
    """

    picture_count: int
    unreadable: tuple[str, ...]
    without_face: tuple[str, ...]
    several_faces_count: int
    known_count: int
    stranger_count: int
    draws: int
    seed: int
    enrolled_one: EnrolledFigures
    enrolled_three: EnrolledFigures | None
    suspects: tuple[SuspectPair, ...]
    pictures_per_s: float


class Reader(Protocol):
    """What reads the faces of a picture (`huiyan.perception.face_reader.FaceReader`)."""

    @property
    def min_short_side_px(self) -> int:
        """How much of a picture decoding should keep, in px of its short side."""
        ...

    def read(self, image: Image) -> FaceReadings:
        """Read the faces of a picture."""
        ...


@dataclass(frozen=True, slots=True)
class _Reading:
    portrait: PortraitFile
    embedding: FloatArray | None
    side_px: float
    face_count: int


@dataclass(frozen=True, slots=True)
class CelebrityEvaluator:
    """Runs the face reader over sets.

    Parameters
    ----------
    reader : Reader
        What is judged.
    calibration : Calibration
        For the figures at the wire's 0.9.
    limits : PictureLimits
        Which pictures are taken.
    budget : MemoryBudget
        The memory that decoding may take.
    clock : Clock
        For the pictures a second.
    """

    reader: Reader
    calibration: Calibration
    limits: PictureLimits
    budget: MemoryBudget
    clock: Clock

    def measure(
        self,
        files: tuple[PortraitFile, ...],
        draws: int,
        seed: int,
        on_picture: Callable[[], None],
    ) -> CelebrityFigures:
        """Enrol photos of known people, and search the others and those of strangers.

        Parameters
        ----------
        files : tuple of PortraitFile
            The set.
        draws : int
            How often the enrolled photos are drawn anew, at least 1.
        seed : int
            The same seed draws the same photos.
        on_picture : callable
            Called after each picture, for a progress bar.

        Returns
        -------
        CelebrityFigures
            All figures.

        Raises
        ------
        OperatorError
            Faces were found of too few people, or there is nobody to raise a false alarm.
        InferenceError
            A network failed.
        """
        start_s = self.clock.monotonic_s()
        readings, unreadable = self._read_all(files, on_picture)
        busy_s = self.clock.monotonic_s() - start_s
        without_face = tuple(str(it.portrait.path) for it in readings if it.embedding is None)
        portraits = _gather(readings)
        _check(portraits, [*unreadable, *(f"{it}: no face" for it in without_face)])
        one, three = (
            measure_enrolled(portraits, photos, self.calibration, draws, seed)
            for photos in ENROLLED_PHOTOS
        )
        if one is None:
            raise OperatorError("no picture is left to be searched")
        known = portraits.is_known
        return CelebrityFigures(
            picture_count=len(readings),
            unreadable=tuple(unreadable),
            without_face=without_face,
            several_faces_count=sum(it.face_count > 1 for it in readings),
            known_count=len(np.unique(portraits.owners[known])),
            stranger_count=len(np.unique(portraits.owners[~known])),
            draws=draws,
            seed=seed,
            enrolled_one=one,
            enrolled_three=three,
            suspects=_suspect(portraits, [it.portrait for it in readings]),
            pictures_per_s=len(readings) / busy_s if busy_s > 0 else 0.0,
        )

    def _read_all(
        self, files: tuple[PortraitFile, ...], on_picture: Callable[[], None]
    ) -> tuple[list[_Reading], list[str]]:
        unreadable: list[str] = []
        readings: list[_Reading] = []
        for file in files:
            try:
                readings.append(self._read(file))
            except (OSError, PictureError) as error:
                unreadable.append(f"{file.path}: {error}")
            on_picture()
        return readings, unreadable

    def _read(self, file: PortraitFile) -> _Reading:
        data = file.path.read_bytes()
        image = decode(data, self.limits, self.reader.min_short_side_px, self.budget)
        faces = self.reader.read(image)
        chosen = nearest_to_middle(faces, image.size_wh)
        if chosen is None:
            return _Reading(file, None, 0.0, 0)
        return _Reading(
            file, faces.embeddings[chosen], float(faces.side_px[chosen]), len(faces.side_px)
        )


def nearest_to_middle(faces: FaceReadings, size_wh: tuple[int, int]) -> int | None:
    """Choose the face that a labelled picture is about.

    Parameters
    ----------
    faces : FaceReadings
        The picture's.
    size_wh : tuple of int
        Width and height of the full picture, in px.

    Returns
    -------
    int, optional
        Its place; None where there is no face.
    """
    boxes = faces.faces.xyxy
    if not len(boxes):
        return None
    away = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array(size_wh) / 2
    return int(np.square(away).sum(axis=1).argmin())


def _gather(readings: list[_Reading]) -> Portraits:
    names = {
        name: number
        for number, name in enumerate(dict.fromkeys(it.portrait.person for it in readings))
    }
    nothing = np.zeros(
        next((len(it.embedding) for it in readings if it.embedding is not None), 1), np.float32
    )
    rows = [nothing if it.embedding is None else it.embedding for it in readings]
    return Portraits(
        embeddings=np.array(rows, np.float32).reshape(len(readings), len(nothing)),
        side_px=np.array([it.side_px for it in readings], np.float32),
        is_seen=np.array([it.embedding is not None for it in readings], np.bool_),
        owners=np.array([names[it.portrait.person] for it in readings], np.intp),
        is_known=np.array([it.portrait.is_known for it in readings], np.bool_),
    )


def _check(portraits: Portraits, complaints: list[str]) -> None:
    seen = portraits.owners[portraits.is_known & portraits.is_seen]
    if (np.bincount(seen) > 1).sum() >= LEAST_KNOWN:
        return
    first = f"; first: {complaints[0]}" if complaints else ""
    raise OperatorError(
        f"faces in two pictures were found of fewer than {LEAST_KNOWN} people: nothing to measure; "
        f"{len(complaints)} pictures could not be read or show no face{first}"
    )


def _suspect(portraits: Portraits, files: list[PortraitFile]) -> tuple[SuspectPair, ...]:
    pairs: list[tuple[float, int, int]] = []
    seen = np.flatnonzero(portraits.is_seen)
    embeddings, owners = portraits.embeddings[seen], portraits.owners[seen]
    for start in range(0, len(seen), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        similarities = embeddings[rows] @ embeddings.T
        is_other = owners[rows, np.newaxis] != owners
        for row, column in zip(
            *np.nonzero(is_other & (similarities >= SUSPECT_SIMILARITY)), strict=True
        ):
            if start + row < column:
                pairs.append((float(similarities[row, column]), seen[start + row], seen[column]))
    pairs.sort(key=lambda it: -it[0])
    return tuple(
        SuspectPair(_name(files[one]), _name(files[other]), similarity)
        for similarity, one, other in pairs[:MOST_SUSPECTS]
    )


def _name(file: PortraitFile) -> str:
    return f"{file.path.parent.name}/{file.path.name}"
