"""The evidence page of missing sequences by physics: `synthetic-imaging reproduce sequences-physics`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.evidence.page import Page
from synthetic_imaging.physics.mr.sequences import Sequence
from synthetic_imaging.sequences.estimation import calibrate, posterior
from synthetic_imaging.sequences.evidence.patients import (
    NOISE,
    Patient,
    Values,
    contrast,
    in_units_of,
    patient,
    quality,
    spread,
)
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.states import TissueStates, head_states

_SEED = 7000
_INPUTS: tuple[tuple[Contrast, ...], ...] = (
    (Contrast.FLAIR,), (Contrast.T1W,), (Contrast.T2W,), (Contrast.FLAIR, Contrast.T1W),
    (Contrast.FLAIR, Contrast.T2W), (Contrast.T1W, Contrast.T2W), (Contrast.FLAIR, Contrast.T1W, Contrast.T2W),
    (Contrast.FLAIR, Contrast.T1W, Contrast.T2W, Contrast.PD),
)
_USUAL = (Contrast.FLAIR, Contrast.T1W)


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
    patients = [patient(_SEED + n, (spacing,) * 3, 3.0, run.part(0.25 * n / count, 0.25 * (n + 1) / count))
                for n in range(count)]
    states = head_states(3.0)
    page = Page("sequences-physics", "DIR by physics alone, on phantom brains")
    page.summary = (
        f"Everything here was obtained on phantoms: {count} brains with multiple sclerosis, made from the ICBM average "
        f"by random warps, {spacing:g} mm voxels, noise {100 * NOISE:g} % of the brain's brightest signal. Signals "
        "and estimate rest on the same equations: what is measured is how much the given sequences determine, and what "
        "wrong assumptions do, not how a scanner differs from the equations. Nothing was trained or tuned on these "
        "brains."
    )
    judged: dict[tuple[Contrast, ...], list[dict[str, float]]] = {inputs: [] for inputs in choices}
    contrasts: list[dict[str, dict[str, float]]] = []
    shown: list[tuple[str, Values]] = []
    for n, one in enumerate(patients):
        true = one.image(sequence_of(Contrast.DIR), noise=0.0)
        images = {c: one.image(sequence_of(c)) for c in _INPUTS[-1]}
        for at, inputs in enumerate(choices):
            run.progress(0.25 + 0.5 * (n + at / len(choices)) / count, f"patient {n + 1} of {count}")
            found, deviation = computed([images[c] for c in inputs], [sequence_of(c) for c in inputs], one, states)
            judged[inputs].append(_quality(found, deviation, true, one))
            if inputs == _USUAL:
                noisy = one.image(sequence_of(Contrast.DIR))
                contrasts.append({"FLAIR": contrast(images[Contrast.FLAIR], one),
                                  "DIR computed from FLAIR and T1w": contrast(found, one),
                                  "True DIR": contrast(noisy, one)})
                if n == 0:
                    shown = [("FLAIR", images[Contrast.FLAIR]), ("T1w", images[Contrast.T1W]),
                             ("Computed DIR", found), ("True DIR", noisy), ("Left open", 3 * deviation)]
    _write_quality(page, judged)
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


def computed(
    images: list[Values], assumed: list[Sequence], one: Patient, states: TissueStates
) -> tuple[Values, Values]:
    """DIR and its standard deviation, (K, J, I), 0 outside the brain."""
    inside = one.inside
    voxels = np.stack([image[inside] for image in images], axis=1)
    signals = np.stack([states.signal(s, fat_suppressed=True) for s in assumed], axis=1)
    sample = voxels[np.random.default_rng(1).choice(len(voxels), min(2500, len(voxels)), replace=False)]
    wanted = states.signal(sequence_of(Contrast.DIR), fat_suppressed=True)
    got = posterior(voxels, calibrate(sample, signals, states.weight), states, signals, [wanted], Run())
    found, deviation = np.zeros(inside.shape, np.float32), np.zeros(inside.shape, np.float32)
    found[inside], deviation[inside] = got.mean[0], got.deviation[0]
    return found, deviation


def _quality(found: Values, deviation: Values, true: Values, one: Patient) -> dict[str, float]:
    inside = one.inside
    true = np.where(inside, true, 0).astype(np.float32)
    span = float(np.quantile(true[inside], 0.999))
    error = np.abs(in_units_of(found, true) - true)[inside] / span
    left = np.maximum(deviation[inside] / span, 1e-6)
    return {**quality(found, true, one), "within 1": 100 * float(np.mean(error < left)),
            "within 2": 100 * float(np.mean(error < 2 * left))}


def _write_quality(page: Page, quality: Mapping[tuple[Contrast, ...], list[dict[str, float]]]) -> None:
    page.section("Which sequences tell what a DIR shows")
    head = ("Given", "SSIM ↑", "PSNR, dB ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓", "Error within 1 SD, %",
            "within 2 SD, %")
    page.table(head, [(" + ".join(c.value.split(" ")[0] for c in inputs),
                       *(spread([one[key] for one in found]) for key in found[0]))
                      for inputs, found in quality.items()])
    page.text("Mean ± standard deviation over the brains. Errors are in per cent of the 99.9th percentile of the true "
              "DIR. A calibrated uncertainty has 68 % of the errors within 1 SD and 95 % within 2 SD.")


def _write_contrast(page: Page, contrasts: list[dict[str, dict[str, float]]]) -> None:
    page.section("Contrast of lesions")
    keys = list(contrasts[0]["FLAIR"])
    page.table(("Image", *(k if k[0].isupper() else f"{k}, to grey matter" for k in keys)),
               [(name, *(spread([one[name][key] for one in contrasts]) for key in keys)) for name in contrasts[0]])
    page.text("Contrast to noise, where noise is the standard deviation within grey and white matter. A computed image "
              "averages over states of tissue, so its noise is smaller than an acquired one's: that is no gain in what "
              "is known. To white matter DIR wins by what it nulls; to grey matter nothing guarantees it.")


def _write_pictures(page: Page, shown: list[tuple[str, Values]], one: Patient) -> None:
    from matplotlib.figure import Figure

    level = int(np.argmax((one.numbers > 0).sum(axis=(1, 2))))
    figure = Figure(figsize=(2.2 * len(shown), 2.9), dpi=100)
    for axis, (title, image) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        own = image if title != "Left open" else shown[2][1]
        top = float(np.quantile(own[one.inside], 0.998))
        axis.imshow(image[level], origin="lower", cmap="gray", vmin=0, vmax=top)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.9, wspace=0.03)
    page.section("Images")
    page.figure(figure, "The first phantom, at the level with most lesions. Left open: three standard deviations, in "
                        "the window of the computed DIR.")


def _write_assumptions(page: Page, patients: list[Patient], states: TissueStates, spacing: float, run: Run) -> None:
    """What wrong assumptions about the scanner do to DIR from FLAIR and T1w."""
    rows: dict[str, list[dict[str, float]]] = {}
    acquired: dict[str, tuple[Timing, Timing]] = {
        "as assumed": (Timing(), Timing()),
        "FLAIR TE 90 instead of 120 ms": (Timing(echo_time_ms=90.0), Timing()),
        "FLAIR TR 11 instead of 9 s, its TI with it": (Timing(repetition_time_ms=11000.0), Timing()),
        "T1w TI 1100 instead of 900 ms": (Timing(), Timing(inversion_time_ms=1100.0)),
    }
    for n, one in enumerate(patients):
        true = one.image(sequence_of(Contrast.DIR), noise=0.0)
        for at, (name, timings) in enumerate(acquired.items()):
            run.progress((n + at / 5) / len(patients), "wrong assumptions")
            images = [one.image(sequence_of(c, timing)) for c, timing in zip(_USUAL, timings, strict=True)]
            found, deviation = computed(images, [sequence_of(c) for c in _USUAL], one, states)
            rows.setdefault(name, []).append(_quality(found, deviation, true, one))
        weaker = patient(_SEED + n, (spacing,) * 3, 1.5, run)
        images = [weaker.image(sequence_of(c, field_t=1.5)) for c in _USUAL]
        found, deviation = computed(images, [sequence_of(c) for c in _USUAL], weaker, states)
        true = weaker.image(sequence_of(Contrast.DIR, field_t=1.5), noise=0.0)
        rows.setdefault("1.5 T, taken for 3 T", []).append(_quality(found, deviation, true, weaker))
    page.section("What wrong assumptions do")
    page.table(("Acquired with", "SSIM ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓", "Error within 2 SD, %"),
               [(name, *(spread([one[key] for one in found]) for key in
                         ("SSIM", "MAE brain", "MAE lesions", "within 2"))) for name, found in rows.items()])
    page.text("DIR from FLAIR and T1w. Timings come from DICOM headers where there are any; else the usual ones count.")
