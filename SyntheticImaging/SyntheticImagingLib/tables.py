"""Measurements and notes in the scene: table nodes, text nodes, folders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from synthetic_imaging.table import Cell, Column, Table
from SyntheticImagingLib import attributes
from SyntheticImagingLib.headless import import_slicer

_COLUMNS = attributes.PREFIX + "columns"


def add_table(scene: Any, table: Table, name: str | None = None) -> Any:
    """A new ``vtkMRMLTableNode``; headings carry the unit, numbers stay numbers, missing ones are NaN."""
    node = import_slicer().vtkMRMLTableNode()
    node.SetName(scene.GenerateUniqueName(name or table.name))
    content = node.GetTable()
    kinds = {}
    for position, column in enumerate(table.columns):
        cells = [row[position] for row in table.rows]
        kind = _kind(cells)
        numeric = kind in ("int", "float", "bool")
        array = _array(numeric)
        array.SetName(f"{column.heading} [{column.unit}]" if column.unit else column.heading)
        for cell in cells:
            if numeric:
                array.InsertNextValue(float("nan") if cell is None else float(cell))
            else:
                array.InsertNextValue("" if cell is None else str(cell))
        content.AddColumn(array)
        kinds[column.key] = kind
    described = [
        {"key": c.key, "heading": c.heading, "unit": c.unit, "kind": kinds[c.key]} for c in table.columns
    ]
    node.SetAttribute(_COLUMNS, json.dumps(described))
    attributes.mark(node, table.provenance)
    scene.AddNode(node)
    return node


def table_from_node(node: Any) -> Table:
    """The table of a table node; one not made by `add_table` becomes a table of texts and numbers."""
    content = node.GetTable()
    count = content.GetNumberOfRows()
    arrays = [content.GetColumn(n) for n in range(content.GetNumberOfColumns())]
    known = json.loads(node.GetAttribute(_COLUMNS) or "[]")
    if len(known) != len(arrays):
        known = [
            {"key": a.GetName() or str(n), "heading": a.GetName() or "", "unit": "",
             "kind": "text" if a.IsA("vtkStringArray") else "float"}
            for n, a in enumerate(arrays)
        ]
    columns = tuple(Column(k["key"], k["heading"], k["unit"]) for k in known)
    rows = tuple(
        tuple(_cell(content.GetValue(r, c), known[c]["kind"]) for c in range(len(arrays))) for r in range(count)
    )
    return Table(columns, rows, name=node.GetName(), provenance=attributes.provenance_of(node))


def add_text(scene: Any, name: str, text: str) -> Any:
    """A new ``vtkMRMLTextNode``, saved with the scene."""
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", scene.GenerateUniqueName(name))
    node.SetText(text)
    return node


def put_in_folder(scene: Any, name: str, nodes: Iterable[Any], within: int | None = None) -> int:
    """A new subject-hierarchy folder that holds the nodes; returns its item id."""
    tree = import_slicer().vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    parent = tree.GetSceneItemID() if within is None else within
    folder = int(tree.CreateFolderItem(parent, name))
    for node in nodes:
        item = tree.GetItemByDataNode(node)
        # A node that came in while nobody managed the tree has no item yet.
        item = item or tree.CreateItem(folder, node)
        tree.SetItemParent(item, folder)
    return folder


def _array(numeric: bool) -> Any:
    from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkStringArray

    return vtkDoubleArray() if numeric else vtkStringArray()


def _kind(cells: list[Cell]) -> str:
    present = [c for c in cells if c is not None]
    if present and all(isinstance(c, bool) for c in present):
        return "bool"
    if present and all(isinstance(c, int) and not isinstance(c, bool) for c in present):
        return "int"
    if present and all(isinstance(c, (int, float)) and not isinstance(c, bool) for c in present):
        return "float"
    return "text"


def _cell(value: Any, kind: str) -> Cell:
    if kind == "text":
        return value.ToString() or None
    try:
        number = float(value.ToDouble())
    except (TypeError, ValueError):
        return None
    if number != number:
        return None
    return bool(number) if kind == "bool" else int(number) if kind == "int" else number
