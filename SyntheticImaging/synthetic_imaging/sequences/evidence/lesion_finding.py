"""The evidence page of the tool that finds lesions: `synthetic-imaging reproduce sequences-lesions`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.evaluation.overlap import dice
from synthetic_imaging.evidence.page import Page
from synthetic_imaging.sequences.atlas_fit import fit_atlas
from synthetic_imaging.sequences.checks import checked_brain
from synthetic_imaging.sequences.detector.on_image import MODEL
from synthetic_imaging.sequences.evidence.lesion_matching import Matched, Truth, kept_at, matched, truth_of
from synthetic_imaging.sequences.evidence.patients import NOISE, REGIONS, patient, spread
from synthetic_imaging.sequences.examination import examined
from synthetic_imaging.sequences.lesion_methods import Method, lesions_by, threshold_of
from synthetic_imaging.sequences.protocols import Contrast, sequence_of
from synthetic_imaging.sequences.shading import evened
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

_SEED, _QUICK_SEED = 9000, 9900
_THIN, _THICK = (1.2, 1.2, 1.2), (1.1, 1.1, 3.0)
_SENSITIVITIES = (0.2, 0.5, 0.8)
_LEAST_ML = 0.01
# Volumes in ml: smallest and, of the next class, smallest.
_SIZES = ((0.0, 0.05), (0.05, 0.2), (0.2, np.inf))
_SHADING = 0.05
Values = np.ndarray


@dataclass(frozen=True)
class Way:
    """One row: the method, and the images that are given."""

    method: Method
    contrasts: tuple[Contrast, ...]

    @property
    def title(self) -> str:
        """For the tables."""
        return f"{self.method.value}, " + " + ".join(c.value.split(" ")[0] for c in self.contrasts)

    def threshold(self, sensitivity: float) -> float:
        """Least score."""
        return threshold_of(self.method, self.contrasts, sensitivity)


WAYS = tuple(Way(method, given) for method in Method
             for given in ((Contrast.FLAIR,), (Contrast.FLAIR, Contrast.T1W)))


@dataclass
class Tally:
    """What one way has found, a patient after the other.

    Attributes:
        patients: lesions and what was found.
        overlap: Dice of all lesions together, at the default.
        volume_error: found less true volume in % of the true, at the default.
        given: (true region, region by the tool) of the lesions that were found, at the default.
        controls: the same as ``patients``, of brains without lesions.
    """

    patients: list[tuple[Truth, Matched]] = field(default_factory=list)
    overlap: list[float] = field(default_factory=list)
    volume_error: list[float] = field(default_factory=list)
    given: list[tuple[str, str]] = field(default_factory=list)
    controls: list[Matched] = field(default_factory=list)


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Find lesions in phantom patients whose lesions are known; write ``sequences-lesions.md``.

    Args:
        out: folder for the page.
        run: progress and cancel.
        quick: one patient and one without lesions, in large voxels; the figures mean little then.
        train: changes nothing; `reproduce sequences-detection` trains the detector.
    """
    from synthetic_imaging.learning.weights.models import load_model

    del train
    grids = (((2.5, 2.5, 5.0),) if quick else (_THIN, _THICK))
    count, controls = (1, 1) if quick else (6, 1)
    model = load_model(MODEL, run.device)
    tallies = {grid: {way: Tally() for way in WAYS} for grid in grids}
    done, total = 0, len(grids) * (count + controls)
    for at, grid in enumerate(grids):
        for n in range(count + controls):
            part = run.part(0.98 * done / total, 0.98 * (done + 1) / total)
            seed = (_QUICK_SEED if quick else _SEED) + 20 * at + n  # each grid has patients of its own
            _patient(seed, grid, tallies[grid], model, part, control=n >= count)
            done += 1
    page = Page("sequences-lesions", "Lesions found by `sequences.lesions`, on phantom brains")
    page.summary = (
        f"Everything here was obtained on phantoms: {count} patients with multiple sclerosis and {controls} without "
        f"lesions for each voxel size, 3 T, noise {100 * NOISE:g} %, fat suppressed, a coil that shades by "
        f"{100 * _SHADING:g} %; FLAIR and T1w lie on one grid and nothing has moved between them. Nothing was trained "
        "or tuned on these patients; the thresholds of the trained detector were set on four others. A lesion counts "
        "as found if a finding touches it or lies beside it, and a finding as false if it touches none. Volumes are "
        "those of the voxels that a lesion fills by half."
    )
    for grid in grids:
        page.section("Voxels of " + " x ".join(f"{mm:g}" for mm in grid) + " mm")
        _write_found(page, tallies[grid])
        _write_thresholds(page, tallies[grid])
        _write_regions(page, tallies[grid])
    _write_end(page)
    page.write(out, "synthetic-imaging reproduce sequences-lesions" + (" --quick" if quick else ""))
    run.progress(1.0, "page written")


