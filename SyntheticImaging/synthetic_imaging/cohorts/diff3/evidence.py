"""The evidence page of DIFF-3: `synthetic-imaging reproduce diff3`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.diff3 import settings as chosen
from synthetic_imaging.cohorts.diff3.generator import AUTOENCODER, DIFFUSION
from synthetic_imaging.context import Run
from synthetic_imaging.learning.settings import Precision, Training

if TYPE_CHECKING:
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.weights.models import Model
    from synthetic_imaging.segmentation.comparison import Comparison

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
_SEED = 20241121
MYOCARDIUM, CAVITY = 1, 2
REAL, MIXED = "real", "real and synthetic"
GRID = (40, 40, 32)


@dataclass(frozen=True)
class Scale:
    """How large the evidence is; the quick one only shows that everything runs."""

    synthetic: int = 856
    judged: int = 428
    seeds: tuple[int, ...] = (1, 2, 3)
    calls: tuple[int, ...] = (4, 6, 8, 10, 15, 20, 30, 50)
    curve: int = 108
    steps: int = 100
    neighbours: int = 12


@dataclass(frozen=True)
class Parts:
    """What is judged."""

    data: Data
    autoencoder: Model
    diffusion: Model
    gan: Model


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Train or take the shipped weights, judge them on phantoms, write ``diff3.md`` with pictures.

    Args:
        out: folder for the page; trainings go into ``work/diff3`` in it, and are gone on with.
        run: progress and cancel.
        quick: a few seconds of everything, to show that it runs; the figures mean nothing then.
        train: train all parts anew instead of taking the shipped autoencoder and diffusion model; without shipped ones
            all parts are trained.
    """
    from synthetic_imaging.cohorts.diff3 import findings
    from synthetic_imaging.evidence.page import Page

    scale = Scale(16, 16, (1, 2), (4, 5), 14, 6, 10) if quick else Scale()
    work = out / "work" / "diff3"
    parts = _parts(work, run.part(0, 0.35), quick, train)
    page = Page("diff3", "DIFF-3 on phantom hearts: what it is worth")
    synthetic = synthetic_set(parts, scale.synthetic, run.part(0.35, 0.45), scale.steps)
    comparison = segmentation(parts, synthetic, scale, work / "segmentation", run.part(0.45, 0.85), quick)
    features = features_of_hearts(work, run.part(0.85, 0.88), quick)
    findings.write(page, parts, synthetic, comparison, features, scale, run.part(0.88, 0.99))
    command = "synthetic-imaging reproduce diff3" + (" --quick" if quick else "") + (" --train" if train else "")
    page.write(out, command)
    run.progress(1.0, "page written")


def _parts(work: Path, run: Run, quick: bool, train: bool) -> Parts:
    from synthetic_imaging.cohorts.diff3.recipes import phantom_cases
    from synthetic_imaging.learning.phantom_models import phantom_model
    from synthetic_imaging.learning.weights import names
    from synthetic_imaging.learning.weights.models import load_model

    cases = chosen.Echoes(training=16, validation=4, test=12) if quick else chosen.Echoes()
    data = phantom_cases(cases)

    def of(settings: Any) -> Any:
        if not quick:
            return settings
        # In float32: so few cases give bfloat16 gradients that are no numbers.
        short = replace(settings.training, steps=4, batch_size=2, validate_every=4, precision=Precision.FLOAT32)
        return replace(settings, cases=cases, training=short)

    if train or quick or not {AUTOENCODER, DIFFUSION} <= set(names.shipped()):
        autoencoder = phantom_model("diff3.autoencoder", of(chosen.AutoencoderRecipe()), work / "autoencoder", 0,
                                    run.part(0, 0.5), data=data)
        diffusion = phantom_model("diff3.diffusion", of(chosen.DiffusionRecipe()), work / "diffusion", 0,
                                  run.part(0.5, 0.8), models={"autoencoder": autoencoder}, data=data)
    else:
        autoencoder, diffusion = load_model(AUTOENCODER, run.device), load_model(DIFFUSION, run.device)
    gan = phantom_model("diff3.gan", of(chosen.GanRecipe()), work / "gan", 0, run.part(0.8, 1.0), data=data)
    return Parts(data, autoencoder, diffusion, gan)


def synthetic_set(parts: Parts, count: int, run: Run, steps: int = Scale.steps) -> tuple[Images, Labels]:
    """Pairs by DDIM, with 100 steps as in the authors' generation script."""
    from synthetic_imaging.cohorts.diff3.recipes import noise_schedule
    from synthetic_imaging.cohorts.paired_models import pair_sampler

    sampler = pair_sampler(parts.autoencoder, parts.diffusion, noise_schedule(parts.diffusion.settings),
                           sampler_name="ddim", steps=steps, device=run.device)
    made = list(sampler.many(_SEED, count, batch_size=32, progress=lambda f: run.progress(f, "synthetic pairs")))
    return np.stack([image for image, _ in made]), np.stack([label for _, label in made])


def segmentation(
    parts: Parts, synthetic: tuple[Images, Labels], scale: Scale, work: Path, run: Run, quick: bool
) -> Comparison:
    """Real against real and synthetic, as the publication's table 2."""
    from synthetic_imaging.learning.array_cases import ArrayCases
    from synthetic_imaging.segmentation.experiment import Arm, compare_strategies
    from synthetic_imaging.segmentation.settings import ECHO_SMALL, Strategy

    settings = replace(ECHO_SMALL, shape=GRID, ratio=len(synthetic[0]) / len(parts.data.training))
    if quick:
        settings = replace(settings, training=Training(steps=2, batch_size=2, validate_every=2))
    assert parts.data.test is not None
    return compare_strategies(
        (Arm(REAL), Arm(MIXED, Strategy.MIXED)), scale.seeds, parts.data.training, ArrayCases(*synthetic),
        parts.data.test, settings, chosen.STRUCTURES, work, run, validation=parts.data.validation, data_name="phantom",
        device=run.device,
    )


def features_of_hearts(work: Path, run: Run, quick: bool) -> FeatureExtractor:
    """Features of a U-Net that has learned to segment phantom echoes which nothing else uses."""
    from synthetic_imaging.cohorts.diff3.recipes import phantom_cases
    from synthetic_imaging.segmentation.features import encoder_features
    from synthetic_imaging.segmentation.settings import ECHO_SMALL

    steps = 2 if quick else 500
    settings = replace(ECHO_SMALL, shape=GRID, training=replace(ECHO_SMALL.training, steps=steps, validate_every=steps))
    own = phantom_cases(chosen.Echoes(seed=77, training=8 if quick else 160, validation=4 if quick else 16, test=2))
    assert own.validation is not None
    return encoder_features(own.training, own.validation, settings, chosen.STRUCTURES, work / "features", run,
                            name="encoder of a U-Net trained on other phantom echoes")
