"""A user's own visits as training cases of the sequence generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import synthetic_imaging as si  # noqa: E402
from synthetic_imaging import files, samples  # noqa: E402
from synthetic_imaging.context import Run  # noqa: E402
from synthetic_imaging.errors import FileError, InputError  # noqa: E402
from synthetic_imaging.learning.learner import collate  # noqa: E402
from synthetic_imaging.learning.learners.translation import TranslationLearner  # noqa: E402
from synthetic_imaging.learning.randomness import BatchRandom, generator_of  # noqa: E402
from synthetic_imaging.learning.recipe import change  # noqa: E402
from synthetic_imaging.learning.registry import recipe  # noqa: E402
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE  # noqa: E402
from synthetic_imaging.sequences.protocols import Contrast  # noqa: E402

pytestmark = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four visits of three patients; one has no DIR, one no PD."""
    place = tmp_path_factory.mktemp("visits")
    made = si.run("sequences.phantom", seed=2, spacing_mm=4.0, lesions=8)
    for name, left_out in (("p1_visit1", ""), ("p1_visit2", "dir"), ("p2", "pd"), ("p3", "")):
        (place / name).mkdir()
        for kind in ("flair", "t1w", "t2w", "pd", "dir"):
            if kind != left_out:
                files.write_volume(made.outputs[kind], place / name / f"{name}_{kind}.nrrd")
        files.write_mask(made.lesions, place / name / "flair_lesions.seg.nrrd")
    (place / "notes").mkdir()
    return place


def small() -> Any:
    return change(recipe("sequences.synthesis").presets["small"], {
        "widths": "8,8,16", "patients.side": "48", "judge_width": "8", "training.batch_size": "2"})


@pytest.fixture(scope="module")
def data(folder: Path) -> Any:
    return recipe("sequences.synthesis").read(small(), folder, 1, Run())  # type: ignore[misc]


def test_visits_are_read_with_what_they_have_and_patients_stay_together(data: Any) -> None:
    parts = [data.training, data.validation, data.test]
    assert sum(len(part) for part in parts) == 4 and sorted(len(part) for part in parts) in ([1, 1, 2],)
    visits = [visit for part in parts for visit in part.visits]
    assert sum(not v.present[MADE.index(Contrast.DIR)] for v in visits) == 1
    assert all(v.lesion.any() for v in visits)


def test_a_case_asks_for_what_is_there_and_gives_what_it_says(data: Any) -> None:
    source: Any = data.training
    for seed in range(8):
        case = source.case(seed % len(source), np.random.default_rng(seed))
        assert case["given"].shape == (len(GIVEN), 3, 48, 48) and case["image"].shape == (len(MADE), 1, 48, 48)
        assert (case["given"][case["present"] == 0] == -1).all() and case["present"].any()
        assert (case["image"][case["wanted"] == 0] == -1).all()


def test_what_has_no_truth_does_not_count(data: Any) -> None:
    here = recipe("sequences.synthesis")
    networks = here.networks(small())
    learner: Any = here.learner(small(), data, networks, {})
    assert isinstance(learner, TranslationLearner)
    batch = collate([learner.training.case(0, generator_of(0, n)) for n in range(2)])
    networks.eval()
    batch["wanted"][:, 0] = 0
    batch["image"][:, 0] = 0.3
    one = learner.validate(batch, BatchRandom(0, 0, range(2)))
    batch["image"][:, 0] = -0.7
    other = learner.validate(batch, BatchRandom(0, 0, range(2)))
    assert float(one["loss"]) == pytest.approx(float(other["loss"]), rel=1e-6)
    learner.before_training("cpu")
    for phase in learner.phases():
        loss, _ = phase.loss(batch, BatchRandom(0, 0, range(2)), 0)
        assert torch.isfinite(loss)


def test_an_empty_folder_and_a_visit_of_two_patients_get_sentences(folder: Path, tmp_path: Path) -> None:
    read: Any = recipe("sequences.synthesis").read
    with pytest.raises(FileError, match="no folder with a FLAIR"):
        read(small(), tmp_path, 1, Run())
    visit = tmp_path / "mixed"
    visit.mkdir()
    rng = np.random.default_rng(1)
    noise = si.Volume(rng.uniform(0, 100, (20, 40, 40)).astype(np.float32),
                      si.Geometry.from_spacing((20, 40, 40), (4.0, 4.0, 4.0), (-80.0, -80.0, -40.0)), modality="MR")
    flair = files.read_volume(next((folder / "p3").glob("*flair.nrrd")))
    files.write_volume(flair, visit / "flair.nrrd")
    files.write_volume(noise, visit / "t1w.nrrd")
    with pytest.raises(InputError, match="mixed: its T1w"):
        read(small(), tmp_path, 1, Run())


def unpaired(method: str) -> Any:
    return change(recipe("sequences.unpaired").presets["small"], {
        "method": method, "pair": "T2w and PD", "patients.side": "32"})


def test_visits_with_one_sequence_are_enough_without_pairs(data: Any) -> None:
    from synthetic_imaging.sequences.unpaired.visits import PairedVisits, UnpairedVisits

    visits = [visit for part in (data.training, data.validation, data.test) for visit in part.visits]
    contrasts, patients = (Contrast.T2W, Contrast.PD), unpaired("SynDiff").patients
    source, paired = UnpairedVisits(patients, contrasts, visits), PairedVisits(patients, contrasts, visits)
    # One of the four has no PD.
    assert (len(source), len(source.pools[1]), len(paired)) == (4, 3, 3)
    for seed in range(6):
        for cases in (source, paired):
            case = cases.case(seed % len(cases), np.random.default_rng(seed))
            assert case["a"].shape == case["b"].shape == (1, 32, 32) and case["lesion"].shape == (32, 32)
            assert case["a"].max() > -1 and case["b"].max() > -1


def test_a_sequence_that_no_visit_has_gets_a_sentence(tmp_path: Path, folder: Path) -> None:
    for name in ("q1", "q2", "q3"):
        (tmp_path / name).mkdir()
        files.write_volume(files.read_volume(next((folder / "p3").glob("*t2w.nrrd"))), tmp_path / name / "t2w.nrrd")
    read: Any = recipe("sequences.unpaired").read
    with pytest.raises(InputError, match="has a PD"):
        read(unpaired("SynDiff"), tmp_path, 1, Run())
    with pytest.raises(InputError, match="both a T2w and a PD"):
        read(unpaired("paired"), tmp_path, 1, Run())
