"""Segmenters learn, by every strategy; a comparison of strategies goes on where it was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synthetic_imaging.context import Run  # noqa: E402
from synthetic_imaging.errors import Cancelled, FileError, ParameterError  # noqa: E402
from synthetic_imaging.learning.learner import collate  # noqa: E402
from synthetic_imaging.learning.networks.segmenters import encoder_parameters  # noqa: E402
from synthetic_imaging.learning.randomness import BatchRandom, generator_of  # noqa: E402
from synthetic_imaging.learning.recipe import Data, as_plain, change, from_plain  # noqa: E402
from synthetic_imaging.learning.settings import Precision, Training  # noqa: E402
from synthetic_imaging.segmentation import recipe as recipes  # noqa: E402
from synthetic_imaging.segmentation.comparison import Comparison, Score  # noqa: E402
from synthetic_imaging.segmentation.experiment import Arm, compare_strategies  # noqa: E402
from synthetic_imaging.segmentation.learners import DOMAIN, SEGMENTER  # noqa: E402
from synthetic_imaging.segmentation.settings import Blocks, SegmentationSettings, Strategy  # noqa: E402
from synthetic_imaging.segmentation.strategies import fill_in_blocks, train_segmenter  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")
TINY = SegmentationSettings(
    widths=(4, 4, 8, 8, 8), shape=(16, 16, 16), spacing_mm=2.0, blocks=Blocks(4, 0.8, 3, 5),
    training=Training(steps=24, batch_size=2, learning_rate=1e-2, validate_every=12, checkpoint_every=12,
                      precision=Precision.FLOAT32),
)
ALL = (recipes.HEARTS_CT, recipes.HEARTS_CT_BLOCKS, recipes.HEARTS_CT_PRETRAINED, recipes.HEARTS_ECHO,
       recipes.HEARTS_ECHO_BLOCKS, recipes.HEARTS_ECHO_PRETRAINED)


class Balls:
    """A bright ball at a place of its own."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator) -> dict[str, Any]:
        own = generator_of(self.seed, index)
        grid = np.stack(np.meshgrid(*(np.arange(16.0),) * 3, indexing="ij"), axis=-1)
        inside = np.linalg.norm(grid - own.uniform(5, 11, 3), axis=-1) < own.uniform(3, 5)
        image = 0.3 + 0.4 * inside + rng.normal(0, 0.02, inside.shape)
        return {"image": image[None].astype(np.float32), "label": inside.astype(np.uint8)}


def test_a_segmenter_learns_to_draw_and_knows_what_it_was_trained_on(tmp_path: Path) -> None:
    settings = replace(TINY, training=replace(TINY.training, steps=40, validate_every=20))
    seen: list[Any] = []
    trained = train_segmenter(Balls(10, 1), None, settings, ("ball",), tmp_path, Run(report=seen.append), seed=2,
                              device="cpu")  # fmt: skip
    rows = [row["validation.dice"] for row in trained.training.history if "validation.dice" in row]
    assert rows[-1] > 0.7 and trained.cases == 9
    domain: Any = trained.networks[DOMAIN]
    assert domain.domain().cases == 9 and domain.domain().longest_mm == (32.0, 32.0, 32.0)
    assert seen and seen[-1].fraction == pytest.approx(1.0)


def test_filling_in_blocks_gives_its_encoder_and_not_its_decoder(tmp_path: Path) -> None:
    first = fill_in_blocks(Balls(8, 3), TINY, tmp_path / "blocks", Run(), seed=1, device="cpu")
    losses = [row["validation.loss"] for row in first.training.history if "validation.loss" in row]
    assert losses[-1] < losses[0]
    stopped = replace(TINY, training=replace(TINY.training, steps=1, learning_rate=1e-8, validate_every=1))
    after = train_segmenter(Balls(8, 1), None, stopped, ("ball",), tmp_path / "after", Run(), seed=1,
                            start=first.networks, device="cpu")  # fmt: skip
    one: Any = first.networks[SEGMENTER]
    two: Any = after.networks[SEGMENTER]
    for a, b in zip(encoder_parameters(one), encoder_parameters(two), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)
    fresh: Any = recipes.segmenter_networks(TINY, 2, 1)[SEGMENTER]
    own = dict(fresh.named_parameters())
    for name, value in two.named_parameters():
        if not two.is_encoder(name):
            torch.testing.assert_close(value, own[name], atol=1e-5, rtol=0)
    assert all(p.requires_grad for p in recipes.segmenter_networks(TINY, 2)[SEGMENTER].parameters())


def test_a_cancelled_training_says_so_and_goes_on_later(tmp_path: Path) -> None:
    asked: list[int] = []
    run = Run(cancelled=lambda: len(asked) > 6 or bool(asked.append(1)))
    with pytest.raises(Cancelled, match="goes on"):
        train_segmenter(Balls(6, 1), None, TINY, ("ball",), tmp_path, run, seed=2, device="cpu")
    again = train_segmenter(Balls(6, 1), None, TINY, ("ball",), tmp_path, Run(), seed=2, device="cpu")
    assert again.training.steps == 24 and again.training.resumed_from > 0


def test_missing_cases_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="synthetic cases"):
        train_segmenter(Balls(6, 1), None, replace(TINY, strategy=Strategy.MIXED), ("ball",), tmp_path, Run(), seed=1)
    with pytest.raises(ParameterError, match="synthetic images"):
        fill_in_blocks(None, TINY, tmp_path, Run(), seed=1)


ARMS = (Arm("real"), Arm("filled in, mixed", Strategy.MIXED, fill_in=True, ratio=2))


