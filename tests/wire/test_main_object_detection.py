"""Golden requests and answers of main object detection; each case says where it is from.

What is recognised is fixed here, so that the cases show the wire and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from huiyan.gateway.errors_wire import render_error
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.ids import RequestId
from huiyan.subject.model import Rank, Subject
from huiyan.subject.wire import parse_v3, render_v3

FOLDER = Path(__file__).parent / "main-object-detection"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
REQUEST_ID = RequestId("0" * 32)

SEEN = (
    Subject(Rank.MAIN, (256.13, 85.21, 395.7099, 346.5301), 0.93168),
    Subject(Rank.SECONDARY, (256.13, 85.21, 316.13, 205.71), 0.6638),
    Subject(Rank.SECONDARY, (355.46, 246.53, 395.71, 346.53), 0.31),
    Subject(Rank.SECONDARY, (0.0, 0.0, 0.01, 1.0), 0.045),
)


def answer(body: bytes) -> bytes:
    try:
        params = parse_v3(body).params
    except HuiyanError as error:
        return render_error(error, REQUEST_ID).body
    kept = tuple(one for one in SEEN if one.confidence >= params.threshold)
    return render_v3(kept, params)


def exactly(text: bytes) -> str:
    """Spell JSON so that 1, 1.0 and "1" differ and the order of fields counts."""
    return json.dumps(json.loads(text), ensure_ascii=False, indent=1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_is_the_golden_one(case: Path) -> None:
    reply = answer((case / "request.json").read_bytes())
    assert exactly(reply) == exactly((case / "response.json").read_bytes())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_where_it_is_from(case: Path) -> None:
    names = {path.name for path in case.iterdir()}
    assert names == {"request.json", "response.json", "source.md"}
    assert len((case / "source.md").read_text("utf-8")) > 20


def test_there_are_cases() -> None:
    assert len(CASES) >= 12
