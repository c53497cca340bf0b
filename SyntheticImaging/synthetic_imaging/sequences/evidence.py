"""The evidence page of missing sequences by physics: `synthetic-imaging reproduce sequences-physics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.evidence.page import Page
from synthetic_imaging.physics.mr.sequences import Sequence
from synthetic_imaging.sequences.estimation import calibrate, posterior
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.states import TissueStates, head_states

Values = npt.NDArray[np.float32]
_SEED = 7000
_NOISE = 0.03
_INPUTS: tuple[tuple[Contrast, ...], ...] = (
    (Contrast.FLAIR,), (Contrast.T1W,), (Contrast.T2W,), (Contrast.FLAIR, Contrast.T1W),
    (Contrast.FLAIR, Contrast.T2W), (Contrast.T1W, Contrast.T2W), (Contrast.FLAIR, Contrast.T1W, Contrast.T2W),
    (Contrast.FLAIR, Contrast.T1W, Contrast.T2W, Contrast.PD),
)
_USUAL = (Contrast.FLAIR, Contrast.T1W)


@dataclass(frozen=True)
class _Patient:
    """One phantom patient: what is where, and how any sequence shows it."""

    head: Any
    inside: npt.NDArray[np.bool_]
    numbers: npt.NDArray[np.uint16]
    regions: Mapping[int, str]
    rng: np.random.Generator

    def image(self, sequence: Sequence, noise: float = _NOISE) -> Values:
        found: Values = self.head.image(sequence, self.rng if noise else None, noise=noise, fat_suppressed=True)
        return found

    @property
    def tissue(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Where one tissue fills its voxels."""
        return {name: self.head.fractions[name] > 0.9 for name in ("grey matter", "white matter", "CSF", "lesion")}


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Compute DIR from every choice of inputs on phantom patients; write ``sequences-physics.md``.

    Args:
        out: folder for the page.
        run: progress and cancel.
        quick: two small patients; the figures mean little then.
        train: changes nothing, for nothing is trained.
    """
    del train
    count, spacing, choices = (2, 5.0, _INPUTS[3:5]) if quick else (8, 2.0, _INPUTS)
    patients = [_patient(_SEED + n, spacing, 3.0, run.part(0.25 * n / count, 0.25 * (n + 1) / count))
                for n in range(count)]
    states = head_states(3.0)
    page = Page("sequences-physics", "DIR by physics alone, on phantom brains")
    page.summary = (
        f"Everything here was obtained on phantoms: {count} brains with multiple sclerosis, made from the ICBM average "
        f"by random warps, {spacing:g} mm voxels, noise {100 * _NOISE:g} % of the brain's brightest signal. Signals "
        "and estimate rest on the same equations: what is measured is how much the given sequences determine, and what "
        "wrong assumptions do, not how a scanner differs from the equations. Nothing was trained or tuned on these "
        "brains."
    )
    quality: dict[tuple[Contrast, ...], list[dict[str, float]]] = {inputs: [] for inputs in choices}
    contrasts: list[dict[str, dict[str, float]]] = []
    shown: list[tuple[str, Values]] = []
    for n, patient in enumerate(patients):
        true = patient.image(sequence_of(Contrast.DIR), noise=0.0)
        images = {c: patient.image(sequence_of(c)) for c in _INPUTS[-1]}
        for at, inputs in enumerate(choices):
            run.progress(0.25 + 0.5 * (n + at / len(choices)) / count, f"patient {n + 1} of {count}")
            found, deviation = _computed([images[c] for c in inputs], [sequence_of(c) for c in inputs], patient, states)
            quality[inputs].append(_quality(found, deviation, true, patient))
            if inputs == _USUAL:
                noisy = patient.image(sequence_of(Contrast.DIR))
                contrasts.append({"FLAIR": _contrast(images[Contrast.FLAIR], patient),
                                  "DIR computed from FLAIR and T1w": _contrast(found, patient),
                                  "True DIR": _contrast(noisy, patient)})
                if n == 0:
                    shown = [("FLAIR", images[Contrast.FLAIR]), ("T1w", images[Contrast.T1W]),
                             ("Computed DIR", found), ("True DIR", noisy), ("Left open", 3 * deviation)]
    _write_quality(page, quality)
    _write_contrast(page, contrasts)
    _write_pictures(page, shown, patients[0])
    _write_assumptions(page, patients[: max(2, count // 2)], states, spacing, run.part(0.76, 0.99))
    page.section("What this does not show")
    page.points([
        "Nothing about patients: relaxation times, anatomy and lesions come from the tables that the estimate knows.",
        "Whether a reader sees more: that takes readers or a detector, on sequences that were acquired.",
        "Flow, susceptibility, ringing, motion and coil shading are left out here.",
    ])
    page.write(out, "synthetic-imaging reproduce sequences-physics" + (" --quick" if quick else ""))
    run.progress(1.0, "page written")


def _patient(seed: int, spacing_mm: float, field_t: float, run: Run) -> _Patient:
    from synthetic_imaging.phantoms.brain import tissues
    from synthetic_imaging.phantoms.brain.anatomy import draw_anatomy
    from synthetic_imaging.phantoms.brain.drawing import draw_brain, head_grid
    from synthetic_imaging.phantoms.brain.imaging import scanned
    from synthetic_imaging.phantoms.brain.lesions import draw_lesions, map_of, with_lesions

    run.progress(0.0, "draw a brain")
    rng = np.random.default_rng(seed)
    brain = draw_brain(draw_anatomy(rng), head_grid((spacing_mm,) * 3))
    lesions = draw_lesions(brain, rng)
    where = map_of(lesions, brain)
    head = scanned(with_lesions(brain, where), where, tissues.drawn_relaxation(rng, field_t), field_t)
    return _Patient(head, brain.inside, where.numbers, {x.number: x.region for x in lesions}, rng)


def _computed(
    images: list[Values], assumed: list[Sequence], patient: _Patient, states: TissueStates
) -> tuple[Values, Values]:
    """DIR and its standard deviation, (K, J, I), 0 outside the brain."""
    inside = patient.inside
    voxels = np.stack([image[inside] for image in images], axis=1)
    signals = np.stack([states.signal(s, fat_suppressed=True) for s in assumed], axis=1)
    sample = voxels[np.random.default_rng(1).choice(len(voxels), min(2500, len(voxels)), replace=False)]
    wanted = states.signal(sequence_of(Contrast.DIR), fat_suppressed=True)
    got = posterior(voxels, calibrate(sample, signals, states.weight), states, signals, [wanted], Run())
    found, deviation = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    found[inside], deviation[inside] = got.mean[0], got.deviation[0]
    return found, deviation


def _quality(found: Values, deviation: Values, true: Values, patient: _Patient) -> dict[str, float]:
    from synthetic_imaging.evaluation.image_quality import mae, psnr
    from synthetic_imaging.evaluation.structural_similarity import ssim

    inside, lesions = patient.inside, patient.numbers > 0
    true = np.where(inside, true, 0).astype(np.float32)
    # One factor for the whole image: gains of scanners are arbitrary.
    found = found * np.float32((found * true).sum() / max(float((found * found).sum()), 1e-12))
    span = float(np.quantile(true[inside], 0.999))
    error = np.abs(found - true)[inside] / span
    spread = np.maximum(deviation[inside] / span, 1e-6)
    return {
        "SSIM": ssim(found, true, data_range=span, mask=inside), "PSNR": psnr(found, true, span, inside),
        "MAE brain": 100 * mae(found, true, inside) / span, "MAE lesions": 100 * mae(found, true, lesions) / span,
        "within 1": 100 * float(np.mean(error < spread)), "within 2": 100 * float(np.mean(error < 2 * spread)),
    }


def _contrast(image: Values, patient: _Patient) -> dict[str, float]:
    """Lesions against white and grey matter, through the noise; and by region through white matter."""
    tissue = patient.tissue
    white, grey = image[tissue["white matter"]], image[tissue["grey matter"]]
    noise = float(np.sqrt(0.5 * (white.var() + grey.var())))
    lesion = image[patient.numbers > 0]
    found = {"CNR to white matter": float((lesion.mean() - white.mean()) / noise),
             "CNR to grey matter": float((lesion.mean() - grey.mean()) / noise),
             "Grey to white": float(grey.mean() / max(float(white.mean()), 1e-9))}
    for region in ("periventricular", "juxtacortical", "subcortical", "infratentorial"):
        chosen = [n for n, where in patient.regions.items() if where == region]
        held = np.isin(patient.numbers, chosen) & (patient.numbers > 0)
        found[region] = float((image[held].mean() - grey.mean()) / noise) if held.any() else float("nan")
    return found


def _spread(values: list[float]) -> str:
    kept = np.array([v for v in values if np.isfinite(v)])
    return f"{kept.mean():.3g} ± {kept.std(ddof=1):.2g}" if len(kept) > 1 else "-"


def _write_quality(page: Page, quality: Mapping[tuple[Contrast, ...], list[dict[str, float]]]) -> None:
    page.section("Which sequences tell what a DIR shows")
    head = ("Given", "SSIM ↑", "PSNR, dB ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓", "Error within 1 SD, %",
            "within 2 SD, %")
    page.table(head, [(" + ".join(c.value.split(" ")[0] for c in inputs),
                       *(_spread([one[key] for one in found]) for key in found[0]))
                      for inputs, found in quality.items()])
    page.text("Mean ± standard deviation over the brains. Errors are in per cent of the 99.9th percentile of the true "
              "DIR. A calibrated uncertainty has 68 % of the errors within 1 SD and 95 % within 2 SD.")


def _write_contrast(page: Page, contrasts: list[dict[str, dict[str, float]]]) -> None:
    page.section("Contrast of lesions")
    keys = list(contrasts[0]["FLAIR"])
    page.table(("Image", *(k if k[0].isupper() else f"{k}, to grey matter" for k in keys)),
               [(name, *(_spread([one[name][key] for one in contrasts]) for key in keys)) for name in contrasts[0]])
    page.text("Contrast to noise, where noise is the standard deviation within grey and white matter. A computed image "
              "averages over states of tissue, so its noise is smaller than an acquired one's: that is no gain in what "
              "is known. To white matter DIR wins by what it nulls; to grey matter nothing guarantees it.")


def _write_pictures(page: Page, shown: list[tuple[str, Values]], patient: _Patient) -> None:
    from matplotlib.figure import Figure

    level = int(np.argmax((patient.numbers > 0).sum(axis=(1, 2))))
    figure = Figure(figsize=(2.2 * len(shown), 2.9), dpi=100)
    for axis, (title, image) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        own = image if title != "Left open" else shown[2][1]
        top = float(np.quantile(own[patient.inside], 0.998))
        axis.imshow(image[level], origin="lower", cmap="gray", vmin=0, vmax=top)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.9, wspace=0.03)
    page.section("Images")
    page.figure(figure, "The first phantom, at the level with most lesions. Left open: three standard deviations, in "
                        "the window of the computed DIR.")


def _write_assumptions(page: Page, patients: list[_Patient], states: TissueStates, spacing: float, run: Run) -> None:
    """What wrong assumptions about the scanner do to DIR from FLAIR and T1w."""
    rows: dict[str, list[dict[str, float]]] = {}
    acquired: dict[str, tuple[Timing, Timing]] = {
        "as assumed": (Timing(), Timing()),
        "FLAIR TE 90 instead of 120 ms": (Timing(echo_time_ms=90.0), Timing()),
        "FLAIR TR 11 instead of 9 s, its TI with it": (Timing(repetition_time_ms=11000.0), Timing()),
        "T1w TI 1100 instead of 900 ms": (Timing(), Timing(inversion_time_ms=1100.0)),
    }
    for n, patient in enumerate(patients):
        true = patient.image(sequence_of(Contrast.DIR), noise=0.0)
        for at, (name, timings) in enumerate(acquired.items()):
            run.progress((n + at / 5) / len(patients), "wrong assumptions")
            images = [patient.image(sequence_of(c, timing)) for c, timing in zip(_USUAL, timings, strict=True)]
            found, deviation = _computed(images, [sequence_of(c) for c in _USUAL], patient, states)
            rows.setdefault(name, []).append(_quality(found, deviation, true, patient))
        weaker = _patient(_SEED + n, spacing, 1.5, run)
        images = [weaker.image(sequence_of(c, field_t=1.5)) for c in _USUAL]
        found, deviation = _computed(images, [sequence_of(c) for c in _USUAL], weaker, states)
        true = weaker.image(sequence_of(Contrast.DIR, field_t=1.5), noise=0.0)
        rows.setdefault("1.5 T, taken for 3 T", []).append(_quality(found, deviation, true, weaker))
    page.section("What wrong assumptions do")
    page.table(("Acquired with", "SSIM ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓", "Error within 2 SD, %"),
               [(name, *(_spread([one[key] for one in found]) for key in
                         ("SSIM", "MAE brain", "MAE lesions", "within 2"))) for name, found in rows.items()])
    page.text("DIR from FLAIR and T1w. Timings come from DICOM headers where there are any; else the usual ones count.")
