"""Features of many pictures, kept between runs.

Owns: running a network over views of pictures with OpenVINO, and the folder of what was computed.
Has no opinion on: which views, and what is fitted on the features.

Arithmetic is that of the service: bfloat16 where the processor has it, else 32-bit floats. Kept
features are named after a digest of the network, of the pictures' files and of the code that
shows them, so that none of these ever meets old features.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from rich.progress import track

from huiyan.imaging import native
from huiyan.imaging import recompress as recompression
from huiyan.kernel.units import AnyArray, FloatArray, PixelArray
from huiyan.perception import patches
from huiyan.runtime.openvino_session import import_openvino

HERE = Path(__file__).parent
SHOWING = (
    *("head_views.py", "recapture_views.py", "recapture_alterations.py", "recapture_simulated.py"),
    "recapture_simulation/*.py",
)
"""The code here that decides what networks are shown."""

DIGEST_DIGITS = 12

Precision = Literal["f32", "bf16"]
T = TypeVar("T")


class Eye:
    """A network that gives one row of numbers for a square.

    Parameters
    ----------
    network : bytes
        An ONNX file as `recapture_graph.build_network` writes it.
    precision : {'f32', 'bf16'}
        Arithmetic.
    """

    def __init__(self, network: bytes, precision: Precision) -> None:
        ov = import_openvino()
        core = ov.Core()
        options = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
        }
        model = core.read_model(network)
        _fold_constants(model)
        compiled = core.compile_model(model, "CPU", options)
        self._request: Any = compiled.create_infer_request()
        self.name = f"{hashlib.sha256(network).hexdigest()[:DIGEST_DIGITS]}-{precision}"
        self.width = int(compiled.output(0).shape[1])

    def look(self, square: PixelArray) -> FloatArray:
        """Look once.

        Parameters
        ----------
        square : ndarray of shape (side, side, 3), uint8
            RGB.

        Returns
        -------
        ndarray of shape (D,), float32
            The network's output.
        """
        (answer,) = self._request.infer({0: np.ascontiguousarray(square)[np.newaxis]}).to_tuple()
        row: FloatArray = answer[0].astype(np.float32)
        return row


def _fold_constants(model: Any) -> None:  # noqa: ANN401 -- untyped library
    """Make numbers of packed weights, as the service does and for its reason."""
    from openvino.passes import ConstantFolding, Manager  # noqa: PLC0415 -- after import_openvino

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)


def best_precision() -> Precision:
    """Tell what arithmetic the service would use here.

    Returns
    -------
    {'f32', 'bf16'}
        By what the processor can do.
    """
    capabilities = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def digest_items(items: Sequence[object]) -> str:
    """Sum up what is worked on.

    Parameters
    ----------
    items : sequence
        Pictures or numbers; of files that a picture names, size and time of change count.

    Returns
    -------
    str
        Hexadecimal.
    """
    told = "\n".join(_describe(item) for item in items)
    return hashlib.sha256(told.encode()).hexdigest()[:DIGEST_DIGITS]


def _describe(item: object) -> str:
    if not is_dataclass(item):
        return repr(item)
    values = (getattr(item, one.name) for one in fields(item))
    return "|".join(_describe_file(it) if isinstance(it, Path) else repr(it) for it in values)


def _describe_file(path: Path) -> str:
    state = path.stat()
    return f"{path.name} {state.st_size} {state.st_mtime_ns}"


@cache
def digest_code(module: str) -> str:
    """Sum up the code that shows pictures; layout and what only people read do not count.

    Parameters
    ----------
    module : str
        One more module that counts.

    Returns
    -------
    str
        Hexadecimal.
    """
    paths = [path for pattern in SHOWING for path in sorted(HERE.glob(pattern))]
    modules = (native, recompression, patches, sys.modules[module])
    paths += [Path(one.__file__) for one in modules if one.__file__ and one.__name__ != __name__]
    parts = (_read_code(path) for path in paths)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:DIGEST_DIGITS]


def _read_code(path: Path) -> str:
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list):
            node.body = [line for line in node.body if not _is_text(line)]  # type: ignore[attr-defined]  # any node with statements
    return ast.dump(tree)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Computes rows for many items and keeps them.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None keeps none.
    """

    folder: Path | None

    def rows(self, name: str, items: Sequence[T], work: Callable[[T], AnyArray]) -> FloatArray:
        """Compute or find rows.

        Parameters
        ----------
        name : str
            Of the step; what was kept under it is used if items and code are the same.
        items : sequence
            What is worked on.
        work : callable
            Gives an array of the same shape for each item.

        Returns
        -------
        ndarray of shape (N, ...), float32
            One entry an item.
        """
        made_from = digest_items(items) + digest_code(work.__module__)
        path = None if self.folder is None else self.folder / f"{name}-{made_from}.npy"
        if path is not None and path.is_file():
            found: AnyArray = np.load(path, allow_pickle=False)
            return found.astype(np.float32)
        made = np.array([work(item) for item in track(items, name)], np.float32)
        if path is not None:
            # Half the disk; features are below 100 and their own noise is larger than the rounding.
            np.save(path, made.astype(np.float16))
            return made.astype(np.float16).astype(np.float32)
        return made

    def features(
        self,
        name: str,
        items: Sequence[T],
        views: Callable[[T], PixelArray],
        eyes: Sequence[Eye],
        picks: Sequence[Sequence[int]] | None = None,
    ) -> tuple[FloatArray, ...]:
        """Look at views of many pictures, each made once for all networks.

        Parameters
        ----------
        name : str
            Of the step.
        items : sequence
            The pictures.
        views : callable
            Gives the same number of squares for each.
        eyes : sequence of Eye
            The networks.
        picks : sequence of sequences of int, optional
            Which of the squares each network looks at, equally many; all by default.

        Returns
        -------
        tuple of ndarray of shape (N, views, D), float32
            What each sees.
        """

        def work(item: T) -> AnyArray:
            squares = views(item)
            chosen = picks or [range(len(squares))] * len(eyes)
            seen = [
                np.stack([eye.look(squares[place]) for place in places])
                for eye, places in zip(eyes, chosen, strict=True)
            ]
            return np.concatenate(seen, axis=-1)

        made = self.rows("-".join([name, *(eye.name for eye in eyes)]), items, work)
        ends = np.cumsum([eye.width for eye in eyes])
        return tuple(np.split(made, ends[:-1], axis=-1))
