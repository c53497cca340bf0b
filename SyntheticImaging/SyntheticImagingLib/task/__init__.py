"""From a tool to the scene and back: read nodes, run in a child process, put the results in. No Qt.

    task = SceneTask(scene, "lesions.handcrafted", {"ct": volume, "organ": SegmentChoice(segmentation, ("liver",))})
    task.start()            # then poll() from a timer until task.finished
    task.made.volume        # the new volume node

Everything here belongs to the main thread; nothing waits.
"""

from SyntheticImagingLib.task.batch import BatchTask
from SyntheticImagingLib.task.estimate import Estimate, estimate
from SyntheticImagingLib.task.exporting import ExportTask
from SyntheticImagingLib.task.inputs import SegmentChoice, read_inputs
from SyntheticImagingLib.task.results import Made, add_results, remove
from SyntheticImagingLib.task.scene_task import SceneTask
from SyntheticImagingLib.task.state import TaskState

__all__ = [
    "BatchTask", "Estimate", "ExportTask", "Made", "SceneTask", "SegmentChoice", "TaskState", "add_results", "estimate",
    "read_inputs", "remove",
]
