"""Make the small pictures of the home page: from the sample CT with a drawn lesion, phantom hearts, phantom brains."""

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
BRAIN_SEED, BRAIN_MM, CHANGE_MM = 7, 245.0, 130.0


def cut(volume: si.Volume, centre_ras: Any, values: Any = None, field_mm: float = FIELD_MM) -> Any:
    """An axial cut round a place, patient right at the left, anterior up; as numbers, `SIZE` pixels."""
    from scipy import ndimage

    width, height = SIZE
    pixel = field_mm / width
    right = (np.arange(width) - (width - 1) / 2) * pixel
    up = ((height - 1) / 2 - np.arange(height)) * pixel
    ras = np.empty((height, width, 3))
    ras[..., 0] = centre_ras[0] - right[None, :]
    ras[..., 1] = centre_ras[1] + up[:, None]
    ras[..., 2] = centre_ras[2]
    kji = np.moveaxis(volume.geometry.kji_from_ras(ras), -1, 0)
    source = volume.voxels if values is None else values
    outside = 0 if volume.modality == "MR" else -1000
    return ndimage.map_coordinates(np.asarray(source, dtype=np.float32), kji, order=1, cval=outside)


def grey(numbers: Any, window: tuple[float, float] = WINDOW) -> Any:
    """Windowed, as an RGB picture."""
    level, width = window
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


def brains() -> None:
    """A DIR computed from FLAIR and T1w of a phantom head, and the change between two visits."""
    from synthetic_imaging.sequences.phantom import Visit

    head = si.run("sequences.phantom", spacing_mm=2.0, seed=BRAIN_SEED)
    made = si.run("sequences.fit", flair=head.flair, t1w=head.t1w, align=False, seed=BRAIN_SEED)
    centre = np.array(head.flair.geometry.ras_from_kji((np.array(head.flair.shape) - 1) / 2))
    side = Image.new("RGB", SIZE)
    for place, (volume, window) in enumerate(((head.flair, (520.0, 1040.0)), (made.volume, (450.0, 1000.0)))):
        picture = grey(cut(volume, centre, field_mm=BRAIN_MM), window)
        half = SIZE[0] // 2
        side.paste(picture.crop((half // 2, 0, half // 2 + half, SIZE[1])), (place * half, 0))
    ImageDraw.Draw(side).line([(SIZE[0] // 2, 0), (SIZE[0] // 2, SIZE[1])], fill=ACCENT, width=2)
    save(side, "sequence")

    later = si.run("sequences.phantom", spacing_mm=2.0, seed=BRAIN_SEED, visit=Visit.SECOND.value)
    seen = si.run("sequences.compare", before=head.flair, after=later.flair, seed=BRAIN_SEED)
    best = max(seen.table, key=lambda row: row["score"] if row["kind"] == "new or grown" else 0)
    place_ras = np.array([float(best[f"{axis}_mm"]) for axis in ("right", "anterior", "superior")])
    shown = np.asarray(grey(cut(seen.first, place_ras, field_mm=CHANGE_MM), (800.0, 1600.0))).astype(float)
    change = np.clip(np.nan_to_num(cut(seen.difference, place_ras, field_mm=CHANGE_MM)) / 400.0, -1, 1)[..., None]
    weight = np.clip((np.abs(change) - 0.3) / 0.4, 0, 1)
    tint = np.where(change > 0, np.array([255.0, 110.0, 40.0]), np.array([60.0, 130.0, 255.0]))
    save(Image.fromarray((shown * (1 - weight) + tint * weight).astype(np.uint8), "RGB"), "visits")


def main() -> None:
    """Make them all."""
    hearts()
    lesions()
    brains()


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
