"""Do two readers mean the same lesions? Clicks paired by distance, and how far the pairs agree on the region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.sequences.counting import Event


@dataclass(frozen=True)
class Matching:
    """Clicks of two readers in one image.

    Attributes:
        pairs: clicks of one lesion, as positions in the two lists.
        distances_mm: of the pairs.
        only_first, only_second: positions of clicks without a partner.
    """

    pairs: tuple[tuple[int, int], ...]
    distances_mm: tuple[float, ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    @property
    def agreement(self) -> float:
        """Clicks that have a partner through all clicks (Dice), 0 to 1; 1 if neither reader clicked."""
        total = 2 * len(self.pairs) + len(self.only_first) + len(self.only_second)
        return 2 * len(self.pairs) / total if total else 1.0


def matched_clicks(first: Sequence[Event], second: Sequence[Event], within_mm: float = 5.0) -> Matching:
    """As many pairs as there can be within the distance, and of all such pairings the shortest one.

    Args:
        first, second: clicks in one image.
        within_mm: the greatest distance of a pair.

    Raises:
        ParameterError: for a distance that is not above 0.
    """
    from scipy.optimize import linear_sum_assignment

    if not (np.isfinite(within_mm) and within_mm > 0):
        raise ParameterError(f"Clicks are matched within a distance above 0 mm, not {within_mm:g}.")
    if not first or not second:
        return Matching((), (), tuple(range(len(first))), tuple(range(len(second))))
    a, b = (np.array([e.ras_mm for e in clicks], float) for clicks in (first, second))
    apart = np.linalg.norm(a[:, None] - b[None], axis=-1)
    # One pair more always outweighs all distances together.
    far = (min(len(a), len(b)) + 1.0) * within_mm
    rows, columns = linear_sum_assignment(np.where(apart <= within_mm, apart, far))
    kept = [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if apart[i, j] <= within_mm]
    return Matching(tuple(kept), tuple(float(apart[i, j]) for i, j in kept),
                    tuple(sorted(set(range(len(a))) - {i for i, _ in kept})),
                    tuple(sorted(set(range(len(b))) - {j for _, j in kept})))


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Agreement on names beyond chance (Cohen 1960): ``(observed - expected) / (1 - expected)``.

    Returns:
        1 for full agreement, 0 for what chance gives; NaN where both always use one and the same name, for then chance
        explains all.

    Raises:
        InputError: for lists of different lengths, or empty ones.
    """
    if len(first) != len(second) or not first:
        raise InputError(f"Kappa needs two lists of one length, not of {len(first)} and {len(second)}.")
    names = sorted({*first, *second})
    table = np.zeros((len(names), len(names)))
    for one, other in zip(first, second, strict=True):
        table[names.index(one), names.index(other)] += 1
    table /= table.sum()
    expected = float(table.sum(axis=1) @ table.sum(axis=0))
    return (float(np.trace(table)) - expected) / (1 - expected) if expected < 1 else float("nan")
