"""Tells the thing itself from a screen and from a print.

Owns: where is looked, how often, and that a barcode is judged first. Has no opinion on: the wire,
which threshold a caller sets, and how looks are weighed.
"""

from __future__ import annotations

from functools import partial
from statistics import fmean

from huiyan.imaging.picture import Image
from huiyan.perception.barcode import Barcode, find_barcodes
from huiyan.perception.patches import Place, choose_places, cut_patches, is_blank, overview
from huiyan.perception.recapture_networks import SIDE_PX, Clue, RecaptureNetwork
from huiyan.recapture.fusion import Fusion, Line, Sighting
from huiyan.recapture.model import Judgement, PatchEvidence, RecaptureParams
from huiyan.runtime.fan_out import FanOut

PATCH_COUNT = 4
CODE_PATCH_COUNT = 2
"""In pairs: one for each network."""


Places = tuple[Place, ...]
Opinion = tuple[Place, float]
"""A square and the probability of a recapture by one network."""


class RecaptureRecogniser:
    """Judges pictures.

    One instance serves all threads.

    Parameters
    ----------
    lite0, lite2 : RecaptureNetwork
        Both judge squares of `SIDE_PX` at native resolution, each others, and the whole picture,
        squashed into a square of that size.
    fusion : Fusion
        Weighs what they say.
    fan_out : FanOut
        Lends idle cores.
    """

    def __init__(
        self, lite0: RecaptureNetwork, lite2: RecaptureNetwork, fusion: Fusion, fan_out: FanOut
    ) -> None:
        self._lite0 = lite0
        self._lite2 = lite2
        self._fusion = fusion
        self._fan_out = fan_out

    @property
    def min_short_side_px(self) -> int | None:
        """The short side in px that decoding should keep.

        Returns
        -------
        None
            All of it: the traces are in the picture's own pixels.
        """
        return None

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:  # noqa: ARG002 -- the threshold is the shell's to apply
        """Judge a picture.

        Parameters
        ----------
        image : Image
            The picture at full size, upright.
        params : RecaptureParams
            What the caller wants to hear; the judgement does not depend on it.

        Returns
        -------
        Judgement
            What is known of it; of a blank picture that both are equally probable.

        Raises
        ------
        InferenceError
            A network failed.
        """
        if is_blank(image):
            return self._know_nothing()
        code = next(iter(find_barcodes(image)), None)
        on_code = () if code is None else self._places_on(image, code)
        elsewhere = tuple(
            place
            for place in choose_places(image, SIDE_PX, PATCH_COUNT)
            if not any(_are_mostly_one(place, other) for other in on_code)
        )[: PATCH_COUNT - (CODE_PATCH_COUNT if on_code else 0)]
        shared = [(_deal(on_code, turn), _deal(elsewhere, turn)) for turn in range(2)]
        (lite0, first), (lite2, second) = self._look(image, shared)
        return Judgement(
            recaptured=self._fusion.recapture_probability(lite0, lite2),
            screen=1.0 - self._fusion.print_probability(lite0, lite2),
            original_threshold=self._fusion.original_threshold,
            barcode=code,
            patches=_evidence(image, first + second),
        )

    def look_densely(self, image: Image, max_patches: int) -> tuple[PatchEvidence, ...]:
        """Look all over a picture with the smaller network, for a map of where the evidence is.

        Parameters
        ----------
        image : Image
            The picture at full size, upright.
        max_patches : int
            How many places at most, at least 1.

        Returns
        -------
        tuple of PatchEvidence
            On a regular grid that covers the picture as evenly as that many squares can, the most
            suspicious first.

        Raises
        ------
        InferenceError
            A network failed.
        """
        places = _grid(image, max_patches)
        clues = self._fan_out.run(
            [partial(_look_at, self._lite0, image, place) for place in places]
        )
        return _evidence(image, _weigh(self._fusion.lite0_patch, places, clues))

    def _know_nothing(self) -> Judgement:
        return Judgement(
            recaptured=0.5,
            screen=0.5,
            original_threshold=self._fusion.original_threshold,
            barcode=None,
            patches=(),
        )

    def _places_on(self, image: Image, code: Barcode) -> tuple[Place, ...]:
        scale = image.pixels.shape[1] / image.size_wh[0]
        xs = [x * scale for x, _ in code.corners_xy]
        ys = [y * scale for _, y in code.corners_xy]
        region = (min(xs), min(ys), max(xs), max(ys))
        return choose_places(image, SIDE_PX, CODE_PATCH_COUNT, region)

    def _look(
        self, image: Image, shared: list[tuple[Places, Places]]
    ) -> list[tuple[Sighting, list[Opinion]]]:
        """Give what each network says, all together and square by square."""
        view = overview(image, SIDE_PX)
        networks = (self._lite0, self._lite2)
        jobs = [
            partial(_look_at, network, image, place)
            for network, (on_code, elsewhere) in zip(networks, shared, strict=True)
            for place in on_code + elsewhere
        ]
        views = self._fan_out.run([partial(network.judge_view, view) for network in networks])
        clues = iter(self._fan_out.run(jobs))
        seen = []
        for (on_code, elsewhere), line, whole in zip(
            shared, (self._fusion.lite0_patch, self._fusion.lite2_patch), views, strict=True
        ):
            here = [next(clues) for _ in on_code]
            there = [next(clues) for _ in elsewhere]
            opinions = _weigh(line, on_code + elsewhere, here + there)
            seen.append((Sighting(here, there, whole), opinions))
        return seen


