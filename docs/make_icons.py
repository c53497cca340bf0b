"""Make the pictures that Slicer and the Extensions Index ask for: the icon as PNG, thumbnails of the sample data.

Run by hand when an icon's SVG or a sample changes: ``python docs/make_icons.py`` (needs PySide6_Essentials).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthetic_imaging import samples
from synthetic_imaging.mask import Mask
from synthetic_imaging.phantoms.abdomen import abdomen
from synthetic_imaging.volume import Volume

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "SyntheticImaging"
ICON_PIXELS = 128
THUMBNAIL = (260, 280)  # width and height that Slicer's Sample Data page is made for
WINDOW = (60.0, 360.0)  # level and width in HU: soft tissue with contrast
SHOWN = ("liver", "spleen", "kidney_left", "kidney_right", "kidney left", "kidney right", "gallbladder", "stomach")


def icon(svg: Path, png: Path) -> None:
    """Draw an SVG as a square PNG."""
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    picture = QImage(ICON_PIXELS, ICON_PIXELS, QImage.Format.Format_ARGB32)
    picture.fill(0)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(str(svg)).render(painter)
    painter.end()
    picture.save(str(png), "PNG", 0)  # type: ignore[call-overload]
    print(png.relative_to(ROOT))


def thumbnail(ct: Volume, organs: Mask, png: Path, width_mm: float, lift_mm: float = 0.0) -> None:
    """An axial slice through the liver's middle, its organs tinted, seen as a radiologist sees it."""
    from PIL import Image
    from scipy import ndimage

    step = width_mm / THUMBNAIL[0]
    liver = organs.only("liver")
    middle = np.array(ct.geometry.ras_from_kji((np.array(ct.shape) - 1) / 2.0))
    box = liver.box
    at = ct.geometry.ras_from_kji([(s.start + s.stop - 1) / 2 for s in box.slices])
    x = middle[0] - (np.arange(THUMBNAIL[0]) - (THUMBNAIL[0] - 1) / 2) * step
    y = middle[1] + lift_mm - (np.arange(THUMBNAIL[1]) - (THUMBNAIL[1] - 1) / 2) * step
    ras = np.stack(np.broadcast_arrays(x[None, :], y[:, None], np.asarray(at[2])), axis=-1)
    kji = np.moveaxis(ct.geometry.kji_from_ras(ras), -1, 0)

    def cut(voxels: npt.NDArray[np.generic], order: int, outside: float) -> npt.NDArray[np.float64]:
        return ndimage.map_coordinates(voxels.astype(np.float32), kji, order=order, cval=outside)

    grey = np.clip((cut(ct.voxels, 1, -1000.0) - WINDOW[0]) / WINDOW[1] + 0.5, 0, 1)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    for segment in organs.segments:
        if segment.name in SHOWN:
            weight = 0.34 * ndimage.gaussian_filter(cut(organs.inside(segment.name), 1, 0.0), 0.5)[:, :, None]
            picture = picture * (1 - weight) + np.asarray(segment.colour) * weight
    Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(png, optimize=True)
    print(png.relative_to(ROOT))


def main() -> None:
    """Make them all."""
    name = "Resources/Icons/SyntheticImaging"
    icon(MODULES / "SyntheticImaging" / f"{name}.svg", ROOT / f"{name}.png")
    icons = MODULES / "LesionSynthesis" / "Resources" / "Icons"
    thumbnail(*samples.ct_with_organs(), icons / "SyntheticImagingCT.png", 330.0)
    thumbnail(*abdomen(1.5), icons / "SyntheticImagingPhantom.png", 330.0)


if __name__ == "__main__":
    main()
