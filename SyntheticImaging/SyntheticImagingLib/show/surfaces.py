"""Lesions in 3-D: surfaces, the organ as glass around them, and a camera that looks at one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from SyntheticImagingLib.display import make_surfaces
from SyntheticImagingLib.segmentations import SURFACE, mask_from_node
from SyntheticImagingLib.show.host import ViewHost

ORGAN_OPACITY, TUMOUR_OPACITY = 0.28, 0.6
_NEAREST_MM, _FILL = 110.0, 0.3  # never closer than this; share of the view that a lesion fills
_FROM = (0.35, 1.0, 0.25)  # from the front, a little from the patient's right and above


def make_lesion_surfaces(node: Any) -> bool:
    """Make the surfaces of a lesion segmentation and show them: lesions solid, organ as glass, dead core seen through.

    Returns whether there is something to see.
    """
    from synthetic_imaging.lesions.roles import roles_of

    if node is None or node.GetSegmentation() is None or node.GetSegmentation().GetNumberOfSegments() == 0:
        return False
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    try:
        mask = mask_from_node(node)
    except InputError:
        return False
    roles = roles_of(mask)
    inside = {s.name for s in roles.lesions}
    display = node.GetDisplayNode()
    for segment in mask.segments:
        opacity = 1.0
        if segment.name in inside:
            opacity = TUMOUR_OPACITY if roles.necrosis else 1.0
        elif segment not in roles.necrosis:
            opacity = ORGAN_OPACITY
        display.SetSegmentOpacity3D(segment.id, opacity)
        display.SetSegmentVisibility3D(segment.id, True)
    if not node.GetSegmentation().ContainsRepresentation(SURFACE):
        make_surfaces(node)
    display.SetPreferredDisplayRepresentationName3D(SURFACE)
    display.SetVisibility(True)
    display.SetVisibility3D(True)
    return bool(roles.boxes)


def frame_3d(
    host: ViewHost, centre_ras: Sequence[float], diameter_mm: float, from_ras: Sequence[float] = _FROM
) -> None:
    """Turn the camera of every 3-D view to a lesion so that it fills about half of the view.

    Args:
        host: the views.
        centre_ras: what to look at, RAS mm.
        diameter_mm: its size.
        from_ras: direction to look from; feet are always down.
    """
    away = np.asarray(from_ras, dtype=float)
    away = away / max(float(np.linalg.norm(away)), 1e-9)
    focus = np.asarray([float(x) for x in centre_ras])
    for renderer, render in host.renderers_3d():
        camera = renderer.GetActiveCamera()
        seen = max(float(diameter_mm) / _FILL, _NEAREST_MM)
        if camera.GetParallelProjection():
            camera.SetParallelScale(seen / 2)
        distance = seen / 2 / np.tan(np.deg2rad(camera.GetViewAngle() / 2))
        camera.SetFocalPoint(*focus)
        camera.SetPosition(*(focus + distance * away))
        camera.SetViewUp(0, 0, 1)
        renderer.ResetCameraClippingRange()
        render()