def _deal(places: Places, turn: int) -> Places:
    """Give a network every second place; where there is one only, both look there."""
    return places[turn::2] or places


def _look_at(network: RecaptureNetwork, image: Image, place: Place) -> Clue:
    (patch,) = cut_patches(image, (place,), SIDE_PX)
    return network.judge_square(patch)


def _weigh(line: Line, places: Places, clues: list[Clue]) -> list[Opinion]:
    return [(place, line.probability(clue)) for place, clue in zip(places, clues, strict=True)]


def _evidence(image: Image, opinions: list[Opinion]) -> tuple[PatchEvidence, ...]:
    """Tell where was looked; what two networks say of one place is averaged."""
    scale = image.size_wh[0] / image.pixels.shape[1]
    of_place: dict[Place, list[float]] = {}
    for place, probability in opinions:
        of_place.setdefault(place, []).append(probability)
    evidence = [
        PatchEvidence(
            left_px=round(left * scale),
            top_px=round(top * scale),
            side_px=round(SIDE_PX * scale),
            recaptured=fmean(said),
        )
        for (left, top), said in of_place.items()
    ]
    return tuple(sorted(evidence, key=lambda one: -one.recaptured))


def _are_mostly_one(one: Place, other: Place) -> bool:
    """Tell whether two squares share more than half of their area."""
    across, down = (
        max(0, SIDE_PX - abs(here - there)) for here, there in zip(one, other, strict=True)
    )
    return 2 * across * down > SIDE_PX**2


def _grid(image: Image, max_patches: int) -> tuple[Place, ...]:
    """Spread squares evenly; where they are few, gaps are as wide across as down."""
    height, width = image.pixels.shape[:2]
    columns = max(1, -(-width // SIDE_PX))
    rows = max(1, -(-height // SIDE_PX))
    while columns * rows > max_patches:
        if columns > 1 and (rows == 1 or columns * height >= rows * width):
            columns -= 1
        else:
            rows -= 1

    def starts(length: int, count: int) -> list[int]:
        room = max(0, length - SIDE_PX)
        if count == 1:
            return [room // 2]
        return [round(room * step / (count - 1)) for step in range(count)]

    return tuple((left, top) for top in starts(height, rows) for left in starts(width, columns))
