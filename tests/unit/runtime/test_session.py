import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from huiyan.kernel.errors import (
    CardError,
    EngineUnavailableError,
    InferenceError,
    ModelIntegrityError,
)
from huiyan.runtime.card import Card, get_card, load_cards
from huiyan.runtime.engine import open_session
from huiyan.runtime.onnx_session import open_onnx_session
from huiyan.runtime.openvino_session import open_openvino_session
from huiyan.runtime.session import Session

Summing = Callable[[np.ndarray], np.ndarray]
X = np.array([[1, 2, 3, 4]], np.float32)


def _both(card: Card, path: Path, cache: Path) -> tuple[Session, Session]:
    return (
        open_session(card, path, ("doubled",), "cpu", 2, cache),
        open_onnx_session(card, path, ("doubled",), "CPUExecutionProvider", 1),
    )


def test_both_engines_compute_the_same(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path, expected_sum: Summing
) -> None:
    for session in _both(tiny_card, tiny_onnx, tmp_path):
        (doubled,) = session.run((X,))
        np.testing.assert_allclose(doubled, 2 * expected_sum(X))
        assert doubled.dtype == np.float32


def test_outputs_come_in_the_order_asked_for_and_from_inside_the_graph(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path, expected_sum: Summing
) -> None:
    for order in (("sum", "doubled"), ("doubled", "sum"), ("doubled", "factor")):
        for _ in range(2):  # compiled, then from the cache
            session = open_session(tiny_card, tiny_onnx, order, "cpu", 1, tmp_path)
            outputs = dict(zip(order, session.run((X,)), strict=True))
            np.testing.assert_allclose(outputs["doubled"], 2 * expected_sum(X))
            inner = outputs.get("sum", outputs.get("factor"))
            assert inner is not None
            np.testing.assert_allclose(inner, expected_sum(X))


def test_what_run_returned_never_changes_afterwards(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path, expected_sum: Summing
) -> None:
    for session in _both(tiny_card, tiny_onnx, tmp_path):
        (first,) = session.run((X,))
        session.run((X * 7,))
        np.testing.assert_allclose(first, 2 * expected_sum(X))


def test_one_session_serves_many_threads_at_once(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path, expected_sum: Summing
) -> None:
    for session in _both(tiny_card, tiny_onnx, tmp_path):
        wrong: list[int] = []

        def work(number: int, session: Session = session, wrong: list[int] = wrong) -> None:
            x = X * number
            for _ in range(200):
                (doubled,) = session.run((x,))
                if not np.allclose(doubled, 2 * expected_sum(x)):
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


@pytest.mark.parametrize(
    "inputs",
    [(), (X, X), (X[0],), (X.astype(np.float64),), (np.zeros((2, 4), np.float32),)],
    ids=["none", "two", "flat", "float64", "batch"],
)
def test_arrays_that_do_not_fit_are_refused(
    inputs: tuple[np.ndarray, ...], tiny_card: Card, tiny_onnx: Path, tmp_path: Path
) -> None:
    for session in _both(tiny_card, tiny_onnx, tmp_path):
        with pytest.raises(InferenceError, match="tiny takes"):
            session.run(inputs)


def test_arrays_that_are_not_contiguous_are_read_rightly(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path, expected_sum: Summing
) -> None:
    strided = np.arange(8, dtype=np.float32).reshape(1, 8)[:, ::2]
    for session in _both(tiny_card, tiny_onnx, tmp_path):
        np.testing.assert_allclose(session.run((strided,))[0], 2 * expected_sum(strided))


def test_an_output_that_the_card_or_the_graph_has_not_is_refused(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path
) -> None:
    with pytest.raises(CardError, match="no output 'mask'"):
        open_session(tiny_card, tiny_onnx, ("mask",), "cpu", 1, tmp_path)
    with pytest.raises(ModelIntegrityError, match="nowhere"):
        open_session(tiny_card, tiny_onnx, ("absent",), "cpu", 1, tmp_path)
    with pytest.raises(ModelIntegrityError, match="nowhere"):
        open_onnx_session(tiny_card, tiny_onnx, ("absent",), "CPUExecutionProvider", 1)
    with pytest.raises(EngineUnavailableError, match="inside the graph"):
        open_onnx_session(tiny_card, tiny_onnx, ("factor",), "CPUExecutionProvider", 1)


