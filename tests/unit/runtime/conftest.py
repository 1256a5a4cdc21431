from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from huiyan.runtime.card import Card, CardInput, CardOutput
from huiyan.runtime.card_source import PathSource


@pytest.fixture(scope="session")
def tiny_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give x (1, 4) → sum = x·W (1, 3), doubled = 2·sum; "sum" is inside the graph."""
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["sum"]),
            helper.make_node("Mul", ["sum", "two"], ["doubled"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("doubled", TensorProto.FLOAT, [1, 3])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array(2, np.float32), "two"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path_factory.mktemp("tiny") / "tiny.onnx"
    onnx.save(model, str(path))
    return path


def _output(name: str, tap: str) -> CardOutput:
    return CardOutput(name=name, tap=tap, shape=(1, 3), dtype="float32", meaning="numbers")


@pytest.fixture
def tiny_card(tiny_onnx: Path) -> Card:
    body = tiny_onnx.read_bytes()
    return Card(
        name="tiny",
        task="arithmetic",
        kind="model",
        version="1",
        licence="Apache-2.0",
        licence_text="made by the test",
        format="onnx",
        file_name="tiny.onnx",
        sha256=sha256(body).hexdigest(),
        size_bytes=len(body),
        sources=(PathSource(kind="path", file=str(tiny_onnx)),),
        inputs=(
            CardInput(
                name="x",
                shape=(1, 4),
                dtype="float32",
                layout="NHWC",
                colour_order="RGB",
                normalisation="none",
            ),
        ),
        outputs=(
            _output("doubled", "tensor:doubled"),
            _output("sum", "tensor:sum"),
            _output("factor", "input-of-last:Multiply"),
            _output("absent", "tensor:nowhere"),
        ),
    )


@pytest.fixture
def expected_sum() -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: x @ np.arange(12, dtype=np.float32).reshape(4, 3)
