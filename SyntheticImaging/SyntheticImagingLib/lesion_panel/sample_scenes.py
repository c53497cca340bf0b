"""Images to begin with: a real CT with organs where its package is present, a phantom everywhere. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from synthetic_imaging import samples
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.display import show_segments
from SyntheticImagingLib.headless import import_slicer, one_batch
from SyntheticImagingLib.lesion_panel.first_choice import first_organ
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.segmentations import add_segmentation

CATEGORY = "Synthetic Imaging"
_REAL = "chest-ct"


@dataclass(frozen=True)
class SampleScene:
    """One sample: its name for scripts, its title for people, and what puts it into a scene."""

    name: str
    title: str
    load: Callable[[Any], list[Any]]


def load_ct(scene: Any) -> list[Any]:
    """The real CT of chest and upper abdomen with its organs; the phantom where that is not installed."""
    if not samples.SAMPLES[_REAL].present:
        return load_phantom(scene)
    return show_sample(scene, *samples.ct_with_organs())


def load_phantom(scene: Any, spacing_mm: float = 2.0) -> list[Any]:
    """An abdomen of ellipsoids with its organs."""
    from synthetic_imaging.phantoms.abdomen import abdomen

    return show_sample(scene, *abdomen(spacing_mm))


SAMPLE_SCENES = (
    SampleScene("SyntheticImagingCT", "CT chest with organs", load_ct),
    SampleScene("SyntheticImagingPhantom", "Abdomen phantom", load_phantom),
)


def show_sample(scene: Any, volume: Volume, organs: Mask) -> list[Any]:
    """Put a sample into the scene, and in 3D Slicer into the views; returns the volume and the segmentation node."""
    with one_batch(scene):
        volume_node = add_volume(scene, volume)
        organs_node = add_segmentation(scene, organs, volume_node)
    show_segments(organs_node)
    # Ninety outlines would hide the image: only the organ that a first lesion goes into is shown.
    chosen = first_organ(scene, volume_node)
    display, segmentation = organs_node.GetDisplayNode(), organs_node.GetSegmentation()
    for position in range(segmentation.GetNumberOfSegments()):
        segment_id = segmentation.GetNthSegmentID(position)
        display.SetSegmentVisibility(segment_id, chosen is not None and segment_id == chosen[1])
    slicer = import_slicer()
    if getattr(slicer, "app", None) is not None and hasattr(slicer.util, "setSliceViewerLayers"):
        slicer.util.setSliceViewerLayers(background=volume_node, fit=True)
    return [volume_node, organs_node]
