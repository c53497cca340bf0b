"""Views without a screen: three slices and a 3-D view, any layout, and PNG pictures of all of it."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from SyntheticImagingLib import pictures
from SyntheticImagingLib.headless import HeadlessSlicer, import_slicer
from SyntheticImagingLib.show.host import SliceView

FOUR_UP = 3
_GAP = 3
_SLICE = """<item><view class="vtkMRMLSliceNode" singletontag="{}">
 <property name="orientation">{}</property><property name="viewlabel">{}</property></view></item>"""
_FOUR_UP_XML = (
    '<layout type="vertical"><item><layout type="horizontal">' + _SLICE.format("Red", "Axial", "R")
    + '<item><view class="vtkMRMLViewNode" singletontag="1"/></item></layout></item>'
    + '<item><layout type="horizontal">' + _SLICE.format("Green", "Coronal", "G")
    + _SLICE.format("Yellow", "Sagittal", "Y") + "</layout></item></layout>"
)


@dataclass(frozen=True)
class _Cell:
    """A view in a layout: kind ("slice", "space"), name, (left, top, width, height) and the layout's properties."""

    kind: str
    name: str
    place: tuple[int, int, int, int]
    properties: dict[str, str]


class HeadlessViewHost:
    """A `ViewHost` on MRML's own displayable managers, drawn off screen; for tests and screenshots.

    Args:
        slicer: scene and logics.
        size: width and height of the whole layout in pixels.
        layout: shown first; Slicer's four-up when not given.

    Raises:
        SyntheticImagingError: if nothing can be drawn here.
    """

    def __init__(self, slicer: HeadlessSlicer, size: tuple[int, int] = (1280, 960), layout: int = FOUR_UP) -> None:
        self.slicer, self.scene, self.size = slicer, slicer.scene, size
        module = import_slicer()
        self._layouts = {FOUR_UP: _FOUR_UP_XML}
        self._layout = FOUR_UP
        self._links = module.vtkMRMLSliceLinkLogic()
        self._links.SetMRMLScene(self.scene)
        self._links.SetMRMLApplicationLogic(slicer.application)
        self._slices: dict[str, pictures.SliceView] = {}
        self._spaces: dict[str, pictures.ThreeDView] = {}
        self._listeners: list[Callable[[], None]] = []
        self.set_layout(layout)

    def slice_views(self) -> list[SliceView]:
        """All slice views made so far."""
        return [
            SliceView(name, view.node.GetOrientation(), view.node, view.logic.GetSliceCompositeNode(), view.renderer,
                      _later)
            for name, view in self._slices.items()
            if view.logic.GetSliceCompositeNode() is not None
        ]

    def renderers_3d(self) -> list[tuple[Any, Callable[[], None]]]:
        """The 3-D views made so far; pictures draw them when they are taken."""
        return [(view.renderer, _later) for view in self._spaces.values()]

    def layout(self) -> int:
        """The layout that pictures show."""
        return self._layout

    def set_layout(self, layout: int) -> None:
        """Show a layout, making views it needs."""
        if layout not in self._layouts:
            return
        self._layout = layout
        self._provide_singletons()
        shown = {(cell.kind, cell.name): cell for cell in self._cells()}
        for cell in shown.values():
            size = (cell.place[2], cell.place[3])
            if cell.kind == "slice" and cell.name not in self._slices:
                orientation: Any = cell.properties.get("orientation", "Axial")
                self._slices[cell.name] = pictures.SliceView(self.slicer, orientation, size, cell.name)
                _label(self._slices[cell.name].node, cell.properties)
            elif cell.kind == "space" and cell.name not in self._spaces:
                self._spaces[cell.name] = pictures.ThreeDView(self.slicer, size)
            self._fit(cell.kind, cell.name, size)
        for name, view in self._slices.items():
            view.node.SetMappedInLayout(("slice", name) in shown)
        for listener in list(self._listeners):
            listener()

    def add_layout(self, layout: int, xml: str) -> None:
        """Make a layout known."""
        self._layouts[layout] = xml

    def on_views_changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change of layout; returns a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def fit(self, volume_node: Any) -> None:
        """Show a volume whole in all slice views, as Slicer does after loading."""
        for view in self._slices.values():
            view.logic.FitSliceToAll()
            view.logic.SnapSliceOffsetToIJK()
        del volume_node

    def save(self, path: str | Path) -> Path:
        """A PNG of the whole layout."""
        from PIL import Image

        picture = Image.new("RGB", self.size, (44, 48, 54))
        with tempfile.TemporaryDirectory(prefix="synthetic-imaging-views-") as folder:
            file = Path(folder) / "view.png"
            for cell in self._cells():
                self._shoot(cell.kind, cell.name, file)
                with Image.open(file) as shot:
                    picture.paste(shot.convert("RGB"), cell.place[:2])
        picture.save(path)
        return Path(path)

    def save_view(self, name: str, path: str | Path) -> Path:
        """A PNG of one view."""
        self._shoot("slice" if name in self._slices else "space", name, Path(path))
        return Path(path)

    def close(self) -> None:
        """Give the windows back."""
        for slices in self._slices.values():
            self.slicer.application.GetSliceLogics().RemoveItem(slices.logic)
            slices.close()
        for space in self._spaces.values():
            self.slicer.application.GetViewLogics().RemoveItem(space.logic)
            space.close()
        self._slices.clear()
        self._spaces.clear()
        self._listeners.clear()
        self._links.SetMRMLScene(None)

    def _provide_singletons(self) -> None:
        """Nodes that displayable managers look for; closing the scene takes them away."""
        for kind in ("vtkMRMLInteractionNode", "vtkMRMLSelectionNode"):
            if self.scene.GetFirstNodeByClass(kind) is None:
                self.scene.AddNode(getattr(import_slicer(), kind)())

    def _shoot(self, kind: str, name: str, file: Path) -> None:
        if kind == "slice":
            self._slices[name].refresh()
            self._slices[name].save(file)
        else:
            self._spaces[name].renderer.ResetCameraClippingRange()
            self._spaces[name].save(file)

    def _fit(self, kind: str, name: str, size: tuple[int, int]) -> None:
        view: Any = self._slices[name] if kind == "slice" else self._spaces[name]
        view.size = size
        view.window.SetSize(*size)
        if kind == "slice":
            view.logic.ResizeSliceNode(*size)

    def _cells(self) -> list[_Cell]:
        return _cells_in(ElementTree.fromstring(self._layouts[self._layout]), (0, 0, *self.size))


