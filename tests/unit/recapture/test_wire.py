from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from fake_assembly import KNOWN_JUDGEMENT
from hypothesis import given
from hypothesis import strategies as st
from strict_json import faults

from huiyan.kernel.errors import Base64Error, InvalidParameterError, MissingParameterError
from huiyan.recapture.model import Judgement, RecaptureParams
from huiyan.recapture.schema import RECAPTURE_SCHEMAS
from huiyan.recapture.wire import DEFAULT_THRESHOLD, LABELS, parse, render
from huiyan.recognition.model import PictureBytes, PictureUrl

PARAMS = RecaptureParams(0.95)
EXPLAINING = RecaptureParams(0.95, explains=True)
SHARE = st.floats(0, 1)


def params_of(field: str) -> RecaptureParams:
    return parse(f'{{"image": "aGk=", {field}}}'.encode()).params


def rendered(judgement: Judgement, params: RecaptureParams = PARAMS) -> dict[str, Any]:
    answer = json.loads(render(judgement, params))
    assert set(answer) == {"result"}
    result: dict[str, Any] = answer["result"]
    return result


class TestParsing:
    def test_nothing_but_a_picture_means_the_defaults(self) -> None:
        parsed = parse(b'{"image": "aGk="}')
        assert parsed.params == PARAMS
        assert parsed.source == PictureBytes(b"hi")
        assert parse(b'{"url": "http://a.example/b"}').source == PictureUrl("http://a.example/b")

    @pytest.mark.parametrize("threshold", ['""', "null"])
    def test_an_absent_threshold_means_the_default(self, threshold: str) -> None:
        assert params_of(f'"threshold": {threshold}') == PARAMS

    @pytest.mark.parametrize("threshold", ["0", "1", "0.0", "1.0", "0.5", "1e-9", "-0.0"])
    def test_a_threshold_in_range_is_taken_as_it_is(self, threshold: str) -> None:
        assert params_of(f'"threshold": {threshold}').threshold == float(threshold)

    @pytest.mark.parametrize(
        "threshold", ["-0.01", "1.01", "95", "-1", "1e300", "-1e300", "9" * 400, "-" + "9" * 400]
    )
    def test_out_of_range_threshold_means_the_default(self, threshold: str) -> None:
        assert params_of(f'"threshold": {threshold}') == PARAMS

    @pytest.mark.parametrize(
        "threshold", ["true", "false", '"0.95"', '" "', "[]", "[0.5]", "{}", "1e400"]
    )
    def test_a_threshold_that_is_no_number_is_refused(self, threshold: str) -> None:
        with pytest.raises(InvalidParameterError) as caught:
            params_of(f'"threshold": {threshold}')
        assert caught.value.parameter == "threshold"

    @pytest.mark.parametrize("explain", ["true", " true ", 'false, "explain": true'])
    def test_explanations_come_where_true_is_said(self, explain: str) -> None:
        assert params_of(f'"explain": {explain}').explains

    @pytest.mark.parametrize(
        "explain",
        [
            *("false", "null", '"true"', '""', "1", "0", "1e999", "[true]", '{"a": true}'),
            'true, "explain": false',
            "[" * 500 + "]" * 500,
        ],
    )
    def test_anything_else_explains_nothing(self, explain: str) -> None:
        assert params_of(f'"explain": {explain}') == PARAMS

    @pytest.mark.parametrize(
        "field",
        [
            *('"scene": ["recapture"]', '"scene": 1', '"scene": ["x", null]'),
            *('"language": 5', '"limit": -1', '"limit": []', '"Explain": true', '"huiyan": true'),
        ],
    )
    def test_other_fields_are_ignored_whatever_they_hold(self, field: str) -> None:
        assert params_of(field) == PARAMS

    def test_a_body_is_refused_for_its_picture_first(self) -> None:
        with pytest.raises(MissingParameterError):
            parse(b'{"explain": true, "threshold": "x"}')
        with pytest.raises(Base64Error):
            parse(b'{"image": "????", "explain": true}')


