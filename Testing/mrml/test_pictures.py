"""What views show: right side up, the right windows, marked as synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_imaging import Geometry, InputError, Mask, Segment, Volume
from SyntheticImagingLib.display import add_difference, show_segments, signed_difference
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.pictures import SIDES, SliceShot, SliceView
from SyntheticImagingLib.plain_pictures import PlainSliceView
from SyntheticImagingLib.rendering import can_render
from SyntheticImagingLib.segmentations import add_segmentation

SIZE = (200, 200)


@pytest.fixture(params=["rendered", "plain"])
def view(request: Any, host: Any) -> Any:
    def make(orientation: Any) -> Any:
        if request.param == "plain":
            return PlainSliceView(orientation, SIZE)
        if not can_render():
            pytest.skip("no off-screen OpenGL (libegl1 or libosmesa6)")
        return SliceView(host, orientation, SIZE)

    return make


def _pixels(path: Path) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    with image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def _marked(direction: tuple[float, float, float]) -> Volume:
    """A cube of 80 mm about the origin, bright where ``direction`` points."""
    grid = Geometry.from_spacing((40, 40, 40), (2, 2, 2), (-39, -39, -39))
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    bright = grid.ras_from_kji(kji) @ np.array(direction) > 5
    return Volume.ct(np.where(bright, 300, -200).astype(np.int16), grid, window=(40.0, 400.0))


TOWARDS = {"R": (1, 0, 0), "A": (0, 1, 0), "S": (0, 0, 1)}


@pytest.mark.parametrize("orientation", ["Axial", "Coronal", "Sagittal"])
def test_views_hang_as_radiologists_hang_them(host: Any, view: Any, orientation: Any, tmp_path: Path) -> None:
    camera = view(orientation)
    left, top = SIDES[orientation]
    for letter, dark, bright in ((left, (100, 150), (100, 50)), (top, (150, 100), (50, 100))):
        node = add_volume(host.scene, _marked(TOWARDS[letter]))
        shot = SliceShot(node, orientation, (0.0, 0.0, 0.0), 80.0)
        pixels = _pixels(camera.shoot(shot, tmp_path / f"{letter}.png"))
        assert pixels[bright].mean() > 200, f"{letter} is not where it belongs"
        assert pixels[dark].mean() < 50


def test_a_picture_leaves_the_display_as_it_was(host: Any, view: Any, tmp_path: Path) -> None:
    node = add_volume(host.scene, _marked((1, 0, 0)))
    view("Axial").shoot(SliceShot(node, "Axial", (0.0, 0.0, 0.0), 80.0, window=(0.0, 100.0)), tmp_path / "a.png")
    assert (node.GetDisplayNode().GetLevel(), node.GetDisplayNode().GetWindow()) == (40.0, 400.0)


def test_synthetic_pictures_say_so_and_others_do_not(host: Any, view: Any, tmp_path: Path) -> None:
    node = add_volume(host.scene, _marked((0, 0, 1)))
    camera = view("Axial")
    pictures = [
        _pixels(camera.shoot(SliceShot(node, "Axial", (0.0, 0.0, -20.0), 80.0, synthetic=s), tmp_path / f"{s}.png"))
        for s in (True, False)
    ]
    yellow = [(p[..., 0] - p[..., 2] > 80).sum() for p in pictures]
    assert yellow[0] > 50
    assert yellow[1] == 0


def test_an_outline_is_drawn_in_its_colour(host: Any, view: Any, tmp_path: Path) -> None:
    volume = _marked((0, 0, 1))
    inside = np.zeros(volume.shape, bool)
    inside[5:15, 12:28, 12:28] = True
    node = add_volume(host.scene, volume)
    lesion = Mask.single(inside, volume.geometry, Segment("lesion 1", colour=(1, 0, 0)))
    mask = add_segmentation(host.scene, lesion, node)
    show_segments(mask)
    shot = SliceShot(node, "Axial", (0.0, 0.0, -20.0), 80.0, segmentations=(mask,), synthetic=False)
    pixels = _pixels(view("Axial").shoot(shot, tmp_path / "a.png"))
    red = (pixels[..., 0] > 180) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90)
    assert red.sum() > 100
    assert not red[90:110, 90:110].any()


def test_brighter_and_darker_have_their_own_colours(host: Any, view: Any, tmp_path: Path) -> None:
    before = _marked((0, 0, 1))
    voxels = before.voxels.copy()
    voxels[:, :, 28:] += 60
    voxels[:, :, :12] -= 60
    node = add_difference(host.scene, before, before.like(voxels))
    shot = SliceShot(node, "Axial", (0.0, 0.0, 0.0), 80.0, synthetic=False)
    pixels = _pixels(view("Axial").shoot(shot, tmp_path / "a.png"))
    right, middle, left = pixels[100, 30], pixels[80, 100], pixels[100, 170]
    assert right[0] > right[2] + 60, "brighter is hot"
    assert left[2] > left[0] + 60, "darker is cold"
    assert middle.max() < 20, "unchanged is black"


def test_the_difference_has_a_sign_and_a_symmetric_window() -> None:
    grid = Geometry.from_spacing((2, 2, 2))
    before = Volume.ct(np.full(grid.shape, 30000, np.int16), grid)
    after = before.like(np.full(grid.shape, -30000, np.int16))
    change = signed_difference(before, after)
    assert (change.voxels == -60000).all()
    assert change.window is not None
    assert change.window[0] == 0.0
    with pytest.raises(InputError, match="different grids"):
        signed_difference(before, Volume.ct(np.zeros((2, 2, 3), np.int16), Geometry.from_spacing((2, 2, 3))))