def compare(out: Path, run: Run | None = None, **changes: Any) -> Comparison:
    short = replace(TINY, training=replace(TINY.training, steps=4, validate_every=2, checkpoint_every=4))
    return compare_strategies(
        changes.pop("arms", ARMS), (1, 2, 3), Balls(5, 1), changes.pop("synthetic", Balls(12, 7)), Balls(4, 9),
        changes.pop("settings", short), ("ball",), out, run or Run(), data_name="phantom", device="cpu", **changes,
    )  # fmt: skip


def test_a_comparison_scores_every_arm_seed_case_and_structure_and_resumes(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def report(progress: Any) -> None:
        if "seed 2: done" in progress.step:
            raise Stop

    with pytest.raises(Stop):
        compare(tmp_path, Run(report=report))
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.json")}
    assert len(before) == 3
    table = compare(tmp_path)
    assert table.dice.shape == (2, 3, 4, 1) and np.isfinite(table.dice).all()
    assert all((tmp_path / name).stat().st_mtime_ns == when for name, when in before.items())
    assert table.scores["real", 1].cases == 4 and table.scores["filled in, mixed", 1].cases == 13
    again = compare(tmp_path)
    assert np.array_equal(again.dice, table.dice)
    with pytest.raises(FileError, match="another comparison"):
        compare(tmp_path, settings=TINY)
    with pytest.raises(FileError, match="another comparison"):
        compare(tmp_path, synthetic=Balls(12, 8))
    next(tmp_path.glob("real*.json")).write_text("{")
    with pytest.raises(FileError, match="damaged"):
        compare(tmp_path)


def test_the_same_comparison_elsewhere_gives_the_same_numbers(tmp_path: Path) -> None:
    one, two = (compare(tmp_path / name, arms=ARMS[:1]) for name in ("a", "b"))
    assert np.array_equal(one.dice, two.dice)


def test_arms_and_cases_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="different names"):
        compare(tmp_path, arms=(Arm("a"), Arm("a")))
    with pytest.raises(ParameterError, match="synthetic cases"):
        compare_strategies(ARMS, (1,), Balls(3, 1), None, Balls(3, 2), TINY, ("ball",), tmp_path, Run())
    with pytest.raises(ParameterError, match="test cases"):
        compare_strategies(ARMS, (1,), Balls(3, 1), Balls(3, 1), Balls(2, 2), TINY, ("ball",), tmp_path, Run())


def made_up(better: float, noise: float = 0.01) -> Comparison:
    rng = np.random.default_rng(4)
    cases = rng.uniform(0.6, 0.9, (40, 2))
    scores = {}
    for seed in (1, 2, 3):
        for arm, plus in (("a", 0.0), ("b", better)):
            scores[arm, seed] = Score(cases + plus + rng.normal(0, noise, cases.shape), 9, 6, 1.0, 5)
    return Comparison(("a", "b"), (1, 2, 3), ("x", "y"), scores, "phantom")


def test_a_difference_is_found_when_it_is_there_and_not_when_it_is_not() -> None:
    table = made_up(0.03)
    apart = table.difference("b", "a")
    assert apart.estimate == pytest.approx(0.03, abs=0.005) and apart.low > 0 and apart.seeds == 3
    assert table.against("b", "a").p_value < 1e-4
    none = made_up(0.0).difference("b", "a")
    assert none.low < 0 < none.high
    assert table.mean("a").low < table.mean("a").estimate < table.mean("a").high
    assert 0 < table.seed_spread("a") < 0.01
    with pytest.raises(ParameterError, match="no arm"):
        table.mean("c")


def test_tables_hold_every_number_and_say_phantom() -> None:
    table = made_up(0.03)
    assert len(table.by_case()) == 2 * 3 * 40 * 2 and len(table.by_structure()) == 2
    assert "phantom" in table.by_structure().name
    plain = Score.from_plain(table.scores["a", 1].to_plain())
    assert np.array_equal(plain.dice, table.scores["a", 1].dice)


# Recipes.


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.id)
def test_settings_of_recipes_survive_as_plain_values_and_can_be_changed(recipe: Any) -> None:
    for preset in recipe.presets.values():
        assert from_plain(recipe.settings, as_plain(preset)) == preset
    changed = change(recipe.presets["small"], {"strategy": "mixed", "training.steps": "7", "augment.noise": "0"})
    assert changed.strategy is Strategy.MIXED and changed.training.steps == 7
    assert recipe.data_shape(changed).shape_kji == changed.shape
    with pytest.raises(ParameterError, match="strategy"):
        change(recipe.presets["small"], {"strategy": "guesses"})


@pytest.mark.parametrize("recipe", ALL[:3], ids=lambda r: r.id)
def test_the_published_size_can_be_built_and_takes_a_step(recipe: Any) -> None:
    settings = replace(recipe.presets["published"], strategy=Strategy.REAL, blocks=Blocks(2, 1.0, 3, 5))
    with torch.device("meta"):
        networks = recipe.networks(settings)
    assert settings.widths == (32, 64, 128, 256, 320)
    assert sum(p.numel() for p in networks[SEGMENTER].parameters()) > 5_000_000
    small = replace(settings, widths=TINY.widths, synthetic="phantom", shape=(16, 16, 16))
    data = Data(Balls(4, 1), Balls(2, 2))
    models = {"encoder": type("M", (), {"networks": recipes.segmenter_networks(small, 1, 8)})} if recipe.needs else {}
    if recipe is recipes.HEARTS_CT_BLOCKS:
        pytest.skip("learns from phantoms alone: see the test of filling in blocks")
    learner = recipe.learner(small, data, recipe.networks(small), models)
    (phase,) = learner.phases()
    batch = collate([learner.training.case(n, np.random.default_rng(n)) for n in (0, 1)])
    loss, _ = phase.loss(batch, BatchRandom(1, 0, (0, 1)), 0)
    loss.backward()
    assert np.isfinite(loss.item())
