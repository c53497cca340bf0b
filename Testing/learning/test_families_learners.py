"""What the families' learners compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SIDE = 16


def hearts(count: int = 4, side: int = SIDE) -> Any:
    from synthetic_imaging.learning.array_cases import ArrayCases

    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, side)] * 3, indexing="ij"))
    images, labels = [], []
    for index in range(count):
        inside = (place**2).sum(0) < 0.2 + 0.1 * index
        images.append(0.3 + 0.3 * inside[None])
        labels.append(inside.astype(np.uint8))
    return ArrayCases(np.stack(images).astype(np.float32), np.stack(labels))


def batch_of(cases: Any) -> Any:
    from synthetic_imaging.learning.learner import collate

    return collate([cases.case(index, np.random.default_rng(0)) for index in range(len(cases))])


def small_vae(classes: int = 0) -> Any:
    import torch

    from synthetic_imaging.learning.learners.vae import VaeLearner
    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.networks.settings import VaeSettings
    from synthetic_imaging.learning.networks.vae import VectorVae
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.settings import Training

    with built(0):
        network = VectorVae(VaeSettings(classes=classes, shape_kji=(SIDE,) * 3, widths=(8, 16), latent=6))
    return VaeLearner(torch.nn.ModuleDict({"autoencoder": network}), Data(hearts(), None), Training(), kl=0.5)


def small_vq(judged_from: int = 0, **judges: bool) -> Any:
    import torch

    from synthetic_imaging.learning.learners.vq import VqLearner, VqWeights
    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.networks.discriminators import PatchJudge
    from synthetic_imaging.learning.networks.settings import VqSettings
    from synthetic_imaging.learning.networks.slice_judge import SliceJudge
    from synthetic_imaging.learning.networks.vq import PairedVq
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.settings import Training

    with built(0):
        networks: dict[str, torch.nn.Module] = {
            "autoencoder": PairedVq(VqSettings(classes=0, widths=(8, 8), residual_blocks=1, codes=16, code_channels=4)),
            "judge": PatchJudge(1, 8, 1), "slice judge": SliceJudge(1, 8, 1),
        }
    weights = VqWeights(judge=0.1, slice_judge=0.1, matching=1.0, perceptual=1.0, judged_from=judged_from)
    return VqLearner(torch.nn.ModuleDict(networks), Data(hearts(), None), Training(), weights)


def random(count: int = 4) -> Any:
    from synthetic_imaging.learning.randomness import BatchRandom

    return BatchRandom(0, 0, range(count))


def test_the_vae_adds_noise_times_its_standard_deviation_and_weighs_kl_by_voxel() -> None:
    import torch

    learner, batch = small_vae(), batch_of(hearts())
    network = learner.networks["autoencoder"]
    mean, std = network.encode(batch["image"])
    noise = random().like(mean)
    decoded = network.decode(mean + std * noise)
    image = (decoded.image - batch["image"]).square().mean()
    kl = 0.5 * (mean**2 + std**2 - 1 - torch.log(std**2)).sum(1).mean() / SIDE**3
    loss, values = learner.phases()[0].loss(batch, random(), 0)
    assert float(loss.detach()) == pytest.approx(float((image + 0.5 * kl).detach()), rel=1e-5)
    assert float(values["kl"]) == pytest.approx(float(kl.detach()), rel=1e-5)


def test_the_vae_learns_labels_with_the_image_where_it_has_classes() -> None:
    learner, batch = small_vae(classes=2), batch_of(hearts())
    _, values = learner.phases()[0].loss(batch, random(), 0)
    assert 0.3 < float(values["label"]) < 1.5


def test_training_lowers_the_loss_of_vae_and_vq_vae() -> None:
    import torch

    for learner, rate in ((small_vae(), 3e-3), (small_vq(judged_from=1000), 3e-3)):
        phase, batch = learner.phases()[0], batch_of(hearts())
        optimiser = torch.optim.Adam(learner.networks["autoencoder"].parameters(), lr=rate)
        learner.networks.train()
        losses = []
        for number in range(12):
            loss, _ = phase.loss(batch, random(), number)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert np.mean(losses[-3:]) < 0.8 * losses[0]


def test_the_judges_wait_and_leave_the_code_book_alone() -> None:
    learner, batch = small_vq(judged_from=7), batch_of(hearts())
    autoencoder, judge = learner.phases()
    assert judge.networks == ("judge", "slice judge")
    assert not judge.active(6) and judge.active(7)
    learner.networks.train()
    early, _ = autoencoder.loss(batch, random(), 6)
    book = {key: value.clone() for key, value in learner.networks["autoencoder"].state_dict().items()}
    loss, _ = judge.loss(batch, random(), 7)
    loss.backward()
    for key, value in learner.networks["autoencoder"].state_dict().items():
        assert bool((value == book[key]).all()), key
    assert all(p.grad is None for p in learner.networks["autoencoder"].parameters())
    late, _ = autoencoder.loss(batch, random(), 7)
    assert float(late.detach()) > float(early.detach())


def test_codes_as_latents_have_no_spread_and_decode_to_the_nearest_codes() -> None:
    import torch

    from synthetic_imaging.learning.learners.vq import CodesAsLatents

    learner, batch = small_vq(), batch_of(hearts())
    coder = CodesAsLatents(learner.networks["autoencoder"])
    with torch.no_grad():
        codes, spread = coder.encode(batch["image"], batch["label"])
        assert not bool(spread.any())
        near = coder.decode(codes + 1e-5)
        assert torch.allclose(near.image, coder.decode(codes).image)


def test_wavelet_space_comes_back_exactly_and_clips_in_the_image() -> None:
    import torch

    from synthetic_imaging.learning.learners.wavelet_diffusion import WaveletSpace
    from synthetic_imaging.learning.wavelets import WDM_DIVISOR, idwt

    space = WaveletSpace(classes=3)
    image = random(2).normal(1, 8, 8, 8).sigmoid()
    bands = space.clean(image)
    assert tuple(bands.shape[1:]) == space.shape(1, (8, 8, 8)) == (8, 4, 4, 4)
    assert float((space.image(bands) - image).abs().max()) < 1e-5
    # LLL sums eight voxels over 2 sqrt 2 and is divided by 3: within -1..1 for images in -1..1.
    assert float(bands[:, 0].abs().max()) < 1
    clipped = idwt(space.sampling()["correct"](5 * bands, None), WDM_DIVISOR)
    assert float(clipped.abs().max()) < 1 + 1e-5
    label = torch.zeros(2, 8, 8, 8, dtype=torch.uint8)
    assert space.condition(label).shape[1] == space.condition_channels() == 16


def test_a_perfect_wavelet_denoiser_has_no_loss() -> None:
    import torch

    from synthetic_imaging.learning.diffusion.losses import DiffusionLoss
    from synthetic_imaging.learning.diffusion.schedules import schedule
    from synthetic_imaging.learning.learners.wavelet_diffusion import WaveletDiffusionLearner
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.settings import Training

    batch = batch_of(hearts())

    class Knows(torch.nn.Module):
        def forward(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
            assert condition is not None and condition.shape[1] == 8
            return learner.space.clean(batch["image"])

    networks = torch.nn.ModuleDict({"denoiser": Knows()})
    learner = WaveletDiffusionLearner(networks, Data(hearts(), None), Training(),
                                      DiffusionLoss(schedule("linear"), "clean"), classes=2)
    loss, _ = learner.phases()[0].loss(batch, random(), 0)
    assert float(loss) == 0
