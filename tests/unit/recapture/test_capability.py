"""Both wire versions end to end, from picture to answer, with a judgement that is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fake_assembly import KNOWN_JUDGEMENT

from huiyan.imaging.picture import Format, Image
from huiyan.kernel.errors import InferenceError
from huiyan.kernel.ids import AccountId, ProjectId
from huiyan.persistence.query import Scope
from huiyan.recapture.capability import RecaptureCapability, recapture_capabilities
from huiyan.recapture.model import Judgement, RecaptureParams

SCOPE = Scope(AccountId("a"), ProjectId("p"))
PICTURE = Image(np.zeros((48, 64, 3), np.uint8), (64, 48))


class Known:
    """Judges as it was told; fails where it was told nothing."""

    def __init__(
        self, judgement: Judgement | None = KNOWN_JUDGEMENT, min_short_side_px: int | None = None
    ) -> None:
        self.judgement = judgement
        self.min_short_side_px = min_short_side_px
        self.asked: list[RecaptureParams] = []

    def recognise(self, image: Image, params: RecaptureParams) -> Judgement:
        assert image is PICTURE
        self.asked.append(params)
        if self.judgement is None:
            raise InferenceError("no judgement")
        return self.judgement


def answer(capability: RecaptureCapability, body: bytes) -> bytes:
    params = capability.parse(body).params
    return capability.render(capability.recognise(PICTURE, params, SCOPE), params)


def test_there_are_two_versions_and_the_newer_has_the_project_in_its_path() -> None:
    newer, older = recapture_capabilities(Known())
    assert (newer.version, newer.path) == ("v2", "/v2/{project_id}/image/recapture-detect")
    assert (older.version, older.path) == ("v1.0", "/v1.0/image/recapture-detect")
    assert {newer.interface, older.interface} == {"recapture-detect"}


def test_three_formats_are_taken_and_any_side_to_10000_px() -> None:
    for capability in recapture_capabilities(Known()):
        limits = capability.limits
        assert limits.formats == {Format.PNG, Format.JPEG, Format.BMP}
        assert (limits.min_side_px, limits.max_side_px) == (1, 10_000)


@pytest.mark.parametrize("side_px", [None, 300])
def test_the_picture_is_decoded_as_large_as_the_recogniser_wants(side_px: int | None) -> None:
    for capability in recapture_capabilities(Known(min_short_side_px=side_px)):
        assert capability.min_short_side_px == side_px


def test_both_versions_answer_alike() -> None:
    body = b'{"image": "aGk=", "threshold": 0.5, "scene": ["recapture"], "explain": true}'
    newer, older = (answer(it, body) for it in recapture_capabilities(Known()))
    assert newer == older
    assert json.loads(newer)["result"]["suggestion"] == "false"


def test_the_recogniser_hears_the_callers_parameters() -> None:
    known = Known()
    for capability in recapture_capabilities(known):
        answer(capability, b'{"image": "aGk=", "threshold": 0.25, "explain": true}')
    assert known.asked == [RecaptureParams(0.25, explains=True)] * 2


def test_a_fault_of_the_recogniser_is_not_hidden() -> None:
    for capability in recapture_capabilities(Known(None)):
        with pytest.raises(InferenceError):
            answer(capability, b'{"image": "aGk="}')


def test_no_call_is_told_to_the_audit_log_and_nothing_is_prepared() -> None:
    for capability in recapture_capabilities(Known()):
        assert (capability.tells, capability.prepare) == (None, None)
