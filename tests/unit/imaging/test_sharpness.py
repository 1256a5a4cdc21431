from __future__ import annotations

import cv2
import numpy as np
import pytest

from huiyan.imaging.sharpness import measure_sharpness


def _texture() -> np.ndarray:
    """Detail of every size, as faces have it: amplitude falls with the frequency."""
    rng = np.random.default_rng(4)
    grey = sum(
        cv2.resize(
            rng.normal(0, side**-0.9, (side, side)), (112, 112), interpolation=cv2.INTER_CUBIC
        )
        for side in (7, 14, 28, 56, 112)
    )
    grey = 120 + 45 * grey / np.std(grey)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _moved(chip: np.ndarray, length_px: int, angle: float) -> np.ndarray:
    line = np.zeros((length_px, length_px), np.float32)
    line[length_px // 2] = 1
    middle = (length_px - 1) / 2
    line = cv2.warpAffine(
        line, cv2.getRotationMatrix2D((middle, middle), angle, 1), (length_px, length_px)
    )
    return cv2.filter2D(chip, -1, line / line.sum())


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_a_plain_chip_has_no_sharpness(grey: int) -> None:
    assert measure_sharpness(np.full((112, 112, 3), grey, np.uint8)) == 0


def test_pure_noise_is_at_most_one() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    assert measure_sharpness(noise) == 1


def test_blur_lowers_it_step_by_step() -> None:
    chip = _texture()
    values = [measure_sharpness(chip)]
    values += [measure_sharpness(cv2.GaussianBlur(chip, (0, 0), s)) for s in (0.7, 1.2, 2, 3)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 2 * values[-1]


@pytest.mark.parametrize("angle", [0, 45, 90, 135])
def test_movement_in_any_direction_lowers_it(angle: float) -> None:
    chip = _texture()
    assert measure_sharpness(_moved(chip, 11, angle)) < 0.75 * measure_sharpness(chip)


def test_enlarging_a_tiny_face_does_not_make_it_sharp() -> None:
    chip = _texture()
    values = []
    for side in (112, 50, 30, 16):
        small = cv2.resize(chip, (side, side), interpolation=cv2.INTER_AREA)
        values.append(measure_sharpness(cv2.resize(small, (112, 112))))
    assert values == sorted(values, reverse=True)


def test_noise_on_a_blurred_face_is_not_taken_for_detail() -> None:
    blurred = cv2.GaussianBlur(_texture(), (0, 0), 3)
    noise = np.random.default_rng(1).normal(0, 8, blurred.shape)
    noisy = np.clip(blurred + noise, 0, 255).astype(np.uint8)
    assert measure_sharpness(noisy) < 0.7 * measure_sharpness(_texture())
