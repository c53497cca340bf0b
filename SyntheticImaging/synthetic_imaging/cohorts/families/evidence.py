"""The evidence page of the families: `synthetic-imaging reproduce families`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic_imaging.cohorts.families.comparison import ABLATION, SEED, Scale, compare
from synthetic_imaging.cohorts.families.settings import Hearts
from synthetic_imaging.context import Run
from synthetic_imaging.learning.settings import Precision

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.families.hearts import HeartSets
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.learning.samplers.curve import CurvePoint

QUICK = Scale(
    seconds=1.0, cases=Hearts(shape_kji=(16, 16, 16), training=8, validation=2, test=16), ruler=4, ruler_steps=2,
    samples=8, calls=(4, 6), curve_samples=4, memory_side=0, apart=False,
    precision=Precision.FLOAT32,
)


def reproduce(
    out: Path, run: Run, *, quick: bool = False, train: bool = False, seconds: float = Scale.seconds
) -> None:
    """Train all families for the same time on phantom hearts, compare them, write ``families.md`` with pictures.

    No weights of theirs are shipped: they are trained here. What ``work/families`` holds of an earlier run of the same
    size is taken, so that an interrupted run goes on with the family it was at.

    Args:
        out: folder for the page.
        run: progress and cancel.
        quick: a second of training for each, to show that it runs; the figures mean nothing then.
        train: train all anew, whatever the work folder holds.
        seconds: of training for each family; 200 by default.
    """
    import shutil

    from synthetic_imaging.cohorts.families import findings
    from synthetic_imaging.cohorts.families.hearts import heart_sets, images_of
    from synthetic_imaging.cohorts.families.measures import features_of_hearts
    from synthetic_imaging.evidence.page import Page

    scale = QUICK if quick else Scale(seconds)
    work = out / "work" / ("families-quick" if quick else "families")
    sets = heart_sets(scale.cases, scale.ruler, work, run.part(0, 0.06))
    if train:
        for folder in (*work.glob("families.*"), work / ABLATION):
            shutil.rmtree(folder, ignore_errors=True)
    found = compare(scale, work, run.part(0.06, 0.75), anew=train)
    features = features_of_hearts(sets, scale, work, run.part(0.75, 0.8))
    reference = images_of(sets.test)
    points = _points(scale, sets, features, reference, work, run.part(0.8, 0.88))
    memory = _memory(scale, work, run.part(0.88, 0.94), train)
    page = Page("families", "Families of generative models on phantom hearts")
    findings.write(page, scale, sets, found, features, points, memory, np.random.default_rng(SEED),
                   run.part(0.94, 0.99))
    command = "synthetic-imaging reproduce families" + (" --quick" if quick else "") + (" --train" if train else "")
    page.write(out, command)
    run.progress(1.0, "page written")


def _points(
    scale: Scale, sets: HeartSets, features: FeatureExtractor, reference: Any, work: Path, run: Run
) -> list[CurvePoint]:
    """The sampler curves; those of the work folder if no model is newer."""
    from synthetic_imaging.cohorts.families.curves import ARMS, sampler_curves
    from synthetic_imaging.learning.samplers.curve import CurvePoint

    file = work / "curves.json"
    made = [work / f"result-{name}.json" for name in ARMS]
    if file.is_file() and all(file.stat().st_mtime_ns > path.stat().st_mtime_ns for path in made):
        return [CurvePoint(**point) for point in json.loads(file.read_text(encoding="utf-8"))]
    points = sampler_curves(scale, sets, features, reference, work, run)
    file.write_text(json.dumps([asdict(point) for point in points], indent=1), encoding="utf-8")
    return points


def _memory(scale: Scale, work: Path, run: Run, anew: bool) -> dict[str, int]:
    """Recipe -> bytes, from the work folder if it is there; nothing for a quick run."""
    from synthetic_imaging.cohorts.families.memory import training_memory

    file = work / "memory.json"
    if not scale.memory_side:
        return {}
    if anew or not file.is_file():
        file.write_text(json.dumps(training_memory(scale.memory_side, run), indent=1), encoding="utf-8")
    found: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return found
