from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from made_evidence import SILENT, WEIGHTS

from huiyan.kernel.errors import OperatorError
from huiyan.kernel.units import FloatArray
from huiyan.labelling.objects import ObjectWeights, load_object_weights, logistic, logit
from huiyan.perception.detector import Slicing

BUSY = settings(deadline=None)  # a busy machine is no fault
NAMES = [it.name for it in fields(ObjectWeights)]
GOOD = "".join(f"{name} = {place}.5\n" for place, name in enumerate(NAMES))

UNIT = st.floats(0, 1, width=32)
KINDS = npst.arrays(np.float32, 6, elements=UNIT)
VIEWS = npst.arrays(np.float32, (5, 6), elements=UNIT)
WILD = npst.arrays(np.float32, 6, elements=st.floats(-(2.0**99), 2.0**99, width=32))


def row(*values: float) -> FloatArray:
    return np.array(values, np.float32)


def test_nothing_to_weigh_gives_nothing() -> None:
    empty = np.zeros(0, np.float32)
    assert WEIGHTS.box_confidences(empty).shape == (0,)
    assert WEIGHTS.box_confidences(empty).dtype == np.float32
    assert WEIGHTS.confidences(np.zeros((1, 0), np.float32), empty, empty).shape == (0,)


def test_a_kind_that_nobody_speaks_for_is_unlikely() -> None:
    silent = WEIGHTS.confidences(np.full((5, 1), SILENT, np.float32), row(0), row(0))
    assert silent[0] < 0.01


def test_the_classifiers_silence_is_no_evidence() -> None:
    views = np.full((5, 3), 0.4, np.float32)
    confidences = WEIGHTS.confidences(views, row(0, 0.001, 0.047), row(0, 0, 0))
    assert confidences[0] == confidences[1] == confidences[2]
    assert WEIGHTS.confidences(views, row(0.5, 0, 0), row(0, 0, 0))[0] > confidences[0]


def test_one_view_is_weighed_without_slices() -> None:
    one = np.array([[0.4]], np.float32)
    expected = logistic(row(1.6 + 0.7 * np.log(0.4 / 0.6)))
    even = row(0.5)  # its logit is 0
    np.testing.assert_allclose(WEIGHTS.confidences(one, row(0), even), expected, rtol=1e-6)


def test_the_best_slice_speaks_for_all_slices() -> None:
    views = np.array([[0.2], [0.1], [0.9], [0.3], [0.0]], np.float32)
    two = np.array([[0.2], [0.9]], np.float32)
    assert WEIGHTS.confidences(views, row(0), row(0)) == WEIGHTS.confidences(two, row(0), row(0))


@BUSY
@given(VIEWS, KINDS, WILD)
def test_confidences_are_numbers_from_0_to_1_whatever_the_networks_say(
    views: FloatArray, classified: FloatArray, context: FloatArray
) -> None:
    confidences = WEIGHTS.confidences(views, classified, context)
    assert (confidences.shape, confidences.dtype) == ((6,), np.dtype(np.float32))
    assert ((confidences >= 0) & (confidences <= 1)).all()


@settings(max_examples=30, deadline=None)
@given(VIEWS, VIEWS, KINDS, KINDS, KINDS, KINDS)
def test_more_evidence_never_makes_a_kind_less_likely(  # noqa: PLR0917 -- three pieces of evidence, twice
    views: FloatArray,
    more_views: FloatArray,
    classified: FloatArray,
    more_classified: FloatArray,
    context: FloatArray,
    more_context: FloatArray,
) -> None:
    little = WEIGHTS.confidences(views, classified, context)
    for more in (
        WEIGHTS.confidences(np.maximum(views, more_views), classified, context),
        WEIGHTS.confidences(views, np.maximum(classified, more_classified), context),
        WEIGHTS.confidences(views, classified, np.maximum(context, more_context)),
    ):
        # The logarithms of two neighbouring numbers may be out of order by their rounding.
        assert (more >= little - 1e-6).all()


@BUSY
@given(KINDS)
def test_a_box_of_a_higher_score_is_surer(scores: FloatArray) -> None:
    falling = -np.sort(-scores)
    confidences = WEIGHTS.box_confidences(falling)
    assert ((confidences >= 0) & (confidences <= 1)).all()
    assert (np.diff(confidences) <= 1e-6).all()


@BUSY
@given(npst.arrays(np.float32, 5, elements=st.floats(0.001953125, 0.998046875, width=32)))
def test_the_logistic_function_inverts_the_logit(probability: FloatArray) -> None:
    np.testing.assert_allclose(logistic(logit(probability)), probability, rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_certainty_is_bounded(value: float) -> None:
    assert abs(logit(row(value))[0]) == pytest.approx(6.9, abs=0.01)


@pytest.mark.parametrize("slicing", Slicing)
def test_the_shipped_weights_count_every_model_in_its_favour(slicing: Slicing) -> None:
    weights = load_object_weights(slicing)
    assert min(weights.whole, weights.classifier, weights.context, weights.box_score) > 0
    assert (weights.slices > 0) == (slicing is not Slicing.OFF)
    nobody = weights.confidences(np.full((2, 1), SILENT, np.float32), row(0), row(0))
    everybody = weights.confidences(np.full((2, 1), 0.99, np.float32), row(0.99), row(1))
    assert nobody[0] < 0.02
    assert everybody[0] > 0.97


def test_weights_are_read_from_the_table_of_their_slicing(tmp_path: Path) -> None:
    file = tmp_path / "objects.toml"
    file.write_text(f"[off]\n{GOOD.replace('0.5', '7', 1)}[fine]\n{GOOD}")
    assert load_object_weights(Slicing.FINE, file) == ObjectWeights(
        0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5
    )
    assert load_object_weights(Slicing.OFF, file).bias == 7
    assert replace(load_object_weights(Slicing.OFF, file), bias=0.5) == load_object_weights(
        Slicing.FINE, file
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fine",
        "\x00",
        "off = 3",
        'off = "bias"',
        "off = []",
        f"[off]\n{GOOD}".replace("bias = 0.5\n", "", 1),
        f"[off]\n{GOOD}".replace("0.5", "nan", 1),
        f"[off]\n{GOOD}".replace("0.5", "-inf", 1),
        f"[off]\n{GOOD}".replace("0.5", "true", 1),
        f"[off]\n{GOOD}".replace("0.5", '"0.5"', 1),
        f"[off]\n{GOOD}".replace("0.5", "[0.5]", 1),
        f"[off]\n{GOOD}".replace("0.5", "1" + "0" * 400, 1),
        f"[off]\n{GOOD}".replace("0.5", "1e300", 1),
        f"[fine]\n{GOOD}",
    ],
)
def test_a_file_that_says_something_else_is_the_operators_to_mend(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "objects.toml"
    file.write_text(text)
    with pytest.raises(OperatorError, match=r"objects\.toml"):
        load_object_weights(Slicing.OFF, file)


def test_a_file_that_cannot_be_read_is_the_operators_to_mend(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(OperatorError, match="cannot be read"):
            load_object_weights(Slicing.OFF, file)
    garbled = tmp_path / "garbled.toml"
    garbled.write_bytes(b"[off]\nbias = \xff")
    with pytest.raises(OperatorError, match="cannot be read"):
        load_object_weights(Slicing.OFF, garbled)
