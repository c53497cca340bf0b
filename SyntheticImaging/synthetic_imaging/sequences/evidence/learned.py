"""The evidence page of learned missing sequences: `synthetic-imaging reproduce sequences-learned`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.evidence.page import Page
from synthetic_imaging.sequences.evidence.patients import Patient, Values, contrast, patient, quality, spread
from synthetic_imaging.sequences.evidence.physics import computed
from synthetic_imaging.sequences.learned.applying import Passes
from synthetic_imaging.sequences.learned.generating import ForNetwork, MadeSequence, fit_to, for_network, made_sequence
from synthetic_imaging.sequences.learned.settings import GIVEN
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.states import TissueStates, head_states

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

_SEED = 7000
_SPACING, _CALIBRATION = (1.1, 1.1, 3.0), (1.1, 1.1, 5.0)
_USUAL = (Contrast.FLAIR, Contrast.T1W)
_INPUTS = (
    (Contrast.FLAIR,), (Contrast.T1W,), (Contrast.T2W,), (Contrast.PD,), _USUAL, (Contrast.FLAIR, Contrast.T2W),
    (Contrast.T1W, Contrast.T2W), (Contrast.FLAIR, Contrast.T1W, Contrast.T2W), GIVEN,
)
_BY_PHYSICS = ((Contrast.FLAIR,), _USUAL, GIVEN)
_SPOTS = 10
_ONE_PASS = Passes()


@dataclass
class _Found:
    """What was measured, over patients."""

    quality: dict[tuple[str, str], list[dict[str, float]]] = field(default_factory=dict)
    contrasts: list[dict[str, dict[str, float]]] = field(default_factory=list)
    calibration: list[dict[str, float]] = field(default_factory=list)
    spots: list[tuple[Values, Values]] = field(default_factory=list)
    shown: list[tuple[str, Values]] = field(default_factory=list)

    def add(self, method: str, given: str, judged: dict[str, float]) -> None:
        self.quality.setdefault((method, given), []).append(judged)


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Judge the network on phantom patients that it has never seen; write ``sequences-learned.md``.

    Args:
        out: folder for the page, and for trainings.
        run: device, progress and cancel.
        quick: one patient, few inputs; the figures mean little then.
        train: train the network anew and judge that one, in place of the shipped one.
    """
    model = _model(out, run.part(0.0, 0.02), train, quick)
    page = Page("sequences-learned", "Missing MR sequences by a network, on phantom brains")
    count, choices = (1, (_USUAL,)) if quick else (8, _INPUTS)
    page.summary = (
        f"Everything here was obtained on phantoms: {count} brains with multiple sclerosis, not used in training, "
        f"voxels of {_SPACING[0]:g} x {_SPACING[1]:g} x {_SPACING[2]:g} mm, noise 3 %, usual timings at 3 T. "
        f"The network was trained on {model.card.training_data}. Training images and truth come from the same "
        "equations: what is measured is what a network can learn from images, not how it does on patients."
    )
    states, found = head_states(3.0), _Found()
    for n in range(count):
        _one_patient(_SEED + n, model, states, choices, found, run.part(0.02 + 0.8 * n / count,
                                                                        0.02 + 0.8 * (n + 1) / count))
    _write_quality(page, found, choices)
    _write_contrast(page, found)
    _write_pictures(page, found)
    _write_uncertainty(page, found, count)
    _write_shift(page, model, 1 if quick else 4, run.part(0.82, 0.99))
    page.section("What this does not show")
    page.points([
        "Nothing about patients: no scanner's images and no pathology but lesions of multiple sclerosis were seen.",
        "That information is added: both methods see the same images, and a detector that is given FLAIR and T1w sees "
        "them too (page sequences-detection).",
        "Single trainings; a second one would differ.",
    ])
    page.write(out, "synthetic-imaging reproduce sequences-learned" + (" --quick" if quick else "")
               + (" --train" if train else ""))
    run.progress(1.0, "page written")


