"""The host for a running 3D Slicer, against stand-ins of its layout manager, and without a window."""

# ruff: noqa: N802, N815 - the names are those of the program that is stood in for

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from SyntheticImagingLib.show import Comparison, Mode, SlicerViewHost, SyntheticMark


class Widget:
    """A qMRMLSliceWidget or qMRMLThreeDWidget, as far as it is asked."""

    def __init__(self, view: Any) -> None:
        self.view, self.rendered = view, 0

    def mrmlSliceNode(self) -> Any:
        return self.view.node

    def sliceLogic(self) -> Any:
        return self.view.logic

    def sliceView(self) -> Any:
        return self

    threeDView = sliceView

    def renderWindow(self) -> Any:
        return self.view.window

    def scheduleRender(self) -> None:
        self.rendered += 1


class LayoutManager:
    """qSlicerLayoutManager: slice widgets by name, 3-D widgets by number, a signal."""

    def __init__(self, views: Any) -> None:
        self._slices = {name: Widget(view) for name, view in views._slices.items()}
        self._spaces = [Widget(view) for view in views._spaces.values()]
        self.listeners: list[Callable[[int], None]] = []

    @property
    def threeDViewCount(self) -> int:
        return len(self._spaces)

    def sliceViewNames(self) -> tuple[str, ...]:
        return (*self._slices, "gone")

    def sliceWidget(self, name: str) -> Widget | None:
        return self._slices.get(name)

    def threeDWidget(self, index: int) -> Widget:
        return self._spaces[index]

    def connect(self, signal: str, listener: Callable[[int], None]) -> None:
        assert signal == "layoutChanged(int)"
        self.listeners.append(listener)

    def disconnect(self, signal: str, listener: Callable[[int], None]) -> None:
        self.listeners.remove(listener)


@pytest.fixture
def program(views: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    import slicer

    layout = slicer.vtkMRMLLayoutNode()
    views.scene.AddNode(layout)
    layout.AddLayoutDescription(3, '<layout type="vertical"/>')
    layout.SetViewArrangement(3)
    manager = LayoutManager(views)
    monkeypatch.setattr(slicer, "app", SimpleNamespace(layoutManager=lambda: manager), raising=False)
    return manager


def test_views_are_found_and_drawn_through_the_layout_manager(program: LayoutManager, views: Any) -> None:
    host = SlicerViewHost()
    found = {view.name: view for view in host.slice_views()}
    assert {name: view.orientation for name, view in found.items()} == {
        "Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"
    }
    assert found["Red"].renderer is views.slice_views()[0].renderer
    found["Red"].render()
    assert program.sliceWidget("Red").rendered == 1
    ((renderer, render),) = host.renderers_3d()
    render()
    assert program.threeDWidget(0).rendered == 1
    assert renderer is views.renderers_3d()[0][0]


def test_layouts_go_through_the_layout_node(program: LayoutManager, views: Any) -> None:
    host = SlicerViewHost()
    assert host.layout() == 3
    for text in ("vertical", "horizontal"):
        host.add_layout(901, f'<layout type="{text}"/>')
        host.set_layout(901)
        assert host.layout() == 901
        assert text in host.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetCurrentLayoutDescription()


def test_comparison_and_mark_work_in_it(program: LayoutManager, result: Callable[..., Any]) -> None:
    made = result()
    host = SlicerViewHost()
    mark = SyntheticMark(host)
    assert len(program.listeners) == 1
    comparison = Comparison(host, made.before, made.after, made.lesions)
    for mode in Mode:
        comparison.mode = mode
    assert mark.shown_in(host.slice_views()[0].renderer)
    comparison.close()
    assert host.layout() == 3
    mark.close()
    assert program.listeners == []


def test_without_a_window_there_are_no_views(slicer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import slicer as module

    monkeypatch.setattr(module, "app", SimpleNamespace(layoutManager=lambda: None), raising=False)
    host = SlicerViewHost()
    assert (host.slice_views(), host.renderers_3d(), host.layout()) == ([], [], 0)
    host.add_layout(901, "<layout/>")
    host.set_layout(901)
    host.on_views_changed(lambda: None)()
