"""Golden requests and answers of celebrity recognition; each case says where it is from.

A case's name begins with its wire version: both are alike. Who is recognised is fixed here, so that
the cases show the wire and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from huiyan.celebrity.gallery.model import Person, PersonFacts, PersonId
from huiyan.celebrity.model import Appearance, Candidate, Sighting
from huiyan.celebrity.wire import parse, render
from huiyan.gateway.errors_wire import render_error
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.ids import RequestId

FOLDER = Path(__file__).parent / "celebrity-recognition"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
REQUEST_ID = RequestId("0" * 32)


def appearance(
    confidence: float, zh: str, en: str, xyxy: tuple[float, float, float, float]
) -> Appearance:
    facts = PersonFacts(
        zh, en, aliases=("别名",), occupation="演员 / actor", link="https://a.example"
    )
    person = Person(PersonId("0" * 32), facts, enabled=True, photo_count=1, origin="project")
    return Appearance(Candidate(person, 0.8, confidence), xyxy)


SEEN = (
    appearance(1.0, "科菲·安南", "Kofi Annan", (124.4, 61.6, 301.49, 300.51)),
    appearance(0.97346, "", "Lena Horne", (0.0, 0.0, 40.0, 40.0)),
    appearance(0.44977834820747375, "周璇", "Zhou Xuan", (500.5, 20.5, 560.2, 99.9)),
    appearance(0.00004, "", 'Conan "Coco" O’Brien', (9999.6, 20.0, 10000.0, 20.4)),
)


def answer(body: bytes) -> bytes:
    try:
        params = parse(body).params
    except HuiyanError as error:
        return render_error(error, REQUEST_ID).body
    kept = tuple(it for it in SEEN if it.candidate.confidence >= params.min_confidence)
    return render(Sighting(5, kept), params)


def exactly(text: bytes) -> str:
    """Spell JSON so that 1, 1.0 and "1" differ and the order of fields counts."""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_the_golden_one(case: Path) -> None:
    reply = answer((case / "request.json").read_bytes())
    assert exactly(reply) == exactly((case / "response.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_where_it_is_from(case: Path) -> None:
    assert case.name.startswith(("v1_", "v2_"))
    names = {path.name for path in case.iterdir()}
    assert names == {"request.json", "response.json", "source.md"}
    assert len((case / "source.md").read_text("utf-8")) > 20


def test_there_are_cases() -> None:
    assert len(CASES) >= 16
