"""What the module's self-test checks, in 3D Slicer and without it. No Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from SyntheticImagingLib import attributes
from SyntheticImagingLib.lesion_panel.first_choice import first_lesion, first_organ
from SyntheticImagingLib.lesion_panel.sample_scenes import load_phantom
from SyntheticImagingLib.lesion_panel.segment_facts import inner_place
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.task import Made, remove

SPACING_MM = 3.0
PARAMETERS: dict[str, dict[str, Any]] = {
    "lesions.handcrafted": {"diameter_mm": 18.0},
    "lesions.automaton": {"steps": 30, "frames": 4},
    "lesions.edit": {"action": "copy"},
}


class SelfTest:
    """A phantom, and each method on it; each check raises an AssertionError with what it found."""

    def __init__(self, scene: Any, process: Callable[..., Made]) -> None:
        """Load the phantom.

        Args:
            scene: an empty scene.
            process: the logic's function.
        """
        self.scene, self.process = scene, process
        self.volume, self.organs = load_phantom(scene, SPACING_MM)
        found = first_organ(scene, self.volume)
        assert found is not None, "no organ was found in the phantom"
        self.organ = found[1]
        place = inner_place(self.organs, self.organ)
        assert place is not None, "the liver of the phantom is empty"
        self.place = place
        self.before = volume_from_node(self.volume).voxels.copy()

    def check_drawing_and_growing(self) -> None:
        """Both ways to make a lesion where it was clicked."""
        for method in ("lesions.handcrafted", "lesions.automaton"):
            made = self.process(
                self.volume, self.organs, self.organ, method=method, points=[self.place],
                parameters=PARAMETERS[method], seed=11,
            )
            self.check_result(made, self.volume, method)
            inside = mask_from_node(made.lesions, grid=volume_from_node(made.volume).geometry)
            lesion = next(s.name for s in inside.segments if s.name in ("lesion 1", "tumour"))
            k, j, i = np.rint(inside.geometry.kji_from_ras(np.array(self.place))).astype(int)
            assert inside.inside(lesion)[k, j, i], f"{method}: the lesion is not where it was asked for"
            assert (made.browser is not None) == (method == "lesions.automaton"), f"{method}: growth sequence"

    def check_editing(self) -> None:
        """A copy of a lesion, somewhere in the organ."""
        found = first_lesion(self.scene, None)
        assert found is not None, "no lesion to edit"
        lesion, segment_id = found
        volume = lesion.GetNodeReference("SyntheticImagingSource")
        made = self.process(
            volume, self.organs, self.organ, method="lesions.edit", lesion=lesion, lesionId=segment_id,
            parameters=PARAMETERS["lesions.edit"], seed=12,
        )
        self.check_result(made, volume, "lesions.edit")

    def check_result(self, made: Made, source: Any, method: str) -> None:
        """Place, provenance, and that nothing else was touched."""
        before, after = volume_from_node(source), volume_from_node(made.volume)
        assert after.geometry.same_grid(before.geometry), f"{method}: the result lies elsewhere"
        assert after.voxels.dtype == before.voxels.dtype, f"{method}: the voxel type has changed"
        changed = np.argwhere(after.voxels != before.voxels)
        assert len(changed) > 0, f"{method}: nothing was changed"
        segments = mask_from_node(made.lesions, grid=after.geometry)
        where = segments.box.grown((4, 4, 4)).clipped(after.shape)
        outside = ((changed < where.start) | (changed >= where.stop)).any(axis=1)
        assert not outside.any(), f"{method}: voxels far from the organ have changed"
        assert made.volume.GetAttribute(attributes.SYNTHETIC) == "yes", f"{method}: not marked as synthetic"
        record = attributes.provenance_of(made.volume)
        assert record is not None and record.seed == made.seed, f"{method}: no provenance"
        assert np.array_equal(volume_from_node(self.volume).voxels, self.before), f"{method}: the input was changed"

    def check_same_seed(self) -> None:
        """The same seed gives the same voxels."""
        def again() -> Any:
            made = self.process(self.volume, self.organs, self.organ, points=[self.place], seed=5)
            voxels = volume_from_node(made.volume).voxels.copy()
            remove(self.scene, made)
            return voxels

        assert np.array_equal(again(), again()), "the same seed gave another result"

    def check_undo(self) -> None:
        """Undo takes away what one run made, and nothing else."""
        before = self.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
        made = self.process(self.volume, self.organs, self.organ, points=[self.place], seed=3)
        assert made.alive(self.scene), "the result is not in the scene"
        remove(self.scene, made)
        assert not made.alive(self.scene), "the result is still in the scene"
        assert self.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == before, "undo left a volume"
        assert self.scene.IsNodePresent(self.volume), "undo took the input away"

    def check_refusals(self) -> None:
        """A place outside the organ gives a sentence."""
        try:
            self.process(self.volume, self.organs, self.organ, points=[(0.0, -110.0, 0.0)])
        except InputError as error:
            assert "outside" in str(error), str(error)
        else:
            raise AssertionError("a place outside the organ was accepted")
