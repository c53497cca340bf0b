"""The trained generator and detector of MR sequences: training, tool, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import synthetic_imaging as si  # noqa: E402
from synthetic_imaging import samples  # noqa: E402
from synthetic_imaging.context import Run  # noqa: E402
from synthetic_imaging.errors import InputError, ParameterError  # noqa: E402
from synthetic_imaging.learning.learner import collate  # noqa: E402
from synthetic_imaging.learning.phantom_models import phantom_model  # noqa: E402
from synthetic_imaging.learning.randomness import BatchRandom, generator_of  # noqa: E402
from synthetic_imaging.learning.recipe import change  # noqa: E402
from synthetic_imaging.learning.registry import recipe  # noqa: E402
from synthetic_imaging.sequences.detector.settings import SEEN, SIGHTS, Sight  # noqa: E402

pytestmark = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")
TINY = {"widths": "8,8,16", "training.steps": "3", "training.batch_size": "2", "training.validation_cases": "2",
        "patients.training": "2", "patients.validation": "2", "patients.side": "32"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A generator after three steps, and its file."""
    folder = tmp_path_factory.mktemp("synthesis")
    settings = change(recipe("sequences.synthesis").presets["small"], {**TINY, "judge_width": "8"})
    return phantom_model("sequences.synthesis", settings, folder, 1, Run()), folder / "model.safetensors"


@pytest.fixture(scope="module")
def visit() -> Any:
    return si.run("sequences.phantom", seed=3, spacing_mm=3.0, lesions=10)


def test_a_model_knows_what_its_training_images_looked_like(trained: Any) -> None:
    model, _ = trained
    knowledge = model.networks["knowledge"]
    assert "judge" not in model.networks and int(knowledge.patients) > 0
    assert float(knowledge.seen.std()) > 0.05 and (knowledge.reach[1:] > 0).all()


def test_the_result_lies_on_the_grid_of_flair_whatever_the_other_grids(trained: Any, visit: Any) -> None:
    _, path = trained
    t1w = visit.t1w
    thick = si.Volume(t1w.voxels[::2], si.Geometry(t1w.geometry.ijk_to_ras @ np.diag([1.0, 1.0, 2.0, 1.0]),
                                                   t1w.voxels[::2].shape), modality="MR")
    made = si.run("sequences.synthesise", flair=visit.flair, t1w=thick, model=str(path), passes=2, uncertainty=True,
                  align=False)
    assert made.volume.geometry == visit.flair.geometry == made.uncertainty.geometry
    assert made.volume.modality == "MR" and made.volume.voxels.min() >= 0 and np.isfinite(made.volume.voxels).all()
    assert made.uncertainty.voxels.max() > 0
    told = dict(zip(made.domain.column("quantity"), made.domain.column("value"), strict=True))
    assert told["Slice thickness"] == 3.0
    assert any("trained on" in note for note in made.notes)


def test_one_sequence_is_enough_and_uncertainty_can_be_left_out(trained: Any, visit: Any) -> None:
    _, path = trained
    made = si.run("sequences.synthesise", t2w=visit.t2w, model=str(path), contrast="FLAIR", even_brightness=False)
    assert made.volume.name == "Synthetic FLAIR" and "uncertainty" not in made.outputs


def test_asking_for_what_was_given_is_answered_with_a_note(trained: Any, visit: Any) -> None:
    _, path = trained
    made = si.run("sequences.synthesise", flair=visit.flair, model=str(path), contrast="FLAIR", even_brightness=False)
    assert any("copy of it" in note for note in made.notes)


def test_nothing_given_a_foreign_model_and_an_empty_image_get_sentences(trained: Any, visit: Any) -> None:
    _, path = trained
    with pytest.raises(InputError, match="No sequence was given"):
        si.run("sequences.synthesise", model=str(path))
    with pytest.raises(ParameterError, match="makes no MR sequence"):
        si.run("sequences.synthesise", flair=visit.flair, model="segmentation.hearts-ct")
    empty = replace(visit.flair, voxels=np.zeros_like(visit.flair.voxels))
    with pytest.raises(InputError, match=r"brain|constant|same value"):
        si.run("sequences.synthesise", flair=empty, model=str(path))


def test_the_published_size_takes_a_step() -> None:
    here = recipe("sequences.synthesis")
    settings = change(here.presets["published"], {"patients.training": "1", "patients.validation": "1",
                                                  "patients.side": "64"})
    networks = here.networks(settings)
    learner = here.learner(settings, here.phantom(settings), networks, {})
    batch = collate([learner.training.case(0, generator_of(0, 0))])
    for phase in learner.phases():
        loss, _ = phase.loss(batch, BatchRandom(0, 0, range(1)), 0)
        loss.backward()
        assert torch.isfinite(loss)
        assert any(p.grad is not None and bool(p.grad.any()) for p in networks[phase.networks[0]].parameters())


def test_the_detector_sees_what_a_sight_shows_and_nothing_else(trained: Any, tmp_path: Path) -> None:
    generator, _ = trained
    here = recipe("sequences.lesion-detector")
    settings = change(here.presets["small"], TINY)
    networks = here.networks(settings)
    learner: Any = here.learner(settings, here.phantom(settings), networks, {"generator": generator})
    batch = collate([learner.training.case(n, generator_of(0, n)) for n in range(2)])
    for number, sight in enumerate(SIGHTS):
        seen, told = learner._sight(batch, torch.full((2,), number))
        assert told[0].tolist() == [float(c in sight.contrasts) for c in SEEN]
        assert (seen[told == 0] == -1).all()
        true = torch.equal(seen[:, 2], batch["dir"][:, 0])
        assert true == (sight in (Sight.TRUE_DIR, Sight.FLAIR_TRUE_DIR))
    assert "generator" not in networks
    model = phantom_model("sequences.lesion-detector", settings, tmp_path, 1, Run(), models={"generator": generator})
    assert model.needs["generator"] == generator.sha256