def _model(out: Path, run: Run, train: bool, quick: bool) -> Model:
    from synthetic_imaging.learning.weights.models import load_model
    from synthetic_imaging.sequences.learned.recipe import SYNTHESIS

    if not train:
        return load_model(SYNTHESIS.id, run.device)
    from synthetic_imaging.learning.phantom_models import phantom_model
    from synthetic_imaging.learning.recipe import change
    from synthetic_imaging.sequences.learned.finishing import measure_spread, write_finished

    settings: Any = SYNTHESIS.presets["small"]
    if quick:
        settings = change(settings, {"training.steps": "20", "patients.training": "2", "patients.validation": "2"})
    model = phantom_model(SYNTHESIS.id, settings, out / "work" / "sequences-synthesis", 1, run)
    others = [patient(5000 + n, _CALIBRATION, 3.0, run) for n in range(1 if quick else 2)]
    factors = measure_spread(model, others, run.device, run)
    metrics = {f"error through spread, {name} (phantom)": value for name, value in factors.items()}
    path = out / "sequences.synthesis.safetensors"
    write_finished(model, path, metrics, f"{settings.patients.training} phantom patients with multiple sclerosis")
    return load_model(path, run.device)


def made(
    model: Model, images: Mapping[Contrast, Values], one: Patient, run: Run, passes: Passes = _ONE_PASS
) -> tuple[MadeSequence, ForNetwork]:
    """A patient's DIR by the network, 0 outside the brain."""
    ready = for_network(images, one.inside, one.geometry, np.random.default_rng(1), Run())
    got = made_sequence(model, ready, Contrast.DIR, passes, run.device, run)
    return MadeSequence(np.where(one.inside, got.image, np.float32(0)), got.deviation), ready


def _named(inputs: tuple[Contrast, ...]) -> str:
    return " + ".join(c.value.split(" ")[0] for c in inputs)


def _one_patient(
    seed: int, model: Model, states: TissueStates, choices: tuple[tuple[Contrast, ...], ...], found: _Found, run: Run
) -> None:
    one = patient(seed, _SPACING, 3.0, run)
    true = one.image(sequence_of(Contrast.DIR), noise=0.0)
    noisy = one.image(sequence_of(Contrast.DIR))
    found.add("A second acquisition", "DIR with 3 % noise", quality(noisy, true, one))
    images = {c: one.image(sequence_of(c), shading=0.05) for c in GIVEN}
    for at, inputs in enumerate(choices):
        run.progress(0.1 + 0.6 * at / len(choices), "network")
        chosen = {c: images[c] for c in inputs}
        got, _ = made(model, chosen, one, run.part(0.1 + 0.6 * at / len(choices), 0.1 + 0.6 * (at + 1) / len(choices)))
        found.add("Network", _named(inputs), quality(got.image, true, one))
        if inputs in _BY_PHYSICS:
            by_physics, _ = computed([images[c] for c in inputs], [sequence_of(c) for c in inputs], one, states)
            found.add("Physics", _named(inputs), quality(by_physics, true, one))
            if inputs == _USUAL:
                found.contrasts.append({
                    "FLAIR": contrast(images[Contrast.FLAIR], one), "DIR by physics": contrast(by_physics, one),
                    "DIR by the network": contrast(got.image, one), "True DIR": contrast(noisy, one)})
                if not found.shown:
                    found.shown = _crop(one, [("FLAIR", images[Contrast.FLAIR]), ("T1w", images[Contrast.T1W]),
                                              ("By physics", by_physics), ("By the network", got.image),
                                              ("True DIR", noisy)])
    run.progress(0.75, "uncertainty")
    chosen = {c: images[c] for c in _USUAL}
    got, _ = made(model, chosen, one, run.part(0.75, 0.87), Passes(10, seed=seed))
    found.calibration.append(_calibration(got, true, one))
    spots = _spots(one)
    spoiled = {**chosen, Contrast.FLAIR: chosen[Contrast.FLAIR] + spots.astype(np.float32) * _level(chosen, one)}
    got, _ = made(model, spoiled, one, run.part(0.87, 1.0), Passes(10, seed=seed))
    found.spots.append((_in_pieces(got.deviation, spots > 0.5), _in_pieces(got.deviation, one.numbers)))


def _level(images: Mapping[Contrast, Values], one: Patient) -> np.float32:
    """How much brighter than grey matter a lesion is in FLAIR, about."""
    return np.float32(0.6 * np.median(images[Contrast.FLAIR][one.tissue["grey matter"]]))


