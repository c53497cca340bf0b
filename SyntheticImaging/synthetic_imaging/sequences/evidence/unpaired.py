"""The evidence page of unpaired translation: `synthetic-imaging reproduce sequences-unpaired`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.evidence.page import Page
from synthetic_imaging.sequences.evidence.kept_lesions import LesionFate, lesion_fate
from synthetic_imaging.sequences.evidence.patients import Patient, Values, in_units_of, patient, quality, spread
from synthetic_imaging.sequences.learned.brightness import from_network, scaled_by_brain
from synthetic_imaging.sequences.protocols import Contrast, sequence_of
from synthetic_imaging.sequences.unpaired.applying import Answers, translated

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

_SEED, _CONTROLS = 7400, 7450
_SPACING = (1.1, 1.1, 3.0)
_SLICES = 14
_SIDES = {"b": (Contrast.T2W, Contrast.FLAIR), "a": (Contrast.FLAIR, Contrast.T2W)}
# None is chosen by a validated value: that would show pairs to methods that have none.
_EQUAL = {"training.validate_every": "100000"}


@dataclass(frozen=True)
class Arm:
    """One training.

    Attributes:
        changes: of the settings of the recipe's small preset.
        seed: of weights, order and noise.
    """

    changes: Mapping[str, str]
    seed: int = 1


# Steps, not minutes: then a page does not depend on what else a machine does. The paired ones get fewer.
_SYNDIFF = {"method": "SynDiff", "training.steps": "5200", "training.cool_down_steps": "2600"}
_PAIRED = {"training.batch_size": "4", "training.learning_rate": "0.0008", "training.steps": "2000",
           "training.cool_down_steps": "1000"}
ARMS: Mapping[str, Arm] = {
    "SynDiff": Arm(_SYNDIFF),
    "SynDiff, seed 2": Arm(_SYNDIFF, 2),
    "SynDiff with identity": Arm({**_SYNDIFF, "identity": "1"}),
    "cycle-GAN": Arm({"method": "cycle-GAN", "training.steps": "11000", "training.cool_down_steps": "5500"}),
    "paired network": Arm({"method": "paired", **_PAIRED}),
    "paired diffusion": Arm({"method": "paired diffusion", **_PAIRED}),
}


@dataclass
class _Judged:
    """One method in one direction, over patients."""

    quality: list[dict[str, float]] = field(default_factory=list)
    fates: list[LesionFate] = field(default_factory=list)
    controls: list[LesionFate] = field(default_factory=list)


def reproduce(out: Path, run: Run, *, quick: bool = False, train: bool = False) -> None:
    """Train all methods, or take what an earlier run has trained, and judge them; write ``sequences-unpaired.md``.

    Args:
        out: folder for the page and the trainings.
        run: device, progress and cancel.
        quick: a few steps, one patient; the figures mean nothing then.
        train: changes nothing: methods are always trained where they are not there.
    """
    del train
    shorter = {"training.steps": "5", "training.cool_down_steps": "0", "patients.training": "2"} if quick else {}
    models = {name: _trained(name, shorter, out, run.part(0.8 * at / len(ARMS), 0.8 * (at + 1) / len(ARMS)))
              for at, name in enumerate(ARMS)}
    count, healthy = (1, 1) if quick else (5, 2)
    patients = [patient(_SEED + n, _SPACING, 3.0, Run()) for n in range(count)]
    controls = [patient(_CONTROLS + n, _SPACING, 3.0, Run(), lesions=0) for n in range(healthy)]
    page = Page("sequences-unpaired", "One MR sequence from another without pairs, on phantom brains")
    page.summary = (
        f"Everything here was obtained on phantoms: {count} brains with multiple sclerosis and {len(controls)} "
        f"without lesions, none of them in training; {_SPACING[0]:g} x {_SPACING[1]:g} x {_SPACING[2]:g} mm, 3 T, "
        f"noise 3 %, the {_SLICES} middle slices of each. SynDiff and the cycle-GAN have learned from patients none of "
        "whom had both sequences; the last two from pairs."
    )
    for number, (side, (source, wanted)) in enumerate(_SIDES.items()):
        part = run.part(0.8 + 0.09 * number, 0.8 + 0.09 * (number + 1))
        found, shown = _direction(models, side, patients, controls, part)
        _write(page, found, shown, source, wanted)
    _write_end(page, models)
    page.write(out, "synthetic-imaging reproduce sequences-unpaired" + (" --quick" if quick else ""))
    run.progress(1.0, "page written")


def _trained(name: str, shorter: Mapping[str, str], out: Path, run: Run) -> Model:
    from synthetic_imaging.learning.phantom_models import phantom_model
    from synthetic_imaging.learning.recipe import change
    from synthetic_imaging.sequences.unpaired.recipe import UNPAIRED

    arm = ARMS[name]
    settings: Any = change(UNPAIRED.presets["small"], {**_EQUAL, **arm.changes, **shorter})
    folder = out / "work" / "unpaired" / name.replace(" ", "-").replace(",", "").lower()
    return phantom_model(UNPAIRED.id, settings, folder, arm.seed, run)


def _direction(
    models: Mapping[str, Model], side: str, patients: list[Patient], controls: list[Patient], run: Run
) -> tuple[dict[str, _Judged], list[tuple[str, Values]]]:
    source, wanted = _SIDES[side]
    rows = _rows(models)
    found = {name: _Judged() for name in ("source as it is", "second acquisition", *rows)}
    shown: list[tuple[str, Values]] = []
    step = float(np.mean([_step(one, wanted) for one in patients]))
    for n, one in enumerate([*patients, *controls]):
        part = run.part(n / (len(patients) + len(controls)), (n + 1) / (len(patients) + len(controls)))
        slices = _chosen(one)
        one = Patient(one.head, one.inside, one.numbers, one.regions, one.geometry, np.random.default_rng(n))
        true = one.image(sequence_of(wanted), noise=0.0)
        given = one.image(sequence_of(source), shading=0.03)
        again = one.image(sequence_of(wanted), shading=0.03)
        made = {"source as it is": given[slices], "second acquisition": again[slices]}
        for at, (name, (model, answers)) in enumerate(rows.items()):
            share = part.part(at / len(rows), (at + 1) / len(rows))
            made[name] = _made(model, given, one, slices, side, answers, share)
        for name, image in made.items():
            _judge(found[name], image, true, one, slices, step, control=n >= len(patients))
        if n == 0:
            level = int(np.argmax((one.numbers[slices] > 0).sum((1, 2))))
            shown = [("truth", true[slices][level]), *((name, made[name][level]) for name in made
                                                       if name != "second acquisition")]
            shown = [(name, np.where(one.inside[slices][level], image, 0)) for name, image in shown]
    return found, shown


def _rows(models: Mapping[str, Model]) -> dict[str, tuple[Model, Answers]]:
    rows = {}
    for name, model in models.items():
        calls = {"SynDiff": "4 calls", "paired diffusion": "20 calls"}.get(ARMS[name].changes["method"], "1 call")
        rows[f"{name}, {calls}"] = (model, Answers(seed=1, calls=20))
        if name == "paired diffusion":
            rows["paired diffusion, 4 calls"] = (model, Answers(seed=1, calls=4))
    return rows


def _chosen(one: Patient) -> npt.NDArray[np.intp]:
    """Neighbouring slices through the middle of the brain, with lesions or not."""
    held = np.flatnonzero(one.inside.any((1, 2)))
    return np.arange(_SLICES) + int(held[0] + held[-1] - _SLICES + 1) // 2


def _step(one: Patient, wanted: Contrast) -> float:
    image = one.image(sequence_of(wanted), noise=0.0)
    return float(image[one.numbers > 0].mean() - np.median(image[one.tissue["white matter"]]))


def _made(
    model: Model, given: Values, one: Patient, slices: npt.NDArray[np.intp], side: str, answers: Answers, run: Run
) -> Values:
    source, wanted = _SIDES[side]
    scaled = scaled_by_brain(given, one.inside, source)[slices]
    # Rows and columns run as in training, to the back and to the left.
    turned = np.ascontiguousarray(scaled[:, ::-1, ::-1])
    mean, _ = translated(model, turned, side, answers, run.device, run)
    return from_network(mean[:, ::-1, ::-1], wanted)


def _judge(
    kept: _Judged, image: Values, true: Values, one: Patient, slices: npt.NDArray[np.intp], step: float, *,
    control: bool,
) -> None:
    inside = one.inside[slices]
    part = Patient(one.head, inside, one.numbers[slices], one.regions, one.geometry, one.rng)
    reference = np.where(inside, true[slices], 0).astype(np.float32)
    scaled = in_units_of(np.where(inside, image, np.float32(0)), reference)
    fate = lesion_fate(scaled, reference, one, slices, step)
    if control:
        kept.controls.append(fate)
        return
    kept.fates.append(fate)
    span = float(np.quantile(reference[inside], 0.999))
    tissues = {f"MAE {name}": 100 * float(np.abs(scaled - reference)[held[slices]].mean()) / span
               for name, held in one.tissue.items() if held[slices].any()}
    kept.quality.append({**quality(scaled, reference, part), **tissues})


def _write(
    page: Page, found: Mapping[str, _Judged], shown: list[tuple[str, Values]], source: Contrast, wanted: Contrast
) -> None:
    page.section(f"{wanted.value} from {source.value}")
    keys = ("PSNR", "SSIM", "MAE brain", "MAE grey matter", "MAE white matter", "MAE CSF", "MAE lesion")
    page.table(("Image", "PSNR, dB ↑", "SSIM ↑", "MAE, % ↓: brain", "grey matter", "white matter", "CSF", "lesions"),
               [(name, *(spread([one.get(key, float("nan")) for one in judged.quality]) for key in keys))
                for name, judged in found.items()])
    page.table(("Image", "Lesions kept", "of", "Contrast left, % (100 is the truth)", "Invented spots a patient",
                "their volume, ml", "in patients without lesions"),
               [(name, sum(f.kept for f in judged.fates), sum(f.present for f in judged.fates),
                 spread([100 * f.contrast for f in judged.fates]), _mean([f.invented for f in judged.fates]),
                 _mean([f.invented_ml for f in judged.fates]), _mean([f.invented for f in judged.controls]))
                for name, judged in found.items()])
    tallest, widest = (max(image.shape[axis] for _, image in shown) for axis in (0, 1))
    top = float(np.quantile(shown[0][1][shown[0][1] > 0], 0.995))
    row = []
    for _, image in shown:
        fitted = in_units_of(image, shown[0][1]) / top
        padding = ((0, tallest - image.shape[0]), (2, widest - image.shape[1] + 2))
        row.append(np.pad(np.clip(fitted, 0, 1), padding))
    half = (len(row) + 1) // 2
    row += [np.zeros_like(row[0])] * (2 * half - len(row))
    pixels = np.concatenate([np.concatenate(row[:half], 1)[::-1], np.concatenate(row[half:], 1)[::-1]])
    page.image(np.rint(255 * pixels).astype(np.uint8),
               f"{wanted.value} of the first phantom, from left to right and top to bottom: "
               + "; ".join(name for name, _ in shown) + ".")


def _mean(values: list[float] | list[int]) -> str:
    if not values:
        return "-"
    mean = float(np.mean(values))
    return f"{mean:.2g}" if mean < 10 else f"{mean:.0f}"


def _write_end(page: Page, models: Mapping[str, Model]) -> None:
    page.section("How to read this")
    page.text(
        "SynDiff and the cycle-GAN were trained for as many steps as take about 25 minutes on one processor core, the "
        "two with pairs for 10 (" + ", ".join(f"{name} {int(model.card.metrics['steps'])}"
                                            for name, model in models.items())
        + " steps); none was picked by a value that needs pairs. They see patches of 128 voxels, most of a slice. "
        "'With identity' adds a term that is not in SynDiff: an image that already is of the wanted kind shall stay as "
        "it is. 'Source as it is' is the given "
        "image, 'second acquisition' another scan of the wanted one with noise 3 %: a method below the first is worse "
        "than none, and a method can be above the second, since it removes noise. A lesion is kept if at least half of "
        "its contrast to white matter is left; an invented spot is at least 15 mm3 large, brighter than the truth by "
        "half the contrast of a lesion, and more than 3 mm from any.")
    page.section("What this does not show")
    page.points([
        "Nothing about patients: unpaired images of real scanners differ by more than contrast.",
        "How much the methods differ from seed to seed, but for two seeds of SynDiff.",
        "The published networks and their length of training: these are far smaller and were trained for minutes.",
    ])