def _label(node: Any, properties: dict[str, str]) -> None:
    """What a layout says of a view: label and group."""
    node.SetLayoutLabel(properties.get("viewlabel", node.GetLayoutLabel()))
    node.SetViewGroup(int(properties.get("viewgroup", 0)))


def _cells_in(element: Any, place: tuple[int, int, int, int]) -> list[_Cell]:
    """Where each view of a layout lies, dividing space evenly as the layout says."""
    if element.tag == "view":
        kind = {"vtkMRMLSliceNode": "slice", "vtkMRMLViewNode": "space"}.get(element.get("class", ""), "")
        properties = {p.get("name", ""): (p.text or "").strip() for p in element.findall("property")}
        return [_Cell(kind, element.get("singletontag", ""), place, properties)] if kind else []
    items = [child for item in element.findall("item") for child in list(item)[:1]]
    left, top, width, height = place
    across = element.get("type", "vertical") == "horizontal"
    columns, rows = (len(items), 1) if across else (1, len(items))
    cells: list[_Cell] = []
    for number, item in enumerate(items):
        column, row = (number, 0) if across else (0, number)
        x, y = left + column * (width + _GAP) // columns, top + row * (height + _GAP) // rows
        right, low = left + (column + 1) * (width + _GAP) // columns, top + (row + 1) * (height + _GAP) // rows
        cells += _cells_in(item, (x, y, right - x - _GAP, low - y - _GAP))
    return cells


def _later() -> None:
    """Pictures are drawn when they are taken."""
