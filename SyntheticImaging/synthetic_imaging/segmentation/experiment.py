"""Do synthetic cases help a segmenter? Several ways to train it, several seeds each, one test set that none has seen.

    arms = (Arm("real"), Arm("filled in, real", fill_in=True),
            Arm("filled in, mixed", Strategy.MIXED, fill_in=True))
    table = compare_strategies(arms, (1, 2, 3), real, synthetic, test, settings, STRUCTURES, out, run)
    table.mean("filled in, mixed").text, table.against("filled in, mixed", "real").p_value

Each finished training leaves its scores in ``out``; a comparison that was stopped goes on with the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.files.staging import why
from synthetic_imaging.learning.learner import CaseSource
from synthetic_imaging.learning.recipe import as_plain
from synthetic_imaging.segmentation.comparison import Comparison, Score
from synthetic_imaging.segmentation.settings import SegmentationSettings, Strategy
from synthetic_imaging.segmentation.strategies import TrainedSegmenter, fill_in_blocks, train_segmenter

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes:
        name: as tables show it.
        strategy: which cases it learns from.
        fill_in: whether its encoder first learns to fill in blocks of all synthetic images.
        ratio: synthetic cases for each real one, for mixed; None takes the settings'.
        augment: whether training cases are changed a little each time.
        on_the_fly: whether synthetic cases are new each time.
    """

    name: str
    strategy: Strategy = Strategy.REAL
    fill_in: bool = False
    ratio: float | None = None
    augment: bool = True
    on_the_fly: bool = False

    def settings(self, base: SegmentationSettings) -> SegmentationSettings:
        """The settings of this arm."""
        return replace(
            base, strategy=self.strategy, ratio=base.ratio if self.ratio is None else self.ratio,
            on_the_fly=self.on_the_fly,
            augment=base.augment if self.augment else replace(base.augment, chance=0.0),
        )


def compare_strategies(
    arms: Sequence[Arm],
    seeds: Sequence[int],
    real: CaseSource | None,
    synthetic: CaseSource | None,
    test: CaseSource,
    settings: SegmentationSettings,
    structures: Sequence[str],
    out: Path,
    run: Run,
    *,
    validation: CaseSource | None = None,
    fill_in_settings: SegmentationSettings | None = None,
    data_name: str = "",
    device: str = "auto",
) -> Comparison:
    """Train every arm with every seed and score it on the test cases.

    Args:
        arms: two or more, by different names.
        seeds: of weights, order, split and augmentation; three or more say how far chance goes.
        real: real training cases.
        synthetic: synthetic training cases.
        test: cases of the same kind as the real ones.
        settings: of the segmenter; strategy and ratio come from the arms.
        structures: names of label values 1, 2, ...
        out: folder for trainings and scores.
        run: progress and cancel.
        validation: held-out cases for all arms; None takes a tenth of each arm's own training cases.
        fill_in_settings: of the training that fills in blocks; None takes ``settings``. Shared by all arms of a seed.
        data_name: what the cases are, for the page ("phantom").
        device: where it trains.

    Raises:
        ParameterError: for doubled names or seeds, or cases that an arm needs and are not there.
        FileError: if ``out`` holds a comparison of other settings, or cannot be written.
        Cancelled: if so; finished trainings are kept.
    """
    _check(arms, seeds, real, synthetic, test)
    sources = (real, synthetic, test, validation)
    sort = _Sort(_key(settings, fill_in_settings, structures, sources, data_name), _face(sources))
    total, scores = len(arms) * len(seeds), {}
    for number, (seed, arm) in enumerate((s, a) for s in seeds for a in arms):
        part = run.part(number / total, (number + 1) / total)
        file = out / _file_name(arm, seed)
        found = _read(file, sort, arm)
        if found is None:
            networks = None
            if arm.fill_in:
                part.progress(0.0, f"seed {seed}: learn to fill in blocks")
                networks = _filled_in(synthetic, fill_in_settings or settings, out, seed, sort.key, part, device)
            trained = train_segmenter(
                real, synthetic, arm.settings(settings), structures, out / "trainings" / file.stem,
                part.part(0.3 if arm.fill_in else 0.0, 0.95), seed=seed, start=networks, validation=validation,
                device=device,
            )
            found = _scored(trained, test, len(structures), part.part(0.95, 1.0))
            _write(file, found, sort, arm)
        scores[arm.name, seed] = found
        part.progress(1.0, f"{arm.name}, seed {seed}: done")
    return Comparison(tuple(a.name for a in arms), tuple(seeds), tuple(structures), scores, data_name)


