"""The comparison of the families: measures, child processes, verdicts, and a quick page."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from synthetic_imaging.cohorts.families import claims
from synthetic_imaging.cohorts.families.child import in_child, peak_bytes, resident_bytes
from synthetic_imaging.cohorts.families.measures import gradient_energy
from synthetic_imaging.cohorts.families.memory import of_family, same_size
from synthetic_imaging.cohorts.families.model import FAMILIES
from synthetic_imaging.context import Run
from synthetic_imaging.errors import Cancelled, JobFailed


def doubled(number: int, run: Run) -> int:
    run.progress(0.5, "doubling")
    run.note("doubled")
    if number < 0:
        raise ValueError("below zero")
    if number == 0:
        os._exit(3)
    return 2 * number


def test_work_in_a_child_comes_back_with_progress_notes_and_errors() -> None:
    steps: list[str] = []
    run = Run(report=lambda p: steps.append(p.step))
    assert in_child(doubled, 21, run=run) == 42
    assert steps == ["doubling"] and run.notes == ["doubled"]
    with pytest.raises(JobFailed, match="below zero"):
        in_child(doubled, -1, run=Run())
    with pytest.raises(JobFailed, match="code 3"):
        in_child(doubled, 0, run=Run())
    with pytest.raises(Cancelled):
        in_child(doubled, 1, run=Run(cancelled=lambda: True))


def test_the_peak_of_memory_is_at_least_what_is_held() -> None:
    before = resident_bytes()
    held = np.ones(4_000_000)
    assert peak_bytes() >= resident_bytes() - 2**20
    assert resident_bytes() >= before and held.sum() == 4e6


def test_gradient_energy_falls_with_blur_and_grows_with_noise() -> None:
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    sharp = (rng.random((3, 1, 12, 12, 12)) > 0.5).astype(np.float32)
    blurred = gaussian_filter(sharp, (0, 0, 1, 1, 1))
    assert (gradient_energy(blurred) < 0.3 * gradient_energy(sharp)).all()
    ramp = np.broadcast_to(np.arange(5.0)[:, None, None], (1, 1, 5, 5, 5)).astype(np.float32)
    assert gradient_energy(ramp)[0] == pytest.approx(1.0)


def test_memory_is_compared_at_one_size_and_by_the_larger_stage() -> None:
    sizes = same_size(64)
    assert {s.training.batch_size for s in sizes.values()} == {2}
    widths = {getattr(s.network, "width", None) or s.network.widths[0] for s in sizes.values()}
    assert widths == {32}
    memory = {place: number for number, place in enumerate(sizes)}
    for name, family in FAMILIES.items():
        assert of_family(name, memory) == max(memory[place] for place in family.stages.values())


def verdicts_of(energy_of_vae: float, wavelet: int) -> list[str]:
    rows: Any = {family.title: SimpleNamespace(recall=0.1 if name == "gan" else 0.5)
                 for name, family in FAMILIES.items()}
    energy = {family.title: energy_of_vae if name == "vae" else 0.8 for name, family in FAMILIES.items()}
    energy["GAN"] = 1.2
    curves = {name: SimpleNamespace(mean=np.array([4.0, 1.0]), sizes=np.array([10, 80])) for name in (*rows, "real")}
    memory = dict.fromkeys(same_size(32), 10_000_000) | {"families.wavelet": wavelet}
    return claims.verdicts(rows, energy, curves, memory, "real")


def test_claims_are_reported_as_they_fall() -> None:
    memory, blur, recall, few = verdicts_of(0.2, 1_000_000)
    assert all("**held**" in sentence for sentence in (memory, blur, recall, few))
    assert "Latent diffusion, Latent rectified flow" in blur and "4.0 times" in few
    memory, blur, _, _ = verdicts_of(2.0, 90_000_000)
    assert "**did not hold**" in memory and "**did not hold**" in blur and "90 MB" in memory


@pytest.mark.slow
@pytest.mark.usefixtures("one_torch_thread")
def test_a_quick_run_writes_the_page_and_goes_on_from_its_results(tmp_path: Path) -> None:
    from synthetic_imaging.cohorts.families.evidence import reproduce

    reproduce(tmp_path, Run(1), quick=True)
    page = (tmp_path / "families.md").read_text(encoding="utf-8")
    assert "phantom" in page and "nan" not in page.lower()
    for family in FAMILIES.values():
        assert page.count(family.title) >= 4
    assert len(list((tmp_path / "pictures").glob("families-*.jpg"))) == 4
    # What is there is taken: the trainings could not be repeated without their folders' contents being made again.
    work = tmp_path / "work" / "families-quick"
    made = {path.name: path.stat().st_mtime_ns for path in work.glob("result-*.json")}
    (tmp_path / "families.md").unlink()
    shutil.rmtree(tmp_path / "pictures")
    reproduce(tmp_path, Run(1), quick=True)
    assert (tmp_path / "families.md").is_file()
    assert {path.name: path.stat().st_mtime_ns for path in work.glob("result-*.json")} == made
