"""Which engine runs a network on which device.

Owns: that choice. Has no opinion on: how an engine works, or whether its device is worth having.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from huiyan.kernel.errors import CardError
from huiyan.runtime.card import Card
from huiyan.runtime.onnx_session import open_onnx_session
from huiyan.runtime.openvino_session import open_openvino_session
from huiyan.runtime.session import Session

Device = Literal["cpu", "cuda"]


def open_session(  # noqa: PLR0913, PLR0917 - six plain values, each decided elsewhere
    card: Card,
    path: Path,
    outputs: tuple[str, ...],
    device: Device,
    threads: int,
    cache_dir: Path,
) -> Session:
    """Load a network onto a device.

    Parameters
    ----------
    card : Card
        The network's card.
    path : Path
        Its file, as `huiyan.runtime.store.ModelStore.path` gives it.
    outputs : tuple of str
        Names of the card's outputs that are wanted, in the order wanted.
    device : {'cpu', 'cuda'}
        ``cpu`` is OpenVINO, ``cuda`` is ONNX Runtime. Neither stands in for the other.
    threads : int
        How many threads call the session at once, at least 1.
    cache_dir : Path
        Where compilations are kept between starts.

    Returns
    -------
    Session
        Ready to run.

    Raises
    ------
    CardError
        The card is no network's, or has no such output.
    ModelIntegrityError
        The file is not the card's or has not the tensors that the card names.
    EngineUnavailableError
        The engine or device cannot be used, or not for this network; the text says why.
    """
    if card.kind != "model":
        raise CardError(f"card {card.name}: a {card.kind} cannot be run")
    if device == "cuda":
        return open_onnx_session(card, path, outputs, "CUDAExecutionProvider", threads)
    return open_openvino_session(card, path, outputs, threads, cache_dir)
