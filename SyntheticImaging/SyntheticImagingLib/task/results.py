"""What a run made, put into the scene: beside the input, in one folder, in one batch; and taken out again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synthetic_imaging.mask import Mask
from synthetic_imaging.points import Points
from synthetic_imaging.running import Result
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.table import Table
from synthetic_imaging.tool import Tool
from synthetic_imaging.volume import Volume
from SyntheticImagingLib import attributes
from SyntheticImagingLib.display import show_segments
from SyntheticImagingLib.headless import import_slicer, one_batch
from SyntheticImagingLib.mrml import add_points, add_volume
from SyntheticImagingLib.segmentations import add_segmentation
from SyntheticImagingLib.sequences import add_browser, add_sequence
from SyntheticImagingLib.tables import add_table, add_text, put_in_folder
from SyntheticImagingLib.task.inputs import SegmentChoice
from SyntheticImagingLib.task.origins import refer_to_source, remember_origin

ORGAN_OPACITY_3D = 0.28
# On nodes that are made only to look at a result.
SHOWS = attributes.PREFIX + "shows"


@dataclass(eq=False)
class Made:
    """What one run put into the scene.

    Attributes:
        tool_id, title: the tool.
        seed: with the same inputs and parameters it gives the same result.
        seconds: how long the run took.
        notes: what it had to say.
        nodes: output name -> volume, segmentation, sequence, table or markups node.
        proxies: name of a sequence output -> the node that views show.
        browser: plays all sequences together; None without sequences.
        record: text node with the provenance of all outputs as JSON.
        folder: subject hierarchy item of the run's folder; see `folder_of` where the run was found in an opened scene.
        source: the input volume that the edited output was made from, or the first input volume.
        volume: the first volume output, if any.
        lesions: the first segmentation output, if any.
        inputs: the nodes that went in.
    """

    tool_id: str
    title: str
    seed: int
    seconds: float
    notes: tuple[str, ...]
    nodes: dict[str, Any] = field(default_factory=dict)
    proxies: dict[str, Any] = field(default_factory=dict)
    browser: Any = None
    record: Any = None
    folder: int = 0
    source: Any = None
    volume: Any = None
    lesions: Any = None
    inputs: dict[str, Any] = field(default_factory=dict)

    def alive(self, scene: Any) -> bool:
        """Whether everything that was made is still in the scene."""
        return all(scene.IsNodePresent(node) for node in (*self.nodes.values(), *self.proxies.values()))


def add_results(scene: Any, tool: Tool, result: Result, nodes: Mapping[str, Any]) -> Made:
    """Put the outputs of a run into the scene as new nodes, beside the volume they were made from.

    Args:
        scene: the MRML scene.
        tool: the tool that ran.
        result: what it returned.
        nodes: the nodes that went in, by input name.

    Raises:
        InputError: if an output cannot be held by MRML; then the scene is as it was.
    """
    made = Made(tool.id, tool.title, result.seed, result.seconds, result.notes, inputs=dict(nodes))
    made.source = _source(tool, nodes)
    made.volume = None
    with one_batch(scene):
        try:
            _add_all(scene, tool, result, made)
        except BaseException:
            remove(scene, made)
            raise
    # Outside the batch: proxies are made by the sequences logic, which waits for the batch to end.
    sequences = {name: made.nodes[name] for name in result.outputs if isinstance(result.outputs[name], Sequence)}
    if sequences:
        made.browser = add_browser(scene, sequences.values(), f"{_title(made)} growth")
        made.proxies = {name: made.browser.GetProxyNode(node) for name, node in sequences.items()}
        for name, proxy in made.proxies.items():
            if proxy.IsA("vtkMRMLSegmentationNode"):
                _look(proxy, result.outputs[name].frames[0])
                # At first it would lie on top of the full-grown tumour.
                proxy.GetDisplayNode().SetVisibility(False)
            else:
                refer_to_source(proxy, made.source)
        _into_folder(scene, made, [made.browser, *made.proxies.values()])
    return made


def remove(scene: Any, made: Made) -> None:
    """Take the nodes of one run and its folder out of the scene; what the user removed before is passed over.

    What was made only to look at them (difference, checkerboard) goes too; what the user put into the folder stays.
    """
    browser = [made.browser] if made.browser is not None else []
    record = [made.record] if made.record is not None else []
    nodes = [*browser, *made.proxies.values(), *made.nodes.values(), *record]
    tree = _tree(scene)
    folder_of(scene, made)
    nodes += [node for node in _in_folder(tree, made.folder) if node.GetAttribute(SHOWS) and node not in nodes]
    with one_batch(scene):
        for node in nodes:
            if node is None or not scene.IsNodePresent(node):
                continue
            # Without Slicer's subject hierarchy plug-ins nobody else takes the item away.
            item = tree.GetItemByDataNode(node) if tree is not None else 0
            if item:
                keep_node, keep_children = False, False
                tree.RemoveItem(item, keep_node, keep_children)
            belongings = []
            if node.IsA("vtkMRMLDisplayableNode"):
                belongings += [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
            if node.IsA("vtkMRMLStorableNode"):
                belongings += [node.GetNthStorageNode(n) for n in range(node.GetNumberOfStorageNodes())]
            scene.RemoveNode(node)
            for item in belongings:
                if item is not None and scene.IsNodePresent(item):
                    scene.RemoveNode(item)
    if made.folder and tree is not None:
        _remove_folder(tree, made.folder)
        made.folder = 0


def folder_of(scene: Any, made: Made) -> int:
    """The folder of a run in the subject hierarchy, looked up where it is not known yet; 0 for none.

    While a scene is opened the hierarchy is put together last: only then can it be asked.
    """
    tree = _tree(scene)
    if not made.folder and tree is not None and made.record is not None:
        item = tree.GetItemByDataNode(made.record)
        parent = int(tree.GetItemParent(item)) if item else 0
        if parent and tree.GetItemLevel(parent) == "Folder":
            made.folder = parent
    return made.folder


def _add_all(scene: Any, tool: Tool, result: Result, made: Made) -> None:
    edited = {o.name for o in tool.outputs if o.edits}
    for name, value in sorted(result.outputs.items(), key=lambda item: not isinstance(item[1], Volume)):
        node: Any
        if isinstance(value, Volume):
            node = add_volume(scene, value)
            refer_to_source(node, made.source)
            remember_origin(node, value.dicom)
            if made.volume is None or name in edited:
                made.volume = node
        elif isinstance(value, Mask):
            node = add_segmentation(scene, value, made.volume if made.volume is not None else made.source)
            refer_to_source(node, made.volume if made.volume is not None else made.source)
            _look(node, value)
            made.lesions = node if made.lesions is None else made.lesions
        elif isinstance(value, Sequence):
            node = add_sequence(scene, value)
        elif isinstance(value, Table):
            node = add_table(scene, value)
        else:
            assert isinstance(value, Points)
            node = add_points(scene, value)
        made.nodes[name] = node
    made.record = add_text(scene, f"{tool.title} provenance", _record(result))
    within = _parent_item(scene, made.source)
    nodes = [*made.nodes.values(), made.record]
    made.folder = put_in_folder(scene, f"{_title(made)} (synthetic, research use)", nodes, within)


def _look(node: Any, mask: Mask) -> None:
    # The organ around the lesions: an outline in slices, glass in 3-D.
    several = len(mask.segments) > 1
    show_segments(node, opacity_3d={mask.segments[0].name: ORGAN_OPACITY_3D} if several else None)


def _title(made: Made) -> str:
    return f"{made.title}, seed {made.seed}"


def _source(tool: Tool, nodes: Mapping[str, Any]) -> Any:
    like = next((o.like for o in tool.outputs if o.edits and o.like), "")
    if nodes.get(like) is not None:
        return nodes[like]
    for declared in tool.inputs:
        node = nodes.get(declared.name)
        if node is not None and not isinstance(node, SegmentChoice) and node.IsA("vtkMRMLVolumeNode"):
            return node
    return None


def _record(result: Result) -> str:
    records = {
        name: value.provenance.to_dict()
        for name, value in result.outputs.items()
        if getattr(value, "provenance", None) is not None
    }
    return json.dumps({"tool": result.tool, "seed": result.seed, "seconds": round(result.seconds, 3),
                       "notes": list(result.notes), "outputs": records}, indent=2)


def _tree(scene: Any) -> Any:
    return import_slicer().vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _parent_item(scene: Any, source: Any) -> int | None:
    """The folder (or study) that the source lies in; None for the top."""
    tree = _tree(scene)
    item = tree.GetItemByDataNode(source) if tree is not None and source is not None else 0
    return int(tree.GetItemParent(item)) or None if item else None


def _into_folder(scene: Any, made: Made, nodes: list[Any]) -> None:
    tree = _tree(scene)
    for node in nodes:
        item = tree.GetItemByDataNode(node) or tree.CreateItem(made.folder, node)
        tree.SetItemParent(item, made.folder)


def _in_folder(tree: Any, folder: int) -> list[Any]:
    from vtkmodules.vtkCommonCore import vtkIdList

    found = vtkIdList()
    if tree is not None and folder:
        tree.GetItemChildren(folder, found)
    nodes = [tree.GetItemDataNode(found.GetId(n)) for n in range(found.GetNumberOfIds())]
    return [node for node in nodes if node is not None]


def _remove_folder(tree: Any, folder: int) -> None:
    from vtkmodules.vtkCommonCore import vtkIdList

    left = vtkIdList()
    tree.GetItemChildren(folder, left)
    if left.GetNumberOfIds() == 0:  # what the user put there stays
        tree.RemoveItem(folder)
