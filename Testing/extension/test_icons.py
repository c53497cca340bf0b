"""Icons and thumbnails: what Slicer's Qt can draw, in the sizes that its pages are made for."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest

SOURCE = Path(__file__).parents[2] / "SyntheticImaging"
MODULES = ("SyntheticImaging", "LesionSynthesis", "CohortSynthesis", "HeartSegmentation", "SequenceSynthesis")
ICONS = sorted(path for name in MODULES for path in (SOURCE / name / "Resources").rglob("*.svg"))
# Qt draws SVG Tiny: clips, masks, filters and style sheets are left out without a word.
DRAWN = {"svg", "title", "g", "path", "rect", "circle", "ellipse", "line", "polygon", "polyline", "defs",
         "linearGradient", "radialGradient", "stop"}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_an_icon_of_its_name(name: str):
    root = ElementTree.parse(SOURCE / name / "Resources" / "Icons" / f"{name}.svg").getroot()
    _, _, width, height = (float(x) for x in root.get("viewBox", "").split())
    assert width == height == 128


@pytest.mark.parametrize("path", ICONS, ids=lambda p: p.stem)
def test_qt_draws_all_of_an_icon(path: Path):
    for node in ElementTree.parse(path).iter():
        assert node.tag.split("}")[-1] in DRAWN
        assert not {"style", "class", "filter", "mask", "clip-path"} & set(node.attrib)
        assert not [key for key in node.attrib if key.endswith("href")], "it must not fetch anything"


@pytest.mark.parametrize("path", ICONS, ids=lambda p: p.stem)
def test_an_icon_shows_something_at_every_size(path: Path):
    svg = pytest.importorskip("PySide6.QtSvg", reason="needs PySide6_Essentials", exc_type=ImportError)
    from PySide6.QtGui import QImage, QPainter

    for size in (16, 32, 128):
        picture = QImage(size, size, QImage.Format.Format_ARGB32)
        picture.fill(0)
        painter = QPainter(picture)
        svg.QSvgRenderer(str(path)).render(painter)
        painter.end()
        colours = {picture.pixelColor(x, y).name() for x in range(size) for y in range(size)}
        assert len(colours) > 10
        assert picture.pixelColor(0, 0).alpha() < 40, "the corners are round"
        assert picture.pixelColor(size // 2, size // 2).alpha() == 255


@pytest.mark.parametrize("name", ["SyntheticImagingCT", "SyntheticImagingPhantom"])
def test_a_sample_has_a_thumbnail_of_the_size_that_slicer_asks_for(name: str):
    data = (SOURCE / "LesionSynthesis" / "Resources" / "Icons" / f"{name}.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == (260, 280)
    assert len(data) < 100_000
