"""Figures of evidence pages: sheets of slices with labels, curves, scatter plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# Colours by label value 1, 2, ...; distinguishable by the colour-blind, bright on grey.
_COLOURS = np.array([
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
    (170, 68, 153),
], dtype=np.float32)


def tile(
    image: npt.NDArray[Any], label: npt.NDArray[Any] | None, window: tuple[float, float], cut: tuple[int, int],
    side: int = 120,
) -> npt.NDArray[np.uint8]:
    """One slice as (side, side, 3): image in a window, outlines of the labels in colour.

    Args:
        image: (K, J, I).
        label: the same shape, or None.
        window: values that become black and white.
        cut: axis and index of the slice.
        side: of the picture; the slice is enlarged by whole numbers of nearest voxels, then padded.
    """
    plane = np.take(image, cut[1], cut[0]).astype(np.float32)
    low, high = window
    grey = np.clip((plane - low) / (high - low), 0, 1) * 255
    times = max(1, side // max(plane.shape))
    big = np.kron(grey, np.ones((times, times), np.float32))[..., None].repeat(3, axis=2)
    if label is not None:
        marks = np.kron(np.take(label, cut[1], cut[0]), np.ones((times, times), np.uint8))
        edge = np.zeros(marks.shape, bool)
        edge[:-1] |= marks[:-1] != marks[1:]
        edge[:, :-1] |= marks[:, :-1] != marks[:, 1:]
        shown = edge & (marks > 0)
        big[shown] = _COLOURS[(marks[shown] - 1) % len(_COLOURS)]
    canvas = np.zeros((side, side, 3), np.uint8)
    rows, columns = min(side, big.shape[0]), min(side, big.shape[1])
    top, left = (side - rows) // 2, (side - columns) // 2
    canvas[top:top + rows, left:left + columns] = big[:rows, :columns]
    return canvas


def sheet(
    rows: Sequence[tuple[str, Sequence[tuple[npt.NDArray[Any], npt.NDArray[Any] | None]]]],
    window: tuple[float, float], cuts: Sequence[int] = (0, 1), side: int = 120, flip: bool = True,
) -> Any:
    """A figure with a row for each set: middle slices of its cases, labels outlined.

    Args:
        rows: (title, [(image (K, J, I), label or None), ...]).
        window: values that become black and white.
        cuts: axes (0 = K, 1 = J, 2 = I) whose middle slices are shown of each case.
        side: of a tile, pixels.
        flip: the first axis of coronal and sagittal slices points up.
    """
    from matplotlib.figure import Figure

    columns = max(len(cases) for _, cases in rows) * len(cuts)
    figure = Figure(figsize=(columns * side / 100 + 0.2, len(rows) * (side / 100 + 0.28)), dpi=100)
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axis, (title, cases) in zip(axes, rows, strict=True):
        tiles = []
        for image, label in cases:
            for cut in cuts:
                one = tile(image, label, window, (cut, image.shape[cut] // 2), side)
                tiles.append(one[::-1] if flip and cut else one)
        axis.imshow(np.concatenate(tiles, axis=1))
        axis.set_title(title, fontsize=9, loc="left", pad=3)
        axis.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.94, hspace=0.16)
    return figure


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], across: str, up: str, *, log: bool = False,
    level: tuple[str, float] | None = None,
) -> Any:
    """Lines with marks: name -> (x, y); a dashed level is named in the legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.8), dpi=100)
    axis = figure.subplots()
    for name, (x, y) in series.items():
        axis.plot(x, y, marker="o", markersize=4, linewidth=1.4, label=name)
    if level is not None:
        axis.axhline(level[1], color="0.4", linestyle="--", linewidth=1, label=level[0])
    if log:
        axis.set_yscale("log")
    axis.set_xlabel(across)
    axis.set_ylabel(up)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.tight_layout()
    return figure


def scatter(sets: Mapping[str, npt.NDArray[np.float64]], title: str) -> Any:
    """Points (N, 2) of several sets in one picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 4.4), dpi=100)
    axis = figure.subplots()
    for name, points in sets.items():
        axis.scatter(points[:, 0], points[:, 1], s=9, alpha=0.55, label=f"{name} (n = {len(points)})", linewidths=0)
    axis.set_title(title, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.legend(fontsize=8)
    figure.tight_layout()
    return figure


def histograms(sets: Mapping[str, Sequence[float]], across: str) -> Any:
    """Densities of one measurement in several sets."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.2), dpi=100)
    axis = figure.subplots()
    values = np.concatenate([np.asarray(v, float) for v in sets.values()])
    edges = np.linspace(values.min(), values.max(), 25)
    for name, some in sets.items():
        axis.hist(list(some), edges.tolist(), density=True, histtype="step", linewidth=1.6,
                  label=f"{name} (n = {len(some)})")
    axis.set_xlabel(across)
    axis.set_yticks([])
    axis.legend(fontsize=8)
    figure.tight_layout()
    return figure
