"""Lesions in 3-D, and the camera that looks at one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from SyntheticImagingLib.show import frame_3d, make_lesion_surfaces


def test_lesions_are_solid_and_the_organ_is_glass(views: Any, result: Callable[..., Any]) -> None:
    made = result("oblique")
    assert make_lesion_surfaces(made.lesions)
    display = made.lesions.GetDisplayNode()
    assert display.GetSegmentOpacity3D("lesion 1") == 1.0
    assert display.GetSegmentOpacity3D("liver") < 0.5
    assert made.lesions.GetSegmentation().ContainsRepresentation("Closed surface")


def test_the_camera_frames_the_lesion(views: Any, result: Callable[..., Any], tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    made = result()
    make_lesion_surfaces(made.lesions)
    made.lesions.GetDisplayNode().SetSegmentVisibility("liver", False)
    frame_3d(views, made.lesion_ras, 60.0)
    with image.open(views.save_view("1", tmp_path / "space.png")) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 80) & (pixels[..., 1] < 60) & (pixels[..., 2] < 60)
    rows, columns = np.nonzero(red)
    assert len(rows) > 50
    middle = np.array(pixels.shape[:2]) / 2
    assert np.abs(np.array([rows.mean(), columns.mean()]) - middle).max() < 12, "in the middle of the view"
    camera = views.renderers_3d()[0][0].GetActiveCamera()
    assert np.allclose(camera.GetFocalPoint(), made.lesion_ras)
    assert camera.GetPosition()[1] > made.lesion_ras[1], "from the front"


def test_nothing_to_see_is_said(slicer: Any) -> None:
    assert not make_lesion_surfaces(None)
    assert not make_lesion_surfaces(slicer.scene.AddNewNodeByClass("vtkMRMLSegmentationNode"))
