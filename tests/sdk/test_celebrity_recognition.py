"""Celebrity recognition through the vendor's Python client against a server process.

Known people are shown in photographs that the starter gallery was not made from: the last of each
in the set, where the gallery took the first four.
"""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_server import LiveServer, tagging_body
from made_pictures import encoded, photograph_like
from PIL import Image
from strict_json import faults
from vendor_operations import CELEBRITY_RECOGNITION, Call

from huiyan.celebrity.starter import load_starter, parse_people

pytestmark = pytest.mark.models

_, OLDER_PATH = CELEBRITY_RECOGNITION.paths
KNOWN = {
    "Yao Ming": "姚明",
    "Jackie Chan": "成龙",
    "Tony Blair": "托尼·布莱尔",
    "Roger Federer": "罗杰·费德勒",
    "Angelina Jolie": "安吉丽娜·朱莉",
    "Tom Hanks": "汤姆·汉克斯",
    "Hu Jintao": "胡锦涛",
    "Queen Elizabeth II": "伊丽莎白二世",
    "Zhu Rongji": "朱镕基",
    "Meryl Streep": "梅丽尔·斯特里普",
    "Junichiro Koizumi": "小泉纯一郎",
    "Venus Williams": "维纳斯·威廉姆斯",
}
"""How the set writes a name, and the label that is due."""

