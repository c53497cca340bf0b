"""Positions in the patient, as clicked in a slice view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import FloatArray

_FARTHEST_MM = 1e6


@dataclass(frozen=True, eq=False)
class Points:
    """Points in RAS millimetres; ``ras_mm`` is (N, 3).

    Raises:
        InputError: if there are not three finite coordinates a point, or one is beyond a kilometre.
    """

    ras_mm: FloatArray
    labels: tuple[str, ...] = ()
    name: str = "points"

    def __post_init__(self) -> None:
        try:
            points = np.array(self.ras_mm, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError("Points are numbers: right, anterior, superior in millimetres.") from None
        points = points.reshape(1, 3) if points.shape == (3,) else points
        points = points.reshape(0, 3) if points.shape == (0,) else points
        if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
            raise InputError("A point needs three finite coordinates (right, anterior, superior in millimetres).")
        if (np.abs(points) > _FARTHEST_MM).any():
            raise InputError("A point lies more than a kilometre away; its coordinates are millimetres.")
        points.setflags(write=False)
        object.__setattr__(self, "ras_mm", points)

    def __len__(self) -> int:
        return int(self.ras_mm.shape[0])

    @classmethod
    def of(cls, value: Points | npt.ArrayLike) -> Points:
        """Points from points or from anything like an (N, 3) array of RAS millimetres."""
        return value if isinstance(value, Points) else cls(value)  # type: ignore[arg-type]  # converted and checked there
