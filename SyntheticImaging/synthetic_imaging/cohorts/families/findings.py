"""What the page of the families says: tables, pictures, and how the survey's claims fared."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.families import claims
from synthetic_imaging.cohorts.families.comparison import ABLATED, ABLATION, TITLES, Result, Scale
from synthetic_imaging.cohorts.families.measures import by_size, gradient_energy
from synthetic_imaging.cohorts.families.memory import BATCH, of_family
from synthetic_imaging.cohorts.families.model import FAMILIES, FIRST
from synthetic_imaging.context import Run

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.families.hearts import HeartSets
    from synthetic_imaging.evaluation.features import FeatureExtractor
    from synthetic_imaging.evidence.likeness import Likeness
    from synthetic_imaging.evidence.page import Page
    from synthetic_imaging.learning.samplers.curve import CurvePoint

Images = npt.NDArray[np.float32]
REAL = "Real: other phantom hearts"
# -250..500 HU of a window of -1000..2000 HU: soft tissue and contrast, as a radiologist has it.
_SHOWN = (0.25, 0.5)


def write(
    page: Page, scale: Scale, sets: HeartSets, found: Mapping[str, tuple[Result, Images]], features: FeatureExtractor,
    points: Sequence[CurvePoint], memory: Mapping[str, int], rng: np.random.Generator, run: Run,
) -> None:
    """Fill the page."""
    from synthetic_imaging.cohorts.families.hearts import images_of
    from synthetic_imaging.evaluation.features import HaarStatistics
    from synthetic_imaging.evaluation.frechet import frechet_distance
    from synthetic_imaging.evidence.likeness import likeness

    test, train, others = images_of(sets.test), images_of(sets.training), images_of(sets.others)
    made = {TITLES[name]: images for name, (_, images) in found.items()}
    compared = {REAL: others[:scale.samples], **made}
    rows, textures = {}, {}
    for number, (title, images) in enumerate(compared.items()):
        run.progress(number / len(compared), f"measuring {title}")
        rows[title] = likeness(title, images, test, features, rng)
        textures[title] = likeness(title, images, test, HaarStatistics(), rng, pairs=1)
    energy = {title: float(gradient_energy(images).mean() / gradient_energy(test).mean())
              for title, images in compared.items()}
    curves = by_size(test, compared, features, rng)
    _intro(page, scale, found)
    page.section("Alike and diverse")
    _quality(page, rows, textures, energy, features.name)
    _pictures(page, test, made, train)
    _copies(page, compared, train, test, features)
    page.section("What they cost")
    _costs(page, scale, found, memory)
    _ceilings(page, found)
    page.section("Fréchet distance and the number of hearts")
    _sizes(page, curves)
    page.section("Quality against network calls")
    few = features.features(others[:scale.curve_samples])
    _calls(page, points, frechet_distance(features.features(test), few, features.name).value, scale)
    page.section("The survey's claims")
    verdicts = claims.verdicts(rows, energy, curves, memory, REAL)
    page.points(verdicts)
    page.section("What this does not show")
    _limits(page, scale)
    page.summary = _summary(scale, rows, energy)


def _summary(scale: Scale, rows: Mapping[str, Likeness], energy: Mapping[str, float]) -> str:
    made = [title for name, title in TITLES.items() if name in FAMILIES]
    ranked = sorted((rows[title].frechet, title) for title in made)
    best, worst = ranked[0], ranked[-1]
    dullest = min((energy[title], title) for title in made)
    who = (f"Seven families of generative models (Friedrich, Frisch, Cattin 2024, a survey without results of its own) "
           f"were each trained for **{scale.seconds:.0f} seconds** on the same {scale.cases.training} **phantom** CT "
           f"hearts of {' x '.join(str(n) for n in scale.cases.shape_kji)} voxels.")
    floor = rows[REAL].frechet
    much = ("That is far too short for any of them: no row reaches real against real"
            if best[0] > floor else "Real against real stands at")
    return (f"{who} {much} (Fréchet distance {floor:.3g}). Nearest came {best[1]} ({best[0]:.3g}), farthest stayed "
            f"{worst[1]} ({worst[0]:.3g}); the least detail has {dullest[1]} (gradient energy {dullest[0]:.2f} of the "
            f"real). What a network predicts matters as much as its family: the same latent diffusion predicting noise "
            f"instead of v stands at {rows[TITLES[ABLATION]].frechet:.3g} instead of "
            f"{rows[TITLES[ABLATED]].frechet:.3g}. Everything here is measured on phantoms.")


def _intro(page: Page, scale: Scale, found: Mapping[str, tuple[Result, Images]]) -> None:
    threads = os.environ.get("OMP_NUM_THREADS")
    where = f"one processor with {threads} thread" + ("s" if threads != "1" else "") if threads else "one machine"
    page.section("How they were compared")
    page.points([
        f"Cases: phantom CT hearts on {scale.cases.shape_kji[0]} voxels a side of "
        f"{168 / max(scale.cases.shape_kji):.2f} mm, images alone, -1000 to 2000 HU as 0 to 1: "
        f"{scale.cases.training} for training, {scale.cases.test} to compare with, and as many others for real "
        "against real. No heart is in two sets.",
        f"Time: {scale.seconds:.0f} s of training for each family on {where}, by the clock and by the processor; "
        f"families of two stages give half of it to each. The command's own time is {Scale.seconds:.0f} s; another one "
        f"is given in Python: `reproduce(out, run, seconds={scale.seconds:.0f})` of `cohorts.families.evidence`. "
        "Latent diffusion and latent flow share one autoencoder.",
        f"Samples: {scale.samples} from each, by the settings of each recipe (`families.*`, preset small). Models "
        "without a loss that says when they are best are taken as they are at the end, averaged over steps.",
        f"Voxel diffusion predicts noise, as published. Latent diffusion predicts v; the row '{TITLES[ABLATION]}' has "
        "the published target.",
        "The table says what each family got: on a machine with other work, clock and processor differ.",
    ])
    rows = []
    for name, (result, _) in found.items():
        steps = " + ".join(str(n) for n in result.steps.values())
        seconds = " + ".join(f"{s:.0f}" for s in result.trained_s.values())
        rows.append((TITLES[name], seconds, f"{result.processor_s:.0f}", steps))
    page.table(("Family", "Training time (s)", "Processor time (s)", "Steps"), rows)
    starved = [TITLES[name] for name, (result, _) in found.items() if result.processor_s < 0.9 * scale.seconds]
    page.text("Processor time is that of the process that trained the family; of the latent flow it may hold the "
              "second stage only, as its first is that of latent diffusion."
              + (f" Less processor time than planned: {', '.join(starved)}; they were trained by the clock, beside "
                 "other programs." if starved else ""))


def _quality(
    page: Page, rows: Mapping[str, Likeness], textures: Mapping[str, Likeness], energy: Mapping[str, float], name: str
) -> None:
    from synthetic_imaging.evidence.likeness import HEAD

    page.text(f"Against the test hearts, by features of: {name}. The first row is what two real sets give.")
    page.table(HEAD, [row.row() for row in rows.values()])
    page.text("Gradient energy is the mean squared difference of neighbouring voxels, through that of the real "
              "hearts: below 1 is blurred, above 1 is noisy. The second distance is by features without a network "
              "(grey values, gradients and wavelet coefficients), which see texture but hardly anatomy.")
    page.table(("Set", "Gradient energy, real = 1", "Fréchet distance by Haar statistics ↓"),
               [(title, energy[title], textures[title].frechet_interval) for title in rows])


def _pictures(page: Page, test: Images, made: Mapping[str, Images], train: Images) -> None:
    from synthetic_imaging.evaluation.neighbours import nearest
    from synthetic_imaging.evidence.figures import sheet

    def row(images: Images) -> list[tuple[Any, None]]:
        return [(image[0], None) for image in images[:5]]

    page.figure(sheet([("Real phantom hearts", row(test)), *((title, row(images)) for title, images in made.items())],
                      _SHOWN, (0, 1), 96),
                "The first five of each set, not chosen: axial and coronal middle slices, -250 to 500 HU. Phantoms.")
    flat = train.reshape(len(train), -1)
    pairs = []
    for title, images in made.items():
        _, which = nearest(images[:4].reshape(min(4, len(images)), -1), flat)
        shown = [pair for image, at in zip(images[:4], which[:, 0], strict=True)
                 for pair in ((image[0], None), (train[at, 0], None))]
        pairs.append((f"{title}: made, nearest training heart, made, ...", shown))
    page.figure(sheet(pairs, _SHOWN, (0,), 96),
                "Four volumes of each family, each beside the training heart nearest to it voxel by voxel (axial).")


def _copies(
    page: Page, compared: Mapping[str, Images], train: Images, test: Images, features: FeatureExtractor
) -> None:
    from synthetic_imaging.evidence.likeness import copying

    rows: list[tuple[object, ...]] = []
    for title, images in compared.items():
        found = copying(images, train, test, features)
        rows.append((title, found.ratio, found.probability_nearer, f"{found.p_value:.2g}", f"{found.close * 100:.1f} %",
                     f"{found.nearer_than_any * 100:.1f} %"))
    page.text("Copying: distance to the nearest training heart, in feature space, beside that of the test hearts. A "
              "ratio clearly below 1 would be suspicious; blurred volumes lie nearer to everything.")
    page.table(("Set", "Ratio of median distances", "Nearer than a test heart", "p",
                "Closer than the closest 5 % of test hearts", "Closer than any test heart"), rows)


def _costs(page: Page, scale: Scale, found: Mapping[str, tuple[Result, Images]], memory: Mapping[str, int]) -> None:
    rows = []
    for name, (result, _) in found.items():
        peak = f"{of_family(name, dict(memory)) / 1e6:.0f}" if memory and name in FAMILIES else "-"
        rows.append((TITLES[name], f"{result.parameters / 1e6:.2f}", peak, str(result.calls),
                     f"{result.sample_s:.3g}"))
    page.table(("Family", "Parameters (millions)", f"Peak training memory, {scale.memory_side}³ (MB)",
                "Network calls a sample", "Seconds a sample"), rows)
    page.text("Parameters are those of the small presets that were compared, judges left out. "
              + (f"Memory is measured apart, in a process of its own for each: volumes of {scale.memory_side}³, "
                 f"batches of {BATCH}, 32 channels at the finest level for all; the peak of the process less what it "
                 "had before the training. Of families with two stages it is the larger one's. " if memory else "")
              + "Seconds a sample hold for whatever else the machine was doing.")


def _ceilings(page: Page, found: Mapping[str, tuple[Result, Images]]) -> None:
    rows = [(FAMILIES[name].stages[FIRST], TITLES[name], result.psnr, result.ssim, result.energy)
            for name, (result, _) in found.items() if name in FAMILIES and FIRST in FAMILIES[name].stages]
    page.text("What the first stages keep of the test hearts, encoded and decoded: no latent model can be better.")
    page.table(("First stage", "Of", "PSNR (dB) ↑", "SSIM ↑", "Gradient energy, real = 1"), rows)


def _sizes(page: Page, curves: Mapping[str, Any]) -> None:
    from synthetic_imaging.evidence.figures import curves as drawn

    page.text("The same sets, with fewer hearts drawn from both sides (mean of five draws): few hearts make the "
              "distance larger. The last column is where a straight line in 1/n meets infinitely many hearts.")
    sizes = next(iter(curves.values())).sizes
    page.table(("Set", *(f"n = {n}" for n in sizes), "n = ∞ (estimate)"),
               [(title, *(f"{value:.3g}" for value in curve.mean), f"{curve.at_infinity:.3g}")
                for title, curve in curves.items()])
    page.figure(drawn({title: (list(map(float, curve.sizes)), list(map(float, curve.mean)))
                       for title, curve in curves.items()}, "hearts in each set", "Fréchet distance", log=True),
                "Fréchet distance against the number of hearts in each set (phantoms).")


def _calls(page: Page, points: Sequence[CurvePoint], real: float, scale: Scale) -> None:
    from synthetic_imaging.evidence.figures import curves as drawn

    names = list(dict.fromkeys(point.name for point in points))
    series = {name: ([float(p.calls) for p in points if p.name == name], [p.quality for p in points if p.name == name])
              for name in names}
    page.text(f"Each sampler on the comparison's own models: DDPM, DDIM, DPM-Solver++ and UniPC on latent diffusion, "
              f"Euler and Heun on the latent flow; {scale.curve_samples} volumes from the same noise each time, which "
              "is few: real against real is the dashed line, with as many. Heun makes two calls a step, one in the "
              "last: of an even number it uses one less. The two models differ, so that lines of different models do "
              "not compare samplers alone.")
    page.table(("Sampler", *(f"{n} calls" for n in scale.calls)),
               [(name, *(f"{p.quality:.3g}" for p in points if p.name == name)) for name in names])
    page.figure(drawn(series, "network calls", "Fréchet distance", log=True, level=("real against real", real)),
                "Fréchet distance to the test hearts against network calls (phantoms).")


def _limits(page: Page, scale: Scale) -> None:
    page.points([
        f"{scale.seconds:.0f} seconds on a processor against days on GPUs: the order of the families here is the order "
        "of how fast they learn a simple phantom, not of what they can do. A longer run is `reproduce(out, run, "
        "seconds=...)` of `cohorts.families.evidence`.",
        "One seed for each family: the differences between neighbours in the table may be chance.",
        "Phantom hearts are simpler than patients: no result here says anything about patients' images.",
        "Small presets, each as reasonable for its family as we could make it; none was tuned on the test hearts. The "
        "published settings are presets too (`published`), constructed and stepped in the tests, not trained.",
        "Distances by features of a network have no absolute meaning, and not that of FID.",
    ])