def dice_of_cases(
    network: torch.nn.Module, test: CaseSource, classes: int, run: Run, device: str = "cpu"
) -> npt.NDArray[np.float64]:
    """Dice of each test case and structure, (cases, structures); NaN where a structure is in neither.

    Args:
        network: takes (1, C, K, J, I) of the size of the cases; is brought to the machine's fastest number format.
        test: cases with "image" and "label".
        classes: structures, without the background.
        run: progress and cancel.
        device: where it runs.
    """
    from synthetic_imaging.evaluation.overlap import overlap_by_label
    from synthetic_imaging.learning.randomness import generator_of
    from synthetic_imaging.segmentation.inference import labels_of, plan, prepared, segment

    ready = prepared(network, device=device)
    rows = np.full((len(test), classes), np.nan)
    for number in range(len(test)):
        run.progress(number / len(test), "score the test cases")
        case = test.case(number, generator_of(0, number))
        image = case["image"]
        chosen = plan(ready, image.shape[1:], classes + 1, channels=len(image), device=device)
        found = labels_of(segment(ready, image, chosen, Run(), classes=classes + 1, device=device))
        overlaps = overlap_by_label(found, np.asarray(case["label"]), range(1, classes + 1))
        rows[number] = [overlaps[n].dice for n in range(1, classes + 1)]
    return rows


def _scored(trained: TrainedSegmenter, test: CaseSource, classes: int, run: Run) -> Score:
    from synthetic_imaging.segmentation.learners import SEGMENTER

    device = trained.training.device
    dice = dice_of_cases(trained.networks[SEGMENTER], test, classes, run, device)
    result = trained.training
    return Score(dice, result.steps, result.best_step or result.steps, result.seconds, trained.cases)


def _filled_in(
    synthetic: CaseSource | None, settings: SegmentationSettings, out: Path, seed: int, key: str, part: Run, device: str
) -> torch.nn.ModuleDict:
    """Trained once for each seed; the weights then come from its folder."""
    from safetensors.torch import load_file, save_file

    from synthetic_imaging.segmentation.recipe import segmenter_networks

    folder = out / "trainings" / f"filled-in-seed-{seed}-{key[:8]}"
    weights = folder / "encoder.safetensors"
    if weights.is_file():
        networks = segmenter_networks(settings, 1, seed)
        networks.load_state_dict(load_file(weights))
        return networks
    trained = fill_in_blocks(synthetic, settings, folder, part.part(0.0, 0.3), seed=seed, device=device)
    networks = trained.networks.to("cpu")
    partial = weights.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in networks.state_dict().items()}, partial)
    partial.replace(weights)
    return networks


def _check(
    arms: Sequence[Arm], seeds: Sequence[int], real: CaseSource | None, synthetic: CaseSource | None, test: CaseSource
) -> None:
    names = [arm.name for arm in arms]
    if not names or len(set(names)) != len(names):
        raise ParameterError("A comparison needs arms with different names.")
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise ParameterError("A comparison needs different seeds, whole numbers from 0 up.")
    if len(test) < 3:
        raise ParameterError(f"A comparison needs at least 3 test cases, not {len(test)}.")
    for arm in arms:
        if arm.strategy is not Strategy.SYNTHETIC and not real:
            raise ParameterError(f"The arm '{arm.name}' learns from real cases; give some.")
        if (arm.strategy is not Strategy.REAL or arm.fill_in) and not synthetic:
            raise ParameterError(f"The arm '{arm.name}' learns from synthetic cases; give some.")


def _key(
    settings: SegmentationSettings, fill_in: SegmentationSettings | None, structures: Sequence[str],
    sources: Sequence[CaseSource | None], data_name: str,
) -> str:
    """What scores depend on beside arm and seed; the cases by how many there are."""
    plain: list[Any] = [as_plain(settings), as_plain(fill_in) if fill_in else None, list(structures), data_name]
    plain.append([None if s is None else len(s) for s in sources])
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class _Sort:
    """Of which comparison a score is: the hash of its settings, and what its first and last cases look like."""

    key: str
    face: list[float]

    def same(self, key: str, face: Sequence[float]) -> bool:
        """Whether a kept score is of this comparison; another number of threads changes the last digits."""
        return key == self.key and len(face) == len(self.face) and bool(np.allclose(face, self.face, atol=2e-3))


def _face(sources: Sequence[CaseSource | None]) -> list[float]:
    from synthetic_imaging.learning.randomness import generator_of

    face = []
    for source in sources:
        for index in () if source is None else (0, len(source) - 1):
            case = source.case(index, generator_of(0, index))  # type: ignore[union-attr]
            image = np.asarray(case["image"], np.float64)
            face += [float(image.mean()), float(image.std()), float((np.asarray(case["label"]) > 0).mean())]
    return face


def _file_name(arm: Arm, seed: int) -> str:
    readable = "".join(c if c.isalnum() else "-" for c in arm.name.lower()).strip("-")[:40]
    return f"{readable}-{hashlib.sha256(arm.name.encode()).hexdigest()[:6]}-seed-{seed}.json"


def _read(file: Path, sort: _Sort, arm: Arm) -> Score | None:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if not sort.same(kept["key"], kept["face"]) or kept["arm"] != as_plain(arm):
            raise FileError(
                f"'{file.parent}' holds scores of another comparison (other settings, cases or arms). Choose another "
                "folder, or delete that one."
            )
        return Score.from_plain(kept["score"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise FileError(f"'{file.name}' is damaged. Delete it, and that training runs again.") from None
    except OSError as error:
        raise why(error, file, "read") from None


def _write(file: Path, score: Score, sort: _Sort, arm: Arm) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        kept = {"key": sort.key, "face": sort.face, "arm": as_plain(arm), "score": score.to_plain()}
        partial.write_text(json.dumps(kept), encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise why(error, file, "write") from None
