"""The phantom hearts of the comparison, made once and kept in its work folder."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.families import recipes
from synthetic_imaging.cohorts.families.settings import Hearts
from synthetic_imaging.context import Run
from synthetic_imaging.learning.recipe import Data, as_plain

if TYPE_CHECKING:
    from synthetic_imaging.learning.array_cases import ArrayCases

# Hearts of the feature network, which nothing else uses.
RULER_FROM, RULER_VALIDATION_FROM = 4_000_000, 5_000_000
_RULER_VALIDATION = 16


@dataclass(frozen=True, eq=False)
class HeartSets:
    """Sets of phantom hearts; none is in two of them.

    Attributes:
        training, validation: what all families learn from.
        test: what generated hearts are compared with.
        others: as many again, for real against real.
        ruler, ruler_validation: for the feature network.
    """

    training: ArrayCases
    validation: ArrayCases
    test: ArrayCases
    others: ArrayCases
    ruler: ArrayCases
    ruler_validation: ArrayCases

    @property
    def data(self) -> Data:
        """For training."""
        return Data(self.training, self.validation, None, "phantom")


def images_of(cases: ArrayCases) -> npt.NDArray[np.float32]:
    """(N, 1, K, J, I)."""
    return cases.images.astype(np.float32)


def heart_sets(cases: Hearts, ruler: int, work: Path, run: Run) -> HeartSets:
    """The sets, from the work folder if they are there.

    Args:
        cases: how many, and on which grid.
        ruler: how many hearts the feature network learns from.
        work: folder.
        run: progress and cancel.
    """
    wanted = {
        "training": (0, cases.training), "validation": (recipes.VALIDATION_FROM, cases.validation),
        "test": (recipes.TEST_FROM, cases.test), "others": (recipes.OTHERS_FROM, cases.test),
        "ruler": (RULER_FROM, ruler),
        "ruler_validation": (RULER_VALIDATION_FROM, min(_RULER_VALIDATION, ruler)),
    }
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for number, (name, (first, count)) in enumerate(wanted.items()):
        part = run.part(number / len(wanted), (number + 1) / len(wanted))
        found[name] = _set(work / f"hearts-{name}.npz", cases, first, count, part)
    return HeartSets(**found)


def _set(path: Path, cases: Hearts, first: int, count: int, run: Run) -> ArrayCases:
    from synthetic_imaging.files.staging import staged
    from synthetic_imaging.learning.array_cases import ArrayCases

    plain = as_plain(cases)
    about = json.dumps([first, count, plain["shape_kji"], plain["seed"]])
    try:
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["about"]) == about:
                return ArrayCases(kept["images"], kept["labels"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass
    source, made = recipes.hearts(cases, first, count), []
    for index in range(count):
        run.progress(index / count, "phantom hearts")
        made.append(source.case(index, np.random.default_rng(0)))
    images = np.stack([case["image"] for case in made]).astype(np.float16)
    labels = np.stack([case["label"] for case in made])
    # By an open file: numpy adds an ending to other names.
    with staged(path, overwrite=True) as stage, stage.beside(path).open("wb") as file:
        np.savez(file, images=images, labels=labels, about=np.array(about))
    return ArrayCases(images, labels)
