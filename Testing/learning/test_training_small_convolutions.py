"""Convolutions over two voxels: PyTorch's bfloat16 gradient is wrong there on CPUs, the loop's is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from synthetic_imaging.learning.learner import Learner, Phase
from synthetic_imaging.learning.settings import Precision, Training
from synthetic_imaging.learning.training import train
from synthetic_imaging.learning.training.small_convolutions import computed_exactly

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def gradient(network: torch.nn.Module, image: torch.Tensor, kind: torch.dtype | None) -> torch.Tensor:
    network.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind is not None):
        network(image).float().square().mean().backward()
    return torch.cat([p.grad.flatten().clone() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 4, 4), (4, 2, 4), (3, 3, 2), (5, 6, 7)])
@pytest.mark.parametrize("last", [False, True])
def test_gradients_of_small_images_are_those_of_float32(shape: tuple[int, ...], last: bool):
    random = torch.Generator().manual_seed(4)
    network = torch.nn.Sequential(torch.nn.Conv3d(8, 16, 3, padding=1), torch.nn.SiLU(),
                                  torch.nn.Conv3d(16, 8, 3, padding=1))
    if last:
        network = network.to(memory_format=torch.channels_last_3d)
    image = torch.randn(2, 8, *shape, generator=random)
    true = gradient(network, image, None)
    with computed_exactly(network):
        found = gradient(network, image, torch.bfloat16)
    assert torch.allclose(found, true, atol=0.03 * float(true.abs().max())), "as near as bfloat16 comes"
    assert "_conv_forward" not in vars(network[0])


class TwoDeep(Learner):
    """Learns to give an image of two slices back."""

    averaged = ()

    def __init__(self) -> None:
        self.networks = torch.nn.ModuleDict({"net": torch.nn.Conv3d(1, 1, 3, padding=1)})
        self.training = self
        self.validation = None

    def __len__(self) -> int:
        return 8

    def case(self, index: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"image": rng.standard_normal((1, 2, 4, 4)).astype(np.float32)}

    def phases(self) -> list[Phase]:
        return [Phase("net", ("net",), lambda p: torch.optim.Adam(p, lr=0.02), self._loss)]

    def _loss(self, batch, random, step):
        return (self.networks["net"](batch["image"]).float() - batch["image"]).square().mean(), {}

    def validate(self, batch, random):
        return {}


def test_a_training_in_bfloat16_learns_from_images_of_two_slices(tmp_path: Path):
    settings = Training(steps=150, batch_size=4, validate_every=1000, precision=Precision.BFLOAT16)
    done = train(TwoDeep(), settings, tmp_path, seed=1, device="cpu")
    assert done.history[-1]["loss"] < 0.2 * done.history[0]["loss"]
