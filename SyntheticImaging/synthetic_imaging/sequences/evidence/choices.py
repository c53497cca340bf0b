"""The evidence page of choices: `synthetic-imaging reproduce sequences-choices`.

Trainings of equal time that answer single questions: slices or slabs, generator or flow, with or without a term of the
loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.evidence.page import Page
from synthetic_imaging.sequences.evidence.patients import Patient, Values, contrast, patient, quality, spread
from synthetic_imaging.sequences.learned.applying import Passes
from synthetic_imaging.sequences.protocols import Contrast, sequence_of

# Patients of their own: what is chosen here is not chosen on those that the page reports.
_SEED, _PATIENTS = 6000, 4
_SPACING = (1.1, 1.1, 3.0)
MINUTES = 7
_ANSWERS = 4
_EQUAL = {"training.cool_down_steps": "0", "training.validate_every": "100000"}
# As many steps as took the same time on one processor core: then a page does not depend on what else a machine does.
ARMS: Mapping[str, Mapping[str, str]] = {
    "three slices (2.5-D)": {"training.steps": "1250"},
    "one slice (2-D)": {"training.steps": "1280", "slices": "1"},
    "slabs of eight slices (3-D)": {"training.steps": "180", "dims": "3", "slices": "8", "training.batch_size": "2"},
    "three slices, flow of six steps, one answer": {"training.steps": "2270", "flow_steps": "6"},
    "three slices, no lesion term": {"training.steps": "1250", "weights.lesions": "0"},
    "three slices, no discriminator": {"training.steps": "1650", "weights.adversarial": "0"},
}


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Train each arm, or take what an earlier run has trained, and judge it; write ``sequences-choices.md``.

    Args:
        out: folder for the page and the trainings.
        run: device, progress and cancel.
        quick: two arms of a few steps; the figures mean nothing then.
        train: changes nothing: arms are always trained where they are not there.
    """
    del train
    page = Page("sequences-choices", "Choices behind the network of missing sequences, on phantom brains")
    page.summary = (
        "Everything here was obtained on phantoms, on patients that are on no other page: what other networks and "
        "losses would have given in place of the tool's."
    )
    arms = dict(list(ARMS.items())[:2]) if quick else dict(ARMS)
    _write_arms(page, out, arms, {"training.steps": "5", "patients.training": "2"} if quick else {}, run)
    page.write(out, "synthetic-imaging reproduce sequences-choices" + (" --quick" if quick else ""))
    run.progress(1.0, "page written")


def _write_arms(
    page: Page, out: Path, arms: Mapping[str, Mapping[str, str]], shorter: Mapping[str, str], run: Run
) -> None:
    from synthetic_imaging.learning.phantom_models import phantom_model
    from synthetic_imaging.learning.recipe import change
    from synthetic_imaging.sequences.learned.recipe import SYNTHESIS

    patients = [patient(_SEED + n, _SPACING, 3.0, Run()) for n in range(_PATIENTS)]
    rows: list[tuple[str, list[dict[str, float]], float]] = []
    for at, (name, changes) in enumerate(arms.items()):
        part = run.part(at / len(arms), (at + 1) / len(arms))
        settings: Any = change(SYNTHESIS.presets["small"], {**_EQUAL, **changes, **shorter})
        model = phantom_model(SYNTHESIS.id, settings, out / "work" / "sequences-arms" / f"arm-{at + 1}", 1,
                              part.part(0.0, 0.9))
        steps = model.card.metrics["steps"]
        rows.append((name, [_judged(model, one, Passes(), part) for one in patients], steps))
        if settings.flow_steps:
            passes = Passes(_ANSWERS, seed=3)
            rows.append((f"the same, mean of {_ANSWERS} answers", [_judged(model, one, passes, part)
                                                                   for one in patients], steps))
    page.section("What the network needs")
    page.text("The first row is the network of the tool, which was trained for longer.")
    keys = ("SSIM", "PSNR", "MAE brain", "MAE lesions", "CNR to grey matter", "CNR to white matter")
    page.table(("Network", "Steps", "SSIM ↑", "PSNR, dB ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓",
                "Lesion to grey matter, CNR", "to white matter"),
               [(name, int(steps), *(spread([one[key] for one in judged]) for key in keys))
                for name, judged, steps in rows])
    page.text(f"Each was trained for as many steps as take {MINUTES} minutes on one processor core, one seed; DIR from "
              f"FLAIR and T1w of {_PATIENTS} phantoms that are neither in training nor elsewhere here. Differences "
              "smaller than those between two seeds mean nothing, and those were not measured.")


def _judged(model: Any, one: Patient, passes: Passes, run: Run) -> dict[str, float]:
    from synthetic_imaging.sequences.evidence.learned import made

    one = Patient(one.head, one.inside, one.numbers, one.regions, one.geometry, np.random.default_rng(2))
    images: dict[Contrast, Values] = {c: one.image(sequence_of(c), shading=0.05)
                                      for c in (Contrast.FLAIR, Contrast.T1W)}
    true = one.image(sequence_of(Contrast.DIR), noise=0.0)
    got, _ = made(model, images, one, Run(device=run.device), passes)
    return {**quality(got.image, true, one), **contrast(got.image, one)}