def _patient(
    seed: int, grid: tuple[float, float, float], tallies: dict[Way, Tally], model: Model, run: Run, *, control: bool
) -> None:
    one = patient(seed, grid, 3.0, run.part(0.0, 0.3), 0 if control else None)
    images = {c: evened(_units(one.image(sequence_of(c), NOISE, _SHADING)), one.geometry)
              for c in (Contrast.FLAIR, Contrast.T1W)}
    run.progress(0.4, "lay the atlas over the brain")
    # As the tool does it; both choices of images share what the FLAIR alone decides.
    shown = Volume(images[Contrast.FLAIR], one.geometry, modality="MR")
    brain, laid = checked_brain(shown, Contrast.FLAIR, "FLAIR", run)
    fitted = fit_atlas(shown, brain, Contrast.FLAIR, laid=laid)
    truth = truth_of(one.numbers, one.regions, one.geometry.voxel_volume_mm3)
    exams = {given: examined(np.stack([images[c] for c in given], axis=-1), given, one.geometry, brain, fitted)
             for given in dict.fromkeys(way.contrasts for way in tallies)}
    for at, (way, tally) in enumerate(tallies.items()):
        run.progress(0.6 + 0.4 * at / len(tallies), way.title)
        exam = exams[way.contrasts]
        labels, found = lesions_by(way.method, exam, sensitivity=max(_SENSITIVITIES), least_ml=_LEAST_ML, model=model,
                                   run=Run())
        seen = matched(labels, found, truth)
        if control:
            tally.controls.append(seen)
            continue
        tally.patients.append((truth, seen))
        usual = kept_at(labels, found, way.threshold(0.5))
        inside, there = usual > 0, truth.numbers > 0
        tally.overlap.append(dice(inside, there))
        tally.volume_error.append(100 * (float(inside.sum()) / max(float(there.sum()), 1.0) - 1))
        regions = exam.regions(inside)
        tally.given += [(truth.regions[seen.lesion_of[label]], regions.of(usual == label))
                        for label in np.unique(usual[usual > 0]).tolist() if seen.lesion_of[label]]


def _units(image: Values) -> Values:
    return np.asarray(image * np.float32(1000 / np.quantile(image, 0.999)), np.float32)


def _share(tally: Tally, threshold: float, chosen: Sequence[set[int]]) -> tuple[int, int]:
    """Found and present, of the lesions chosen in each patient."""
    pairs = list(zip(tally.patients, chosen, strict=True))
    return sum(len(seen.hit(threshold) & some) for (_, seen), some in pairs), sum(len(some) for _, some in pairs)


def _write_found(page: Page, tallies: dict[Way, Tally]) -> None:
    """By region and size, at the default."""
    titles = [f"{low:g} ml and more" if np.isinf(high) else f"under {high:g} ml" if low == 0
              else f"{low:g} to {high:g} ml" for low, high in _SIZES]
    rows = []
    for way, tally in tallies.items():
        truths = [truth for truth, _ in tally.patients]
        by_region = [[{n for n, r in truth.regions.items() if r == region} for truth in truths] for region in REGIONS]
        by_size = [[{n for n, ml in truth.volumes_ml.items() if low <= ml < high} for truth in truths]
                   for low, high in _SIZES]
        every = [set(truth.regions) for truth in truths]
        rows.append((way.title, *("{} / {}".format(*_share(tally, way.threshold(0.5), some))
                                  for some in (every, *by_region, *by_size))))
    page.table(("Found / present, given", "all", *REGIONS, *titles), rows)
    page.table(("At the default, given", "Dice of all lesions together", "Volume found less true, %"),
               [(way.title, spread(t.overlap), spread(t.volume_error)) for way, t in tallies.items()])
    page.text("Sensitivity 0.5, the default. Mean ± standard deviation over the patients.")


def _write_thresholds(page: Page, tallies: dict[Way, Tally]) -> None:
    rows = []
    for way, tally in tallies.items():
        for sensitivity in _SENSITIVITIES:
            threshold = way.threshold(sensitivity)
            shares = [100 * len(seen.hit(threshold)) / len(seen.scores) for _, seen in tally.patients]
            false = [float(seen.wrong(threshold)) for _, seen in tally.patients]
            alone = ", ".join(str(seen.wrong(threshold)) for seen in tally.controls)
            rows.append((way.title, f"{sensitivity:g}", spread(shares), spread(false), alone))
    page.table(("Given", "Sensitivity", "Found of the present, %", "False findings a patient",
                "False findings without lesions"), rows)


def _write_regions(page: Page, tallies: dict[Way, Tally]) -> None:
    for way, tally in tallies.items():
        rows = [(true, *(sum(pair == (true, given) for pair in tally.given) for given in REGIONS)) for true in REGIONS]
        page.table((f"{way.title}: true region / region given", *REGIONS), rows)
        right = sum(true == given for true, given in tally.given)
        page.text(f"{right} of {len(tally.given)} right. A finding that holds several lesions counts with the one of "
                  "which it holds most.")


def _write_end(page: Page) -> None:
    page.section("What this does not show")
    page.points([
        "Anything about patients. Phantoms have no choroid plexus, flow, vessel disease or motion, and their lesions "
        "follow the signal equations that the tool knows: patients give more false findings and more misses.",
        "Lesions in the cortex: the phantoms have none.",
        "Other scanners: timings are the usual ones that the tool assumes, at 3 T.",
    ])
