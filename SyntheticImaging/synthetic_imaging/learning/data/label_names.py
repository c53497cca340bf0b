"""The segments of a file as the label values that a recipe expects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.mask import Mask

# Names for one structure; compared without case, spaces and punctuation.
SAME: tuple[tuple[str, ...], ...] = (
    ("LA", "left atrium", "heart atrium left", "atrium left", "left atrial cavity"),
    ("LV", "left ventricle", "left ventricular cavity", "cavity", "lv cavity", "lv blood pool", "heart ventricle left"),
    ("RA", "right atrium", "heart atrium right", "atrium right", "right atrial cavity"),
    ("RV", "right ventricle", "right ventricular cavity", "rv cavity", "rv blood pool", "heart ventricle right"),
    ("MYO", "myocardium", "lv myocardium", "left ventricular myocardium", "heart myocardium", "lv wall"),
    ("AO", "aorta", "ascending aorta"),
    ("PA", "pulmonary artery", "pulmonary trunk", "main pulmonary artery"),
    ("LAA", "left atrial appendage", "atrial appendage left", "left appendage"),
)
_UNNAMED = re.compile(r"label \d+")


@dataclass(frozen=True, eq=False)
class Mapped:
    """Labels of one case.

    Attributes:
        labels: uint8 (K, J, I), values 0..n of the recipe.
        unknown: label values of the file that the recipe does not have (only where labels go by value).
        ignored: named segments of the file that the recipe does not have; they became background.
        present: structures with at least one voxel.
    """

    labels: npt.NDArray[np.uint8]
    unknown: tuple[int, ...]
    ignored: tuple[str, ...]
    present: frozenset[str]


def map_labels(mask: Mask, structures: Sequence[str], names: Mapping[int, str] | None = None) -> Mapped:
    """The recipe's label values of a segmentation.

    Segments are found by name (also by the usual other names, see `SAME`); where no segment has one of the
    recipe's names, label values count: 1 is the first structure.

    Args:
        mask: what was read.
        structures: names of the recipe's label values 1, 2, ...
        names: label value -> name, from a list beside the files; for label maps without names.
    """
    given = {s: (names or {}).get(s.label, s.name) if _UNNAMED.fullmatch(s.name) else s.name for s in mask.segments}
    wanted = {_plain(other): value for value, name in enumerate(structures, 1) for group in SAME
              if _plain(name) in map(_plain, group) for other in group}
    # A structure's own name beats another one's second name.
    wanted.update({_plain(name): value for value, name in enumerate(structures, 1)})
    by_name = any(_plain(name) in wanted for name in given.values())
    labels = np.zeros(mask.shape, dtype=np.uint8)
    unknown: list[int] = []
    ignored: list[str] = []
    for segment, name in given.items():
        value = wanted.get(_plain(name), 0) if by_name else segment.label
        if value < 1 or value > len(structures):
            if by_name:
                ignored.append(name)
            else:
                unknown.append(value)
            continue
        labels[mask.layers[segment.layer] == segment.label] = value
    counts = np.bincount(labels.ravel(), minlength=len(structures) + 1)
    present = frozenset(name for value, name in enumerate(structures, 1) if counts[value])
    return Mapped(labels, tuple(sorted(unknown)), tuple(ignored), present)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
