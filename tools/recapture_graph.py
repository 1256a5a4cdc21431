"""A trunk and its linear heads as one small ONNX file.

Owns: the graph, and how weights are stored: pointwise convolutions as 8-bit integers with one scale
an output channel, the stem and depthwise ones as 16-bit floats, all arithmetic in the engine's
floats. Has no opinion on: where weights come from (`recapture_trunk`), and how heads are fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from huiyan.kernel.units import AnyArray, FloatArray

OPSET = 17
IR_VERSION = 9
"""What goes with that operator set; newer ones are refused by older engines."""

INPUT_NAME = "square"
FEATURES_NAME = "features"
LOGITS_NAME = "logits"
MEAN_LEVEL, LEVEL_SCALE = 127.0, 128.0
MOST_ACTIVATION = 6.0
LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution with its bias; it pads so that only the stride makes sides smaller.

    Parameters
    ----------
    weights : ndarray of shape (out, in / groups, kernel, kernel), float32
        Weights.
    bias : ndarray of shape (out,), float32
        Bias.
    stride, groups : int
        As usual.
    is_bounded : bool
        Whether the result is cut off below 0 and above `MOST_ACTIVATION`.
    """

    weights: FloatArray
    bias: FloatArray
    stride: int
    groups: int
    is_bounded: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Convolutions one after the other.

    Parameters
    ----------
    convolutions : tuple of Convolution
        One at least.
    has_skip : bool
        Whether what came in is added to what goes out.
    is_tapped : bool
        Whether what goes out is pooled into features.
    """

    convolutions: tuple[Convolution, ...]
    has_skip: bool
    is_tapped: bool


@dataclass(frozen=True, slots=True)
class Heads:
    """Linear functions of the features.

    Parameters
    ----------
    weights : ndarray of shape (D, heads), float64
        Weights, for features as they are.
    bias : ndarray of shape (heads,), float64
        What is added.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]


def quantise(weights: FloatArray) -> tuple[NDArray[np.int8], FloatArray]:
    """Store weights as 8-bit integers with one scale an output channel.

    Parameters
    ----------
    weights : ndarray of shape (out, ...), float32
        Weights.

    Returns
    -------
    integers : ndarray of the same shape, int8
        From -127 to 127.
    scales : ndarray of shape (out,), float32
        What each channel is multiplied with; the one near the largest weight's that errs least.
    """
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    largest = np.maximum(np.abs(flat).max(axis=1), 1e-12) / 127
    best, least = largest, np.full(len(flat), np.inf)
    for share in np.linspace(0.7, 1.0, 31):
        scales = largest * share
        rounded = np.clip(np.rint(flat / scales[:, None]), -127, 127)
        error = ((rounded * scales[:, None] - flat) ** 2).sum(axis=1)
        best, least = np.where(error < least, scales, best), np.minimum(error, least)
    scales_32 = best.astype(np.float32)
    integers = np.clip(np.rint(flat / scales_32[:, None]), -127, 127).astype(np.int8)
    return integers.reshape(weights.shape), scales_32


@dataclass(slots=True)
class _Writer:
    """Collects nodes and constants; every result is named after its node."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def keep_number(self, value: float) -> str:
        return self.keep(np.array(value, np.float32))

    def keep(self, values: AnyArray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.require(values, requirements="C"), name))
        return name

    def add(self, kind: str, inputs: Iterable[str], **attributes: Any) -> str:  # noqa: ANN401 -- ONNX has numbers, texts and lists of them
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name


def build_network(blocks: tuple[Block, ...], side_px: int, heads: Heads | None) -> bytes:
    """Write the network.

    Parameters
    ----------
    blocks : tuple of Block
        The trunk.
    side_px : int
        Side of the square it looks at, px.
    heads : Heads or None
        What is read out of the features; None gives the features themselves.

    Returns
    -------
    bytes
        An ONNX file: uint8 RGB of shape (1, side, side, 3) in; out `LOGITS_NAME`, float32 of shape
        (1, heads), or `FEATURES_NAME`, float32 of shape (1, D).
    """
    writer = _Writer()
    values = writer.add("Cast", [INPUT_NAME], to=TensorProto.FLOAT)
    values = writer.add("Transpose", [values], perm=[0, 3, 1, 2])
    values = writer.add("Sub", [values, writer.keep_number(MEAN_LEVEL)])
    values = writer.add("Div", [values, writer.keep_number(LEVEL_SCALE)])
    pooled: list[str] = []
    size = side_px
    for block in blocks:
        came_in = values
        for convolution in block.convolutions:
            values = _convolve(writer, values, convolution, size)
            size = math.ceil(size / convolution.stride)
        if block.has_skip:
            values = writer.add("Add", [came_in, values])
        if block.is_tapped:
            pooled += _pool(writer, values)
    values = writer.add("Concat", pooled, axis=1)
    name, width = FEATURES_NAME, _count_features(blocks)
    if heads is not None:
        name, width = LOGITS_NAME, heads.weights.shape[1]
        weights = writer.keep(heads.weights.astype(np.float32))
        values = writer.add("Gemm", [values, weights, writer.keep(heads.bias.astype(np.float32))])
    writer.nodes[-1].output[0] = name
    return _finish(writer, side_px, name, width)


def _count_features(blocks: tuple[Block, ...]) -> int:
    return sum(2 * len(block.convolutions[-1].bias) for block in blocks if block.is_tapped)


def _convolve(writer: _Writer, values: str, convolution: Convolution, size_px: int) -> str:
    if convolution.weights.shape[-1] == 1:
        integers, scales = quantise(convolution.weights)
        kept = writer.keep(integers), writer.keep(scales)
        weights = writer.add("DequantizeLinear", kept, axis=0)
    else:
        halves = writer.keep(convolution.weights.astype(np.float16))
        weights = writer.add("Cast", [halves], to=TensorProto.FLOAT)
    kernel, stride = convolution.weights.shape[-1], convolution.stride
    spare = max((math.ceil(size_px / stride) - 1) * stride + kernel - size_px, 0)
    values = writer.add(
        "Conv",
        [values, weights, writer.keep(convolution.bias)],
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        pads=[spare // 2, spare // 2, spare - spare // 2, spare - spare // 2],
        group=convolution.groups,
    )
    if not convolution.is_bounded:
        return values
    bounds = writer.keep_number(0), writer.keep_number(MOST_ACTIVATION)
    return writer.add("Clip", [values, *bounds])


def _pool(writer: _Writer, values: str) -> tuple[str, str]:
    """Mean and deviation; centred first, so that short floats lose nothing."""
    mean = writer.add("ReduceMean", [values], axes=[2, 3], keepdims=1)
    centred = writer.add("Sub", [values, mean])
    squares = writer.add("Mul", [centred, centred])
    variance = writer.add("ReduceMean", [squares], axes=[2, 3], keepdims=0)
    raised = writer.add("Max", [variance, writer.keep_number(LEAST_VARIANCE)])
    deviation = writer.add("Sqrt", [raised])
    return writer.add("Flatten", [mean], axis=1), deviation


def _finish(writer: _Writer, side_px: int, name: str, width: int) -> bytes:
    square = helper.make_tensor_value_info(INPUT_NAME, TensorProto.UINT8, [1, side_px, side_px, 3])
    result = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])
    graph = helper.make_graph(writer.nodes, "recapture", [square], [result], writer.constants)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, producer_name="huiyan")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString()
    return written
