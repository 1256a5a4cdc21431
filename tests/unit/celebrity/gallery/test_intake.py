"""Which photos a gallery takes, and how the others are refused."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from made_faces import (
    BLURRED,
    DIMENSIONS,
    EMPTY,
    GOOD,
    SIZE_WH,
    SMALL,
    TURNED,
    TWO,
    MadeFaceReader,
    embedding,
    photo,
    readings,
)
from PIL import Image as PillowImage

from huiyan.celebrity.capability import PICTURE_LIMITS
from huiyan.celebrity.gallery.intake import Intake, rate
from huiyan.celebrity.gallery.model import NewPhoto
from huiyan.imaging.budget import MemoryBudget
from huiyan.imaging.decode import decode
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import UnfitFaceError
from huiyan.perception.face_reader import FaceReadings

Box = tuple[float, float, float, float]


def judge(
    kind: int = GOOD, *, keeps: bool = False, at: tuple[float, float] | None = None
) -> NewPhoto:
    data = photo(7, 3, kind)
    image = decode(data, PICTURE_LIMITS, None, MemoryBudget(2**28))
    return Intake(MadeFaceReader()).judge(image, data, keeps, at)


class SeenReader:
    """Answers with the boxes it was made with."""

    min_short_side_px = 640

    def __init__(self, boxes: list[Box]) -> None:
        embeddings = np.stack([embedding(number) for number in range(len(boxes))])
        self._readings = readings(boxes, embeddings)

    def read(self, image: Image) -> FaceReadings:  # noqa: ARG002 -- the boxes are fixed
        return self._readings


def choose(
    boxes: list[Box], size_wh: tuple[int, int] = (400, 300), at: tuple[float, float] | None = None
) -> int:
    """Tell which of the boxes is taken."""
    width, height = size_wh
    image = Image(np.zeros((height, width, 3), np.uint8), size_wh)
    taken = Intake(SeenReader(boxes)).judge(image, b"file", keeps_picture=False, at=at)
    matches = [np.allclose(taken.embedding, embedding(number)) for number in range(len(boxes))]
    return matches.index(True)


def test_a_good_photo_is_taken_with_the_digest_of_its_file() -> None:
    taken = judge()
    assert taken.digest == hashlib.sha256(photo(7, 3)).hexdigest()
    assert taken.embedding.shape == (DIMENSIONS,)
    assert np.array_equal(taken.embedding, embedding(7, 3))
    assert taken.side_px == 80
    assert 0 < taken.quality <= 1


def test_pixels_are_kept_only_where_the_gallery_wants_them() -> None:
    assert judge().picture is None
    picture = judge(keeps=True).picture
    assert picture is not None
    cut = PillowImage.open(io.BytesIO(picture))
    assert cut.format == "JPEG"
    assert cut.width <= SIZE_WH[0]


@pytest.mark.parametrize(
    ("kind", "why", "mend"),
    [
        (EMPTY, "no face was found", "at least 40 px large"),
        (TWO, "several faces were found", "45,80 150,80"),
        (SMALL, "the face is too small (30 px, at least 40)", "a larger photo"),
        (BLURRED, "the face is blurred", "a photo in focus"),
        (TURNED, "the face is turned away", "both eyes are seen"),
    ],
)
def test_a_refusal_says_why_and_how_to_mend_it(kind: int, why: str, mend: str) -> None:
    with pytest.raises(UnfitFaceError) as refused:
        judge(kind)
    assert refused.value.detail.startswith(why)
    assert mend in refused.value.detail
    assert refused.value.detail.isascii()


def test_a_point_says_which_face_is_meant() -> None:
    assert np.array_equal(judge(TWO, at=(45, 80)).embedding, embedding(7, 3))
    assert np.array_equal(judge(TWO, at=(150, 80)).embedding, embedding(8, 3))


@pytest.mark.parametrize("at", [(0, 0), (1e9, -1e9), (float("nan"), 1)])
def test_a_point_beside_every_face_is_refused_with_the_places_of_faces(
    at: tuple[float, float],
) -> None:
    with pytest.raises(UnfitFaceError, match="no face at this point") as refused:
        judge(TWO, at=at)
    assert "45,80 150,80" in refused.value.detail


def test_where_boxes_overlap_the_point_means_the_nearer_face() -> None:
    boxes = [(0.0, 0.0, 200.0, 200.0), (100.0, 100.0, 300.0, 300.0)]
    assert choose(boxes, at=(120, 110)) == 0
    assert choose(boxes, at=(180, 190)) == 1


def test_of_two_alike_faces_none_is_chosen() -> None:
    with pytest.raises(UnfitFaceError, match="none clearly dominates"):
        choose([(20, 100, 120, 200), (280, 100, 380, 200)])


def test_faces_under_half_of_the_largest_side_are_bystanders() -> None:
    assert choose([(0, 0, 49, 49), (100, 0, 200, 100)]) == 1
    with pytest.raises(UnfitFaceError):
        choose([(0, 0, 51, 51), (100, 0, 200, 100)])


def test_a_face_in_the_middle_dominates_larger_ones_off_centre() -> None:
    assert choose([(20, 20, 90, 90), (150, 100, 250, 200)]) == 1
    with pytest.raises(UnfitFaceError):
        choose([(20, 20, 100, 100), (160, 110, 250, 200)])


def test_a_portrait_dominates_faces_that_its_frame_cuts_off() -> None:
    assert choose([(0, 20, 110, 130), (140, 90, 260, 210)]) == 1


def test_in_a_group_a_face_in_the_middle_does_not_dominate_those_at_the_rim() -> None:
    with pytest.raises(UnfitFaceError):
        choose([(0, 110, 70, 180), (160, 110, 240, 190), (330, 110, 400, 180)])


def test_quality_grows_with_each_of_its_parts_and_is_never_more_than_one() -> None:
    assert rate(112, 1, 1) == 1
    assert rate(5000, 1, 1) == 1
    assert rate(56, 1, 1) < 1
    assert rate(112, 0.5, 1) < 1
    assert rate(112, 1, 0.5) < 1
    assert rate(0, 1, 1) == rate(112, 0, 1) == rate(112, 1, 0) == 0
