"""What must hold for the shipped files; each test names every offender at once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

import huiyan.vocabulary.load as loading
from huiyan.vocabulary.tree import ancestor_rows

DATA = Path(loading.__file__).parent / "data"

CATEGORY_NAMES = (
    "人类 Human · 动物 Animal · 植物 Plant · 食物 Food · "
    "交通工具 Vehicle · 日常用品 Everyday item · 服饰穿戴类 Clothing · "
    "动作 Action · 场景 Scene · 建筑 Building · 自然 Nature · "
    "武器 Weapon · 医疗医护 Medicine · 教育 Education · "
    "文化艺术类 Culture and art · 金融商业 Finance and business · "
    "学科科学 Science · 信仰 Belief · 情感 Emotion · "
    "休闲社交 Leisure and social life · 运动 Sport · "
    "电子设备 Electronics · 家居 Home · 事件 Event · 社会 Society · "
    "生活 Life · 属性 Attribute · 其他 Other"
)

SCAFFOLDING = frozenset(
    {
        "artefact",
        "artifact",
        "being",
        "body",
        "covering",
        "creation",
        "entity",
        "instrumentality",
        "instrumentation",
        "item",
        "living-thing",
        "matter",
        "object",
        "organism",
        "part",
        "placental",
        "physical-entity",
        "structure",
        "substance",
        "thing",
        "unit",
        "vertebrate",
        "whole",
    }
)

# Simplified characters, most of them of rare animals, that GB 2312 of 1980 did not yet list.
BEYOND_GB_2312 = frozenset("鳽蟌鸮羱鹀鹟䴕狆鲉蠵獴鲀魟獚鸻鱥㹴")

# Brands that Chinese writes in Latin letters.
LATIN_IN_CHINESE = frozenset({"iPod"})

# Labels with no natural broader word.
WITHOUT_BROADER = frozenset({"bubble"})


class Row(NamedTuple):
    where: str
    id: str
    en: str
    zh: str
    category: str
    parents: tuple[str, ...]
    aliases_en: tuple[str, ...]
    aliases_zh: tuple[str, ...]
    outputs: tuple[str, ...]


def _items(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(";")) if cell else ()


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    found = []
    for path in sorted(DATA.glob("*.tsv")):
        if path.name == loading.CATEGORIES_FILE:
            continue
        for number, text in enumerate(path.read_text("utf-8").splitlines()[1:], start=2):
            cells = text.split("\t")
            assert len(cells) == len(loading.LABEL_COLUMNS), f"{path.name}:{number}"
            found.append(Row(f"{path.name}:{number}", *cells[:4], *map(_items, cells[4:])))
    return found


def _repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def test_the_shipped_vocabulary_loads() -> None:
    assert len(loading.load_vocabulary().labels) > 600


def test_categories_are_the_fixed_list_in_its_spelling() -> None:
    categories = loading.load_vocabulary().categories
    assert " · ".join(f"{c.name.zh} {c.name.en}" for c in categories) == CATEGORY_NAMES


def test_no_id_stands_twice(rows: list[Row]) -> None:
    assert _repeated([row.id for row in rows]) == []


def test_every_label_has_both_names(rows: list[Row]) -> None:
    assert [row.where for row in rows if not row.en or not row.zh] == []


def test_no_english_name_stands_twice(rows: list[Row]) -> None:
    assert _repeated([row.en.casefold() for row in rows]) == []


def test_no_chinese_name_stands_twice(rows: list[Row]) -> None:
    assert _repeated([row.zh for row in rows]) == []


def test_every_category_and_parent_is_known(rows: list[Row]) -> None:
    categories = {category.id for category in loading.load_vocabulary().categories}
    ids = {row.id for row in rows}
    assert [row.where for row in rows if row.category not in categories] == []
    assert [row.where for row in rows if not ids.issuperset(row.parents)] == []


def test_english_names_are_short_and_plain(rows: list[Row]) -> None:
    offenders = [
        row.en
        for row in rows
        if len(row.en) > 34 or not all(c.isalnum() or c in " -'()." for c in row.en)
    ]
    assert offenders == []


def test_english_names_are_lower_case_but_for_proper_names(rows: list[Row]) -> None:
    assert [row.en for row in rows if row.en.istitle() and len(row.en.split()) > 3] == []


def test_chinese_names_hold_chinese_characters_only(rows: list[Row]) -> None:
    def is_fit(character: str) -> bool:
        return "\u3400" <= character <= "\u9fff" or (character.isascii() and character.isalnum())

    offenders = [row.zh for row in rows if not all(map(is_fit, row.zh)) or len(row.zh) > 12]
    assert offenders == []
    assert {row.zh for row in rows if row.zh.isascii()} <= LATIN_IN_CHINESE


def test_chinese_words_are_simplified(rows: list[Row]) -> None:
    def is_simplified(character: str) -> bool:
        try:
            character.encode("gb2312")
        except UnicodeEncodeError:
            return character in BEYOND_GB_2312
        return True

    words = [word for row in rows for word in (row.zh, *row.aliases_zh)]
    assert [word for word in words if not all(map(is_simplified, word))] == []


def test_no_label_is_scaffolding(rows: list[Row]) -> None:
    assert [row.id for row in rows if row.id in SCAFFOLDING] == []


def test_no_alias_is_another_labels_name(rows: list[Row]) -> None:
    english = {row.en.casefold(): row.id for row in rows}
    chinese = {row.zh: row.id for row in rows}
    offenders = [(row.id, a) for row in rows for a in row.aliases_en if a.casefold() in english]
    offenders += [(row.id, a) for row in rows for a in row.aliases_zh if a in chinese]
    assert offenders == []


def test_every_imagenet_class_has_exactly_one_label(rows: list[Row]) -> None:
    claimed = Counter(output for row in rows for output in row.outputs)
    expected = {f"imagenet1k:{index}": 1 for index in range(1000)}
    found = {o: n for o, n in claimed.items() if o.startswith("imagenet1k:")}
    assert found == expected


def test_every_label_that_a_model_knows_reaches_a_broader_one() -> None:
    vocabulary = loading.load_vocabulary()
    above = ancestor_rows(vocabulary)
    lonely = {label.id for label, rows in zip(vocabulary.labels, above, strict=True) if not rows}
    known = {label.id for label in vocabulary.labels if label.outputs}
    assert lonely & known == WITHOUT_BROADER


def test_every_broad_label_has_an_output_below_it() -> None:
    vocabulary = loading.load_vocabulary()
    used: set[int] = set()
    for row, above in enumerate(ancestor_rows(vocabulary)):
        if vocabulary.labels[row].outputs:
            used |= {row, *above}
    assert [label.id for row, label in enumerate(vocabulary.labels) if row not in used] == []


@pytest.mark.parametrize(
    ("index", "zh", "category"),
    [
        (7, "公鸡", "animal"),
        (15, "旅鸫", "animal"),
        (21, "鸢", "animal"),
        (97, "公鸭", "animal"),
        (101, "长牙象", "animal"),
        (134, "鹤", "animal"),
        (140, "黑腹滨鹬", "animal"),
        (312, "蟋蟀", "animal"),
        (339, "栗色马", "animal"),
        (517, "起重机", "vehicle"),
        (968, "杯子", "everyday"),
        (981, "棒球运动员", "human"),
    ],
)
def test_a_homonym_means_what_imagenet_means(index: int, zh: str, category: str) -> None:
    owners = [
        label
        for label in loading.load_vocabulary().labels
        if any(o.model == "imagenet1k" and o.index == index for o in label.outputs)
    ]
    assert [(label.name.zh, label.category.id) for label in owners] == [(zh, category)]


@pytest.mark.parametrize("word", ["狗", "小狗", "dog", "puppy", "猫", "kitten", "鸟", "花"])
def test_everyday_words_lead_to_a_label(word: str) -> None:
    vocabulary = loading.load_vocabulary()
    words = {
        text
        for label in vocabulary.labels
        for text in (label.name.zh, label.name.en, *label.aliases.zh, *label.aliases.en)
    }
    assert word in words
