"""Paired autoencoder, diffusion in its latents, the two-scale GAN: what they learn, and pairs that come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from synthetic_imaging.cohorts.ct_cardiac import settings as ct
from synthetic_imaging.cohorts.diff3 import settings as diff3
from synthetic_imaging.cohorts.paired_models import pair_sampler
from synthetic_imaging.context import Run
from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.learning import registry
from synthetic_imaging.learning.array_cases import ArrayCases
from synthetic_imaging.learning.latents import encode_cases
from synthetic_imaging.learning.learner import collate
from synthetic_imaging.learning.learners.gan import generated
from synthetic_imaging.learning.networks.building import built
from synthetic_imaging.learning.phantom_models import phantom_model
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data, change
from synthetic_imaging.learning.remembered import RememberedCases

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def balls(count: int, shape: tuple[int, int, int], seed: int = 0) -> ArrayCases:
    """Bright balls in bright shells, with their labels 2 and 1."""
    rng = np.random.default_rng(seed)
    grid = np.indices(shape)
    images, labels = [], []
    for _ in range(count):
        centre = np.array(shape)[:, None, None, None] / 2 + rng.uniform(-2, 2, (3, 1, 1, 1))
        distance = np.sqrt(((grid - centre) ** 2).sum(0))
        inner, outer = sorted(rng.uniform(3, min(shape) / 2.5, 2))
        label = (distance < outer).astype(np.uint8) + (distance < inner)
        images.append((0.2 + 0.35 * label + rng.normal(0, 0.02, shape))[None].clip(0, 1).astype(np.float32))
        labels.append(label)
    return ArrayCases(np.stack(images), np.stack(labels))


SHAPE = (16, 16, 16)
SMALL_DIFF3 = change(diff3.AutoencoderRecipe(), {
    "network.widths": "16,32", "training.steps": "150", "training.batch_size": "4", "training.validate_every": "50",
    "training.average_decay": "0.9", "training.learning_rate": "0.004", "training.precision": "float32",
    "cases.shape_kji": "16,16,16",
})


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(balls(24, SHAPE), balls(6, SHAPE, 1), balls(6, SHAPE, 2))


@pytest.fixture(scope="module")
def autoencoder(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = phantom_model("diff3.autoencoder", SMALL_DIFF3, tmp_path_factory.mktemp("autoencoder"), 3, Run(), data=data)
    torch.set_num_threads(threads)
    return model


def test_the_autoencoder_learns_to_give_labels_back(autoencoder: Any, data: Data):
    network = autoencoder.networks["autoencoder"]
    batch = collate([data.test.case(n, np.random.default_rng(0)) for n in range(6)])  # type: ignore[union-attr]
    with torch.no_grad():
        decoded, _, _ = network(batch["image"], batch["label"], None)
    image, labels = network.finished(decoded)
    overlaps = []
    for value in (1, 2):
        found, true = labels == value, batch["label"] == value
        overlaps.append(float(2 * (found & true).sum() / (found.sum() + true.sum())))
    # So small a network, so briefly trained, finds the balls; untrained ones give 0.1 to 0.2.
    assert sum(overlaps) / 2 > 0.5
    assert (image - batch["image"]).abs().mean() < 0.1


def test_a_finished_training_is_taken_and_not_repeated(autoencoder: Any, data: Data, tmp_path: Path):
    folder = tmp_path / "again"
    short = change(SMALL_DIFF3, {"training.steps": "2", "training.validate_every": "2"})
    first = phantom_model("diff3.autoencoder", short, folder, 3, Run(), data=data)
    seen: list[float] = []
    run = Run(report=lambda p: seen.append(p.fraction))
    again = phantom_model("diff3.autoencoder", short, folder, 3, run, data=data)
    assert again.sha256 == first.sha256
    assert not seen
    other = phantom_model("diff3.autoencoder", short, tmp_path / "other seed", 4, Run(), data=data)
    assert other.sha256 != first.sha256


def test_diffusion_in_latents_gives_pairs_that_depend_on_their_own_seed_alone(
    autoencoder: Any, data: Data, tmp_path: Path
):
    settings = change(diff3.DiffusionRecipe(), {
        "network.width": "16", "network.multipliers": "1,2", "network.attention_levels": "[false,true]",
        "training.steps": "3", "training.batch_size": "4", "training.validate_every": "3"})
    model = phantom_model("diff3.diffusion", settings, tmp_path / "diffusion", 1, Run(),
                          models={"autoencoder": autoencoder}, data=data)
    assert bool(model.networks["scale"].measured)
    assert model.needs == {"autoencoder": autoencoder.sha256}
    from synthetic_imaging.cohorts.diff3.recipes import noise_schedule

    sampler = pair_sampler(autoencoder, model, noise_schedule(settings), sampler_name="ddpm", steps=3, device="cpu")
    together = list(sampler.many(7, 4, batch_size=4))
    alone = list(sampler.many(7, 1, batch_size=1, first=2))
    assert together[2][0].shape == (1, *SHAPE)
    assert np.abs(together[2][0] - alone[0][0]).max() < 1e-4
    assert np.abs(together[0][0] - together[1][0]).max() > 1e-3
    assert together[0][1].dtype == np.uint8
    assert together[0][1].max() <= 2


def test_a_diffusion_model_refuses_another_autoencoder(autoencoder: Any, data: Data, tmp_path: Path):
    settings = change(diff3.DiffusionRecipe(), {
        "network.width": "16", "network.multipliers": "1,2", "network.attention_levels": "[false,true]",
        "training.steps": "1", "training.batch_size": "2", "training.validate_every": "1"})
    model = phantom_model("diff3.diffusion", settings, tmp_path / "d", 1, Run(), models={"autoencoder": autoencoder},
                          data=data)
    short = change(SMALL_DIFF3, {"training.steps": "1", "training.validate_every": "1"})
    other = phantom_model("diff3.autoencoder", short, tmp_path / "a", 9, Run(), data=data)
    from synthetic_imaging.cohorts.diff3.recipes import noise_schedule

    with pytest.raises(FileError, match="another autoencoder"):
        pair_sampler(other, model, noise_schedule(settings), sampler_name="ddim", steps=2, device="cpu")


def test_latents_are_encoded_once_for_each_copy(autoencoder: Any, data: Data):
    network = autoencoder.networks["autoencoder"]
    latents = encode_cases(network, data.test, copies=2, batch_size=5)  # type: ignore[arg-type]
    assert len(latents) == 12
    # Without an augmentation the copies are alike.
    assert np.allclose(latents.means[:6], latents.means[6:], atol=1e-5)
    assert (latents.stds > 0).all()


def test_the_cardiac_ct_autoencoder_trains_with_both_label_codes():
    for code in ("colours", "one-hot"):
        settings = change(ct.AutoencoderRecipe(), {"network.label_code": code, "network.widths": "8,16"})
        recipe = registry.recipe("ct-cardiac.autoencoder")
        with built(1):
            networks = recipe.networks(settings)
        cases = balls(4, SHAPE)
        learner = recipe.learner(settings, Data(cases, cases), networks, {})
        phase = learner.phases()[0]
        optimiser = phase.optimiser(networks.parameters())
        batch = collate([cases.case(n, np.random.default_rng(0)) for n in range(4)])
        losses = []
        for step in range(12):
            loss, parts = phase.loss(batch, BatchRandom(0, step, range(4)), step)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < losses[0]
        assert {"image", "label", "kl"} <= set(parts)
        assert 0 <= float(learner.validate(batch, BatchRandom(0, 0, range(4)))["dice"]) <= 1


def test_the_two_scale_gan_updates_each_side_by_its_own_phase():
    settings = replace(diff3.GanRecipe(), network=replace(diff3.GanRecipe().network, width=8, latent=16,
                                                          shape_kji=(16, 16, 16), slab_part=2))
    recipe = registry.recipe("diff3.gan")
    with built(2):
        networks = recipe.networks(settings)
    cases = balls(4, SHAPE)
    learner = recipe.learner(settings, Data(cases, None), networks, {})
    batch = collate([cases.case(n, np.random.default_rng(0)) for n in range(4)])
    for number, phase in enumerate(learner.phases()):
        loss, _ = phase.loss(batch, BatchRandom(0, number, range(4)), 0)
        networks.zero_grad()
        loss.backward()
        moved = {name for name, network in networks.items()
                 if any(p.grad is not None and bool((p.grad != 0).any()) for p in network.parameters())}
        assert set(phase.networks) <= moved
    assert generated(networks["generator"], torch.zeros(2, 16)).shape == (2, 1, *SHAPE)


def test_remembered_cases_make_each_case_once_and_are_never_changed_by_who_asks():
    class Counting:
        made = 0

        def __len__(self) -> int:
            return 5

        def case(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
            self.made += 1
            return {"image": rng.random((1, 2, 2, 2)).astype(np.float32), "label": np.zeros((2, 2, 2), np.uint8),
                    "age": 50.0}

    source = Counting()
    cases = RememberedCases(source, seed=1, first=2)
    assert len(cases) == 3
    first = cases.case(0, np.random.default_rng(1))
    again = cases.case(0, np.random.default_rng(2))
    assert source.made == 1
    assert np.array_equal(first["image"], again["image"])
    assert first["image"].dtype == np.float32
    first["image"][:] = 0
    assert np.array_equal(cases.case(0, np.random.default_rng(3))["image"], again["image"])


def test_arrays_of_different_numbers_are_refused():
    with pytest.raises(InputError, match="3 images but 2"):
        ArrayCases(np.zeros((3, 1, 2, 2, 2), np.float32), np.zeros((2, 2, 2, 2), np.uint8))
