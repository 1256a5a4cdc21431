"""Golden requests and answers of recapture detection; each case says where it is from.

A case's name begins with its wire version: both are alike. What is judged is fixed here by the
name of the picture, so that the cases show the wire and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from huiyan.gateway.errors_wire import render_error
from huiyan.kernel.errors import HuiyanError
from huiyan.kernel.ids import RequestId
from huiyan.perception.barcode import Barcode
from huiyan.recapture.model import Judgement, PatchEvidence
from huiyan.recapture.wire import parse, render
from huiyan.recognition.model import PictureUrl

FOLDER = Path(__file__).parent / "recapture-detect"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir())
REQUEST_ID = RequestId("0" * 32)


def judgement(
    recaptured: float,
    screen: float,
    barcode: Barcode | None = None,
    *patches: PatchEvidence,
) -> Judgement:
    return Judgement(recaptured, screen, 0.9, barcode, patches)


CODE = Barcode(
    text="6901234567892",
    symbology="EAN13",
    corners_xy=((1200.5, 800.25), (2200.0, 804.0), (2198.004, 1300.0), (1199.0, 1296.0)),
)
SEEN = {
    "screen.jpg": judgement(
        0.99984,
        0.97,
        CODE,
        PatchEvidence(1400, 900, 320, 0.99991),
        PatchEvidence(0, 2680, 320, 0.5),
    ),
    "print.jpg": judgement(0.9731, 0.02, None, PatchEvidence(0, 0, 320, 0.81)),
    "unsure.jpg": judgement(0.4, 0.5),
    "genuine.jpg": judgement(0.00004, 0.5, CODE),
}


def answer(body: bytes) -> bytes:
    try:
        request = parse(body)
    except HuiyanError as error:
        return render_error(error, REQUEST_ID).body
    url = request.source.url if isinstance(request.source, PictureUrl) else "/screen.jpg"
    return render(SEEN[url.rpartition("/")[2]], request.params)


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
    assert len(CASES) >= 18
