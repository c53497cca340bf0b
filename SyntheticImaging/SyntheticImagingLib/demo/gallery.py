"""The demonstration's pictures: every lesion before, after, outlined and as a difference; growth; 3-D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from SyntheticImagingLib.demo.products import SceneNodes, only_outlined
from SyntheticImagingLib.demo.recipe import Made
from SyntheticImagingLib.headless import HeadlessSlicer
from SyntheticImagingLib.pictures import Orientation, SliceShot, SliceView, ThreeDView
from SyntheticImagingLib.plain_pictures import PlainSliceView
from SyntheticImagingLib.rendering import NO_RENDERING, can_render
from SyntheticImagingLib.sequences import show_frame

ORIENTATIONS: tuple[Orientation, ...] = ("Axial", "Coronal", "Sagittal")
SOFT_TISSUE = (40.0, 400.0)
SIZE = (512, 512)
# The image as a faint background, so that the difference's colours stay pure even on bright tissue.
DIMMED = (260.0, 900.0)
SHOWN_FRAMES = 6


@dataclass
class Gallery:
    """File names of pictures, relative to the demonstration's folder.

    Attributes:
        lesions: lesion -> orientation -> kind ("before", "after", "overlay", "difference", "narrow") -> file.
        overview: kind -> file: the whole slice.
        growth_strip, growth_film: growth over time; "" where not made.
        three_d: 3-D view; "" where it cannot be drawn.
        notes: sentences on what could not be made.
    """

    lesions: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    overview: dict[str, str] = field(default_factory=dict)
    growth_strip: str = ""
    growth_film: str = ""
    three_d: str = ""
    notes: list[str] = field(default_factory=list)


class Photographer:
    """Takes all pictures of a scene, with OpenGL or without."""

    def __init__(self, host: HeadlessSlicer, nodes: SceneNodes, made: Made, folder: Path) -> None:
        self.host, self.nodes, self.made, self.folder = host, nodes, made, folder
        self.rendered = can_render()
        self.views: dict[Orientation, Any] = {
            o: SliceView(host, o, SIZE) if self.rendered else PlainSliceView(o, SIZE) for o in ORIENTATIONS
        }
        (folder / "pictures").mkdir()

    def all(self, on_step: Callable[[float], None]) -> Gallery:
        """Every picture; ``on_step`` hears the fraction done."""
        gallery = Gallery()
        rows = list(self.made.measurements)
        for number, row in enumerate(rows):
            gallery.lesions[str(row["lesion"])] = self._lesion(row)
            on_step(0.7 * (number + 1) / len(rows))
        self._overview(gallery, rows)
        on_step(0.8)
        self._growth(gallery)
        on_step(0.9)
        if self.rendered:
            gallery.three_d = self._three_d(rows)
        else:
            gallery.notes.append(NO_RENDERING)
        self._first_view(rows)
        on_step(1.0)
        return gallery

    def _shot(self, orientation: Orientation, name: str, **what: Any) -> str:
        file = f"pictures/{name}.png"
        what.setdefault("background", self.nodes.synthetic)
        self.views[orientation].shoot(SliceShot(orientation=orientation, **what), self.folder / file)
        return file

    def _lesion(self, row: dict[str, Any]) -> dict[str, dict[str, str]]:
        name, centre = str(row["lesion"]), _centre(row)
        about = f"{name}, {float(row['axial_long_mm'] or 0):.0f} mm"
        width = float(np.clip(3.5 * float(row["longest_3d_mm"] or 20), 70, 170))
        narrow = narrow_window(row)
        stem = name.replace(" ", "_")
        pictures: dict[str, dict[str, str]] = {}
        for orientation in ORIENTATIONS:
            def one(kind: str, orientation: Orientation = orientation, **more: Any) -> str:
                return self._shot(
                    orientation, f"{stem}_{orientation.lower()}_{kind}",
                    **{"centre_ras": centre, "field_mm": width, "window": SOFT_TISSUE, **more},
                )

            pictures[orientation] = {
                "before": one("before", background=self.nodes.source, synthetic=False, caption="before"),
                "after": one("after", caption=about),
                "overlay": one("overlay", segmentations=(self.nodes.lesions,), caption="outlines"),
                "difference": one("difference", overlay=self.nodes.difference, opacity=0.8, added=True,
                                  window=DIMMED, caption="difference"),
                "narrow": one("narrow", window=narrow, caption=f"{narrow[0]:g}/{narrow[1]:g} HU"),
            }
        return pictures

    def _overview(self, gallery: Gallery, rows: list[dict[str, Any]]) -> None:
        grid = self.made.source.geometry
        middle = grid.ras_from_kji((np.array(grid.shape) - 1) / 2)
        largest = max(rows, key=lambda r: float(r["volume_ml"] or 0))
        lesion = np.array(_centre(largest))
        reach = float(max(np.array(grid.shape)[1:] * np.array(grid.spacing_ijk_mm)[:2]))
        for orientation in ORIENTATIONS:
            through = {"Axial": 2, "Coronal": 1, "Sagittal": 0}[orientation]
            place = middle.copy()
            place[through] = lesion[through]
            centre = (float(place[0]), float(place[1]), float(place[2]))
            common: dict[str, Any] = {"centre_ras": centre, "field_mm": reach, "window": SOFT_TISSUE}
            low = orientation.lower()
            gallery.overview[f"{low}_before"] = self._shot(
                orientation, f"whole_{low}_before", background=self.nodes.source, synthetic=False, caption="before",
                **common,
            )
            gallery.overview[f"{low}_after"] = self._shot(
                orientation, f"whole_{low}_after", segmentations=(self.nodes.lesions,), caption="after", **common
            )

    def _growth(self, gallery: Gallery) -> None:
        from PIL import Image

        frames = self.made.growth.frames
        grid = frames[-1].geometry
        row = next(r for r in self.made.measurements if r["lesion"] == "tumour")
        middle = grid.ras_from_kji((np.array(grid.shape) - 1) / 2)
        centre = (float(middle[0]), float(middle[1]), _centre(row)[2])
        extent = np.array(grid.shape)[1:] * np.array(grid.spacing_kji_mm)[1:]
        width = float(extent.min())
        name, unit = self.made.growth.index_name, self.made.growth.index_unit
        plain: list[Any] = []
        outlined: list[Any] = []
        for position, value in enumerate(self.made.growth.index):
            show_frame(self.host.scene, self.nodes.browser, position)
            only_outlined(self.nodes.growth_lesions_shown, {"tumour", "necrosis"})
            for pictures, shown in ((plain, ()), (outlined, (self.nodes.growth_lesions_shown,))):
                file = self.folder / "pictures" / ".frame.png"
                shot = SliceShot(
                    self.nodes.growth_shown, "Axial", centre, width, narrow_window(row, 220.0), segmentations=shown,
                    caption=f"{name} {value:g} {unit}".strip(),
                )
                self.views["Axial"].shoot(shot, file)
                with Image.open(file) as picture:
                    pictures.append(picture.convert("RGB").resize((360, 360)))
                file.unlink()
        last = len(plain) - 1
        chosen = sorted({round(n * last / (SHOWN_FRAMES - 1)) for n in range(SHOWN_FRAMES)})
        strip = Image.new("RGB", (360 * len(chosen), 720))
        for column, position in enumerate(chosen):
            strip.paste(plain[position], (360 * column, 0))
            strip.paste(outlined[position], (360 * column, 360))
        gallery.growth_strip = "pictures/growth_strip.png"
        strip.save(self.folder / gallery.growth_strip)
        gallery.growth_film = "pictures/growth.webp"
        plain[0].save(self.folder / gallery.growth_film, save_all=True, append_images=[*plain[1:], *[plain[-1]] * 3],
                      duration=300, loop=0, quality=80)

    def _three_d(self, rows: list[dict[str, Any]]) -> str:
        view = ThreeDView(self.host, (1200, 900))
        box = self.made.lesions.box
        low, high = (self.made.source.geometry.ras_from_kji(x) for x in (box.start, box.stop))
        focus = (low + high) / 2
        r, a, s = (float(x) for x in focus)
        file = "pictures/three_d.png"
        view.shoot(self.folder / file, (r, a, s + 10), 500.0, (0.25, 1.0, 0.18),
                   caption="liver and kidney with synthetic lesions")
        return file

    def _first_view(self, rows: list[dict[str, Any]]) -> None:
        """What the saved scene shows when opened: the synthetic CT at its largest lesion."""
        if not self.rendered:
            return
        largest = max(rows, key=lambda r: float(r["volume_ml"] or 0))
        for view in self.views.values():
            view.place(_centre(largest), 380.0)
            composite = view.logic.GetSliceCompositeNode()
            composite.SetBackgroundVolumeID(self.nodes.synthetic.GetID())
            composite.SetForegroundVolumeID(self.nodes.difference.GetID())
            composite.SetForegroundOpacity(0.0)


def narrow_window(row: dict[str, Any], width: float = 150.0) -> tuple[float, float]:
    """A narrow window about the tissue around a lesion; twice as wide in bright, uneven tissue such as a kidney."""
    around = row.get("organ_mean_hu")
    centre = 90.0 if around is None else round(float(around) / 10.0) * 10.0
    return (centre, width * 2 if centre > 130 else width)


def _centre(row: dict[str, Any]) -> tuple[float, float, float]:
    return (float(row["centroid_r_mm"]), float(row["centroid_a_mm"]), float(row["centroid_s_mm"]))
