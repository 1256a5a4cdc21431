"""What the networks and weighings that come with Huiyan say of three made pictures.

The numbers were noted when they were fitted (``tools/fit_recapture.py --write``) and are noted anew
with every fit: they tell a picture that is shown otherwise than it was fitted on, numbers that are
read in another order, and weighings that were turned round. They say nothing about quality.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from huiyan.assembly import LITE0_CARD, LITE2_CARD, Assembly
from huiyan.imaging.picture import Image
from huiyan.kernel.settings import load_settings
from huiyan.kernel.units import FloatArray, PixelArray
from huiyan.perception.patches import choose_places, cut_patches, overview
from huiyan.perception.recapture_networks import OUTPUT_NAMES, SIDE_PX, RecaptureNetwork
from huiyan.recapture.model import Medium, RecaptureParams
from huiyan.runtime.card import get_card
from huiyan.runtime.engine import open_session
from huiyan.runtime.store import ModelStore

pytestmark = pytest.mark.models

WIDTH, HEIGHT = 960, 720
CLUE_TOLERANCE, SHARE_TOLERANCE = 0.25, 0.06
"""Short floats were seen to move log-odds by 0.12 and probabilities by 0.02."""


def _clouds(height: int, width: int, seed: int) -> FloatArray:
    """Make brightness that falls off with frequency as scenes' does; mean 0, deviation 1."""
    noise = np.random.default_rng(seed).normal(size=(height, width))
    down, across = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    spectrum = np.fft.fft2(noise) / np.maximum(np.hypot(down, across), 1 / width) ** 1.3
    clouds = np.fft.ifft2(spectrum).real
    return ((clouds - clouds.mean()) / clouds.std()).astype(np.float32)


def _scene() -> PixelArray:
    """Make a warm scene with things in it and grain."""
    levels = 120 + 38 * _clouds(HEIGHT, WIDTH, 1)[..., None] * np.array([1.0, 0.8, 0.5])
    levels += 14 * np.stack([_clouds(HEIGHT, WIDTH, seed) for seed in (2, 3, 4)], axis=-1)
    rows, columns = np.indices((HEIGHT, WIDTH))
    draw = np.random.default_rng(5)
    for _ in range(14):
        row, column = draw.uniform(0, 1, 2) * (HEIGHT, WIDTH)
        tall, wide = draw.uniform(30, 160, 2)
        inside = ((rows - row) / tall) ** 2 + ((columns - column) / wide) ** 2 < 1
        levels[inside] = 0.5 * levels[inside] + draw.uniform(10, 130, 3) * (1.0, 0.9, 0.6)
    levels += draw.normal(0, 3, levels.shape)
    return np.clip(levels, 0, 255).astype(np.uint8)


def _screen() -> PixelArray:
    """Show the scene on a display with a dark edge: stripes of three colours, turned a little."""
    shown = _scene()
    rows, columns = np.indices((HEIGHT, WIDTH))
    across = (columns + 0.04 * rows) / 3.3
    down = (rows - 0.04 * columns) / 3.3
    lit = (np.floor(across * 3).astype(int) % 3)[..., None] == np.arange(3)
    lines = 0.35 + 0.65 * (np.modf(down)[0] % 1 > 0.25)[..., None]
    source = shown[(np.floor(down) * 3.3 % HEIGHT).astype(int), (columns // 3) * 3]
    levels = source * (0.25 + 1.3 * lit) * lines
    levels[:60], levels[:, :70], levels[-50:], levels[:, -70:] = 12, 12, 12, 12
    levels = (levels + np.roll(levels, 1, 1) + np.roll(levels, 1, 0)) / 3
    return np.clip(levels, 0, 255).astype(np.uint8)


def _page() -> PixelArray:
    """Make a page of lines of dark marks."""
    levels = np.full((HEIGHT, WIDTH, 3), (236.0, 234.0, 226.0))
    draw = np.random.default_rng(6)
    for top in range(40, HEIGHT - 40, 26):
        left = 60
        while left < WIDTH - 80:
            wide = int(draw.integers(3, 9))
            tall = int(draw.integers(8, 15))
            levels[top + 15 - tall : top + 15, left : left + wide] = 40
            left += wide + int(draw.integers(2, 5)) + (9 if draw.random() < 0.2 else 0)
    levels += 6 * _clouds(HEIGHT, WIDTH, 7)[..., None] + draw.normal(0, 2, levels.shape)
    return np.clip(levels, 0, 255).astype(np.uint8)


MADE = {"scene": _scene, "screen": _screen, "page": _page}
CLUES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "scene": ((0.07, -0.02, 0.56), (-0.86, -0.08, 1.46)),
    "screen": ((1.57, -3.13, 3.26), (1.27, -3.25, 2.51)),
    "page": ((-1.11, 0.27, 1.48), (-0.94, -0.73, -0.58)),
}
"""Of the square in the middle, recaptured and printed; of the whole, recaptured. By network."""

SHARES = {"scene": (0.55, 0.66), "screen": (1.0, 1.0), "page": (0.278, 0.75)}
"""Recaptured; the screen's share of that."""


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return Assembly(load_settings())


def _image(name: str) -> Image:
    return Image(MADE[name](), (WIDTH, HEIGHT))


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize(("place", "card_name"), [(0, LITE0_CARD), (1, LITE2_CARD)])
def test_a_network_says_what_it_said_when_it_was_fitted(
    name: str, place: int, card_name: str, model_store: ModelStore, tmp_path: Path
) -> None:
    card = get_card(model_store.cards, card_name)
    network = RecaptureNetwork(
        open_session(card, model_store.path(card), OUTPUT_NAMES, "cpu", 1, tmp_path)
    )
    image = _image(name)
    (square,) = cut_patches(image, choose_places(image, SIDE_PX, 1), SIDE_PX)
    clue = network.judge_square(square)
    found = (clue.recaptured, clue.printed, network.judge_view(overview(image, SIDE_PX)))
    assert found == pytest.approx(CLUES[name][place], abs=CLUE_TOLERANCE)


@pytest.mark.parametrize("name", MADE)
def test_a_picture_is_judged_as_it_was_when_all_was_fitted(name: str, assembly: Assembly) -> None:
    found = assembly.recapture.recognise(_image(name), RecaptureParams(0.95))
    assert (found.recaptured, found.screen) == pytest.approx(SHARES[name], abs=SHARE_TOLERANCE)


def test_a_display_is_found_and_named_and_a_scene_is_not_accused(assembly: Assembly) -> None:
    shown, plain = (
        assembly.recapture.recognise(_image(name), RecaptureParams(0.95))
        for name in ("screen", "scene")
    )
    assert shown.medium is Medium.SCREEN
    assert plain.recaptured < shown.recaptured - 0.3
