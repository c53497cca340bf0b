"""The table of measurements that follows each run: a second task, its table in the first one's folder. No Qt."""

from __future__ import annotations

from typing import Any

from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.task import Made, SceneTask, SegmentChoice, remove
from SyntheticImagingLib.task.remembering import remember
from SyntheticImagingLib.task.results import folder_of

TOOL = "lesions.measure"
OUTPUT = "measurements"

def measuring_task(scene: Any, made: Made, vessels: SegmentChoice | None = None) -> SceneTask | None:
    """A task that measures the lesions of a run; None where there is nothing to measure.

    Raises:
        InputError, MemoryShortage: each with a sentence for the user.
    """
    if made.volume is None or made.lesions is None or not made.alive(scene):
        return None
    nodes = {"volume": made.volume, "lesions": SegmentChoice(made.lesions)}
    if vessels is not None:
        nodes["vessels"] = vessels
    return SceneTask(scene, TOOL, nodes)


def join(scene: Any, made: Made, measured: Made) -> Any:
    """Move the table into the folder of the run it belongs to; undoing that run takes it along. Returns its node."""
    table = measured.nodes[OUTPUT]
    measured.nodes = {}
    if not made.alive(scene):  # undone meanwhile
        measured.nodes = {OUTPUT: table}
        remove(scene, measured)
        return None
    tree = import_slicer().vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if folder_of(scene, made):
        tree.SetItemParent(tree.GetItemByDataNode(table), made.folder)
    # Its provenance is on the table itself: no second record, no second folder.
    remove(scene, measured)
    made.nodes[OUTPUT] = table
    remember(made)
    return table
