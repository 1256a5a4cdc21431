from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from huiyan.celebrity.starter import (
    EMBEDDINGS_FILE,
    INDEX_FILE,
    PEOPLE_FILE,
    StarterGallery,
    load_starter,
)
from huiyan.kernel.errors import SettingsError, VocabularyError
from huiyan.kernel.units import AnyArray

ROOT = Path(__file__).resolve().parents[3]
PACKAGE_FOLDER = ROOT / "src/huiyan/celebrity/starter"
DATA_CARD = (ROOT / "docs/starter-gallery.md").read_text("utf-8")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def person(id_: str, **changes: object) -> dict[str, object]:
    return {
        "id": id_,
        "name_zh": f"某{id_}",
        "name_en": id_.title(),
        "aliases": [],
        "occupation": "演员 / actor",
        "photographs": id_.title(),
        **changes,
    }


def unit_rows(count: int) -> AnyArray:
    rows = np.random.default_rng(7).normal(size=(count, 128))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def write(
    folder: Path,
    people: list[dict[str, object]],
    photos: dict[str, int],
    rows: AnyArray,
) -> Path:
    stream = io.BytesIO()
    np.save(stream, rows)
    data = stream.getvalue()
    (folder / PEOPLE_FILE).write_text(json.dumps(people), "utf-8")
    (folder / EMBEDDINGS_FILE).write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    index = {"model": "sface:0123456789ab", "sha256": sha256, "photos": photos}
    (folder / INDEX_FILE).write_text(json.dumps(index), "utf-8")
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    people = [person("ada"), person("bo"), person("cy")]
    return write(tmp_path, people, {"ada": 2, "bo": 1, "cy": 3}, unit_rows(6))


@pytest.fixture(scope="module")
def shipped() -> StarterGallery:
    return load_starter()


def test_an_embedding_belongs_to_the_person_whose_turn_it_is(small: Path) -> None:
    gallery = load_starter(small)
    assert gallery.owners.tolist() == [0, 0, 1, 2, 2, 2]
    assert [it.photo_count for it in gallery.people] == [2, 1, 3]
    assert gallery.embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(gallery.embeddings, axis=1), 1, atol=1e-6)


def test_everybody_is_enabled_and_of_the_starter_gallery(small: Path) -> None:
    for it in load_starter(small).people:
        assert (it.enabled, it.origin, it.created_at, it.facts.link) == (True, "starter", None, "")


def test_an_empty_gallery_is_one(tmp_path: Path) -> None:
    gallery = load_starter(write(tmp_path, [], {}, np.zeros((0, 128), np.float16)))
    assert gallery.people == ()
    assert gallery.owners.shape == (0,)
    assert gallery.embeddings.shape == (0, 128)
    assert gallery.without([]).embeddings.shape == (0, 128)


def test_who_is_left_out_takes_the_embeddings_along(small: Path) -> None:
    whole = load_starter(small)
    gallery = whole.without(["ada"])
    assert [it.id for it in gallery.people] == ["bo", "cy"]
    assert gallery.owners.tolist() == [0, 1, 1, 1]
    np.testing.assert_array_equal(gallery.embeddings, whole.embeddings[2:])
    assert not np.shares_memory(gallery.embeddings, whole.embeddings)


def test_everybody_can_be_left_out(small: Path) -> None:
    gallery = load_starter(small).without(["ada", "bo", "cy", "bo"])
    assert gallery.people == ()
    assert gallery.embeddings.shape == (0, 128)


def test_nobody_left_out_changes_nothing(small: Path) -> None:
    whole = load_starter(small)
    gallery = whole.without([])
    assert gallery.people == whole.people
    np.testing.assert_array_equal(gallery.owners, whole.owners)


def test_an_unknown_id_is_named_with_those_that_are_written_alike(shipped: StarterGallery) -> None:
    with pytest.raises(SettingsError, match=r"'yao-min'; alike are yao-ming"):
        shipped.without(["yao-min"])
    with pytest.raises(SettingsError, match=r"'0000'$"):
        shipped.without(["0000"])


@pytest.mark.parametrize("name", [PEOPLE_FILE, INDEX_FILE, EMBEDDINGS_FILE])
def test_a_missing_file_is_named(small: Path, name: str) -> None:
    (small / name).unlink()
    with pytest.raises(VocabularyError, match=name):
        load_starter(small)


@pytest.mark.parametrize("name", [PEOPLE_FILE, INDEX_FILE, EMBEDDINGS_FILE])
@pytest.mark.parametrize("kept", [0, 1, 50, 100, -1])
def test_a_truncated_file_is_refused(small: Path, name: str, kept: int) -> None:
    data = (small / name).read_bytes()
    (small / name).write_bytes(data[:kept])
    with pytest.raises(VocabularyError, match=r"starter gallery"):
        load_starter(small)


@pytest.mark.parametrize("name", [PEOPLE_FILE, INDEX_FILE])
@pytest.mark.parametrize("data", [b"null", b"[1]", b'{"a": 1}', b"\xff\xfe", b"[" * 20_000])
def test_other_json_is_refused(small: Path, name: str, data: bytes) -> None:
    (small / name).write_bytes(data)
    with pytest.raises(VocabularyError, match=name):
        load_starter(small)


