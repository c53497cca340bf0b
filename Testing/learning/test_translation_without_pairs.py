"""Models of two sequences in use: on volumes, by the tool, and what became of lesions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import synthetic_imaging as si  # noqa: E402
from synthetic_imaging import samples  # noqa: E402
from synthetic_imaging.context import Run  # noqa: E402
from synthetic_imaging.errors import ParameterError  # noqa: E402
from synthetic_imaging.learning.networks.building import built  # noqa: E402
from synthetic_imaging.learning.recipe import change  # noqa: E402
from synthetic_imaging.learning.registry import recipe  # noqa: E402
from synthetic_imaging.learning.weights.card import Card  # noqa: E402
from synthetic_imaging.learning.weights.models import load_model, save_model  # noqa: E402
from synthetic_imaging.sequences.evidence.kept_lesions import lesion_fate  # noqa: E402
from synthetic_imaging.sequences.unpaired.applying import Answers, translated  # noqa: E402

needs_brain = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")
METHODS = ("SynDiff", "cycle-GAN", "paired", "paired diffusion")


def stored(folder: Path, method: str) -> Path:
    """A model that has learned nothing, on disk."""
    here = recipe("sequences.unpaired")
    chosen = change(here.presets["small"], {"method": method, "widths": "8,8", "judge_width": "4", "noise_steps": "20"})
    with built(1):
        networks = here.networks(chosen)
    path = folder / f"{method.replace(' ', '-')}.safetensors"
    card = Card(title=here.title, recipe=here.id, version="0", licence="Apache-2.0", training_data="nothing",
                known_failures=("untrained",), metrics={}, seed=1)
    save_model(path, here.id, chosen, networks, card)
    return path


@pytest.mark.parametrize("method", METHODS)
def test_a_volume_of_any_size_is_translated_and_its_batches_do_not_matter(method: str, tmp_path: Path) -> None:
    model = load_model(stored(tmp_path, method), "cpu")
    given = np.random.default_rng(1).uniform(-1, 1, (6, 21, 18)).astype(np.float32)
    answers = Answers(2, seed=3, calls=3)
    mean, variance = translated(model, given, "b", answers, "cpu", Run())
    assert mean.shape == variance.shape == given.shape and np.isfinite(mean).all()
    last, _ = translated(model, given[4:], "b", answers, "cpu", Run())
    np.testing.assert_allclose(last, mean[4:], atol=1e-5)
    assert (variance.max() > 0) == (method in ("SynDiff", "paired diffusion"))
    again, _ = translated(model, given, "b", answers, "cpu", Run())
    assert (again == mean).all()


@needs_brain
def test_the_tool_takes_a_model_that_was_trained_without_pairs(tmp_path: Path) -> None:
    model = str(stored(tmp_path, "SynDiff"))
    visit = si.run("sequences.phantom", seed=2, spacing_mm=4.0, lesions=4)
    options: dict[str, Any] = {"model": model, "even_brightness": False, "align": False}
    made = si.run("sequences.synthesise", t2w=visit.t2w, contrast="FLAIR", uncertainty=True, passes=2, **options)
    assert made.volume.geometry == visit.t2w.geometry and made.uncertainty.voxels.max() > 0
    assert any("from the T2w alone" in note for note in made.notes)
    assert made.domain.rows[0][1] is None and not made.domain.rows[0][4]
    with pytest.raises(ParameterError, match="makes no DIR"):
        si.run("sequences.synthesise", t2w=visit.t2w, **options)
    with pytest.raises(ParameterError, match="from T2w, which was not given"):
        si.run("sequences.synthesise", t1w=visit.t1w, contrast="FLAIR", **options)


def patient() -> Any:
    """White matter with two lesions of 27 voxels of 1 mm."""
    numbers = np.zeros((12, 30, 30), np.uint16)
    numbers[4:7, 5:8, 5:8], numbers[4:7, 5:8, 20:23] = 1, 2
    white = np.where(numbers == 0, 1.0, 0.0)
    return SimpleNamespace(
        numbers=numbers, tissue={"white matter": white > 0.9},
        head=SimpleNamespace(fractions={"white matter": white, "grey matter": 0 * white}),
        geometry=si.Geometry.from_spacing(numbers.shape, (1.0, 1.0, 1.0)))


def test_a_faded_lesion_is_lost_and_a_new_spot_is_invented() -> None:
    one, slices = patient(), np.arange(12)
    true = np.where(one.numbers > 0, 2.0, 1.0).astype(np.float32)
    same = lesion_fate(true, true, one, slices, 1.0)
    assert (same.present, same.kept, same.invented) == (2, 2, 0) and same.contrast == pytest.approx(1.0)
    found = true.copy()
    found[one.numbers == 2] = 1.2
    found[8:11, 20:23, 12:15] = 1.8
    fate = lesion_fate(found, true, one, slices, 1.0)
    assert (fate.present, fate.kept, fate.invented) == (2, 1, 1)
    assert fate.contrast == pytest.approx(0.6, abs=1e-4) and fate.invented_ml == pytest.approx(0.027)


def test_a_spot_beside_a_lesion_is_not_counted_as_invented() -> None:
    one, slices = patient(), np.arange(12)
    true = np.where(one.numbers > 0, 2.0, 1.0).astype(np.float32)
    found = true.copy()
    found[4:7, 8:11, 5:8] = 2.0
    assert lesion_fate(found, true, one, slices, 1.0).invented == 0
