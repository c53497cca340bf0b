"""A contact sheet: each case in three planes through its structures, outlined, with its measurements below.

Planes stand as a radiologist holds them: axial seen from the feet, coronal from the front (the patient's right on the
left of the picture, head up), sagittal with the front on the left.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.generator import Generator, Measurement
from synthetic_imaging.cohorts.records import case_name
from synthetic_imaging.errors import InputError
from synthetic_imaging.files.staging import staged
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from synthetic_imaging.cohorts.folder import CohortFolder

Picture = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

# Directions in RAS of (right, down) in the picture.
PLANES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "axial": ((-1, 0, 0), (0, -1, 0)), "coronal": ((-1, 0, 0), (0, 0, -1)), "sagittal": ((0, -1, 0), (0, 0, -1)),
}
_GAP, _LINE, _MARGIN = 6, 16, 10
_BACK, _INK, _FAINT, _WARN = (17, 20, 24), (232, 234, 237), (150, 157, 166), (235, 87, 87)
_STATEMENT = "SYNTHETIC, not for diagnosis"


@dataclass(frozen=True, eq=False)
class SheetCase:
    """What the sheet shows of one case."""

    number: int
    image: Volume
    segments: Mask
    measurements: Mapping[str, float]
    rejected: bool = False


def contact_sheet(
    cases: Sequence[SheetCase], measurements: Sequence[Measurement] = (), title: str = "", *, pixels: int = 150,
    columns: int | None = None,
) -> Picture:
    """The sheet as a picture.

    Args:
        cases: what to show, in this order.
        measurements: which numbers stand below a case, the first eight of them.
        title: what stands above, with the statement that it is synthetic.
        pixels: side of each plane.
        columns: cases side by side; None for as many as make the sheet about as wide as high.

    Returns:
        (rows, columns, 3), 8 bits.

    Raises:
        InputError: if there is no case.
    """
    if not cases:
        raise InputError("There is no case to show. Make some first.")
    from PIL import Image, ImageDraw

    shown = list(measurements)[:8]
    font, small = _font(13), _font(12)
    width = 3 * pixels + 2
    height = pixels + _LINE + 2 + _LINE * -(-len(shown) // 2)
    if columns is None:
        columns = min(range(1, len(cases) + 1), key=lambda n: abs(n * width - 1.2 * height * -(-len(cases) // n)))
    rows = -(-len(cases) // columns)
    legend = {s.name: s.colour for case in cases for s in case.segments.segments}
    head = 2 * _MARGIN + 2 * _LINE
    sheet = Image.new("RGB", (2 * _MARGIN + columns * (width + _GAP) - _GAP, head + rows * (height + _GAP)), _BACK)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, 6), " · ".join(t for t in (title, _STATEMENT) if t), _INK, font)
    _draw_legend(draw, legend, small, sheet.width)
    for index, case in enumerate(cases):
        left = _MARGIN + (index % columns) * (width + _GAP)
        top = head + (index // columns) * (height + _GAP)
        for number, plane in enumerate(PLANES):
            sheet.paste(Image.fromarray(plane_picture(case.image, case.segments, plane, pixels)),
                        (left + number * (pixels + 1), top))
        name = case_name(case.number) + (" rejected" if case.rejected else "")
        draw.text((left, top + pixels + 1), name, _WARN if case.rejected else _INK, font)
        for number, measurement in enumerate(shown):
            text = f"{measurement.title} {_value(case.measurements.get(measurement.name), measurement.unit)}"
            place = (left + (number % 2) * (width // 2), top + pixels + _LINE * (1 + number // 2) + 2)
            draw.text(place, text, _FAINT, small)
        if case.rejected:
            draw.rectangle((left, top, left + width - 1, top + pixels - 1), outline=_WARN, width=2)
            draw.line((left, top + pixels - 1, left + width - 1, top), fill=_WARN, width=2)
    return np.asarray(sheet, dtype=np.uint8)


def plane_picture(image: Volume, segments: Mask, plane: str, pixels: int) -> Picture:
    """One plane through the middle of the structures, the whole image within it, outlines in the segments' colours.

    Args:
        image: any grid, oblique ones too.
        segments: on the image's grid.
        plane: "axial", "coronal" or "sagittal".
        pixels: side of the square picture.

    Returns:
        (pixels, pixels, 3), 8 bits.
    """
    from scipy import ndimage

    geometry = image.geometry
    right, down = (np.array(v, dtype=np.float64) for v in PLANES[plane])
    corners = geometry.ras_from_kji(
        np.array([(k, j, i) for k in (0, image.shape[0] - 1) for j in (0, image.shape[1] - 1)
                  for i in (0, image.shape[2] - 1)])
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    box = segments.box
    if not box.empty:
        inside = geometry.ras_from_kji((np.array(box.start) + np.array(box.stop) - 1) / 2)
        # Through the structures in depth; in the picture the whole image stays in view.
        through = np.abs(np.cross(right, down))
        middle = middle + through * (inside - middle)
    side = float(max(abs((high - low) @ np.abs(right)), abs((high - low) @ np.abs(down)), 1e-6)) * 1.02
    steps = (np.arange(pixels) - (pixels - 1) / 2) * side / pixels
    ras = middle + steps[:, None, None] * down + steps[None, :, None] * right
    kji: FloatArray = np.moveaxis(geometry.kji_from_ras(ras), -1, 0)
    outside = ((kji < -0.5) | (kji > np.array(image.shape)[:, None, None] - 0.5)).any(axis=0)
    values = ndimage.map_coordinates(image.voxels, kji, output=np.float32, order=1, mode="nearest")
    centre, width = image.window or _own_window(image)
    grey = np.clip((values - (centre - width / 2)) / max(width, 1e-6), 0, 1) * 255
    grey[outside] = 0
    picture = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
    labels = _labels(segments)[tuple(np.clip(np.rint(kji), 0, np.array(image.shape)[:, None, None] - 1).astype(int))]
    labels[outside] = 0
    edge = np.zeros(labels.shape, dtype=bool)
    for axis in (0, 1):
        before = np.roll(labels, 1, axis)
        before[(0, slice(None)) if axis == 0 else (slice(None), 0)] = 0
        edge |= (labels != before) & (labels != 0)
        after = np.roll(labels, -1, axis)
        after[(-1, slice(None)) if axis == 0 else (slice(None), -1)] = 0
        edge |= (after == 0) & (labels != 0)
    for index, segment in enumerate(segments.segments, start=1):
        picture[edge & (labels == index)] = np.rint(255 * np.array(segment.colour)).astype(np.uint8)
    return picture


def write_contact_sheet(
    folder: CohortFolder, generator: Generator, path: str | os.PathLike[str], cases: Iterable[int] | None = None, *,
    most: int = 12, pixels: int = 150,
) -> Path:
    """Write a sheet of cases in a folder as a PNG, replacing an older one.

    Args:
        folder: the cohort.
        generator: its model.
        path: the file.
        cases: numbers of the cases; None for the first ``most`` that are finished.
        most: how many at most.
        pixels: side of each plane.

    Raises:
        InputError: if there is no case to show.
        FileError: if a case cannot be read or the file cannot be written.
    """
    from PIL import Image

    from synthetic_imaging.cohorts.layouts import read_case

    numbers = sorted(folder.records) if cases is None else [n for n in cases if n in folder.records]
    shown = []
    for number in numbers[:most]:
        record = folder.records[number]
        image, segments = read_case(folder.path, record)
        shown.append(SheetCase(number, image, segments, record.measurements, record.rejected))
    picture = contact_sheet(shown, generator.measurements, generator.title, pixels=pixels)
    path = Path(path)
    with staged(path, overwrite=True) as stage:
        Image.fromarray(picture).save(stage.beside(path), format="PNG")
    return path


def _labels(segments: Mask) -> npt.NDArray[np.uint8]:
    """One map with 1, 2, ... in the order of the segments; the later wins where they overlap."""
    found = np.zeros(segments.shape, dtype=np.uint8)
    for index, segment in enumerate(segments.segments, start=1):
        found[segments.layers[segment.layer] == segment.label] = index
    return found


def _own_window(image: Volume) -> tuple[float, float]:
    low, high = (float(x) for x in np.percentile(image.voxels, (0.5, 99.5)))
    return (low + high) / 2, high - low


def _value(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.3g} {unit}".strip()


def _draw_legend(
    draw: Any, legend: Mapping[str, tuple[float, float, float]], font: FreeTypeFont | ImageFont, width: int
) -> None:
    left, top = _MARGIN, 8 + _LINE
    for name, colour in legend.items():
        red, green, blue = (round(255 * part) for part in colour)
        text = name.replace("_", " ")
        if left + 14 + draw.textlength(text, font) > width:
            break
        draw.rectangle((left, top + 3, left + 8, top + 11), fill=(red, green, blue))
        draw.text((left + 12, top), text, _FAINT, font)
        left += 24 + int(draw.textlength(text, font))


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    try:
        return ImageFont.load_default(size)
    except TypeError:  # Pillow before 10.1 has one size only
        return ImageFont.load_default()