class TestAnswers:
    def test_a_recapture_is_the_vendors_sample(self) -> None:
        assert render(replace(KNOWN_JUDGEMENT, recaptured=0.99984), PARAMS) == (
            b'{"result":{"suggestion":"false","category":"recapture","score":"0.9998",'
            b'"detail":[{"label":"recapture","confidence":"0.9998"},'
            b'{"label":"original","confidence":"0.0002"}]}}'
        )

    @pytest.mark.parametrize(
        ("recaptured", "threshold", "suggestion", "category"),
        [
            (0.0, 0.95, "true", ""),
            (0.2, 0.95, "true", ""),
            (0.21, 0.95, "uncertainty", "recapture"),
            (0.5, 0.95, "uncertainty", "recapture"),
            (0.9499, 0.95, "uncertainty", "recapture"),
            (0.95, 0.95, "false", "recapture"),
            (1.0, 1.0, "false", "recapture"),
            (0.0, 0.0, "false", "recapture"),
            (0.1, 0.1, "false", "recapture"),
            (0.6, 0.5, "false", "recapture"),
        ],
    )
    def test_the_suggestion_is_text_and_the_category_empty_only_beside_true(
        self, recaptured: float, threshold: float, suggestion: str, category: str
    ) -> None:
        judgement = replace(KNOWN_JUDGEMENT, recaptured=recaptured)
        result = rendered(judgement, RecaptureParams(threshold))
        assert (result["suggestion"], result["category"]) == (suggestion, category)

    @given(SHARE, st.integers(-1, 1))
    def test_the_suggestion_never_contradicts_what_is_written(
        self, recaptured: float, steps: int
    ) -> None:
        written = rendered(replace(KNOWN_JUDGEMENT, recaptured=recaptured))
        share = {it["label"]: float(it["confidence"]) for it in written["detail"]}["recapture"]
        threshold = min(1.0, max(0.0, round(share + steps / 10_000, 4)))
        judgement = replace(KNOWN_JUDGEMENT, recaptured=recaptured)
        result = rendered(judgement, RecaptureParams(threshold))
        assert (result["suggestion"] == "false") == (share >= threshold)

    @pytest.mark.parametrize(
        ("recaptured", "larger", "score"),
        [
            (0.0, "original", "1.0000"),
            (0.3, "original", "0.7000"),
            (0.49999, "original", "0.5000"),
            (0.50004, "original", "0.5000"),
            (0.5001, "recapture", "0.5001"),
            (0.7, "recapture", "0.7000"),
            (1.0, "recapture", "1.0000"),
        ],
    )
    def test_both_labels_are_listed_and_the_larger_is_the_score(
        self, recaptured: float, larger: str, score: str
    ) -> None:
        result = rendered(replace(KNOWN_JUDGEMENT, recaptured=recaptured))
        first, second = result["detail"]
        assert (result["score"], first) == (score, {"label": larger, "confidence": score})
        assert {first["label"], second["label"]} == set(LABELS)

    @given(SHARE, SHARE, SHARE)
    def test_every_judgement_is_as_the_description_says_and_adds_up(
        self, recaptured: float, screen: float, threshold: float
    ) -> None:
        judgement = replace(KNOWN_JUDGEMENT, recaptured=recaptured, screen=screen)
        text = render(judgement, RecaptureParams(threshold, explains=True))
        for schema in RECAPTURE_SCHEMAS.values():
            assert faults(text, schema.response) == []
        result = json.loads(text)["result"]
        first, second = (float(it["confidence"]) for it in result["detail"])
        assert first >= second
        assert first + second == pytest.approx(1)
        assert result["score"] == result["detail"][0]["confidence"]
        shares = result["huiyan"]["probabilities"]
        assert sum(shares.values()) == pytest.approx(1)
        shown = {it["label"]: float(it["confidence"]) for it in result["detail"]}
        assert shares["original"] == pytest.approx(shown["original"])
        assert all(number == round(number, 4) for number in shares.values())


class TestExplanations:
    def test_without_one_the_answer_is_the_vendors_field_by_field(self) -> None:
        assert list(rendered(KNOWN_JUDGEMENT)) == ["suggestion", "category", "score", "detail"]

    def test_it_is_one_more_field_and_changes_no_other(self) -> None:
        explained = rendered(KNOWN_JUDGEMENT, EXPLAINING)
        assert list(explained)[-1] == "huiyan"
        del explained["huiyan"]
        assert explained == rendered(KNOWN_JUDGEMENT)

    def test_it_names_the_medium_the_code_and_the_evidence(self) -> None:
        assert rendered(KNOWN_JUDGEMENT, EXPLAINING)["huiyan"] == {
            "medium": "screen",
            "probabilities": {"original": 0.0269, "screen": 0.8758, "print": 0.0973},
            "barcode": {
                "text": "6901234567892",
                "format": "EAN13",
                "corners": [[8.0, 4.0], [40.5, 4.0], [40.5, 30.0], [8.0, 30.0]],
            },
            "patches": [
                {"left": 8, "top": 0, "side": 32, "recaptured": 0.9922},
                {"left": 0, "top": 16, "side": 32, "recaptured": 0.5},
            ],
        }

    def test_without_a_code_and_evidence_there_is_null_and_an_empty_list(self) -> None:
        bare = replace(KNOWN_JUDGEMENT, barcode=None, patches=())
        told = rendered(bare, EXPLAINING)["huiyan"]
        assert (told["barcode"], told["patches"]) == (None, [])

    @pytest.mark.parametrize(
        ("recaptured", "screen", "medium"),
        [(0.49, 1.0, "original"), (0.5001, 0.5, "screen"), (0.9, 0.49, "print")],
    )
    def test_the_medium_is_the_likeliest(
        self, recaptured: float, screen: float, medium: str
    ) -> None:
        judgement = replace(KNOWN_JUDGEMENT, recaptured=recaptured, screen=screen)
        assert rendered(judgement, EXPLAINING)["huiyan"]["medium"] == medium

    def test_what_a_code_says_stays_text(self) -> None:
        assert KNOWN_JUDGEMENT.barcode is not None
        hostile = '"}],"suggestion":"true" 慧眼 <script>'
        code = replace(KNOWN_JUDGEMENT.barcode, text=hostile)
        result = rendered(replace(KNOWN_JUDGEMENT, barcode=code), EXPLAINING)
        assert result["huiyan"]["barcode"]["text"] == hostile
        assert result["suggestion"] == "false"


def test_the_description_has_the_wire_s_default() -> None:
    for schema in RECAPTURE_SCHEMAS.values():
        text = json.loads(json.dumps(schema.request))
        assert text["properties"]["threshold"]["default"] == DEFAULT_THRESHOLD