TILE_PX = 250
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How an upright picture must be stored for each EXIF orientation to turn it back."""

Box = tuple[int, int, int, int]


@pytest.fixture
def call(client: Any) -> Call:
    return CELEBRITY_RECOGNITION.caller(client)


@pytest.fixture(scope="module")
def answer_schema(server: LiveServer) -> Any:
    """What the server itself says that it answers."""
    return CELEBRITY_RECOGNITION.answer_schema(server)


@pytest.fixture(scope="module")
def faces_dir(data_dir: Path) -> Path:
    return data_dir / "faces_sample" / "images"


@pytest.fixture(scope="module")
def known(faces_dir: Path) -> dict[str, Path]:
    """The last photograph of people in the starter gallery, by the label that is due."""
    return {
        label: max((faces_dir / name.replace(" ", "_")).glob("*.jpg"))
        for name, label in KNOWN.items()
    }


@pytest.fixture(scope="module")
def strangers(faces_dir: Path) -> list[Path]:
    """One photograph each of people who are not in the starter gallery."""
    listed = Path(__file__).parents[2] / "src/huiyan/celebrity/starter/people.json"
    folders = {it.photographs.replace(" ", "_") for it in parse_people(listed.read_bytes())}
    others = [path for path in sorted(faces_dir.iterdir()) if path.name not in folders]
    return [min(folder.glob("*.jpg")) for folder in others[::7]]


@pytest.fixture(scope="module")
def group(known: dict[str, Path], strangers: list[Path]) -> bytes:
    """Four known people and five strangers."""
    return mosaic([*list(known.values())[:4], *strangers[:5]], columns=3)


def found(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    return list(answer.result)


def box_of(one: Any) -> Box:
    place = one.face_detail
    left, top = place["x"], place["y"]
    return left, top, left + place["w"], top + place["h"]


def middle_of(one: Any) -> tuple[float, float]:
    left, top, right, bottom = box_of(one)
    return (left + right) / 2, (top + bottom) / 2


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


def central(answers: list[Any]) -> Any:
    """Give the face in the middle of a photograph of the set."""
    return min(answers, key=lambda one: abs(middle_of(one)[0] - 125) + abs(middle_of(one)[1] - 125))


def at_place(answers: list[Any], place: tuple[float, float]) -> Any:
    """Give the face within 20 px of a place, or None."""
    for one in answers:
        x, y = middle_of(one)
        if max(abs(x - place[0]), abs(y - place[1])) < 20:
            return one
    return None


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def mosaic(paths: list[Path], columns: int) -> bytes:
    """Put photographs of one person each beside and below one another."""
    rows = -(-len(paths) // columns)
    canvas = Image.new("RGB", (columns * TILE_PX, rows * TILE_PX), (90, 100, 110))
    for number, path in enumerate(paths):
        place = (number % columns * TILE_PX, number // columns * TILE_PX)
        canvas.paste(opened(path).resize((TILE_PX, TILE_PX)), place)
    return encoded(canvas, "JPEG", quality=95)


@pytest.mark.data
class TestKnownPeople:
    def test_they_are_named_in_chinese_where_their_face_is(
        self, call: Call, known: dict[str, Path]
    ) -> None:
        right = 0
        for label, path in known.items():
            answers = found(call(path.read_bytes()))
            assert {one.label for one in answers} <= {label}
            right += len(answers)
            for one in answers:
                assert 0.9 <= one.confidence <= 1
                left, top, right_edge, bottom = box_of(one)
                assert left < TILE_PX / 2 < right_edge
                assert top < TILE_PX / 2 < bottom
        assert right >= len(known) - 1

    def test_everybody_in_a_group_is_named_at_their_place(
        self, call: Call, known: dict[str, Path], strangers: list[Path]
    ) -> None:
        labels = list(known)[:8]
        paths = [known[label] for label in labels]
        answers = found(call(mosaic([*paths[:4], strangers[0], *paths[4:]], columns=3)))
        places = {label: number + (number >= 4) for number, label in enumerate(labels)}
        assert len(answers) >= len(labels) - 1
        for one in answers:
            x, y = middle_of(one)
            assert int(y // TILE_PX) * 3 + int(x // TILE_PX) == places[one.label], one.label
        confidences = [one.confidence for one in answers]
        assert confidences == sorted(confidences, reverse=True)

    def test_nobody_is_named_who_is_not_in_the_gallery(
        self, call: Call, strangers: list[Path]
    ) -> None:
        named = {path.name: found(call(path.read_bytes())) for path in strangers}
        central = {
            name: [one.label for one in answers if overlap(box_of(one), (75, 75, 175, 175)) > 0.1]
            for name, answers in named.items()
        }
        assert {name: labels for name, labels in central.items() if labels} == {}

    def test_faces_of_40_px_in_a_large_photograph_are_found_and_named(
        self, call: Call, known: dict[str, Path], photographs: dict[str, Path]
    ) -> None:
        scene = opened(photographs["coffee"]).resize((4000, 2667), Image.Resampling.BICUBIC)
        places = {}
        for number, (label, path) in enumerate(known.items()):
            face = central(found(call(path.read_bytes(), threshold=0)))
            side_px = round(TILE_PX * 40 / min(face.face_detail["w"], face.face_detail["h"]))
            column, row = number % 4, number // 4
            place = (400 + 900 * column + 37 * row, 300 + 700 * row + 23 * column)
            small = opened(path).resize((side_px, side_px), Image.Resampling.LANCZOS)
            scene.paste(small, place)
            places[label] = (place[0] + side_px / 2, place[1] + side_px / 2)
        answers = found(call(encoded(scene, "JPEG", quality=95), threshold=0))
        near = {label: at_place(answers, place) for label, place in places.items()}
        seen = {label: one for label, one in near.items() if one is not None}
        assert len(seen) >= len(known) - 1
        for one in seen.values():
            assert 30 <= min(one.face_detail["w"], one.face_detail["h"]) <= 50
        assert sum(one.label == label for label, one in seen.items()) >= len(known) - 2

    def test_all_orientations_of_exif_give_the_same_box(
        self, call: Call, known: dict[str, Path]
    ) -> None:
        paths = list(known.values())[:2]
        upright = opened(paths[0]).crop((0, 0, 240, 224))
        wide = Image.new("RGB", (496, 224))
        wide.paste(upright, (0, 0))
        wide.paste(opened(paths[1]).crop((0, 0, 240, 224)), (256, 0))
        seen = {}
        for orientation, turn in TURNS.items():
            exif = Image.Exif()
            exif[0x0112] = orientation
            file = io.BytesIO()
            stored = wide if turn is None else wide.transpose(turn)
            stored.save(file, "JPEG", quality=97, subsampling=0, exif=exif)
            seen[orientation] = found(call(file.getvalue(), threshold=0.5))
        assert len(seen[1]) == 2
        for orientation, answers in seen.items():
            assert [one.label for one in answers] == [one.label for one in seen[1]], orientation
            for one, upright_one in zip(answers, seen[1], strict=True):
                assert overlap(box_of(one), box_of(upright_one)) > 0.93, orientation

    @pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP"])
    def test_every_format_gets_the_same_answer(
        self, call: Call, known: dict[str, Path], form: str
    ) -> None:
        picture = opened(known["姚明"])
        options = {"lossless": True} if form == "WEBP" else {}
        (one,) = found(call(encoded(picture, form, **options)))
        assert one.label == "姚明"

    def test_the_older_path_answers_alike(
        self, call: Call, server: LiveServer, known: dict[str, Path]
    ) -> None:
        picture = known["姚明"].read_bytes()
        answer = server.tag(body=tagging_body(picture, threshold=0.48), path=OLDER_PATH)
        assert answer.status == 200
        assert answer.json["result"][0]["label"] == "姚明"
        assert answer.json == json.loads(call(picture, threshold=0.48).raw_content)

    def test_every_value_has_the_type_that_strict_clients_read(
        self, call: Call, known: dict[str, Path], answer_schema: Any
    ) -> None:
        raw = call(mosaic(list(known.values())[:6], columns=3), threshold=0).raw_content
        assert faults(raw, answer_schema) == []
        result = json.loads(raw)["result"]
        assert len(result) >= 6
        for one in result:
            assert list(one) == ["confidence", "face_detail", "label"]
            assert isinstance(one["confidence"], float)
            assert 0 <= one["confidence"] <= 1
            assert isinstance(one["label"], str)
            assert set(one["face_detail"]) == {"w", "h", "x", "y"}
            assert {type(number) for number in one["face_detail"].values()} == {int}

    def test_sixteen_threads_get_what_one_gets(self, call: Call, known: dict[str, Path]) -> None:
        pictures = [path.read_bytes() for path in list(known.values())[:4]]
        alone = [call(picture).raw_content for picture in pictures]

        def same(turn: int) -> bool:
            which = turn % len(pictures)
            return bool(call(pictures[which]).raw_content == alone[which])

        with ThreadPoolExecutor(16) as pool:
            assert all(pool.map(same, range(16)))

    def test_by_region_the_client_completes_its_project_itself(
        self, sdk: Any, server: LiveServer, known: dict[str, Path]
    ) -> None:
        for region in ("cn-north-4", "cn-east-3"):
            call = CELEBRITY_RECOGNITION.caller(sdk.client_by_region(server.account, region))
            assert [one.label for one in found(call(known["姚明"].read_bytes()))] == ["姚明"]


@pytest.mark.data
class TestThreshold:
    def test_it_is_90_percent_where_none_is_given(self, call: Call, group: bytes) -> None:
        plain = call(group).raw_content
        for same in (0.9, ""):
            assert call(group, threshold=same).raw_content == plain

    def test_0_names_every_face_and_1_nobody(self, call: Call, group: bytes) -> None:
        assert len(found(call(group, threshold=0))) >= 9
        assert found(call(group, threshold=1)) == []

    def test_what_is_below_is_left_out(self, call: Call, group: bytes) -> None:
        everything = found(call(group, threshold=0))
        for threshold in (0.01, 0.3, 0.7, 0.95):
            shown = [one.to_dict() for one in found(call(group, threshold=threshold))]
            assert shown == [one.to_dict() for one in everything if one.confidence >= threshold]


class TestNobodyKnown:
    def test_a_picture_without_a_face_is_an_empty_array(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        for name in {"coffee", "rocket", "flower"} & set(photographs):
            answer = call(photographs[name].read_bytes(), threshold=0)
            assert json.loads(answer.raw_content) == {"result": []}, name

    def test_a_face_that_nobody_knows_is_an_empty_array(
        self, call: Call, photographs: dict[str, Path]
    ) -> None:
        picture = photographs["astronaut"].read_bytes()
        assert json.loads(call(picture).raw_content) == {"result": []}
        (one, *_) = found(call(picture, threshold=0))
        assert one.confidence < 0.5

    def test_a_downloaded_picture_is_answered_as_a_sent_one(
        self, call: Call, files: str, photographs: dict[str, Path]
    ) -> None:
        path = photographs["astronaut"]
        url = f"{files}/astronaut{path.suffix}"
        sent = call(path.read_bytes(), threshold=0).raw_content
        assert json.loads(sent)["result"]
        assert call(url=url, threshold=0).raw_content == sent
        assert call(url=url, image="", threshold=0).raw_content == sent

    @pytest.mark.parametrize("size_wh", [(1, 1), (2, 3), (1, 10_000), (10_000, 1), (14, 14)])
    @pytest.mark.parametrize("form", ["JPEG", "PNG"])
    def test_pictures_at_the_limits_are_answered(
        self, call: Call, size_wh: tuple[int, int], form: str
    ) -> None:
        picture = encoded(photograph_like(*size_wh), form)
        assert json.loads(call(picture, threshold=0).raw_content) == {"result": []}

    def test_everybody_in_the_gallery_is_one_of_the_card(self) -> None:
        labels = {person.facts.label for person in load_starter().people}
        assert set(KNOWN.values()) <= labels