def test_a_single_altered_bit_is_noticed(small: Path) -> None:
    data = bytearray((small / EMBEDDINGS_FILE).read_bytes())
    data[-7] ^= 1
    (small / EMBEDDINGS_FILE).write_bytes(bytes(data))
    with pytest.raises(VocabularyError, match="is not the file"):
        load_starter(small)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (unit_rows(5), "6 rows"),
        (unit_rows(7), "6 rows"),
        (unit_rows(6).astype(np.float32), "float32"),
        (unit_rows(6).ravel(), "shape"),
        (unit_rows(6) * np.float16(1.05), "unit length"),
        (np.zeros((6, 128), np.float16), "unit length"),
        (np.full((6, 128), np.nan, np.float16), "unit length"),
        (np.full((6, 128), np.inf, np.float16), "unit length"),
        (np.array([{}] * 6, dtype=object), "allow_pickle"),
    ],
)
def test_rows_that_are_no_embeddings_are_refused(
    tmp_path: Path, rows: AnyArray, reason: str
) -> None:
    people = [person("ada"), person("bo"), person("cy")]
    write(tmp_path, people, {"ada": 2, "bo": 1, "cy": 3}, rows)
    with pytest.raises(VocabularyError, match=reason):
        load_starter(tmp_path)


@pytest.mark.parametrize(
    "photos",
    [
        {},
        {"ada": 2, "bo": 4},
        {"bo": 1, "ada": 2, "cy": 3},
        {"ada": 2, "bo": 1, "cy": 2, "dan": 1},
        {"ada": 2, "bo": 0, "cy": 4},
        {"ada": 2, "bo": -1, "cy": 5},
    ],
)
def test_counts_of_other_people_are_refused(tmp_path: Path, photos: dict[str, int]) -> None:
    write(tmp_path, [person("ada"), person("bo"), person("cy")], photos, unit_rows(6))
    with pytest.raises(VocabularyError):
        load_starter(tmp_path)


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([person("bo"), person("ada")], "not in order"),
        ([person("ada"), person("ada")], "not unique"),
        ([person("Ada"), person("bo")], "no id"),
        ([person("ada-"), person("bo")], "no id"),
        ([person("", name_en="A", photographs="A"), person("bo")], "no id"),
        ([person("ada", name_zh=""), person("bo")], "name_zh|length"),
        ([person("ada", name_en=" Ada"), person("bo")], "matching regex"),
        ([person("ada", occupation=None), person("bo")], "occupation"),
        ([person("ada", age=30), person("bo")], "unknown field"),
        ([person("ada", name_en="Bo"), person("bo")], "share a name"),
        ([person("ada", aliases=["某bo"]), person("bo")], "share a name"),
    ],
)
def test_a_list_of_people_that_is_none_is_refused(
    tmp_path: Path, people: list[dict[str, object]], reason: str
) -> None:
    photos = {str(it["id"]): 1 for it in people}
    write(tmp_path, people, photos, unit_rows(len(photos)))
    with pytest.raises(VocabularyError, match=reason):
        load_starter(tmp_path)


def test_the_shipped_gallery_has_the_promised_size(shipped: StarterGallery) -> None:
    assert 150 <= len(shipped.people) <= 220
    assert shipped.embeddings.shape[1] == 128
    assert sum(path.stat().st_size for path in PACKAGE_FOLDER.iterdir()) < 1_000_000
    assert {path.name for path in PACKAGE_FOLDER.iterdir()} == {
        PEOPLE_FILE,
        INDEX_FILE,
        EMBEDDINGS_FILE,
    }


def test_everybody_shipped_has_names_and_an_occupation_in_both_languages(
    shipped: StarterGallery,
) -> None:
    for it in shipped.people:
        facts = it.facts
        assert CHINESE.search(facts.name_zh), it.id
        assert not CHINESE.search(facts.name_en), it.id
        chinese, english = facts.occupation.split(" / ")
        assert CHINESE.search(chinese), it.id
        assert not CHINESE.search(english), it.id
        assert facts.label == facts.name_zh
        assert len(set(facts.aliases)) == len(facts.aliases), it.id


def test_no_photo_of_one_person_is_nearly_one_of_another(shipped: StarterGallery) -> None:
    cosines = shipped.embeddings @ shipped.embeddings.T
    cosines[shipped.owners[:, None] == shipped.owners[None, :]] = -1
    assert cosines.max() < 0.5


def test_the_photos_of_a_person_agree(shipped: StarterGallery) -> None:
    for number, it in enumerate(shipped.people):
        rows = shipped.embeddings[shipped.owners == number]
        if len(rows) > 1:
            cosines = rows @ rows.T
            others = (cosines.sum(axis=1) - np.diag(cosines)) / (len(rows) - 1)
            assert others.min() > 0.25, it.id


def test_the_data_card_lists_everybody_and_nobody_else(shipped: StarterGallery) -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", DATA_CARD, re.MULTILINE
    )
    assert rows == [
        (it.id, it.facts.name_zh, it.facts.name_en, it.facts.occupation) for it in shipped.people
    ]
    photos, people = len(shipped.embeddings), len(shipped.people)
    assert f"{people} people, {photos} embeddings" in DATA_CARD
    assert f"{people} 人、{photos} 个特征向量" in DATA_CARD
    assert str(shipped.model) in DATA_CARD
