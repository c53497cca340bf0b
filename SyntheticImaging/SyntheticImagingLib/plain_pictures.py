"""Slice pictures without OpenGL: the same shots, cut by numpy and drawn by matplotlib.

Used where no off-screen OpenGL can be found. There is no 3-D view here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.pictures import SIDES, SYNTHETIC_LABEL, Orientation, SliceShot
from SyntheticImagingLib.segmentations import mask_from_node

# Direction of the picture's x axis (to the right) and y axis (up) in RAS, as Slicer's default views.
_AXES: dict[Orientation, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "Axial": ((-1, 0, 0), (0, 1, 0)),
    "Coronal": ((-1, 0, 0), (0, 0, 1)),
    "Sagittal": ((0, -1, 0), (0, 0, 1)),
}


class PlainSliceView:
    """Takes the shots of `pictures.SliceView` without a render window."""

    def __init__(self, orientation: Orientation, size: tuple[int, int] = (640, 640)) -> None:
        self.orientation, self.size = orientation, size
        self._masks: dict[str, tuple[int, Mask]] = {}

    def shoot(self, what: SliceShot, path: Path) -> Path:
        """Write a PNG of a slice."""
        from matplotlib.figure import Figure

        width, height = self.size
        volume = volume_from_node(what.background)
        picture = _coloured(what.background, volume, what.window, self._cut(volume.voxels, volume.geometry, what, 1))
        if what.overlay is not None:
            picture = self._with_overlay(picture, what)
        figure = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor="black")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.imshow(picture, interpolation="nearest")
        for node in what.segmentations:
            mask = self._mask(node)
            labels = [self._cut(layer, mask.geometry, what, 0) for layer in mask.layers]
            for segment in mask.segments:
                cut = labels[segment.layer] == segment.label
                if cut.any() and node.GetDisplayNode().GetSegmentVisibility(segment.id):
                    axes.contour(cut, levels=[0.5], colors=[segment.colour], linewidths=1.6)
        self._write(axes, what, width / what.field_mm)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
        figure.savefig(path)
        return path

    def _mask(self, node: Any) -> Mask:
        """The segments of a node, kept until they change: many shots show the same ones."""
        changed = node.GetSegmentation().GetMTime()
        kept = self._masks.get(node.GetID())
        if kept is None or kept[0] != changed:
            kept = self._masks[node.GetID()] = (changed, mask_from_node(node))
        return kept[1]

    def _cut(self, voxels: npt.NDArray[Any], grid: Geometry, what: SliceShot, order: int) -> npt.NDArray[np.float64]:
        from scipy import ndimage

        width, height = self.size
        step = what.field_mm / width
        right, up = (np.asarray(a, dtype=float) for a in _AXES[self.orientation])
        across = (np.arange(width) - (width - 1) / 2) * step
        down = ((height - 1) / 2 - np.arange(height)) * step
        ras = np.asarray(what.centre_ras) + down[:, None, None] * up + across[None, :, None] * right
        kji = np.moveaxis(grid.kji_from_ras(ras), -1, 0)
        outside = float(voxels.min()) if order else 0.0
        # Only the block the plane runs through is looked at: a plane through a large CT stays cheap.
        low = np.clip(np.floor(kji.min(axis=(1, 2))).astype(int) - 1, 0, np.array(voxels.shape) - 1)
        high = np.clip(np.ceil(kji.max(axis=(1, 2))).astype(int) + 2, low + 1, voxels.shape)
        block = voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        place: Any = kji - low[:, None, None]
        steps: Any = order
        return np.asarray(ndimage.map_coordinates(block.astype(np.float64), place, order=steps, cval=outside))

    def _with_overlay(self, picture: npt.NDArray[np.float64], what: SliceShot) -> npt.NDArray[np.float64]:
        overlay = volume_from_node(what.overlay)
        over = _coloured(what.overlay, overlay, None, self._cut(overlay.voxels, overlay.geometry, what, 1))
        mixed = picture + what.opacity * over if what.added else (1 - what.opacity) * picture + what.opacity * over
        return np.asarray(np.clip(mixed, 0, 1))

    def _write(self, axes: Any, what: SliceShot, pixels_per_mm: float) -> None:
        width, height = self.size
        left, top = SIDES[self.orientation]
        style = {"color": "0.92", "fontsize": 11}
        axes.text(10, 10, what.caption, va="top", **style)
        axes.text(8, height / 2, left, va="center", **style)
        axes.text(width / 2, 36, top, va="top", ha="center", **style)
        if what.synthetic:
            axes.text(width - 10, 10, SYNTHETIC_LABEL, va="top", ha="right", color="#ffc759", fontsize=11)
        length = next((mm for mm in (100, 50, 25, 10, 5) if mm <= what.field_mm / 4), 5)
        start, end, base = width - 60 - length * pixels_per_mm, width - 60, height - 14
        axes.plot([start, end], [base, base], color="0.92", linewidth=1.5)
        axes.text(end + 5, base, f"{length} mm", va="center", color="0.92", fontsize=9)


def _level(
    volume: Volume, window: tuple[float, float] | None, values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    centre, width = window or volume.window or (float(np.mean(values)), float(np.ptp(values)) or 1.0)
    return np.asarray(np.clip((values - centre) / width + 0.5, 0, 1))


def _coloured(
    node: Any, volume: Volume, window: tuple[float, float] | None, values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Red, green, blue (0..1) of the values through the window and the node's colour table."""
    level = _level(volume, window, values)
    table = node.GetDisplayNode().GetColorNode()
    if table is None or table.GetNumberOfColors() < 2:
        return np.repeat(level[:, :, None], 3, axis=2)
    last = table.GetNumberOfColors() - 1
    colours = np.array([_colour(table, n) for n in range(last + 1)])
    return np.asarray(colours[np.rint(level * last).astype(int)])


def _colour(table: Any, index: int) -> tuple[float, float, float]:
    rgba = [0.0] * 4
    table.GetColor(index, rgba)
    return (rgba[0], rgba[1], rgba[2])
