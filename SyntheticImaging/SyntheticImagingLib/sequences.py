"""Growth over time and other frames: sequence nodes, one browser for all that play together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import Mask
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume
from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import fill_volume_node, show_with_window, volume_from_node
from SyntheticImagingLib.segmentations import fill_segmentation_node, mask_from_node

_CLASSES: dict[type, str] = {Volume: "vtkMRMLScalarVolumeNode", Mask: "vtkMRMLSegmentationNode"}


def add_sequence(scene: Any, sequence: Sequence, name: str | None = None) -> Any:
    """A new ``vtkMRMLSequenceNode`` with one data node a frame."""
    slicer = import_slicer()
    node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", scene.GenerateUniqueName(name or sequence.name))
    node.SetIndexName(sequence.index_name)
    node.SetIndexUnit(sequence.index_unit)
    node.SetIndexTypeFromString("numeric")
    for frame, value in zip(sequence.frames, sequence.index, strict=True):
        data = getattr(slicer, _CLASSES[type(frame)])()
        data.SetName(frame.name)
        if isinstance(frame, Volume):
            fill_volume_node(data, frame)
        else:
            fill_segmentation_node(data, frame)
        node.SetDataNodeAtValue(data, f"{value:g}")
    attributes.mark(node, sequence.provenance)
    return node


def sequence_from_node(node: Any) -> Sequence:
    """The frames of a sequence node of volumes or segmentations.

    Raises:
        InputError: if it is empty, or holds another kind of node.
    """
    name = node.GetName() or "sequence"
    count = node.GetNumberOfDataNodes()
    if count == 0:
        raise InputError(f"'{name}' holds no frame yet.")
    frames: list[Volume | Mask] = []
    grid = None
    for position in range(count):
        data = node.GetNthDataNode(position)
        if data.IsA("vtkMRMLScalarVolumeNode"):
            frames.append(volume_from_node(data))
        elif data.IsA("vtkMRMLSegmentationNode"):
            # The first frame's grid is everybody's: an early tumour's label map may be smaller than a late one's.
            frames.append(mask_from_node(data, grid=grid))
            grid = frames[0].geometry
        else:
            raise InputError(f"'{name}' holds frames of the kind {data.GetClassName()}; volumes or masks are needed.")
    index = [_number(node.GetNthIndexValue(position), position) for position in range(count)]
    return Sequence(
        tuple(frames), tuple(index), index_name=node.GetIndexName() or "frame", index_unit=node.GetIndexUnit() or "",
        name=name, provenance=attributes.provenance_of(node),
    )


def add_browser(scene: Any, sequences: Iterable[Any], name: str = "growth", selected: int = -1) -> Any:
    """One browser in which all sequences play together; each has a proxy node that views show.

    Args:
        scene: the MRML scene.
        sequences: sequence nodes of equal length; the first one leads.
        name: name of the browser.
        selected: frame to show first; negative counts from the end.

    Raises:
        InputError: if there is none, or the lengths differ.
    """
    nodes = list(sequences)
    lengths = {node.GetNumberOfDataNodes() for node in nodes}
    if len(lengths) != 1 or not nodes:
        raise InputError(f"Sequences that play together need the same number of frames; these have {sorted(lengths)}.")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", scene.GenerateUniqueName(name))
    for node in nodes:
        browser.AddSynchronizedSequenceNode(node)
        first = node.GetNthDataNode(0)
        proxy = browser.GetProxyNode(node)
        if proxy is None:  # where a sequences logic watches the scene, it has made one already
            proxy = scene.AddNewNodeByClass(first.GetClassName())
            browser.AddProxyNode(proxy, node, False)
        proxy.SetName(scene.GenerateUniqueName(f"{node.GetName()} shown"))
        proxy.CreateDefaultDisplayNodes()
        if proxy.IsA("vtkMRMLScalarVolumeNode"):
            kept = attributes.read_meaning(first).get("window")
            show_with_window(proxy, (kept[0], kept[1]) if kept else None)
        # The sequences hold what the tool returned: moving the slider must not write the proxy back.
        browser.SetSaveChanges(node, False)
        browser.SetOverwriteProxyName(node, False)
    browser.SetIndexDisplayMode(browser.IndexDisplayAsIndexValue)
    browser.SetPlaybackRateFps(4.0)
    browser.SetPlaybackLooped(True)
    show_frame(scene, browser, selected % lengths.pop())
    return browser


def show_frame(scene: Any, browser: Any, position: int) -> None:
    """Show one frame in all proxy nodes (without Slicer's event loop nothing else does)."""
    browser.SetSelectedItemNumber(position)
    slicer = import_slicer()
    logic = slicer.modules.sequences.logic() if hasattr(slicer, "modules") else None
    if logic is None or logic.GetMRMLScene() is not scene:
        logic = slicer.vtkSlicerSequencesLogic()
        logic.SetMRMLScene(scene)
    logic.UpdateProxyNodesFromSequences(browser)


def _number(text: str, position: int) -> float:
    try:
        return float(np.float64(text))
    except ValueError:
        return float(position)
