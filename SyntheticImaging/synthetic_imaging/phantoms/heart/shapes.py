"""A growing list of ellipsoids, tapered capsules and cutting planes, as the table that the kernels read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthetic_imaging.phantoms.heart import surfaces

Floats = npt.NDArray[np.float64]


def unit(vector: npt.ArrayLike) -> Floats:
    """The vector with length one."""
    array = np.asarray(vector, dtype=np.float64)
    return np.asarray(array / np.linalg.norm(array))


class Shapes:
    """Collects shapes; `table`, `groups` and `cuts` give the arrays."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._cuts: list[Floats] = []

    def capsule(
        self, structure: int, start: npt.ArrayLike, stop: npt.ArrayLike, r0: float, r1: float, blend: float = 3.0
    ) -> None:
        """A tube with round ends from ``start`` to ``stop`` (RAS mm) whose radius goes from r0 to r1."""
        ends = np.array([start, stop], dtype=np.float64)
        self._tubes(structure, np.column_stack([ends, [r0, r1]]), blend)

    def path(self, structure: int, points: Sequence[npt.ArrayLike], radii: Sequence[float], blend: float = 4.0) -> None:
        """A tube through points, one radius each; the points are made smooth first (Catmull-Rom, two per span)."""
        anchors = np.column_stack([np.array(points, dtype=np.float64), radii])
        padded = np.concatenate([2 * anchors[:1] - anchors[1:2], anchors, 2 * anchors[-1:] - anchors[-2:-1]])
        dense = np.empty((2 * len(anchors) - 1, 4))
        dense[0::2] = anchors
        dense[1::2] = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
        dense[:, 3] = np.maximum(dense[:, 3], 0.5)
        self._tubes(structure, dense, blend)

    def _tubes(self, structure: int, dense: Floats, blend: float) -> None:
        start, along = dense[:-1], dense[1:] - dense[:-1]
        length2 = (along[:, :3] ** 2).sum(axis=1)
        thick = np.maximum(dense[:-1, 3], dense[1:, 3])
        rows = np.zeros((len(start), surfaces.SHAPE_COLUMNS))
        rows[:, :3] = surfaces.CAPSULE, structure, blend
        rows[:, 3:6] = start[:, :3] + 0.5 * along[:, :3]
        rows[:, 6] = (0.5 * np.sqrt(length2) + thick + surfaces.REACH_MM) ** 2
        rows[:, 7:10], rows[:, 10:13] = start[:, :3], along[:, :3]
        rows[:, 13], rows[:, 14], rows[:, 15] = start[:, 3], along[:, 3], 1.0 / np.maximum(length2, 1e-9)
        self._rows.append(rows)

    def ellipsoid(
        self, structure: int, centre: npt.ArrayLike, axes: Floats, half: tuple[float, float, float], blend: float = 3.0
    ) -> None:
        """An ellipsoid with its axes in the rows of ``axes`` and half lengths ``half`` in mm."""
        row = np.zeros((1, surfaces.SHAPE_COLUMNS))
        centre = np.asarray(centre, dtype=np.float64)
        row[0, :7] = (surfaces.ELLIPSOID, structure, blend, *centre, (max(half) + surfaces.REACH_MM) ** 2)
        row[0, 7:22] = (*centre, *axes.reshape(-1), *half)
        self._rows.append(row)

    def cut(self, structure: int, point: npt.ArrayLike, normal: npt.ArrayLike) -> None:
        """Cut a structure off beyond a plane, on the side to which the normal points."""
        self._cuts.append(np.concatenate([[structure], np.asarray(point, dtype=np.float64), unit(normal)]))

    def table(self) -> Floats:
        """(N, 22) shapes, those of one structure together."""
        rows = np.concatenate(self._rows)
        return np.asarray(rows[np.argsort(rows[:, 1], kind="stable")])

    def cuts(self) -> Floats:
        """(M, 7) planes."""
        return np.stack(self._cuts)


def groups_of(table: Floats) -> Floats:
    """(G, 8): for each structure its first shape, the one after its last, and the box outside which all are far."""
    found = []
    for structure in np.unique(table[:, 1]):
        where = np.flatnonzero(table[:, 1] == structure)
        rows = table[where]
        reach = np.sqrt(rows[:, 6])[:, None]
        low, high = (rows[:, 3:6] - reach).min(axis=0), (rows[:, 3:6] + reach).max(axis=0)
        found.append([where[0], where[-1] + 1, *low, *high])
    return np.array(found)
