"""Golden requests and answers of image tagging; each case says where it is from.

A case's name begins with its wire version. What is recognised is fixed here, so that the cases show
the wire and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from huiyan.gateway.errors_wire import render_error
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.ids import RequestId
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Finding, LabelParams
from huiyan.recognition.model import ParsedRequest
from huiyan.tagging.wire import parse_v1, parse_v2, render_v1, render_v2
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId

CASES = sorted(path for path in (Path(__file__).parent / "tagging").iterdir() if path.is_dir())
REQUEST_ID = RequestId("0" * 32)

Parse = Callable[[bytes], ParsedRequest[LabelParams]]
Render = Callable[[tuple[Finding, ...], LabelParams], bytes]
WIRES: dict[str, tuple[Parse, Render]] = {
    "v2": (parse_v2, render_v2),
    "v1": (parse_v1, render_v1),
}


def tag(confidence: float, name: tuple[str, str], category: tuple[str, str, str]) -> Finding:
    zh, en = name
    category_id, category_zh, category_en = category
    label = Label(
        id=LabelId(en.replace(" ", "-")),
        name=Bilingual(zh, en),
        category=Category(CategoryId(category_id), Bilingual(category_zh, category_en)),
        parents=(),
        aliases=Aliases(),
        outputs=(),
    )
    return Finding(label, confidence)


ANIMAL = ("animal", "动物", "Animal")
SEEN = (
    tag(0.965, ("狗", "dog"), ANIMAL),
    tag(0.92378, ("金毛寻回犬", "golden retriever"), ANIMAL),
    tag(0.7574, ("海滩", "beach"), ("scene", "场景", "Scene")),
    tag(0.41, ("喜悦", "joy"), ("emotion", "情感", "Emotion")),
    tag(0.0325, ("领带", "tie"), ("clothing", "服饰穿戴类", "Clothing")),
)


def answer(parse: Parse, render: Render, body: bytes) -> bytes:
    try:
        params = parse(body).params
    except HuiyanError as error:
        return render_error(error, REQUEST_ID).body
    tags = tuple(one for one in SEEN if one.confidence >= params.threshold)
    return render(tags[: params.limit], params)


def exactly(text: bytes) -> str:
    """Spell JSON so that 1, 1.0 and "1" differ and the order of fields counts."""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_the_golden_one(case: Path) -> None:
    parse, render = WIRES[case.name.partition("_")[0]]
    reply = answer(parse, render, (case / "request.json").read_bytes())
    assert exactly(reply) == exactly((case / "response.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_where_it_is_from(case: Path) -> None:
    names = {path.name for path in case.iterdir()}
    assert names == {"request.json", "response.json", "source.md"}
    assert len((case / "source.md").read_text("utf-8")) > 20


def test_there_are_cases_of_every_version() -> None:
    assert {case.name.partition("_")[0] for case in CASES} == set(WIRES)
