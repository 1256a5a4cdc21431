from __future__ import annotations

import numpy as np
import pytest
from fake_assembly import person_of

from huiyan.celebrity.model import Candidate, CelebrityParams, Sighting
from huiyan.celebrity.recogniser import CelebrityRecogniser, tell
from huiyan.imaging.picture import Image
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.kernel.units import FloatArray
from huiyan.perception.face_reader import FaceReadings
from huiyan.perception.faces import Faces
from huiyan.persistence.query import Scope

IMAGE = Image(np.zeros((48, 64, 3), np.uint8), (64, 48))
MINE = Scope(AccountId("a"), ProjectId("p"))
Box = tuple[float, float, float, float]
LEFT: Box = (1.0, 2.0, 11.0, 12.0)
RIGHT: Box = (30.0, 2.0, 40.0, 12.0)


def maybe(name: str, confidence: float) -> Candidate:
    return Candidate(person_of(name, name), 0.5, confidence)


class FakeReader:
    min_short_side_px = None

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes

    def read(self, image: Image) -> FaceReadings:
        assert image is IMAGE
        count = len(self._boxes)
        ones = np.ones(count, np.float32)
        xyxy = np.array(self._boxes, np.float32).reshape(-1, 4)
        faces = Faces(xyxy, np.zeros((count, 5, 2), np.float32), ones)
        return FaceReadings(faces, np.eye(count, 128, dtype=np.float32), ones, ones, ones)


class FakeLookup:
    def __init__(self, *known: tuple[Candidate, ...]) -> None:
        self._known = known
        self.asked: list[Scope] = []

    def prepare(self, scope: Scope) -> None:
        assert scope.project_id

    def identify(
        self, scope: Scope, embeddings: FloatArray, side_px: FloatArray, count: int
    ) -> tuple[tuple[Candidate, ...], ...]:
        assert embeddings.shape == (len(self._known), 128)
        assert side_px.shape == (len(self._known),)
        assert count == 1
        self.asked.append(scope)
        return self._known


def see(
    boxes: tuple[Box, ...], known: tuple[tuple[Candidate, ...], ...], least: float = 0.9
) -> Sighting:
    recogniser = CelebrityRecogniser(FakeReader(*boxes), FakeLookup(*known))
    return recogniser.recognise(IMAGE, CelebrityParams(least), MINE)


def test_a_picture_without_faces_asks_for_nobody() -> None:
    lookup = FakeLookup()
    recogniser = CelebrityRecogniser(FakeReader(), lookup)
    assert recogniser.recognise(IMAGE, CelebrityParams(0), MINE) == Sighting(0, ())
    assert lookup.asked == []


def test_the_gallery_of_the_project_asked_in_is_searched() -> None:
    lookup = FakeLookup(())
    recogniser = CelebrityRecogniser(FakeReader(LEFT), lookup)
    assert recogniser.recognise(IMAGE, CelebrityParams(0), MINE) == Sighting(1, ())
    assert lookup.asked == [MINE]


@pytest.mark.parametrize(("least", "count"), [(0.9, 1), (0.5, 1), (0.91, 0)])
def test_a_face_is_named_from_the_threshold_on(least: float, count: int) -> None:
    sighting = see((LEFT,), ((maybe("x", 0.9),),), least)
    assert sighting.face_count == 1
    assert len(sighting.appearances) == count


def test_the_surest_comes_first_and_ties_go_from_left_to_right() -> None:
    three = ((maybe("a", 0.95),), (maybe("b", 0.95),), (maybe("c", 0.99),))
    sighting = see((RIGHT, LEFT, LEFT), three)
    assert [it.candidate.person.id for it in sighting.appearances] == ["c", "b", "a"]
    assert [it.xyxy for it in sighting.appearances] == [LEFT, LEFT, RIGHT]


def test_the_log_is_told_ids_once_and_no_names() -> None:
    zhang = Candidate(person_of("张三", "zhang"), 0.5, 0.99)
    sighting = see((LEFT, RIGHT), ((zhang,), (zhang,)))
    assert tell(sighting) == {"faces": "2", "people": "zhang"}
    assert tell(Sighting(0, ())) == {"faces": "0", "people": ""}
