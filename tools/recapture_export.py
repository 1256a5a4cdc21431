"""The files of the service: networks, their cards, and the weighings.

Owns: what is written where, and that what was written says what was fitted. Has no opinion on: what
was fitted.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import recapture_views as views
from recapture_bench import Bench
from recapture_features import Eye, best_precision
from recapture_graph import build_network
from recapture_trials import Fit
from recapture_trunk import fold, pool_features

from huiyan.kernel.units import AnyArray, PixelArray
from huiyan.perception.recapture_networks import SIDE_PX

PACKAGE = Path(__file__).parents[1] / "src/huiyan"
CHECKED_PICTURES = 24


def check_export(
    name: str, network: bytes, wanted: AnyArray, squares: PixelArray, place: int
) -> dict[str, float]:
    """Compare a written network with PyTorch.

    Parameters
    ----------
    name : str
        The network's.
    network : bytes
        The ONNX file.
    wanted : ndarray of shape (N, numbers)
        What PyTorch says.
    squares : ndarray of shape (N, side, side, 3), uint8
        RGB.
    place : int
        Which of its numbers.

    Returns
    -------
    dict of str to float
        Differences of log-odds.
    """
    numbers = {}
    for precision in ("f32", best_precision()):
        eye = Eye(network, precision)
        found = np.array([eye.look(square)[place] for square in squares])
        numbers[f"{name}, number {place}, {precision}: correlation with PyTorch"] = float(
            np.corrcoef(wanted[:, place], found)[0, 1]
        )
        numbers[f"{name}, number {place}, {precision}: mean difference in spreads"] = float(
            np.abs(wanted[:, place] - found).mean() / wanted[:, place].std()
        )
    return numbers


def write(bench: Bench, model: Fit, folder: Path | None) -> dict[str, Any]:
    """Make the files of the service; say what the cards must say.

    Parameters
    ----------
    bench : Bench
        The trunks.
    model : Fit
        What stands on them.
    folder : Path or None
        Where they are written, in the places they have inside the package; None writes none.

    Returns
    -------
    dict
        Sizes, digests and differences from PyTorch.
    """
    some = bench.crops[:: len(bench.crops) // CHECKED_PICTURES]
    told: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for name, trunk in bench.trunks.items():
        network = build_network(fold(trunk), SIDE_PX, model.heads[name])
        for place, show in ((0, views.plain_squares), (2, views.plain_views)):
            squares = np.stack([show(crop)[0] for crop in some])
            heads = model.heads[name]
            wanted = pool_features(trunk, squares) @ heads.weights + heads.bias
            told |= check_export(name, network, wanted, squares, place)
        digest = hashlib.sha256(network).hexdigest()
        told |= {f"{name}: bytes": len(network), f"{name}: sha256": digest}
        files[f"perception/data/recapture-{name}.onnx"] = network
        card = f"runtime/cards/recapture-{name}.toml"
        files[card] = state_file((PACKAGE / card).read_text("utf-8"), network).encode()
    text = msgspec.json.format(msgspec.json.encode(model.fusion), indent=2)
    files["recapture/calibration.json"] = text + b"\n"
    if folder is not None:
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return told


def state_file(card: str, network: bytes) -> str:
    """State in a card what file it is of.

    Parameters
    ----------
    card : str
        TOML.
    network : bytes
        The file.

    Returns
    -------
    str
        The same with this file's digest and size.
    """
    digest = hashlib.sha256(network).hexdigest()
    card = re.sub(r'^sha256 = ".*"$', f'sha256 = "{digest}"', card, count=1, flags=re.MULTILINE)
    size = f"size_bytes = {len(network)}"
    return re.sub(r"^size_bytes = \d+$", size, card, count=1, flags=re.MULTILINE)
