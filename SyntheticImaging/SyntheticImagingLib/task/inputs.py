"""Nodes to what a tool takes: volumes, chosen segments on the volume's grid, clicked points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.mrml import points_from_node, volume_from_node
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.sequences import sequence_from_node
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task.carrying import carry_over
from SyntheticImagingLib.task.origins import origin_of

_CLASSES = {
    Kind.VOLUME: ("vtkMRMLScalarVolumeNode", "a volume"),
    Kind.MASK: ("vtkMRMLSegmentationNode", "a segmentation"),
    Kind.POINTS: ("vtkMRMLMarkupsNode", "a list of points"),
    Kind.SEQUENCE: ("vtkMRMLSequenceNode", "a sequence"),
    Kind.TABLE: ("vtkMRMLTableNode", "a table"),
}


@dataclass(frozen=True)
class SegmentChoice:
    """Segments of a segmentation node.

    Attributes:
        node: ``vtkMRMLSegmentationNode``.
        ids: ids (or names) of the chosen segments; all of them when empty.
    """

    node: Any
    ids: tuple[str, ...] = ()


def read_inputs(tool: Tool, nodes: Mapping[str, Any]) -> dict[str, Any]:
    """What the tool takes, by input name; inputs that are not given are left out.

    Segments come on the voxel grid of the input they belong to. Where they were drawn on another grid they are carried
    over to it by nearest voxel. Linear parent transforms are part of the place; others are refused.

    Args:
        tool: the tool.
        nodes: input name -> volume, markups, sequence or table node, `SegmentChoice`, or None.

    Raises:
        InputError: if a node is of another kind, empty, or cannot be used.
    """
    known = {declared.name for declared in tool.inputs}
    for name in nodes:
        if name not in known:
            raise InputError(f"'{tool.title}' takes no input '{name}'. It takes: {', '.join(sorted(known))}.")
    values: dict[str, Any] = {}
    # Volumes first: segments are wanted on their grids.
    for declared in sorted(tool.inputs, key=lambda i: i.kind is Kind.MASK):
        given = nodes.get(declared.name)
        if given is None or (isinstance(given, SegmentChoice) and given.node is None):
            continue
        if isinstance(given, SegmentChoice) != (declared.kind is Kind.MASK):
            given = _chosen(declared, given)
        _check_class(declared, given.node if isinstance(given, SegmentChoice) else given)
        values[declared.name] = _value(declared, given, values)
    return {i.name: values[i.name] for i in tool.inputs if i.name in values}


def check_present(scene: Any, nodes: Mapping[str, Any]) -> None:
    """Refuse nodes that were deleted meanwhile.

    Raises:
        InputError: naming the first one.
    """
    for given in nodes.values():
        node = given.node if isinstance(given, SegmentChoice) else given
        # Places given as numbers are points outside every scene.
        if node is not None and not node.IsA("vtkMRMLMarkupsNode") and not scene.IsNodePresent(node):
            raise InputError(f"'{node.GetName()}' is no longer in the scene. Choose what to work on, and run anew.")


def _chosen(declared: Input, given: Any) -> Any:
    if declared.kind is Kind.MASK:
        return SegmentChoice(given)
    raise InputError(f"{declared.label} must be {_CLASSES[declared.kind][1]}, not segments.")


def _check_class(declared: Input, node: Any) -> None:
    wanted, words = _CLASSES[declared.kind]
    if not hasattr(node, "IsA") or not node.IsA(wanted):
        name = node.GetName() if hasattr(node, "GetName") else type(node).__name__
        raise InputError(f"{declared.label} must be {words}; '{name}' is something else.")
    if wanted == "vtkMRMLScalarVolumeNode" and node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{declared.label}: '{node.GetName()}' is a label map; a volume of measured values is needed.")


def _value(declared: Input, given: Any, values: Mapping[str, Any]) -> Any:
    if declared.kind is Kind.VOLUME:
        volume = volume_from_node(given)
        return replace(volume, dicom=origin_of(given, volume.geometry))
    if declared.kind is Kind.MASK:
        on = values.get(declared.same_grid_as)
        mask = _mask(given, on.geometry if isinstance(on, Volume) else None)
        if not mask.segments:
            raise InputError(f"{declared.label}: '{mask.name}' has no segment. Draw or import one first.")
        return mask
    if declared.kind is Kind.POINTS:
        return points_from_node(given)
    return sequence_from_node(given) if declared.kind is Kind.SEQUENCE else table_from_node(given)


def _mask(choice: SegmentChoice, grid: Geometry | None) -> Mask:
    if grid is None:
        return mask_from_node(choice.node, choice.ids)
    mask = _mask_on(choice, grid)
    if not mask.layers.any():
        own = mask_from_node(choice.node, choice.ids)
        if own.layers.any():
            names = " and ".join(f"'{segment.name}'" for segment in own.segments[:3])
            raise InputError(
                f"{names} of '{own.name}' lies outside the volume. Choose the segmentation of this volume, or check "
                "the transforms of the two."
            )
    return mask


def _mask_on(choice: SegmentChoice, grid: Geometry) -> Mask:
    try:
        return mask_from_node(choice.node, choice.ids, grid)
    except InputError:
        own = mask_from_node(choice.node, choice.ids)
    return own.turned_onto(grid) or carry_over(own, grid)
