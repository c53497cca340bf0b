"""Volumes made for looking only: signed difference and checkerboard. Made once, when first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.volume import Volume
from SyntheticImagingLib import attributes
from SyntheticImagingLib.display import add_difference
from SyntheticImagingLib.headless import import_slicer
from SyntheticImagingLib.mrml import add_volume, fill_volume_node, volume_from_node

# Node references on what is derived: they survive saving, so that a reopened scene does not compute it again.
BEFORE_ROLE = attributes.PREFIX + "before"
AFTER_ROLE = attributes.PREFIX + "after"
_KIND = attributes.PREFIX + "shows"
DIFFERENCE, CHECKERBOARD = "difference", "checkerboard"
CLEAR_TABLE = "SyntheticImaging difference over image"
# The same hues as the diverging table, but clear instead of black in the middle: (small change, large change).
_COLD = ((0.10, 0.40, 0.95), (0.50, 0.95, 1.00))
_HOT = ((0.95, 0.30, 0.08), (1.00, 0.95, 0.45))
_FAINT, _FULL = 0.06, 0.35  # share of the window below which the colour is clear, and from which it is solid


def checkerboard(
    before: Volume, after: Volume, block_mm: float, corner_ras: Sequence[float] | None = None,
    name: str = "checkerboard",
) -> Volume:
    """Blocks of two images in turn, as wide as ``block_mm`` along each axis of the grid.

    Four blocks of a slice meet at ``corner_ras``, so that a lesion there is seen in both; at the first voxel when None.

    Raises:
        InputError: if the two lie on different grids.
    """
    check_same_grid(before, after)
    kind = np.result_type(before.voxels.dtype, after.voxels.dtype)
    voxels = np.array(after.voxels, dtype=kind)
    corner = np.zeros(3) if corner_ras is None else after.geometry.kji_from_ras(corner_ras) - 0.5
    # Across slices the corner is the middle of a block: the slice through it holds one pattern.
    corner[0] -= block_mm / after.geometry.spacing_kji_mm[0] / 2 if corner_ras is not None else 0.0
    odd_k, odd_j, odd_i = (
        np.floor((np.arange(count) - start) * spacing / block_mm).astype(np.int64) % 2 == 1
        for count, spacing, start in zip(after.shape, after.geometry.spacing_kji_mm, corner, strict=True)
    )
    in_plane: npt.NDArray[np.bool_] = odd_j[:, None] ^ odd_i[None, :]
    for k, odd in enumerate(odd_k):
        np.copyto(voxels[k], before.voxels[k], where=in_plane ^ odd, casting="same_kind")
    return after.like(voxels, name=name, window=before.window, dicom=None)


def check_same_grid(before: Volume, after: Volume) -> None:
    """Raises a sentence if two images cannot be compared voxel by voxel."""
    reason = grids_differ(before.name, before.geometry, after.name, after.geometry)
    if reason:
        raise InputError(reason)


def grids_differ(before_name: str, before: Geometry, after_name: str, after: Geometry) -> str:
    """Why two images cannot be compared voxel by voxel; "" if they can."""
    if before.same_grid(after):
        return ""
    return (
        f"'{before_name}' and '{after_name}' lie on different voxel grids: difference and checkerboard need one. "
        "Flicker, overlay and side by side work; or resample one image to the other first."
    )


def difference_node(scene: Any, before_node: Any, after_node: Any) -> Any:
    """The volume node after minus before, in colours that leave what did not change clear; found or made.

    It is put beside ``after_node`` and saved with the scene.

    Raises:
        InputError: if the two lie on different grids, or one holds no image.
    """
    found = _find(scene, DIFFERENCE, before_node, after_node)
    if found is not None:
        return found
    before, after = volume_from_node(before_node), volume_from_node(after_node)
    check_same_grid(before, after)
    node = add_difference(scene, before, after, f"{after_node.GetName()}: change")
    node.GetDisplayNode().SetAndObserveColorNodeID(clear_table(scene).GetID())
    _belongs(scene, node, DIFFERENCE, before_node, after_node)
    return node


def checkerboard_node(
    scene: Any, before_node: Any, after_node: Any, block_mm: float, corner_ras: Sequence[float] | None = None,
    known: Any = None,
) -> Any:
    """The volume node of a checkerboard; ``known`` is filled anew if given. It is not saved with the scene.

    Raises:
        InputError: if the two lie on different grids, or one holds no image.
    """
    before, after = volume_from_node(before_node), volume_from_node(after_node)
    board = checkerboard(before, after, block_mm, corner_ras, f"{after_node.GetName()}: checkerboard")
    if known is not None:
        fill_volume_node(known, board)
        _belongs(scene, known, CHECKERBOARD, before_node, after_node)
        return known
    node = add_volume(scene, board)
    node.SetSaveWithScene(False)
    node.GetDisplayNode().SetSaveWithScene(False)
    _belongs(scene, node, CHECKERBOARD, before_node, after_node)
    return node


def derived_nodes(scene: Any, volume_node: Any) -> list[Any]:
    """Difference and checkerboard volumes made from a volume: of no use without it."""
    found = []
    for node in _volumes(scene):
        if node.GetAttribute(_KIND) and volume_node.GetID() in (
            node.GetNodeReferenceID(BEFORE_ROLE), node.GetNodeReferenceID(AFTER_ROLE)
        ):
            found.append(node)
    return found


def remove_derived(scene: Any, node: Any) -> None:
    """Take a derived volume and its display nodes out of the scene."""
    if node is None or not scene.IsNodePresent(node):
        return
    displays = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    tree = import_slicer().vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = tree.GetItemByDataNode(node) if tree is not None else 0
    if item:  # amid the removal of other nodes, nobody else takes it out of the tree
        with_its_node = False
        tree.RemoveItem(item, with_its_node)
    if scene.IsNodePresent(node):
        scene.RemoveNode(node)
    for display in displays:
        if display is not None and scene.IsNodePresent(display):
            scene.RemoveNode(display)


def clear_table(scene: Any, name: str = CLEAR_TABLE, faint: float = _FAINT, full: float = _FULL) -> Any:
    """The diverging colours, clear in the middle: blended over an image they stay pure, and what is unchanged shows.

    Args:
        scene: the MRML scene; the table of that name is made once.
        name: of the table.
        faint, full: share of the window below which the colour is clear, and from which it is solid.
    """
    nodes = scene.GetNodesByClass("vtkMRMLColorTableNode")
    for position in range(nodes.GetNumberOfItems()):
        if nodes.GetItemAsObject(position).GetName() == name:
            return nodes.GetItemAsObject(position)
    table = import_slicer().vtkMRMLColorTableNode()
    table.SetName(name)
    table.SetTypeToUser()
    table.SetNumberOfColors(256)
    table.SetNamesFromColors()
    for index in range(256):
        value = (index - 127.5) / 127.5
        pale, strong = _COLD if value < 0 else _HOT
        red, green, blue = (float(np.interp(abs(value), (full, 1.0), ends)) for ends in zip(pale, strong, strict=True))
        alpha = float(np.interp(abs(value), (faint, full), (0.0, 1.0)))
        table.SetColor(index, f"{value:+.2f}", red, green, blue, alpha)
    scene.AddNode(table)
    return table


def _belongs(scene: Any, node: Any, kind: str, before_node: Any, after_node: Any) -> None:
    node.SetAttribute(_KIND, kind)
    # What differs from a patient's image by something synthetic is no patient's image.
    node.SetAttribute(attributes.SYNTHETIC, "yes")
    node.SetNodeReferenceID(BEFORE_ROLE, before_node.GetID())
    node.SetNodeReferenceID(AFTER_ROLE, after_node.GetID())
    tree = import_slicer().vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    beside = tree.GetItemByDataNode(after_node) if tree is not None else 0
    if beside:
        folder = tree.GetItemParent(beside)
        item = tree.GetItemByDataNode(node) or tree.CreateItem(folder, node)
        tree.SetItemParent(item, folder)


def _find(scene: Any, kind: str, before_node: Any, after_node: Any) -> Any:
    wanted = (before_node.GetID(), after_node.GetID())
    for node in _volumes(scene):
        if node.GetAttribute(_KIND) == kind and node.GetImageData() is not None:
            has = (node.GetNodeReferenceID(BEFORE_ROLE), node.GetNodeReferenceID(AFTER_ROLE))
            if has == wanted:
                return node
    return None


def _volumes(scene: Any) -> list[Any]:
    nodes = scene.GetNodesByClass("vtkMRMLScalarVolumeNode")
    return [nodes.GetItemAsObject(n) for n in range(nodes.GetNumberOfItems())]