def test_a_damaged_file_is_named_and_shown_to_no_engine(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path
) -> None:
    damaged = tmp_path / "tiny.onnx"
    damaged.write_bytes(tiny_onnx.read_bytes()[:-5])

    with pytest.raises(ModelIntegrityError, match="expected"):
        open_session(tiny_card, damaged, ("doubled",), "cpu", 1, tmp_path / "cache")
    with pytest.raises(ModelIntegrityError, match="expected"):
        open_onnx_session(tiny_card, damaged, ("doubled",), "CPUExecutionProvider", 1)


def test_a_file_of_the_right_hash_that_is_no_network_is_a_clear_error(
    tiny_card: Card, tmp_path: Path
) -> None:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(b"not a network")
    card = replace(tiny_card, sha256=sha256(b"not a network").hexdigest())

    with pytest.raises(ModelIntegrityError, match="cannot be read as onnx"):
        open_session(card, path, ("doubled",), "cpu", 1, tmp_path / "cache")
    with pytest.raises(EngineUnavailableError, match="cannot be loaded"):
        open_onnx_session(card, path, ("doubled",), "CPUExecutionProvider", 1)


def test_the_second_start_uses_the_first_ones_compilation(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path
) -> None:
    def is_cached(card: Card, threads: int) -> bool:
        session = open_openvino_session(card, tiny_onnx, ("doubled",), threads, tmp_path)
        return session.facts.is_from_cache

    assert not is_cached(tiny_card, 1)
    assert is_cached(tiny_card, 1)
    assert not is_cached(tiny_card, 2)


@pytest.mark.parametrize("damage", ["empty", "half", "flipped", "folder"])
def test_a_damaged_or_unusable_cache_only_costs_time(
    damage: str, tiny_card: Card, tiny_onnx: Path, tmp_path: Path, expected_sum: Summing
) -> None:
    cache = tmp_path / "cache"
    open_openvino_session(tiny_card, tiny_onnx, ("doubled",), 1, cache)
    (blob,) = cache.glob("*.blob")
    body = blob.read_bytes()
    if damage == "folder":
        blob.unlink()
        cache.rmdir()
        cache.write_text("in the way")
    else:
        half = len(body) // 2
        flipped = body[:half] + bytes([body[half] ^ 255]) + body[half + 1 :]
        blob.write_bytes({"empty": b"", "half": body[:half], "flipped": flipped}[damage])

    session = open_openvino_session(tiny_card, tiny_onnx, ("doubled",), 1, cache)

    assert not session.facts.is_from_cache
    np.testing.assert_allclose(session.run((X,))[0], 2 * expected_sum(X))
    again = open_openvino_session(tiny_card, tiny_onnx, ("doubled",), 1, cache)
    assert again.facts.is_from_cache == (damage != "folder")


def test_the_cache_keeps_only_the_newest_compilations_of_a_card(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path
) -> None:
    for number in range(11):
        card = replace(tiny_card, sha256=tiny_card.sha256, inputs=tiny_card.inputs)
        outputs = ("doubled",) * (number + 1)
        open_openvino_session(card, tiny_onnx, outputs, 1, tmp_path)

    assert len(list(tmp_path.glob("tiny~*.blob"))) == 8
    assert list(tmp_path.glob(".*")) == []


def test_cuda_is_never_replaced_by_the_processor(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path
) -> None:
    ort = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this machine's ONNX Runtime has CUDA")

    with pytest.raises(EngineUnavailableError, match=r"huiyan\[cuda\]"):
        open_session(tiny_card, tiny_onnx, ("doubled",), "cuda", 1, tmp_path)


def test_cuda_says_why_when_onnx_runtime_is_absent(
    tiny_card: Card, tiny_onnx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    with pytest.raises(EngineUnavailableError, match=r"cannot be loaded.*huiyan\[cuda\]"):
        open_session(tiny_card, tiny_onnx, ("doubled",), "cuda", 1, tmp_path)


def test_cuda_refuses_a_card_that_is_not_onnx(tmp_path: Path) -> None:
    card = get_card(load_cards(None), "efficientnet-lite3-int8")

    with pytest.raises(EngineUnavailableError, match="only ONNX cards run"):
        open_session(card, tmp_path / "absent", ("logits",), "cuda", 1, tmp_path)


def test_a_picture_cannot_be_run(tmp_path: Path) -> None:
    card = get_card(load_cards(None), "sample-coffee")

    with pytest.raises(CardError, match="a picture cannot be run"):
        open_session(card, tmp_path, (), "cpu", 1, tmp_path)


def test_loading_openvino_reports_to_nobody() -> None:
    script = (
        "import sys\n"
        "from huiyan.runtime.openvino_session import import_openvino\n"
        "import_openvino().Core()\n"
        "print([name for name in sys.modules if 'telemetry' in name or 'tools.ovc' in name])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
