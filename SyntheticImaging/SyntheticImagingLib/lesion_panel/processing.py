"""Making lesions from a script: nodes in, new nodes out. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthetic_imaging.errors import InputError
from SyntheticImagingLib.lesion_panel.measuring import join, measuring_task
from SyntheticImagingLib.lesion_panel.method import Method
from SyntheticImagingLib.lesion_panel.methods import Request
from SyntheticImagingLib.lesion_panel.placing import loose_places
from SyntheticImagingLib.task import Made, SceneTask, SegmentChoice
from SyntheticImagingLib.task.waiting import wait_for


def lesion_task(
    scene: Any, request: Request, values: Mapping[str, Any] | None = None, seed: int | None = None,
    device: str = "auto",
) -> SceneTask:
    """The task for what was chosen, not yet started.

    Raises:
        InputError, ParameterError, MemoryShortage: each with a sentence for the user.
    """
    given = dict(values or {})
    if request.volume is None:
        raise InputError("There is no volume yet. Load one, or open a sample (Sample Data, Synthetic Imaging).")
    if request.organ is None and request.method is not Method.EDIT:
        raise InputError("Choose the organ: a segment of any segmentation. The Segment Editor makes one.")
    if request.lesion is None and request.method is Method.EDIT:
        raise InputError("Choose the lesion to edit: a segment of any segmentation, also one that was made here.")
    return SceneTask(
        scene, request.method.tool, request.nodes(given), request.parameters(given), seed, device=device
    )


def as_choice(given: Any, segment: str = "") -> SegmentChoice | None:
    """A segment of a segmentation node by id or name (all when empty); None stays None."""
    if given is None or isinstance(given, SegmentChoice):
        return given
    return SegmentChoice(given, (segment,) if segment else ())


def as_places(given: Any) -> Any:
    """A markups node as it is; anything like (N, 3) RAS millimetres as a point list of its own; None stays None."""
    if given is None or hasattr(given, "GetNumberOfControlPoints"):
        return given
    return loose_places(given)


def measure_now(scene: Any, made: Made, vessels: SegmentChoice | None = None) -> Any:
    """Measure the lesions of a run and wait; returns the table node, or None where there is nothing to measure."""
    task = measuring_task(scene, made, vessels)
    return None if task is None else join(scene, made, wait_for(task))
