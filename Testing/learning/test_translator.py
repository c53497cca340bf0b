"""The generator from images to images, its loss, and its spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synthetic_imaging.errors import ParameterError  # noqa: E402
from synthetic_imaging.learning.learners.translation import (  # noqa: E402
    TranslationLearner,
    TranslationWeights,
    slice_ssim,
    translated,
)
from synthetic_imaging.learning.networks.building import built  # noqa: E402
from synthetic_imaging.learning.networks.discriminators import PatchJudge  # noqa: E402
from synthetic_imaging.learning.networks.flow_translator import FlowTranslator  # noqa: E402
from synthetic_imaging.learning.networks.translator import Translator  # noqa: E402
from synthetic_imaging.learning.randomness import BatchRandom  # noqa: E402
from synthetic_imaging.learning.recipe import Data  # noqa: E402
from synthetic_imaging.learning.settings import Training  # noqa: E402
from synthetic_imaging.sequences.learned.applying import Passes, made_volume  # noqa: E402

SLICES, GIVEN, MADE = 3, 4, 5


def network(dims: int = 2, dropout: float = 0.3) -> Translator:
    with built(3):
        return Translator(GIVEN * (SLICES if dims == 2 else 1), MADE, GIVEN, (8, 8, 16), dims=dims,
                          dropout=dropout).eval()


def volume(shape: tuple[int, int, int] = (6, 24, 20), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (GIVEN, *shape)).astype(np.float32)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_grid_of_the_given_volume_comes_back(dims: int) -> None:
    made, variance = made_volume(network(dims), volume((5, 23, 17)), [True] * 4, SLICES, Passes(), "cpu", run())
    assert made.shape == variance.shape == (MADE, 5, 23, 17)
    assert np.abs(made).max() <= 1 and not variance.any()


def test_a_voxel_does_not_depend_on_what_lies_far_away_in_its_slice() -> None:
    one = volume((3, 128, 64))
    other = one.copy()
    other[:, :, 96:] = 0.9
    told = [True] * 4
    first, second = (made_volume(network(), v, told, SLICES, Passes(), "cpu", run())[0] for v in (one, other))
    np.testing.assert_allclose(first[:, :, :64], second[:, :, :64], atol=1e-5)
    assert np.abs(first[:, :, 100:] - second[:, :, 100:]).max() > 1e-3


def test_a_sequence_that_is_missing_is_not_read() -> None:
    one, other = volume(seed=1), volume(seed=1)
    other[2] = 0.7
    told = [True, True, False, False]
    first, second = (made_volume(network(), v, told, SLICES, Passes(), "cpu", run())[0] for v in (one, other))
    np.testing.assert_array_equal(first, second)


def test_which_sequences_are_there_changes_the_answer_where_all_are_dark() -> None:
    dark = torch.full((1, GIVEN * SLICES, 16, 16), -1.0)
    answers = [network()(dark, torch.tensor([told])).detach() for told in ([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 0.0])]
    assert float((answers[0] - answers[1]).abs().max()) > 1e-4


def test_the_variance_over_passes_is_the_mean_of_squares_less_the_square_of_the_mean() -> None:
    net, given, number = network(), volume(), 7
    mean, variance = made_volume(net, given, [True] * 4, SLICES, Passes(number, seed=5), "cpu", run())
    answers = [made_volume_once(net, given, 5 * 1009 + n) for n in range(number)]
    np.testing.assert_allclose(mean, np.mean(answers, axis=0), atol=1e-6)
    np.testing.assert_allclose(variance, np.mean(np.square(answers), axis=0) - np.mean(answers, axis=0) ** 2, atol=1e-6)
    assert variance.max() > 1e-5


def made_volume_once(net: Translator, given: np.ndarray, seed: int) -> np.ndarray:
    padded = np.pad(given, ((0, 0), (1, 1), (0, -given.shape[2] % 4), (0, -given.shape[3] % 4)), mode="edge")
    padded[:, :, given.shape[2] :] = -1
    padded[..., given.shape[3] :] = -1
    slices = np.stack([padded[:, k : k + SLICES] for k in range(given.shape[1])])
    net.chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        made = translated(net, torch.from_numpy(slices), torch.ones(len(slices), 4))
    net.chance = None
    return made[:, :, 0].double().numpy().swapaxes(0, 1)[:, :, : given.shape[2], : given.shape[3]]


def test_without_drop_out_the_passes_agree() -> None:
    _, variance = made_volume(network(dropout=0.0), volume(), [True] * 4, SLICES, Passes(3), "cpu", run())
    assert variance.max() < 1e-6


def test_the_same_seed_gives_the_same_passes_and_another_seed_others() -> None:
    one, again, other = (made_volume(network(), volume(), [True] * 4, SLICES, Passes(2, True, seed), "cpu", run())[0]
                         for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-4


def test_a_walk_ends_where_its_last_step_sees_the_end_and_answers_differ_with_the_noise() -> None:
    with built(6):
        flow = FlowTranslator(GIVEN * SLICES, MADE, GIVEN, (8, 8, 16), steps=4).eval()
    given, told = torch.zeros(1, GIVEN * SLICES, 16, 16), torch.ones(1, GIVEN)
    noise = torch.randn(1, MADE, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, other = flow.walk(noise, given, told), flow.walk(-noise, given, told)
        flow.end = lambda noisy, *_: torch.full_like(noisy, 0.25)  # type: ignore[method-assign]
        known = flow.walk(noise, given, told)
    assert float((first - other).abs().max()) > 1e-4
    torch.testing.assert_close(known, torch.full_like(noise, 0.25))


def test_a_flow_makes_a_volume_and_its_spread() -> None:
    with built(6):
        flow = FlowTranslator(GIVEN * SLICES, MADE, GIVEN, (8, 8, 16), steps=2).eval()
    mean, variance = made_volume(flow, volume(), [True] * 4, SLICES, Passes(3, seed=2), "cpu", run())
    again, none = made_volume(flow, volume(), [True] * 4, SLICES, Passes(0, seed=2), "cpu", run())
    assert mean.shape == again.shape == (MADE, 6, 24, 20) and variance.max() > 0 and not none.any()


def test_too_few_levels_are_refused() -> None:
    with pytest.raises(ParameterError, match="two levels"):
        Translator(1, 1, 1, (8,))


def test_slice_similarity_is_that_of_scikit_image() -> None:
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(2)
    one = rng.uniform(-1, 1, (2, 3, 2, 32, 29)).astype(np.float32)
    other = np.clip(one + rng.normal(0, 0.2, one.shape), -1, 1).astype(np.float32)
    ours = slice_ssim(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    for b, c, k in ((0, 0, 0), (1, 2, 1)):
        _, full = structural_similarity(one[b, c, k], other[b, c, k], win_size=11, data_range=2, full=True,
                                        use_sample_covariance=False)
        np.testing.assert_allclose(ours[b, c, k], full[5:-5, 5:-5], atol=2e-4)


def learner(lesions: float = 10.0, adversarial: float = 0.1) -> TranslationLearner:
    with built(4):
        networks = torch.nn.ModuleDict({"generator": network(), "judge": PatchJudge(MADE, 8, 2, 2)})
    weights = TranslationWeights(10.0, 1.0, lesions, adversarial, (2.0, 1.0, 1.0, 1.0, 1.0))
    return TranslationLearner(networks, Data([], None), Training(learning_rate=5e-3), weights)  # type: ignore[arg-type]


def batch(lesion: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    made = torch.from_numpy(rng.uniform(-1, 1, (2, MADE, 1, 32, 32)).astype(np.float32))
    held = torch.zeros(2, 1, 32, 32)
    held[0, 0, :4, :4] = lesion
    given = torch.from_numpy(rng.uniform(-1, 1, (2, GIVEN, SLICES, 32, 32)).astype(np.float32))
    return {"given": given, "present": torch.ones(2, GIVEN), "image": made, "lesion": held}


def test_the_lesion_term_sees_voxels_of_lesions_only() -> None:
    cases = batch(1.0)
    values = learner().validate(cases, BatchRandom(0, 0, range(2)))
    elsewhere = {**cases, "image": cases["image"].clone()}
    elsewhere["image"][:, :, :, 10:] = 0.0
    changed = learner().validate(elsewhere, BatchRandom(0, 0, range(2)))
    assert float(values["lesion l1"]) == pytest.approx(float(changed["lesion l1"]), rel=1e-6)
    assert float(values["l1"]) != pytest.approx(float(changed["l1"]), rel=1e-3)


def test_a_case_without_lesions_has_a_lesion_term_of_zero() -> None:
    values = learner().validate(batch(0.0), BatchRandom(0, 0, range(2)))
    assert float(values["lesion l1"]) == 0.0 and np.isfinite(float(values["loss"]))


def test_generator_and_discriminator_learn_from_their_own_loss_alone() -> None:
    with torch.enable_grad():
        here = learner()
        names = [phase.name for phase in here.phases()]
        loss, _ = here.phases()[0].loss(batch(1.0), BatchRandom(0, 0, range(2)), 0)
        loss.backward()
    assert names == ["judge", "generator"]
    assert all(p.grad is None for p in here.networks["generator"].parameters())
    assert [phase.name for phase in learner(adversarial=0.0).phases()] == ["generator"]


def test_a_few_steps_bring_the_answer_nearer_to_the_truth() -> None:
    here = learner(adversarial=0.0)
    phase, cases = here.phases()[0], batch(1.0)
    cases["image"] = cases["given"][:, :1, 1:2].expand(-1, MADE, -1, -1, -1)
    optimiser = phase.optimiser(here.networks["generator"].parameters())
    losses = []
    for step in range(25):
        optimiser.zero_grad()
        loss, _ = phase.loss(cases, BatchRandom(0, step, range(2)), step)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def run() -> Any:
    from synthetic_imaging.context import Run

    return Run()
