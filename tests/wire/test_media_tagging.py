"""Golden requests and answers of media tagging; each case says where it is from.

What is known of the picture, 400 px wide and 200 px high, is fixed here, so that the cases show the
wire and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from huiyan.gateway.errors_wire import render_error
from huiyan.imaging.picture import Image
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.ids import AccountId, ProjectId, RequestId
from huiyan.kernel.language import Bilingual
from huiyan.labelling.model import Findings, Instance
from huiyan.media_tagging.capability import MediaTaggingCapability, media_tagging_capabilities
from huiyan.media_tagging.recogniser import MediaTagRecogniser
from huiyan.persistence.query import Scope
from huiyan.vocabulary.model import Aliases, Category, CategoryId, Label, LabelId, Vocabulary

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.glob("media-tagging*/*") if path.is_dir())
REQUEST_ID = RequestId("0" * 32)
SCOPE = Scope(AccountId("a"), ProjectId("p"))
PICTURE = Image(np.zeros((200, 400, 3), np.uint8), (400, 200))


def label(name: tuple[str, str], category: tuple[str, str]) -> Label:
    zh, en = name
    return Label(
        id=LabelId(en),
        name=Bilingual(zh, en),
        category=Category(CategoryId(category[1].lower()), Bilingual(*category)),
        parents=(),
        aliases=Aliases(),
        outputs=(),
    )


LABELS = (
    label(("汽车", "car"), ("交通工具", "Vehicle")),
    label(("人", "person"), ("人类", "Human")),
    label(("红色", "red"), ("属性", "Attribute")),
    label(("街道", "street"), ("场景", "Scene")),
    label(("领带", "tie"), ("服饰穿戴类", "Clothing")),
)
CAR, PERSON, RED, _STREET, TIE = range(5)


class KnownFindings:
    """Finds the same in every picture."""

    min_short_side_px = 200

    def find(self, image: Image) -> Findings:
        return self.locate(image)

    def locate(self, image: Image) -> Findings:
        assert image is PICTURE
        car_xyxy = (9.6, 60.4, 310.2, 159.5001)
        return Findings(
            vocabulary=Vocabulary(LABELS, tuple(it.category for it in LABELS), {}),
            by_label=np.array([0.92378, 0.975, 0.61, 0.882, 0.0325], np.float32),
            instances={
                CAR: (Instance(car_xyxy, 0.92378),),
                PERSON: (
                    Instance((0.0, 0.0, 100.9, 200.0), 0.975),
                    Instance((319.5, 11.7, 400.0, 199.6), 0.41),
                    Instance((399.7, 199.8, 400.0, 200.0), 0.2),
                ),
                RED: (Instance(car_xyxy, 0.556),),
                TIE: (Instance((40.1, 89.7, 40.3, 120.4), 0.0325),),
            },
        )


OFFERED = {
    it.interface: it for it in media_tagging_capabilities(MediaTagRecogniser(KnownFindings()))
}


def answer(capability: MediaTaggingCapability, body: bytes) -> bytes:
    try:
        params = capability.parse(body).params
    except HuiyanError as error:
        return render_error(error, REQUEST_ID).body
    return capability.render(capability.recognise(PICTURE, params, SCOPE), params)


def exactly(text: bytes) -> str:
    """Spell JSON so that 1, 1.0 and "1" differ and the order of fields counts."""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_the_answer_is_the_golden_one(case: Path) -> None:
    reply = answer(OFFERED[case.parent.name], (case / "request.json").read_bytes())
    assert exactly(reply) == exactly((case / "response.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case_says_where_it_is_from(case: Path) -> None:
    names = {path.name for path in case.iterdir()}
    assert names == {"request.json", "response.json", "source.md"}
    assert len((case / "source.md").read_text("utf-8")) > 20


def test_there_are_cases_of_both_operations() -> None:
    assert {case.parent.name for case in CASES} == set(OFFERED)
