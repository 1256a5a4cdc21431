"""OpenVINO on the processor: the default engine.

Owns: reading, tapping, compiling and running a network with OpenVINO, and keeping that library from
reporting to its makers. Has no opinion on: where the file came from, or what the outputs mean.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from huiyan.kernel.errors import EngineUnavailableError, InferenceError, ModelIntegrityError
from huiyan.kernel.units import AnyArray
from huiyan.runtime.array_check import check_inputs
from huiyan.runtime.card import Card, CardOutput
from huiyan.runtime.compile_cache import CompileCache
from huiyan.runtime.digest import hash_file
from huiyan.runtime.progress import SilentProgress
from huiyan.runtime.session import SessionFacts

_CACHE_FORMAT = "2"
_REPORTING_MODULES = ("openvino_telemetry", "openvino.tools.ovc")


def import_openvino() -> ModuleType:
    """Import OpenVINO without the part that reports each import to its makers.

    Returns
    -------
    module
        The ``openvino`` package.

    Raises
    ------
    EngineUnavailableError
        It is not installed or cannot be loaded on this machine.

    Notes
    -----
    ``openvino/__init__.py`` imports ``openvino.tools.ovc`` (the converter, which is not used here),
    and that sends an event through ``openvino_telemetry`` unless a file in the home folder forbids
    it. Both names are held closed during the import only.
    """
    loaded = sys.modules.get("openvino")
    if loaded is not None:
        return loaded
    closed = [name for name in _REPORTING_MODULES if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    for name in closed:
        modules[name] = None
    try:
        return importlib.import_module("openvino")
    except (ImportError, OSError) as error:
        raise EngineUnavailableError(f"OpenVINO cannot be loaded: {error}") from error
    finally:
        for name in closed:
            modules.pop(name, None)


class OpenVINOSession:
    """A network compiled for the processor; see `huiyan.runtime.session.Session`.

    Parameters
    ----------
    card : Card
        The network's card.
    compiled : openvino.CompiledModel
        The network, compiled with exactly the wanted outputs.
    facts : SessionFacts
        How it runs.

    Notes
    -----
    A call borrows an idle infer request; a synchronous ``infer`` takes one of the streams, which is
    one core's worth of work: the caller's own thread does it where there is one stream, else a
    thread of the stream while the caller waits. There are never more requests than calls ran at
    once, whatever threads they came on.
    """

    def __init__(self, card: Card, compiled: Any, facts: SessionFacts) -> None:  # noqa: ANN401 - untyped library
        self._card = card
        self._compiled = compiled
        self._idle: deque[Any] = deque()
        self.facts = facts

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        """Run the network once, and wait for it.

        Parameters
        ----------
        inputs : tuple of ndarray
            One for each input of the card, in its order, shape and dtype.

        Returns
        -------
        tuple of ndarray
            The outputs asked for at opening, in that order; copies.

        Raises
        ------
        InferenceError
            The arrays do not fit, or the engine failed.
        """
        check_inputs(self._card, inputs)
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            results = request.infer(dict(enumerate(inputs)), share_inputs=True, share_outputs=False)
        except RuntimeError as error:
            raise InferenceError(f"{self._card.name}: {error}") from error
        finally:
            self._idle.append(request)
        outputs: tuple[AnyArray, ...] = results.to_tuple()
        return outputs


def open_openvino_session(
    card: Card, path: Path, outputs: tuple[str, ...], threads: int, cache_dir: Path
) -> OpenVINOSession:
    """Load a network onto the processor.

    Parameters
    ----------
    card : Card
        The network's card.
    path : Path
        Its file.
    outputs : tuple of str
        Names of the card's outputs that are wanted, in the order wanted.
    threads : int
        How many threads call `run` at once; each call uses one core.
    cache_dir : Path
        Where compilations are kept between starts.

    Returns
    -------
    OpenVINOSession
        Ready to run.

    Raises
    ------
    CardError
        The card has no such output.
    ModelIntegrityError
        The file is not the card's, cannot be read, or has not the tensors that the card names.
    EngineUnavailableError
        OpenVINO cannot be loaded or cannot compile the network.
    """
    ov = import_openvino()
    wanted = tuple(card.output(name) for name in outputs)
    core = ov.Core()
    options = _compile_options(core, card, threads)
    cache = CompileCache(cache_dir, card.name, _ingredients(ov, core, card, wanted, options))
    compiled = _load_cached(core, cache, options, len(wanted))
    is_from_cache = compiled is not None
    if compiled is None:
        model = _read(ov, core, card, path, wanted)
        try:
            compiled = core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise EngineUnavailableError(f"OpenVINO cannot compile {card.name}: {error}") from error
        _record(cache, compiled)
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    facts = SessionFacts(f"OpenVINO {ov.get_version()}", "cpu", precision, is_from_cache)
    session = OpenVINOSession(card, compiled, facts)
    # Alone, before any other thread: the binding sets itself up at its first inference, and two
    # first ones at once can wait for each other for ever.
    session.run(tuple(np.zeros(source.shape, source.dtype) for source in card.inputs))
    return session


def _compile_options(core: Any, card: Card, threads: int) -> dict[str, object]:  # noqa: ANN401 - untyped library
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": card.precision if has_bf16 else "f32",
        # Pinned streams of several server processes would all sit on the same first cores.
        "ENABLE_CPU_PINNING": False,
    }


def _ingredients(
    ov: ModuleType,
    core: Any,  # noqa: ANN401 - untyped library
    card: Card,
    wanted: tuple[CardOutput, ...],
    options: dict[str, object],
) -> tuple[str, ...]:
    return (
        _CACHE_FORMAT,
        ov.get_version(),
        str(core.get_property("CPU", "FULL_DEVICE_NAME")),
        str(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))),
        card.sha256,
        str(card.packed_weights),
        str([source.shape for source in card.inputs]),
        str([output.tap for output in wanted]),
        str(sorted(options.items())),
    )


def _load_cached(
    core: Any,  # noqa: ANN401 - untyped library
    cache: CompileCache,
    options: dict[str, object],
    output_count: int,
) -> Any:  # noqa: ANN401 - untyped library
    blob = cache.find()
    if blob is None:
        return None
    try:
        compiled = core.import_model(io.BytesIO(blob), "CPU", options)
    except RuntimeError:
        return None
    return compiled if len(compiled.outputs) == output_count else None


def _record(cache: CompileCache, compiled: Any) -> None:  # noqa: ANN401 - untyped library
    try:
        blob = compiled.export_model()
    except RuntimeError:
        return
    cache.record(bytes(blob.getbuffer()))


def _read(
    ov: ModuleType,
    core: Any,  # noqa: ANN401 - untyped library
    card: Card,
    path: Path,
    wanted: tuple[CardOutput, ...],
) -> Any:  # noqa: ANN401 - untyped library
    # A reader of binary graphs may crash on a damaged file, so none is shown to it.
    found = hash_file(path, SilentProgress())
    if found != card.sha256:
        raise ModelIntegrityError(f"{path}: SHA-256 expected {card.sha256}, found {found}")
    try:
        model = core.read_model(path)
        operations = model.get_ordered_ops()
        taps = [_find_tap(operations, card, output) for output in wanted]
        inputs = [_find_tensor(operations, card, source.name).get_node() for source in card.inputs]
        tapped = ov.Model(taps, inputs, card.name)
        if any(tuple(port.partial_shape) != source.shape for port, source in _ports(tapped, card)):
            tapped.reshape(
                {port.get_index(): list(source.shape) for port, source in _ports(tapped, card)}
            )
        if card.packed_weights:
            _unfold_weights(tapped)
    except RuntimeError as error:
        raise ModelIntegrityError(f"{path} cannot be read as {card.format}: {error}") from error
    return tapped


def _unfold_weights(model: Any) -> None:  # noqa: ANN401 - untyped library
    """Make numbers of packed weights before anything is compiled.

    OpenVINO 2026.4 compiles integers with a scale for several streams into networks that answer
    otherwise at every start; ``tests/models/test_recapture.py`` holds the answers.
    """
    from openvino.passes import ConstantFolding, Manager  # noqa: PLC0415 -- loaded with the engine

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)


def _ports(model: Any, card: Card) -> list[tuple[Any, Any]]:  # noqa: ANN401 - untyped library
    return list(zip(model.inputs, card.inputs, strict=True))


def _find_tap(operations: list[Any], card: Card, output: CardOutput) -> Any:  # noqa: ANN401 - untyped library
    how, _, what = output.tap.partition(":")
    if how == "tensor":
        return _find_tensor(operations, card, what)
    of_type = [node for node in operations if node.get_type_name() == what]
    if not of_type:
        raise ModelIntegrityError(f"card {card.name}: the graph has no operation {what}")
    return of_type[-1].input_value(0)


def _find_tensor(operations: list[Any], card: Card, name: str) -> Any:  # noqa: ANN401 - untyped library
    for node in operations:
        for port in node.outputs():
            if name in port.get_names():
                return port
    raise ModelIntegrityError(f"card {card.name}: the graph has no tensor {name!r}")
