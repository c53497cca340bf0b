"""A click in a view while in place mode, as MRML sees it; the same in the real program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def place(scene: Any, ras: Sequence[float]) -> None:
    """Add a control point to the markups node that waits for one, and leave place mode unless it is to stay.

    Raises:
        AssertionError: where a click would place nothing.
    """
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place, "not in place mode"
    node = scene.GetNodeByID(selection.GetActivePlaceNodeID() or "")
    assert node is not None, "no markups node is to be placed"
    assert node.IsA(selection.GetActivePlaceNodeClassName()), "another class of markups is to be placed"
    node.AddControlPointWorld(*(float(mm) for mm in ras))
    if not interaction.GetPlaceModePersistence():
        interaction.SetCurrentInteractionMode(interaction.ViewTransform)
