from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.labelling.calibration import Calibration, load_calibration

PLAIN = Calibration(temperature=1.0, label_smoothing=0.0, other_category_weight=1.0)
SHIPPED = load_calibration()
# Six outputs: three of the first category, two of the second, one of the third.
ONEHOT: FloatArray = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 2]]


def _logits(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


def _softmax(logits: FloatArray) -> FloatArray:
    exponentials = np.exp(logits - logits.max())
    softmax: FloatArray = exponentials / exponentials.sum()
    return softmax


def test_with_nothing_corrected_it_is_the_softmax() -> None:
    logits = _logits(3, 1, 0, 2, -4, 0.5)
    np.testing.assert_allclose(PLAIN.confidences(logits, ONEHOT), _softmax(logits), rtol=1e-5)


def test_the_share_that_training_spread_evenly_is_taken_off_to_exactly_nothing() -> None:
    rule = Calibration(temperature=1.0, label_smoothing=0.1, other_category_weight=1.0)
    confidences = rule.confidences(_logits(9, 0, 0, 0, 0, 0), ONEHOT)
    np.testing.assert_array_equal(confidences, _logits(1, 0, 0, 0, 0, 0))


def test_a_low_temperature_sharpens_and_a_high_one_flattens() -> None:
    logits = _logits(2, 1, 0, 0, 0, 0)
    low, plain, high = (
        Calibration(temperature, 0.0, 1.0).confidences(logits, ONEHOT)[0]
        for temperature in (0.5, 1.0, 2.0)
    )
    assert low > plain > high


def test_two_strong_outputs_of_different_categories_are_both_likely() -> None:
    rule = Calibration(temperature=1.0, label_smoothing=0.0, other_category_weight=0.5)
    confidences = rule.confidences(_logits(9, -9, -9, 9, -9, -9), ONEHOT)
    assert confidences[0] == pytest.approx(2 / 3, abs=1e-4)
    assert confidences[3] == pytest.approx(2 / 3, abs=1e-4)


def test_two_strong_outputs_of_one_category_still_exclude_each_other() -> None:
    rule = Calibration(temperature=1.0, label_smoothing=0.0, other_category_weight=0.5)
    confidences = rule.confidences(_logits(9, 9, -9, -9, -9, -9), ONEHOT)
    assert confidences[:2] == pytest.approx([0.5, 0.5], abs=1e-4)


def test_a_weight_of_nothing_leaves_no_hole_where_a_category_has_no_evidence() -> None:
    rule = Calibration(temperature=1.0, label_smoothing=0.5, other_category_weight=0.0)
    confidences = rule.confidences(_logits(99, 0, 0, 0, 0, 0), ONEHOT)
    np.testing.assert_array_equal(confidences, _logits(1, 0, 0, 0, 0, 0))


def test_pictures_of_a_batch_do_not_touch_each_other() -> None:
    batch = np.stack([_logits(3, 1, 0, 2, -4, 0.5), _logits(0, 0, 8, 0, 0, 0)])
    together = SHIPPED.confidences(batch, ONEHOT)
    for row, logits in enumerate(batch):
        np.testing.assert_allclose(together[row], SHIPPED.confidences(logits, ONEHOT), rtol=1e-5)


def test_no_pictures_have_no_confidences() -> None:
    assert SHIPPED.confidences(np.zeros((0, 6), np.float32), ONEHOT).shape == (0, 6)


@given(
    npst.arrays(np.float32, 6, elements=st.floats(-80, 80, width=32)),
    st.floats(0.2, 5),
    st.floats(0, 0.9),
    st.floats(0, 1),
)
def test_confidences_stay_between_nothing_and_one_whatever_the_logits(
    logits: FloatArray, temperature: float, smoothing: float, weight: float
) -> None:
    confidences = Calibration(temperature, smoothing, weight).confidences(logits, ONEHOT)
    assert confidences.dtype == np.float32
    assert np.isfinite(confidences).all()
    assert (confidences >= 0).all()
    assert (confidences <= 1).all()
    assert confidences.sum() >= 1 - 1e-4


@given(npst.arrays(np.float32, 6, elements=st.floats(-20, 20, width=32)))
def test_within_a_category_the_order_of_the_logits_stays(logits: FloatArray) -> None:
    confidences = SHIPPED.confidences(logits, ONEHOT)
    for first in range(3):
        for second in range(3):
            if logits[first] > logits[second]:
                assert confidences[first] >= confidences[second]


def test_the_shipped_parameters_are_those_that_the_decision_describes() -> None:
    assert SHIPPED.label_smoothing == 0.1
    assert SHIPPED.other_category_weight == 0.6
    assert 0.75 <= SHIPPED.temperature <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml at all [",
        "[other]\ntemperature = 1.0",
        "[imagenet1k]\ntemperature = 1.0",
        "imagenet1k = 3",
        "[imagenet1k]\ntemperature = 0\nlabel_smoothing = 0.1\nother_category_weight = 0.6",
        "[imagenet1k]\ntemperature = -1\nlabel_smoothing = 0.1\nother_category_weight = 0.6",
        "[imagenet1k]\ntemperature = nan\nlabel_smoothing = 0.1\nother_category_weight = 0.6",
        "[imagenet1k]\ntemperature = inf\nlabel_smoothing = 0.1\nother_category_weight = 0.6",
        "[imagenet1k]\ntemperature = true\nlabel_smoothing = 0.1\nother_category_weight = 0.6",
        "[imagenet1k]\ntemperature = 1.0\nlabel_smoothing = 1.0\nother_category_weight = 0.6",
        "[imagenet1k]\ntemperature = 1.0\nlabel_smoothing = 0.1\nother_category_weight = 1.1",
        '[imagenet1k]\ntemperature = "1"\nlabel_smoothing = 0.1\nother_category_weight = 0.6',
    ],
)
def test_a_malformed_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calibration.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError, match=r"calibration\.toml"):
        load_calibration("imagenet1k", file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read"):
        load_calibration("imagenet1k", tmp_path / "absent.toml")
