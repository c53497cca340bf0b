"""Make the small pictures of the home page, from the sample CT with a drawn lesion, and from phantom hearts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import synthetic_imaging as si
from synthetic_imaging import samples

PICTURES = Path(__file__).parents[1] / "SyntheticImaging" / "SyntheticImaging" / "Resources" / "Pictures"
SIZE = (280, 210)  # shown at half that size, or whole on displays with small pixels
FIELD_MM = 150.0
WINDOW = (60.0, 350.0)
WIDE_CHANGE_HU = 90.0
ACCENT = (255, 176, 46)


def cut(volume: si.Volume, centre_ras: Any, values: Any = None) -> Any:
    """An axial cut round a place, patient right at the left, anterior up; as numbers, `SIZE` pixels."""
    from scipy import ndimage

    width, height = SIZE
    pixel = FIELD_MM / width
    right = (np.arange(width) - (width - 1) / 2) * pixel
    up = ((height - 1) / 2 - np.arange(height)) * pixel
    ras = np.empty((height, width, 3))
    ras[..., 0] = centre_ras[0] - right[None, :]
    ras[..., 1] = centre_ras[1] + up[:, None]
    ras[..., 2] = centre_ras[2]
    kji = np.moveaxis(volume.geometry.kji_from_ras(ras), -1, 0)
    source = volume.voxels if values is None else values
    return ndimage.map_coordinates(np.asarray(source, dtype=np.float32), kji, order=1, cval=-1000)


def grey(numbers: Any) -> Any:
    """Windowed, as an RGB picture."""
    level, width = WINDOW
    shade = np.clip((numbers - level) / width + 0.5, 0, 1) * 255
    return Image.fromarray(np.repeat(shade.astype(np.uint8)[..., None], 3, axis=2), "RGB")


def save(picture: Any, name: str) -> None:
    """Mark it as synthetic, and write it."""
    pen = ImageDraw.Draw(picture)
    pen.text((8, SIZE[1] - 32), "synthetic", fill=ACCENT, font=ImageFont.load_default(size=24),
             stroke_width=2, stroke_fill=(0, 0, 0))
    picture.save(PICTURES / f"{name}.png", optimize=True)


def hearts() -> None:
    """A contact sheet of phantom hearts with one rejected, and one heart with its structures."""
    from synthetic_imaging.cohorts import making
    from synthetic_imaging.cohorts.contact_sheet import plane_picture
    from synthetic_imaging.cohorts.plan import CohortPlan
    from SyntheticImagingLib.cohort.tiles import crossed_out

    width, height = SIZE[0] // 3, SIZE[1] // 2
    sheet = Image.new("RGB", SIZE)
    plan = CohortPlan("hearts.phantom-ct", 6, 3, settings={"spacing_mm": 2.0, "contrast": "arterial"})
    for place, made in enumerate(making.preview(plan, range(1, 7))):
        tile = plane_picture(made.case.image, made.case.segments, "axial", height)
        tile = tile[:, (height - width) // 2 :][:, :width]
        shown = Image.fromarray(crossed_out(tile) if place == 4 else tile)
        sheet.paste(shown, (place % 3 * width, place // 3 * height))
    save(sheet, "cohort")

    plan = CohortPlan("hearts.phantom-ct", 1, 8, settings={"spacing_mm": 1.2, "contrast": "arterial"})
    case = making.preview(plan, [1])[0].case
    picture = Image.fromarray(plane_picture(case.image, case.segments, "axial", SIZE[0]))
    save(picture.crop((0, (SIZE[0] - SIZE[1]) // 2, SIZE[0], (SIZE[0] + SIZE[1]) // 2)), "heart")


def main() -> None:
    """Make them all."""
    hearts()
    lesions()


def lesions() -> None:
    """Draw a lesion and write its three pictures."""
    ct, organs = samples.ct_with_organs()
    drawn = si.run("lesions.handcrafted", ct=ct, organ=organs.only("liver"), diameter_mm=34.0, count=1,
                   contrast_hu=-65.0, seed=11)
    after, lesions = drawn.volume, drawn.lesions
    name = next(n for n in lesions.names if n.startswith("lesion"))
    lesion = lesions.inside(name)
    middle = np.rint(np.argwhere(lesion).mean(axis=0))
    centre = lesions.geometry.ras_from_kji(middle)
    look_at = centre + np.array([-16.0, 0.0, 0.0])
    before_cut, after_cut = cut(ct, look_at), cut(ct, look_at, after.voxels)
    outline = cut(ct, look_at, lesion) > 0.5

    save(grey(after_cut), "lesion")

    picture = grey(before_cut)
    half = np.asarray(picture).copy()
    change = np.clip((after_cut - before_cut) / WIDE_CHANGE_HU, -1, 1)[..., None]
    tint = np.where(change < 0, np.array([60, 130, 255]), np.array([255, 90, 60]))
    half = (half * (1 - np.abs(change)) + tint * np.abs(change)).astype(np.uint8)
    save(Image.fromarray(half, "RGB"), "compare")

    measured = grey(after_cut)
    rows, columns = np.nonzero(outline)
    pen = ImageDraw.Draw(measured)
    row = int(np.rint(rows.mean()))
    across = columns[rows == row]
    left, right = int(across.min()), int(across.max())
    pen.line([(left, row), (right, row)], fill=ACCENT, width=3)
    for x in (left, right):
        pen.line([(x, row - 6), (x, row + 6)], fill=ACCENT, width=3)
    text = f"{(right - left + 1) * FIELD_MM / SIZE[0]:.0f} mm"
    pen.text((right + 8, row - 15), text, fill=ACCENT, font=ImageFont.load_default(size=26),
             stroke_width=2, stroke_fill=(0, 0, 0))
    save(measured, "measure")


if __name__ == "__main__":
    main()
