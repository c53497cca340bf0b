"""A phantom brain to try it out: two visits of one patient, every lesion known."""

from __future__ import annotations

from typing import Any

from synthetic_imaging.sequences.phantom import Visit
from SyntheticImagingLib.headless import one_batch
from SyntheticImagingLib.mr.methods import PHANTOM
from SyntheticImagingLib.show.window_link import own_display
from SyntheticImagingLib.task import Made, SceneTask
from SyntheticImagingLib.task.remembering import parameters_of, runs_in

SEED = 7
# Like many a scan for multiple sclerosis, within what the shipped network has seen, and still soon made.
_VOXELS = {"spacing_mm": 1.2, "slice_mm": 2.0}
_HIDDEN = ("tissues", "lesions")


def phantom_task(scene: Any, visit: Visit = Visit.FIRST) -> SceneTask:
    """The task that makes a visit: the second one of the patient whose first one is in the scene, if there is one.

    Raises:
        SyntheticImagingError: a sentence, if it cannot be made here.
    """
    first = phantom_visit(scene, Visit.FIRST)
    known = parameters_of(first) if first is not None else {}
    seed = first.seed if first is not None and visit is Visit.SECOND else SEED
    return SceneTask(scene, PHANTOM, {}, {**(known or _VOXELS), "visit": visit.value}, seed)


def phantom_visit(scene: Any, visit: Visit) -> Made | None:
    """The newest run of that visit in the scene, or None."""
    runs = [made for made in runs_in(scene) if made.tool_id == PHANTOM]
    of_it = [made for made in runs if parameters_of(made).get("visit", Visit.FIRST.value) == visit.value]
    return of_it[-1] if of_it else None


def arrange(scene: Any, made: Made) -> None:
    """Say in the names which visit it is, and hide the truth: whoever wants to see it can show it."""
    second = parameters_of(made).get("visit") == Visit.SECOND.value
    with one_batch(scene):
        for node in made.nodes.values():
            if second:
                plain = str(node.GetName()).split(" (phantom)")[0]
                node.SetName(scene.GenerateUniqueName(f"{plain} (phantom, second visit)"))
            if node.IsA("vtkMRMLVolumeNode"):
                own_display(node)
    for name in _HIDDEN:
        made.nodes[name].GetDisplayNode().SetVisibility(False)


def truth_of(made: Made) -> Any:
    """The segmentation of the lesions that a phantom has."""
    return made.nodes.get("lesions")