def _calibration(got: MadeSequence, true: Values, one: Patient) -> dict[str, float]:
    true = np.where(one.inside, true, np.float32(0))
    factor = float((got.image * true).sum() / max(float((got.image**2).sum()), 1e-12))
    error = np.abs(factor * got.image - true)[one.inside]
    deviation = np.maximum(factor * got.deviation[one.inside], 1e-9)
    rank = np.argsort(deviation)
    tenth = len(rank) // 10
    return {"within 1": 100 * float(np.mean(error < deviation)),
            "within 2": 100 * float(np.mean(error < 2 * deviation)),
            "surest tenth": float(error[rank[:tenth]].mean() / error.mean()),
            "least sure tenth": float(error[rank[-tenth:]].mean() / error.mean())}


def _spots(one: Patient) -> Values:
    """Bright spots in white matter that are in FLAIR alone, as flow and motion leave them; (K, J, I), 0 to 1."""
    rng = np.random.default_rng(4)
    from scipy import ndimage

    far = ndimage.distance_transform_edt(one.numbers == 0, sampling=one.geometry.spacing_kji_mm) > 8.0
    deep = ndimage.distance_transform_edt(one.tissue["white matter"], sampling=one.geometry.spacing_kji_mm) > 3.0
    places = np.argwhere(far & deep)
    spots = np.zeros(one.inside.shape, np.float32)
    spacing = np.array(one.geometry.spacing_kji_mm)
    kji = np.moveaxis(np.indices(spots.shape, np.float32), 0, -1) * spacing
    for at in places[rng.choice(len(places), min(_SPOTS, len(places)), replace=False)]:
        apart = np.linalg.norm(kji - at * spacing, axis=-1)
        spots = np.maximum(spots, np.clip(1.5 - apart / rng.uniform(2.0, 3.0), 0, 1))
    return np.asarray(spots, np.float32)


def _in_pieces(values: Values, pieces: Any) -> Values:
    from scipy import ndimage

    labels = pieces if pieces.dtype == np.uint16 else ndimage.label(pieces)[0]
    numbers = np.unique(labels[labels > 0])
    return np.asarray(ndimage.mean(values, labels, numbers), np.float32)


