from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si

pytest.importorskip("slicer", reason="slicer-core is not installed")


@dataclass
class Result:
    """A phantom with a lesion put in: nodes as a run leaves them."""

    before: Any
    after: Any
    lesions: Any
    lesion_ras: tuple[float, float, float]
    before_volume: si.Volume
    after_volume: si.Volume
    lesion_mask: si.Mask


@pytest.fixture
def slicer() -> Iterator[Any]:
    from SyntheticImagingLib.headless import HeadlessSlicer

    with HeadlessSlicer() as made:
        yield made


@pytest.fixture
def views(slicer: Any) -> Iterator[Any]:
    """Three slice views and a 3-D view, small."""
    from SyntheticImagingLib.rendering import can_render
    from SyntheticImagingLib.show.headless_host import HeadlessViewHost

    if not can_render():
        pytest.skip("no off-screen OpenGL (libegl1 or libosmesa6)")
    host = HeadlessViewHost(slicer, (400, 300))
    yield host
    host.close()




@pytest.fixture
def result(slicer: Any, abdomen_on: Callable[..., Any]) -> Callable[..., Result]:
    """``result(grid)``: before is the phantom, after has a bright lesion of 10 mm radius aside of its middle."""

    def make(kind: str = "straight") -> Result:
        from SyntheticImagingLib import attributes
        from SyntheticImagingLib.display import show_segments
        from SyntheticImagingLib.mrml import add_volume
        from SyntheticImagingLib.segmentations import add_segmentation

        made = abdomen_on(kind)
        grid = made.ct.geometry
        kji = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
        inside = np.linalg.norm(grid.ras_from_kji(kji) - np.array(made.aside_ras_mm), axis=-1) <= 10.0
        voxels = made.ct.voxels.copy()
        voxels[inside] += 80
        volume = made.ct.like(voxels, name="phantom with lesion")
        mask = si.Mask.stacked(
            [(si.Segment("liver", colour=(0, 0.6, 0)), made.liver.inside()),
             (si.Segment("lesion 1", colour=(1, 0, 0)), inside)], grid, name="lesions",
        )
        before, after = add_volume(slicer.scene, made.ct), add_volume(slicer.scene, volume)
        lesions = add_segmentation(slicer.scene, mask, after)
        for node in (after, lesions):
            node.SetAttribute(attributes.SYNTHETIC, "yes")
        show_segments(lesions)
        return Result(before, after, lesions, made.aside_ras_mm, made.ct, volume, mask)

    return make


@pytest.fixture
def pixels(views: Any, tmp_path: Path) -> Callable[[str], np.ndarray]:
    """``pixels("Red")``: what a view shows, as (rows, columns, RGB)."""
    image = pytest.importorskip("PIL.Image")

    def look(name: str) -> np.ndarray:
        with image.open(views.save_view(name, tmp_path / "view.png")) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    return look


def by_name(views: Any) -> dict[str, Any]:
    return {view.name: view for view in views.slice_views()}
