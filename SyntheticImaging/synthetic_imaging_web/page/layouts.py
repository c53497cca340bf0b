"""Arrangements of views: Slicer's layout numbers and XML on one side, trame-slicer's layouts on the other."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

# Slicer's own numbers, so that code written for its layout node works here.
FOUR_UP, CONVENTIONAL, ONE_3D, ONE_AXIAL, ONE_SAGITTAL, ONE_CORONAL = 3, 2, 4, 6, 7, 8

COLOURS = {"Axial": "#F34A33", "Coronal": "#6DAD4A", "Sagittal": "#EFD64D"}


def four_views() -> dict[str, Any]:
    """The four views that every session has, by name."""
    from trame_slicer.views import ViewLayoutDefinition

    return {
        "Axial": ViewLayoutDefinition.axial_view(),
        "Coronal": ViewLayoutDefinition.coronal_view(),
        "Sagittal": ViewLayoutDefinition.sagittal_view(),
        "3D": ViewLayoutDefinition.threed_view(background_color=("#0d0f12", "#0d0f12")),
    }


def own_layouts() -> dict[int, Any]:
    """The layouts offered in the toolbar, by Slicer's numbers."""
    from trame_slicer.views import Layout, LayoutDirection

    views = four_views()
    axial, coronal, sagittal, space = views["Axial"], views["Coronal"], views["Sagittal"], views["3D"]
    rows, columns = LayoutDirection.Vertical, LayoutDirection.Horizontal
    return {
        FOUR_UP: Layout(columns, [Layout(rows, [axial, coronal]), Layout(rows, [space, sagittal])]),
        CONVENTIONAL: Layout(columns, [axial, Layout(rows, [space, coronal, sagittal])], ["2", "1"]),
        ONE_AXIAL: Layout(rows, [axial]),
        ONE_CORONAL: Layout(rows, [coronal]),
        ONE_SAGITTAL: Layout(rows, [sagittal]),
        ONE_3D: Layout(rows, [space]),
    }


def layout_from_xml(xml: str) -> Any:
    """A trame-slicer layout from Slicer's layout XML; properties it does not know are left out.

    Raises:
        ValueError: if it is no layout.
    """
    root = ElementTree.fromstring(xml)
    if root.tag != "layout":
        raise ValueError(f"a layout was expected, not '{root.tag}'")
    return _layout(root)


def _layout(element: ElementTree.Element) -> Any:
    from trame_slicer.views import Layout, LayoutDirection

    horizontal = element.get("type", "vertical").lower() == "horizontal"
    items = []
    for item in element.findall("item"):
        for child in item:
            items.append(_layout(child) if child.tag == "layout" else _view(child))
    return Layout(LayoutDirection.Horizontal if horizontal else LayoutDirection.Vertical, items)


def _view(element: ElementTree.Element) -> Any:
    from trame_slicer.views import ViewLayoutDefinition, ViewType
    from trame_slicer.views.abstract_view import ViewProps

    tag = element.get("singletontag", "")
    own = {view.singleton_tag: view for view in four_views().values()}
    if tag in own:
        return own[tag]
    given = {child.get("name"): (child.text or "").strip() for child in element.findall("property")}
    orientation = given.get("orientation") or None
    slices = element.get("class") == ViewType.SLICE_VIEW.value
    group = given.get("viewgroup")
    properties = ViewProps(
        label=given.get("viewlabel") or tag,
        orientation=orientation,  # type: ignore[arg-type]
        color=given.get("viewcolor") or COLOURS.get(orientation or ""),
        group=int(group) if group else None,
        background_color=None if slices else ("#0d0f12", "#0d0f12"),
        box_visible=None if slices else False,
    )
    return ViewLayoutDefinition(tag, ViewType.SLICE_VIEW if slices else ViewType.THREE_D_VIEW, properties)
