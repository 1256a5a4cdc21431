"""What must hold for the shipped files; each test names every offender at once."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

import huiyan.vocabulary.load as loading
from huiyan.perception.colour import COLOURS
from huiyan.perception.detector import COCO80_NAMES
from huiyan.perception.properties import PROPERTIES
from huiyan.vocabulary.model import LabelId, Vocabulary
from huiyan.vocabulary.tree import ancestor_rows, membership_of

DATA = Path(loading.__file__).parent / "data"
UNMAPPED = Path(__file__).parent / "unmapped.tsv"

# How many outputs each layer has: those of the starter pack, and those of packs from the hub.
STARTER_OUTPUTS = {
    "imagenet1k": 1000,
    "coco80": 80,
    "scene14": 14,
    "material5": 5,
    "colour13": 13,
    "tone13": 13,
    "people5": 5,
    "property": len(PROPERTIES),
}
HUB_OUTPUTS = {"places365": 365, "ram4585": 4585}

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


# Texts of WordNet that no person writes.
RAW_WORDNET = re.compile(r"_|\b[a-z]+\.[nvars]\.\d\d\b|\bgenus\b|\bof or relating to\b|\(.*;.*\)")

# One word, two things: each pair is told apart in both languages.
HOMONYMS = (
    (("crane-bird", "crane (bird)", "鹤"), ("crane-machine", "construction crane", "起重机")),
    (("kite-bird", "kite (bird)", "鸢"), ("kite", "kite", "风筝")),
    (("cricket-insect", "cricket (insect)", "蟋蟀"), ("cricket-sport", "cricket (sport)", "板球")),
    (("boxer-dog", "boxer dog", "拳师犬"), ("boxer-athlete", "boxer (athlete)", "拳击手")),
    (("archery-bow", "archery bow", "弓箭"), ("ribbon-bow", "bow (ribbon)", "蝴蝶结")),
    (("orange-fruit", "orange", "橙子"), ("orange", "orange (color)", "橙色")),
    (("bass-guitar", "bass guitar", "贝斯"), ("sea-bass", "sea bass", "鲈鱼")),
    (("glass", "glass", "玻璃"), ("wine-glass", "wine glass", "葡萄酒杯")),
    (("ring", "ring", "戒指"), ("boxing-ring", "boxing ring", "拳击台")),
    (("pitcher", "pitcher", "水罐"), ("baseball-pitcher", "baseball pitcher", "棒球投手")),
    (("pitcher", "pitcher", "水罐"), ("pitcher-plant", "pitcher plant", "猪笼草")),
    (
        ("coach-bus", "coach (bus)", "长途客车"),
        ("basketball-coach", "basketball coach", "篮球教练"),
    ),
    (("human-chest", "chest (body)", "胸部"), ("storage-chest", "storage chest", "储物箱")),
    (("bank", "bank", "银行"), ("river-bank", "river bank", "河岸")),
    (("spring-season", "spring (season)", "春天"), ("hot-spring", "hot spring", "温泉")),
    (("jam", "jam", "果酱"), ("traffic-jam", "traffic jam", "堵车")),
    (("chips-snack", "chips (snack)", "玉米片"), ("poker-chip", "poker chip", "筹码")),
    (("cap", "cap", "鸭舌帽"), ("bottle-cap", "bottle cap", "瓶盖")),
    (("sports-court", "sports court", "球场"), ("courthouse", "courthouse", "法院")),
    (("matchstick", "matchstick", "火柴"), ("sports-match", "sports match", "体育比赛")),
    (("pool", "pool", "水池"), ("billiards", "billiards", "台球")),
    (("ruler", "ruler", "尺子"), ("monarch", "monarch", "君主")),
    (("weighing-scale", "weighing scale", "秤"), ("scale-model", "scale model", "比例模型")),
    (("tank", "tank", "坦克"), ("water-tank", "water tank", "水箱")),
    (("train", "train", "火车"), ("training", "training", "训练")),
    (("airplane", "airplane", "飞机"), ("hand-plane", "hand plane", "木工刨")),
    (("plant", "plant", "植物"), ("factory", "factory", "工厂")),
    (("trainer", "trainer", "训练师"), ("sneakers", "sneakers", "运动鞋")),
    (("soccer-ball", "soccer ball", "足球"), ("rugby-ball", "rugby ball", "橄榄球")),
    (("lock", "lock", "锁"), ("lock-chamber", "lock chamber", "船闸")),
    (("screen", "screen", "屏幕"), ("window-screen", "window screen", "纱窗")),
    (("bolt", "bolt", "螺栓"), ("deadbolt", "deadbolt", "门闩")),
    (("date", "date", "日期"), ("jujube", "jujube", "枣")),
    (("nail-file", "nail file", "指甲锉"), ("document", "document", "文件")),
    (("wing", "wing", "翅膀"), ("airplane-wing", "airplane wing", "机翼")),
    (("server-computer", "server (computer)", "服务器"), ("waiter", "waiter", "服务员")),
    (("cabin", "cabin", "小木屋"), ("aircraft-cabin", "aircraft cabin", "机舱")),
    (
        ("arcade", "arcade (architecture)", "拱廊"),
        ("amusement-arcade", "amusement arcade", "电玩城"),
    ),
    (("sleeping-berth", "sleeping berth", "卧铺"), ("dock", "dock", "码头")),
    (("computer-mouse", "computer mouse", "鼠标"), ("rat", "rat", "老鼠")),
    (("polo", "polo", "马球"), ("polo-shirt", "polo shirt", "POLO衫")),
)


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


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return loading.load_vocabulary()


@pytest.fixture(scope="module")
def unmapped() -> frozenset[str]:
    lines = UNMAPPED.read_text("utf-8").splitlines()[1:]
    return frozenset(line.partition("\t")[0] for line in lines)


def _ids_of(vocabulary: Vocabulary, layer: str) -> list[str]:
    """Give the labels of a layer's outputs, in the outputs' order."""
    found = {
        output.index: label.id
        for label in vocabulary.labels
        for output in label.outputs
        if output.model == layer
    }
    return [found[index] for index in sorted(found)]


def _reached(vocabulary: Vocabulary, layers: Iterable[str]) -> set[str]:
    """Give the labels that have an output of the layers, or something below them has."""
    reached: set[str] = set()
    wanted = set(layers)
    for label, above in zip(vocabulary.labels, ancestor_rows(vocabulary), strict=True):
        if any(output.model in wanted for output in label.outputs):
            reached |= {label.id, *(vocabulary.labels[row].id for row in above)}
    return reached


def _repeated(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def test_the_shipped_vocabulary_loads(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.labels) >= 4000


def test_categories_are_the_fixed_list_in_its_spelling(vocabulary: Vocabulary) -> None:
    categories = vocabulary.categories
    assert " · ".join(f"{c.name.zh} {c.name.en}" for c in categories) == CATEGORY_NAMES


def test_no_id_stands_twice(rows: list[Row]) -> None:
    assert _repeated([row.id for row in rows]) == []


def test_every_label_has_both_names(rows: list[Row]) -> None:
    assert [row.where for row in rows if not row.en or not row.zh] == []


def test_no_english_name_stands_twice(rows: list[Row]) -> None:
    assert _repeated([row.en.casefold() for row in rows]) == []


def test_no_chinese_name_stands_twice(rows: list[Row]) -> None:
    assert _repeated([row.zh for row in rows]) == []


def test_every_category_and_parent_is_known(rows: list[Row], vocabulary: Vocabulary) -> None:
    categories = {category.id for category in vocabulary.categories}
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


@pytest.mark.parametrize(("layer", "n_outputs"), [*STARTER_OUTPUTS.items(), *HUB_OUTPUTS.items()])
def test_every_output_of_a_layer_has_exactly_one_label(
    rows: list[Row], unmapped: frozenset[str], layer: str, n_outputs: int
) -> None:
    claimed = Counter(output for row in rows for output in row.outputs)
    found = {o: n for o, n in claimed.items() if o.startswith(f"{layer}:")}
    expected = {f"{layer}:{index}" for index in range(n_outputs)} - unmapped
    assert found == dict.fromkeys(expected, 1)


def test_an_output_is_left_unmapped_for_a_reason_only() -> None:
    lines = [line.split("\t") for line in UNMAPPED.read_text("utf-8").splitlines()]
    assert lines[0] == ["output", "word", "reason"]
    assert [line for line in lines[1:] if len(line) != 3 or not all(line)] == []
    assert len(lines) - 1 < 100


def test_no_output_belongs_to_an_unknown_layer(rows: list[Row]) -> None:
    layers = {output.partition(":")[0] for row in rows for output in row.outputs}
    assert layers == {*STARTER_OUTPUTS, *HUB_OUTPUTS}


def test_outputs_stand_in_the_order_of_the_code_that_gives_them(vocabulary: Vocabulary) -> None:
    def kebab(names: tuple[str, ...]) -> list[str]:
        return [name.replace("_", "-") for name in names]

    assert _ids_of(vocabulary, "colour13") == list(COLOURS)
    assert _ids_of(vocabulary, "tone13") == [f"{colour}-tones" for colour in COLOURS]
    assert _ids_of(vocabulary, "property") == kebab(PROPERTIES)
    materials = ["cardboard", "glass", "metal", "paper", "plastic"]
    assert _ids_of(vocabulary, "material5") == materials
    scenes = (
        "airport auditorium bamboo-forest building campus desert playing-field forest glacier "
        "kitchen mountain sea sky street-scene"
    )
    assert _ids_of(vocabulary, "scene14") == scenes.split()
    people = ["one-person", "two-people", "three-people", "group-of-people", "crowd"]
    assert _ids_of(vocabulary, "people5") == people


def test_coco_classes_lead_to_labels_that_people_find_by_cocos_word(
    vocabulary: Vocabulary,
) -> None:
    def words(label_id: str) -> set[str]:
        label = vocabulary.labels[vocabulary.row_by_id[LabelId(label_id)]]
        return {word.casefold() for word in (label.name.en, *label.aliases.en)}

    ids = _ids_of(vocabulary, "coco80")
    differing = {
        name: found
        for name, found in zip(COCO80_NAMES, ids, strict=True)
        if name not in words(found) and f"{name}s" not in words(found)
    }
    # COCO's class holds monitors too.
    assert differing == {"tv": "screen"}


def test_the_starter_pack_reaches_many_labels_and_all_are_plain_words(
    vocabulary: Vocabulary,
) -> None:
    reached = _reached(vocabulary, STARTER_OUTPUTS)
    assert len(reached) >= 1300
    assert [label_id for label_id in reached if label_id in SCAFFOLDING] == []


@pytest.mark.parametrize("layer", STARTER_OUTPUTS)
def test_a_layers_outputs_arrive_at_labels_and_at_what_lies_above(
    vocabulary: Vocabulary, layer: str
) -> None:
    membership = membership_of(vocabulary, layer, STARTER_OUTPUTS[layer])
    rows = range(len(vocabulary.labels))
    filled = {vocabulary.labels[row].id for row in rows if len(membership.row(row))}
    assert filled == _reached(vocabulary, {layer: STARTER_OUTPUTS[layer]})


def test_attributes_of_colour_tone_property_and_number_are_attributes(
    vocabulary: Vocabulary,
) -> None:
    layers = {"colour13", "tone13", "property", "people5", "material5"}
    offenders = [
        label.id
        for label in vocabulary.labels
        if any(output.model in layers for output in label.outputs)
        and label.category.id != "attribute"
    ]
    assert offenders == []


def test_every_imagenet_label_reaches_a_broader_one(vocabulary: Vocabulary) -> None:
    above = ancestor_rows(vocabulary)
    lonely = {label.id for label, rows in zip(vocabulary.labels, above, strict=True) if not rows}
    known = {
        label.id
        for label in vocabulary.labels
        if any(output.model == "imagenet1k" for output in label.outputs)
    }
    assert lonely & known == WITHOUT_BROADER


def test_every_broad_label_has_an_output_below_it(vocabulary: Vocabulary) -> None:
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
def test_a_homonym_means_what_imagenet_means(
    vocabulary: Vocabulary, index: int, zh: str, category: str
) -> None:
    owners = [
        label
        for label in vocabulary.labels
        if any(o.model == "imagenet1k" and o.index == index for o in label.outputs)
    ]
    assert [(label.name.zh, label.category.id) for label in owners] == [(zh, category)]


@pytest.mark.parametrize(("one", "other"), HOMONYMS)
def test_homonyms_are_told_apart_in_both_languages(
    vocabulary: Vocabulary, one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    for label_id, en, zh in (one, other):
        label = vocabulary.find(label_id)
        assert label is not None, label_id
        assert (label.name.en, label.name.zh) == (en, zh)
    lower = {en.casefold() for _, en, _ in (one, other)}
    assert len(lower) == len({zh for _, _, zh in (one, other)}) == 2


def test_no_text_is_wordnets_own(rows: list[Row]) -> None:
    texts = [text for row in rows for text in (row.en, *row.aliases_en)]
    assert [text for text in texts if RAW_WORDNET.search(text)] == []


def test_no_chinese_text_is_left_in_english(rows: list[Row]) -> None:
    offenders = [
        word
        for row in rows
        for word in (row.zh, *row.aliases_zh)
        if re.search(r"[a-z]{4}", word.replace("iPhone", "").replace("iPad", ""))
    ]
    assert offenders == []


def test_no_english_text_holds_chinese(rows: list[Row]) -> None:
    texts = [text for row in rows for text in (row.en, *row.aliases_en)]
    assert [text for text in texts if re.search("[\u3400-\u9fff]", text)] == []


@pytest.mark.parametrize("word", ["狗", "小狗", "dog", "puppy"])
def test_a_search_for_a_dog_finds_the_dog(vocabulary: Vocabulary, word: str) -> None:
    dog = vocabulary.find("dog")
    assert dog is not None
    assert word in (dog.name.zh, dog.name.en, *dog.aliases.zh, *dog.aliases.en)


def test_the_vocabulary_loads_in_a_fraction_of_a_second() -> None:
    loading.load_vocabulary()
    durations_s = []
    for _ in range(5):
        start_s = time.thread_time()
        loading.load_vocabulary()
        durations_s.append(time.thread_time() - start_s)
    assert min(durations_s) <= 0.4


@pytest.mark.parametrize("word", ["狗", "小狗", "dog", "puppy", "猫", "kitten", "鸟", "花"])
def test_everyday_words_lead_to_a_label(vocabulary: Vocabulary, word: str) -> None:
    words = {
        text
        for label in vocabulary.labels
        for text in (label.name.zh, label.name.en, *label.aliases.zh, *label.aliases.en)
    }
    assert word in words