def _crop(one: Patient, shown: list[tuple[str, Values]]) -> list[tuple[str, Values]]:
    level = int(np.argmax((one.numbers > 0).sum(axis=(1, 2))))
    rows, columns = (np.flatnonzero(one.inside.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    box = slice(max(rows[0] - 6, 0), rows[-1] + 7), slice(max(columns[0] - 6, 0), columns[-1] + 7)
    return [(name, image[level][box] / np.quantile(image[one.inside], 0.998)) for name, image in shown]


def _write_quality(page: Page, found: _Found, choices: tuple[tuple[Contrast, ...], ...]) -> None:
    page.section("DIR from what is there")
    head = ("Method", "Given", "SSIM ↑", "PSNR, dB ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓")
    order = [("A second acquisition", "DIR with 3 % noise")]
    order += [(method, _named(inputs)) for inputs in choices for method in ("Network", "Physics")]
    page.table(head, [(method, given, *(spread([one[key] for one in found.quality[(method, given)]])
                                        for key in ("SSIM", "PSNR", "MAE brain", "MAE lesions")))
                      for method, given in order if (method, given) in found.quality])
    page.text("Mean ± standard deviation over the brains, against the true DIR without noise; errors in per cent of "
              "its 99.9th percentile. The first row is what another acquisition reaches: a network that removes noise "
              "can be above it. Physics is `sequences.fit`, which is not trained.")


def _write_contrast(page: Page, found: _Found) -> None:
    page.section("Contrast of lesions")
    keys = list(found.contrasts[0]["FLAIR"])
    page.table(("Image", *(k if k[0].isupper() else f"{k}, to grey matter" for k in keys)),
               [(name, *(spread([one[name][key] for one in found.contrasts]) for key in keys))
                for name in found.contrasts[0]])
    page.text("Contrast to noise, where noise is the standard deviation within grey and white matter; DIR by both "
              "methods from FLAIR and T1w. Computed images have less noise than acquired ones, since they are means "
              "over what is possible: a higher figure is no gain in what is known.")


def _write_pictures(page: Page, found: _Found) -> None:
    page.section("Images")
    tallest = max(image.shape[0] for _, image in found.shown)
    row = [np.pad(image, ((0, tallest - image.shape[0]), (2, 2))) for _, image in found.shown]
    # The front of the head on top, two pixels a voxel.
    pixels = np.kron(255 * np.clip(np.concatenate(row, axis=1)[::-1], 0, 1), np.ones((2, 2)))
    page.image(np.rint(pixels).astype(np.uint8),
               "The first phantom, at the level with most lesions: " + ", ".join(name for name, _ in found.shown)
               + ". The computed images are 0 outside the brain.")


def _write_uncertainty(page: Page, found: _Found, count: int) -> None:
    page.section("Uncertainty")
    page.table(("Errors within 1 SD, % (68 if calibrated)", "within 2 SD, % (95)",
                "Error of the surest tenth of voxels, of the mean error", "of the least sure tenth"),
               [tuple(spread([one[key] for one in found.calibration]) for key in found.calibration[0])]
               if count > 1 else [tuple(found.calibration[0].values())])
    page.text("Standard deviation over ten passes with drop-out, FLAIR and T1w given, times a factor that was measured "
              "on other phantoms.")
    areas = [_area(false, true) for false, true in found.spots if len(false) and len(true)]
    page.table(("Can it tell false from true bright spots? Area under the curve", "mean", "least", "most"),
               [(f"{_SPOTS} spots in FLAIR alone against the lesions, {len(areas)} patients", float(np.mean(areas)),
                 min(areas), max(areas))])
    page.text("0.5 is chance, 1 that every false spot is less sure than every lesion; below 0.5 the lesions are the "
              "less sure ones. Bright spots of lesion-like contrast were added to white matter in FLAIR, not in T1w.")


def _area(positive: Values, negative: Values) -> float:
    """Share of pairs in which the positive is larger."""
    return float(np.mean(positive[:, None] > negative[None]) + 0.5 * np.mean(positive[:, None] == negative[None]))


def _write_shift(page: Page, model: Model, count: int, run: Run) -> None:
    """Other scanners, also such as the network has never seen."""
    conditions: dict[str, tuple[float, Timing, Timing, float, Callable[[Values], Values]]] = {
        "as trained": (3.0, Timing(), Timing(), 0.03, lambda x: x),
        "1.5 T (in training)": (1.5, Timing(), Timing(), 0.03, lambda x: x),
        "FLAIR TE 90 ms (at the edge of training)": (3.0, Timing(echo_time_ms=90.0), Timing(), 0.03, lambda x: x),
        "FLAIR TE 60 ms, TR 11 s (outside)": (3.0, Timing(11000.0, 60.0), Timing(), 0.03, lambda x: x),
        "T1w TI 1200 ms (outside)": (3.0, Timing(), Timing(inversion_time_ms=1200.0), 0.03, lambda x: x),
        "noise 10 % (outside)": (3.0, Timing(), Timing(), 0.10, lambda x: x),
        "FLAIR's brightness bent by a power of 0.6 (outside)": (
            3.0, Timing(), Timing(), 0.03, lambda x: np.asarray(x**0.6, np.float32)),
    }
    rows = []
    for at, (name, (field_t, flair, t1w, noise, bent)) in enumerate(conditions.items()):
        judged, apart = [], []
        for n in range(count):
            run.progress((at + n / count) / len(conditions), "other scanners")
            one = patient(_SEED + n, _SPACING, field_t, Run())
            images = {Contrast.FLAIR: bent(one.image(sequence_of(Contrast.FLAIR, flair, field_t), noise)),
                      Contrast.T1W: one.image(sequence_of(Contrast.T1W, t1w, field_t), noise)}
            true = one.image(sequence_of(Contrast.DIR, field_t=field_t), noise=0.0)
            got, ready = made(model, images, one, Run(device=run.device))
            judged.append(quality(got.image, true, one))
            apart.append(fit_to(model, ready).distance)
        rows.append((name, *(spread([one[key] for one in judged]) if count > 1 else judged[0][key]
                             for key in ("SSIM", "MAE brain", "MAE lesions")), float(np.mean(apart)),
                     f"{sum(a > 1 for a in apart)} of {count}"))
    page.section("Other scanners")
    page.table(("Acquired with", "SSIM ↑", "MAE in the brain, % ↓", "MAE in lesions, % ↓",
                "Distance to the training images (1 is the limit)", "Called outside"), rows)
    page.text("DIR from FLAIR and T1w. The distance is what the tool shows as 'fit of model and images'.")


