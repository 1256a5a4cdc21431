"""ONNX Runtime: the engine for CUDA machines.

Owns: loading and running an ONNX network on exactly the provider that was asked for. Has no opinion
on: where the file came from, or what the outputs mean. There is no falling back: what cannot run
where it was asked to run does not run.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from huiyan.kernel.errors import EngineUnavailableError, InferenceError, ModelIntegrityError
from huiyan.kernel.units import AnyArray
from huiyan.runtime.array_check import check_inputs
from huiyan.runtime.card import Card
from huiyan.runtime.digest import hash_file
from huiyan.runtime.progress import SilentProgress
from huiyan.runtime.session import SessionFacts

_MEND = "install it with: pip install 'huiyan[cuda]' (and not the plain onnxruntime beside it)"
_HOST_PROVIDER = "CPUExecutionProvider"


class OnnxSession:
    """A network in ONNX Runtime; see `huiyan.runtime.session.Session`.

    Parameters
    ----------
    card : Card
        The network's card.
    engine : onnxruntime.InferenceSession
        The loaded network.
    tensor_names : tuple of str
        The graph's names of the wanted outputs, in the order wanted.
    facts : SessionFacts
        How it runs.
    """

    def __init__(
        self,
        card: Card,
        engine: Any,  # noqa: ANN401 - untyped library
        tensor_names: tuple[str, ...],
        facts: SessionFacts,
    ) -> None:
        self._card = card
        self._engine = engine
        self._tensor_names = list(tensor_names)
        self._input_names = tuple(source.name for source in card.inputs)
        self.facts = facts

    def run(self, inputs: tuple[AnyArray, ...]) -> tuple[AnyArray, ...]:
        """Run the network once.

        Parameters
        ----------
        inputs : tuple of ndarray
            One for each input of the card, in its order, shape and dtype.

        Returns
        -------
        tuple of ndarray
            The outputs asked for at opening, in that order; fresh arrays.

        Raises
        ------
        InferenceError
            The arrays do not fit, or the engine failed.
        """
        check_inputs(self._card, inputs)
        feeds = dict(zip(self._input_names, inputs, strict=True))
        try:
            return tuple(self._engine.run(self._tensor_names, feeds))
        except _engine_errors() as error:
            raise InferenceError(f"{self._card.name}: {error}") from error


def open_onnx_session(
    card: Card, path: Path, outputs: tuple[str, ...], provider: str, threads: int
) -> OnnxSession:
    """Load an ONNX network onto one provider.

    Parameters
    ----------
    card : Card
        The network's card; its format must be ``onnx``.
    path : Path
        Its file.
    outputs : tuple of str
        Names of the card's outputs that are wanted, in the order wanted.
    provider : str
        ONNX Runtime's name of the provider, such as ``CUDAExecutionProvider``.
    threads : int
        Threads of the host that one run may use.

    Returns
    -------
    OnnxSession
        Ready to run.

    Raises
    ------
    CardError
        The card has no such output.
    ModelIntegrityError
        The file is not the card's, or has not the tensors that the card names.
    EngineUnavailableError
        ONNX Runtime or the provider cannot be used, the network is of another format, or it needs
        operations that the provider has not.
    """
    tensor_names = _tensor_names(card, outputs)
    try:
        import onnxruntime as ort  # noqa: PLC0415 - an extra, absent on most machines
    except (ImportError, OSError) as error:
        raise EngineUnavailableError(f"ONNX Runtime cannot be loaded: {error}; {_MEND}") from error
    available = ort.get_available_providers()
    if provider not in available:
        raise EngineUnavailableError(
            f"this ONNX Runtime has no {provider}, only {', '.join(available)}; {_MEND}"
        )
    found = hash_file(path, SilentProgress())
    if found != card.sha256:
        raise ModelIntegrityError(f"{path}: SHA-256 expected {card.sha256}, found {found}")
    engine = _load(ort, card, path, provider, threads)
    graph_names = {output.name for output in engine.get_outputs()}
    absent = [name for name in tensor_names if name not in graph_names]
    if absent:
        raise ModelIntegrityError(f"card {card.name}: the graph has no output {absent[0]!r}")
    device = "cpu" if provider == _HOST_PROVIDER else "cuda"
    facts = SessionFacts(f"ONNX Runtime {ort.__version__}", device, "f32", is_from_cache=False)
    return OnnxSession(card, engine, tensor_names, facts)


def _load(ort: ModuleType, card: Card, path: Path, provider: str, threads: int) -> Any:  # noqa: ANN401 - untyped library
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    if provider != _HOST_PROVIDER:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        engine = ort.InferenceSession(str(path), options, providers=[provider])
    except _engine_errors() as error:
        raise EngineUnavailableError(
            f"{card.name} cannot be loaded on {provider}: {error}"
        ) from error
    if provider not in engine.get_providers():
        raise EngineUnavailableError(
            f"{provider} did not start (driver, CUDA or cuDNN missing or of another version); "
            f"ONNX Runtime fell back to {', '.join(engine.get_providers())}"
        )
    return engine


def _tensor_names(card: Card, outputs: tuple[str, ...]) -> tuple[str, ...]:
    if card.format != "onnx":
        raise EngineUnavailableError(
            f"{card.name} is {card.format}; on cuda only ONNX cards run. "
            "Choose an ONNX card for this task, or set device to cpu"
        )
    names = []
    for output in (card.output(name) for name in outputs):
        how, _, what = output.tap.partition(":")
        if how != "tensor":
            raise EngineUnavailableError(
                f"{card.name}: the output {output.name} lies inside the graph ({output.tap}), "
                "which ONNX Runtime does not give out; set device to cpu"
            )
        names.append(what)
    return tuple(names)


def _engine_errors() -> tuple[type[Exception], ...]:
    # The binding's own exceptions share no public root; all but these derive from RuntimeError.
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 - see above

    return (
        RuntimeError,
        ValueError,
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
        state.EPFail,
        state.NoSuchFile,
    )
