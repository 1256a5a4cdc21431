import math

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.random import default_rng
from recapture_features import Eye
from recapture_graph import (
    Block,
    Convolution,
    Heads,
    build_network,
    quantise,
)

SIDE_PX = 9


def convolution(  # noqa: PLR0917 -- the numbers of a convolution
    seed: int, channels_in: int, channels_out: int, kernel: int, stride: int, groups: int
) -> Convolution:
    draw = default_rng(seed)
    weights = draw.normal(size=(channels_out, channels_in // groups, kernel, kernel)) / kernel
    bias = draw.normal(size=channels_out)
    is_bounded = groups > 1 or kernel > 1
    return Convolution(
        weights.astype(np.float32), bias.astype(np.float32), stride, groups, is_bounded
    )


def small_trunk() -> tuple[Block, ...]:
    stem = Block((convolution(1, 3, 4, 3, 2, 1),), has_skip=False, is_tapped=False)
    inner = (
        convolution(2, 4, 8, 1, 1, 1),
        convolution(3, 8, 8, 5, 1, 8),
        convolution(4, 8, 4, 1, 1, 1),
    )
    kept = Block(inner, has_skip=True, is_tapped=True)
    last = Block((convolution(5, 4, 6, 3, 2, 1),), has_skip=False, is_tapped=True)
    return (stem, kept, last)


def rounded(one: Convolution) -> np.ndarray:
    if one.weights.shape[-1] > 1:
        return one.weights.astype(np.float16).astype(np.float32)
    integers, scales = quantise(one.weights)
    return integers * scales[:, None, None, None]


def convolve(values: np.ndarray, one: Convolution) -> np.ndarray:
    weights, kernel, stride = rounded(one), one.weights.shape[-1], one.stride
    side = values.shape[1]
    out = math.ceil(side / stride)
    spare = max((out - 1) * stride + kernel - side, 0)
    edge = (spare // 2, spare - spare // 2)
    padded = np.pad(values, ((0, 0), edge, edge))
    a_group = len(values) // one.groups
    result = np.zeros((len(weights), out, out))
    for channel in range(len(weights)):
        first = channel // (len(weights) // one.groups) * a_group
        for down in range(out):
            for across in range(out):
                window = padded[
                    first : first + a_group,
                    down * stride : down * stride + kernel,
                    across * stride : across * stride + kernel,
                ]
                result[channel, down, across] = (window * weights[channel]).sum()
    result += one.bias[:, None, None]
    return np.clip(result, 0, 6) if one.is_bounded else result


def features_by_hand(square: np.ndarray, blocks: tuple[Block, ...]) -> np.ndarray:
    values = (square.transpose(2, 0, 1) - 127.0) / 128.0
    pooled = []
    for block in blocks:
        came_in = values
        for one in block.convolutions:
            values = convolve(values, one)
        if block.has_skip:
            values = came_in + values
        if block.is_tapped:
            pooled += [values.mean((1, 2)), np.sqrt(np.maximum(values.var((1, 2)), 1e-6))]
    return np.concatenate(pooled)


def squares(count: int) -> np.ndarray:
    return default_rng(9).integers(0, 256, (count, SIDE_PX, SIDE_PX, 3), np.uint8)


def some_heads() -> Heads:
    draw = default_rng(8)
    return Heads(draw.normal(size=(20, 2)), draw.normal(size=2))


def test_the_features_are_what_arithmetic_by_hand_gives() -> None:
    eye = Eye(build_network(small_trunk(), SIDE_PX, None), "f32")
    for square in squares(3):
        assert np.allclose(eye.look(square), features_by_hand(square, small_trunk()), atol=2e-4)


def test_heads_stand_on_the_features() -> None:
    heads = some_heads()
    eye = Eye(build_network(small_trunk(), SIDE_PX, heads), "f32")
    for square in squares(3):
        wanted = features_by_hand(square, small_trunk()) @ heads.weights + heads.bias
        assert np.allclose(eye.look(square), wanted, atol=2e-3)


def test_both_engines_read_the_file_and_agree() -> None:
    network = build_network(small_trunk(), SIDE_PX, some_heads())
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    eye = Eye(network, "f32")
    for square in squares(3):
        (found,) = session.run(["logits"], {"square": square[None]})
        assert found.dtype == np.float32
        assert found.shape == (1, 2)
        assert np.allclose(found[0], eye.look(square), atol=1e-3)


def test_the_file_is_small_whole_and_of_an_old_operator_set() -> None:
    model = onnx.load_from_string(build_network(small_trunk(), SIDE_PX, some_heads()))
    assert model.opset_import[0].version <= 17
    assert all(not one.external_data for one in model.graph.initializer)
    assert [one.name for one in model.graph.input] == ["square"]
    assert [one.name for one in model.graph.output] == ["logits"]
    kinds = {one.data_type for one in model.graph.initializer if len(one.dims) == 4}
    assert kinds == {onnx.TensorProto.INT8, onnx.TensorProto.FLOAT16}


def test_the_same_trunk_gives_the_same_bytes() -> None:
    assert build_network(small_trunk(), SIDE_PX, None) == build_network(
        small_trunk(), SIDE_PX, None
    )


@pytest.mark.parametrize("size", [1e-20, 1e-3, 1.0, 100.0])
def test_quantised_weights_err_by_less_than_a_step(size: float) -> None:
    weights = (default_rng(3).normal(size=(7, 5, 1, 1)) * size).astype(np.float32)
    integers, scales = quantise(weights)
    assert integers.dtype == np.int8
    error = np.abs(integers * scales[:, None, None, None].astype(np.float64) - weights)
    step = np.maximum(np.abs(weights).max(axis=(1, 2, 3)), 1e-12) / 127
    assert (error.mean(axis=(1, 2, 3)) <= step).all()


def test_a_channel_of_zeros_stays_zero() -> None:
    integers, scales = quantise(np.zeros((2, 3, 1, 1), np.float32))
    assert not integers.any()
    assert np.isfinite(scales).all()
