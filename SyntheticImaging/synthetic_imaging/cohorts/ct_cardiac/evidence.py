"""The evidence page of the paired cardiac CT model: `synthetic-imaging reproduce ct-cardiac`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.ct_cardiac import settings as chosen
from synthetic_imaging.cohorts.ct_cardiac.generator import AUTOENCODER, DIFFUSION
from synthetic_imaging.context import Run
from synthetic_imaging.learning.networks.settings import LabelCode
from synthetic_imaging.learning.settings import Precision, Training

if TYPE_CHECKING:
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.learning.recipe import Data
    from synthetic_imaging.learning.weights.models import Model
    from synthetic_imaging.segmentation.comparison import Comparison

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
_SEED = 20241210
# The three arms of the publication's table.
BASELINE, PRETRAINED, PROPOSED = "real only", "filled in, real", "filled in, real and synthetic 3:1"


@dataclass(frozen=True)
class Scale:
    """How large the evidence is; the quick one only shows that everything runs."""

    synthetic: int = 120
    seeds: tuple[int, ...] = (1, 2, 3)
    calls: tuple[int, ...] = (4, 8, 15, 30, 50)
    curve: int = 60
    steps: int = 50


@dataclass(frozen=True)
class Parts:
    """What is judged."""

    data: Data
    autoencoder: Model
    soft_max: Model
    diffusion: Model


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Train or take the shipped weights, judge them on phantoms, write ``ct-cardiac.md`` with pictures.

    Args:
        out: folder for the page; trainings go into ``work/ct-cardiac`` in it, and are gone on with.
        run: progress and cancel.
        quick: a few seconds of everything, to show that it runs; the figures mean nothing then.
        train: train all parts anew instead of taking the shipped autoencoder and diffusion model; without shipped ones
            all parts are trained.
    """
    from synthetic_imaging.cohorts.ct_cardiac import findings
    from synthetic_imaging.evidence.page import Page

    scale = Scale(12, (1, 2), (4, 5), 8, 10) if quick else Scale()
    work = out / "work" / "ct-cardiac"
    parts = _parts(work, run.part(0, 0.4), quick, train)
    synthetic = synthetic_set(parts, scale.synthetic, run.part(0.4, 0.45), scale.steps)
    comparison = three_arms(parts, synthetic, scale, work / "segmentation", run.part(0.45, 0.9), quick)
    features = features_of_hearts(work, run.part(0.9, 0.93), quick)
    page = Page("ct-cardiac", "Paired cardiac CT on phantom hearts: what it is worth")
    findings.write(page, parts, synthetic, comparison, features, scale, run.part(0.93, 0.99))
    command = "synthetic-imaging reproduce ct-cardiac" + (" --quick" if quick else "") + (" --train" if train else "")
    page.write(out, command)
    run.progress(1.0, "page written")


def _parts(work: Path, run: Run, quick: bool, train: bool) -> Parts:
    from synthetic_imaging.cohorts.ct_cardiac.recipes import phantom_cases
    from synthetic_imaging.learning.phantom_models import phantom_model
    from synthetic_imaging.learning.weights import names
    from synthetic_imaging.learning.weights.models import load_model

    cases = chosen.Hearts(training=12, validation=4, test=6) if quick else chosen.Hearts()
    data = phantom_cases(cases)

    def of(settings: Any) -> Any:
        if not quick:
            return settings
        short = replace(settings.training, steps=3, batch_size=2, validate_every=3, precision=Precision.FLOAT32)
        return replace(settings, cases=cases, training=short)

    coloured = of(chosen.AutoencoderRecipe())
    classes = replace(coloured, network=replace(coloured.network, label_code=LabelCode.ONE_HOT))
    soft_max = phantom_model("ct-cardiac.autoencoder", classes, work / "soft-max", 0, run.part(0, 0.4), data=data)
    if train or quick or not {AUTOENCODER, DIFFUSION} <= set(names.shipped()):
        autoencoder = phantom_model("ct-cardiac.autoencoder", coloured, work / "autoencoder", 0, run.part(0.4, 0.8),
                                    data=data)
        settings = of(chosen.DiffusionRecipe())
        diffusion = phantom_model("ct-cardiac.diffusion", replace(settings, copies=1) if quick else settings,
                                  work / "diffusion", 0, run.part(0.8, 1.0), models={"autoencoder": autoencoder},
                                  data=data)
    else:
        autoencoder, diffusion = load_model(AUTOENCODER, run.device), load_model(DIFFUSION, run.device)
    return Parts(data, autoencoder, soft_max, diffusion)


def synthetic_set(parts: Parts, count: int, run: Run, steps: int = Scale.steps) -> tuple[Images, Labels]:
    """Pairs by DDIM with 50 steps; no post-processing, as reported."""
    from synthetic_imaging.cohorts.ct_cardiac.recipes import noise_schedule
    from synthetic_imaging.cohorts.paired_models import pair_sampler

    sampler = pair_sampler(parts.autoencoder, parts.diffusion, noise_schedule(parts.diffusion.settings),
                           sampler_name="ddim", steps=steps, device=run.device)
    made = list(sampler.many(_SEED, count, batch_size=8, progress=lambda f: run.progress(f, "synthetic pairs")))
    return np.stack([image for image, _ in made]), np.stack([label for _, label in made])


def three_arms(
    parts: Parts, synthetic: tuple[Images, Labels], scale: Scale, work: Path, run: Run, quick: bool
) -> Comparison:
    """Baseline; pre-trained on synthetic images; that and trained on real and synthetic pairs, 1:3."""
    from synthetic_imaging.learning.array_cases import ArrayCases
    from synthetic_imaging.learning.data.augmentation import Varied
    from synthetic_imaging.segmentation.experiment import Arm, compare_strategies
    from synthetic_imaging.segmentation.settings import SMALL, Strategy

    settings = SMALL
    if quick:
        settings = replace(SMALL, training=Training(steps=2, batch_size=2, validate_every=2))
    real = parts.data.training
    # Segmenters have their own augmentation; the generator's would be a second one.
    real = real.source if isinstance(real, Varied) else real
    assert parts.data.test is not None
    return compare_strategies(
        (Arm(BASELINE), Arm(PRETRAINED, fill_in=True), Arm(PROPOSED, Strategy.MIXED, fill_in=True, ratio=3.0)),
        scale.seeds, real, ArrayCases(*synthetic), parts.data.test, settings, chosen.STRUCTURES, work, run,
        validation=parts.data.validation, data_name="phantom", device=run.device,
    )


def features_of_hearts(work: Path, run: Run, quick: bool) -> FeatureExtractor:
    """Features of a U-Net that has learned to segment phantom CTs which nothing else uses."""
    from synthetic_imaging.cohorts.ct_cardiac.recipes import phantom_cases
    from synthetic_imaging.segmentation.features import encoder_features
    from synthetic_imaging.segmentation.settings import SMALL

    steps = 2 if quick else 300
    settings = replace(SMALL, training=replace(SMALL.training, steps=steps, validate_every=steps))
    own = phantom_cases(chosen.Hearts(seed=77, training=8 if quick else 80, validation=4 if quick else 8, test=2,
                                      augment=False))
    assert own.validation is not None
    return encoder_features(own.training, own.validation, settings, chosen.STRUCTURES, work / "features", run,
                            name="encoder of a U-Net trained on other phantom CTs")
