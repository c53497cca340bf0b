"""The demonstration's files: scene, NRRD, DICOM, table, provenance."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.mask import Code, Mask, Segment, Terminology
from SyntheticImagingLib.demo.recipe import Made
from SyntheticImagingLib.display import add_difference, hide_in_slices, make_surfaces, show_segments
from SyntheticImagingLib.headless import HeadlessSlicer
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.segmentations import add_segmentation
from SyntheticImagingLib.sequences import add_browser, add_sequence
from SyntheticImagingLib.tables import add_table, add_text, put_in_folder

ORGAN_OPACITY, BONE_OPACITY = 0.28, 0.22
BONE = (0.90, 0.87, 0.78)
BONE_TERM = Terminology(Code("SCT", "85756007", "Tissue"), Code("SCT", "272673000", "Bone"))


@dataclass(frozen=True)
class SceneNodes:
    """The nodes of the demonstration's scene."""

    source: Any
    synthetic: Any
    difference: Any
    lesions: Any
    bones: Any
    growth: Any
    growth_lesions: Any
    growth_shown: Any
    growth_lesions_shown: Any
    browser: Any
    table: Any
    provenance: Any


def build_scene(host: HeadlessSlicer, made: Made) -> SceneNodes:
    """Put everything into the scene, results beside their source, in one folder."""
    scene = host.scene
    source = add_volume(scene, made.source)
    synthetic = add_volume(scene, made.synthetic)
    # The same window as the source, in its own display node: nothing is auto-windowed.
    difference = add_difference(scene, made.source, made.synthetic, "difference (synthetic - source)")
    lesions = add_segmentation(scene, made.lesions, synthetic, "organs and synthetic lesions")
    organs = {s.organ for s in made.steps}
    opacity = dict.fromkeys(organs, ORGAN_OPACITY)
    if "necrosis" in made.lesions.names:
        opacity["tumour"] = 0.6
    show_segments(lesions, opacity_3d=opacity)
    bones = add_segmentation(scene, bone_mask(made.organs), source, "ribs and spine")
    show_segments(bones, opacity_3d=dict.fromkeys(("bones",), BONE_OPACITY))
    hide_in_slices(bones)
    growth = add_sequence(scene, made.growth)
    growth_lesions = add_sequence(scene, made.growth_lesions)
    browser = add_browser(scene, [growth, growth_lesions], "growth browser")
    shown, shown_lesions = browser.GetProxyNode(growth), browser.GetProxyNode(growth_lesions)
    show_segments(shown_lesions, opacity_3d=dict.fromkeys(organs, ORGAN_OPACITY))
    only_outlined(shown_lesions, {"tumour", "necrosis"})
    # Hidden at first: it lies on top of the full-grown tumour.
    shown_lesions.GetDisplayNode().SetVisibility(False)
    table = add_table(scene, made.measurements)
    record = add_text(scene, "provenance", provenance_json(made))
    results = (synthetic, difference, lesions, growth, growth_lesions, shown, shown_lesions, browser, table, record)
    put_in_folder(scene, "Synthetic lesions (research use)", results)
    put_in_folder(scene, "Source", (source, bones))
    return SceneNodes(source, synthetic, difference, lesions, bones, growth, growth_lesions, shown, shown_lesions,
                      browser, table, record)


def only_outlined(node: Any, names: set[str]) -> None:
    """Show only some segments in slices: a cropped organ's outline would run along the crop's edge."""
    segmentation = node.GetSegmentation()
    for position in range(segmentation.GetNumberOfSegments()):
        identifier = segmentation.GetNthSegmentID(position)
        shown = segmentation.GetSegment(identifier).GetName() in names
        node.GetDisplayNode().SetSegmentVisibility(identifier, shown)


def make_scene_surfaces(nodes: SceneNodes) -> None:
    """Surfaces for the 3-D view."""
    make_surfaces(nodes.lesions)
    make_surfaces(nodes.bones)


def bone_mask(organs: Mask) -> Mask:
    """Ribs and spine as one segment, faint scenery for the 3-D view."""
    wanted = [s for s in organs.segments if s.name.startswith(("rib_", "vertebrae_", "sternum"))]
    inside = np.zeros(organs.shape, dtype=np.bool_)
    for layer in range(organs.layers.shape[0]):
        labels = [s.label for s in wanted if s.layer == layer]
        inside |= _labelled(organs.layers[layer], labels)
    segment = Segment("bones", colour=BONE, terminology=BONE_TERM)
    return Mask.single(inside, organs.geometry, segment, name="ribs and spine")


def _labelled(layer: Any, labels: list[int]) -> Any:
    table = np.zeros(max(int(layer.max()), *labels, 0) + 1, dtype=np.bool_)
    table[labels] = True
    return table[layer]


def provenance_json(made: Made) -> str:
    """The records of all steps (the last one holds those before it) as JSON text."""
    assert made.synthetic.provenance is not None
    return made.synthetic.provenance.to_json()


def write_files(made: Made, folder: Path) -> dict[str, Path]:
    """NRRD, segmentation, growth sequences, table and provenance; name -> file."""
    from synthetic_imaging.files import write_mask, write_sequence, write_volume

    target = folder / "nrrd"
    target.mkdir()
    files = {
        "source": write_volume(made.source, target / "source.nrrd"),
        "synthetic": write_volume(made.synthetic, target / "synthetic.nrrd"),
        "lesions": write_mask(made.lesions, target / "lesions.seg.nrrd"),
        "organs": write_mask(made.organs, target / "organs.seg.nrrd"),
        "growth": write_sequence(made.growth, target / "growth.seq.nrrd"),
        "growth_lesions": write_sequence(made.growth_lesions, target / "growth_lesions.seq.nrrd"),
    }
    files["measurements"] = folder / "measurements.csv"
    files["measurements"].write_text(made.measurements.to_csv(), encoding="utf-8")
    files["provenance"] = folder / "provenance.json"
    files["provenance"].write_text(json.dumps(json.loads(provenance_json(made)), indent=2) + "\n", encoding="utf-8")
    return files


def write_dicom(made: Made, folder: Path) -> tuple[int, Path]:
    """Synthetic series and segmentation as DICOM; number of images and the segmentation's file."""
    from synthetic_imaging.dicom.reading import read_series
    from synthetic_imaging.dicom.segmentation import write_segmentation
    from synthetic_imaging.dicom.writing import write_series

    series = folder / "dicom" / "synthetic_ct"
    series.parent.mkdir()
    images = write_series(made.synthetic, series)
    # The segmentation references the images just written, slice by slice.
    written = read_series(series)
    target = folder / "dicom" / "segmentation.dcm"
    write_segmentation(made.lesions, written, target)
    return len(images), target
