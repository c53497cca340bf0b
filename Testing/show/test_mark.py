"""The mark "Synthetic, research use": in every view that shows something synthetic, and in no other."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from SyntheticImagingLib.attributes import SYNTHETIC
from SyntheticImagingLib.show import Comparison, Mode, SyntheticMark, make_lesion_surfaces

CORNER = (slice(0, 24), slice(60, 200))


def amber(pixels: np.ndarray) -> int:
    """How many pixels have the colour of the mark."""
    return int(((pixels[..., 0] > 150) & (pixels[..., 0] - pixels[..., 2] > 60)).sum())


def marked(views: Any, mark: SyntheticMark) -> dict[str, bool]:
    return {view.name: mark.shown_in(view.renderer) for view in views.slice_views()}


@pytest.fixture
def mark(views: Any) -> Any:
    made = SyntheticMark(views)
    yield made
    made.close()


@pytest.mark.parametrize("layer", ["background", "foreground", "label", "fourth"])
def test_any_layer_counts(views: Any, result: Callable[..., Any], mark: SyntheticMark, layer: str) -> None:
    made = result()
    red, green = views.slice_views()[:2]
    assert marked(views, mark) == {"Red": False, "Green": False, "Yellow": False}
    green.composite_node.SetBackgroundVolumeID(made.before.GetID())
    composite, node = red.composite_node, made.after.GetID()
    if layer == "background":
        composite.SetBackgroundVolumeID(node)
    elif layer == "foreground":
        composite.SetForegroundVolumeID(node)
        composite.SetForegroundOpacity(0.5)
    elif layer == "label":
        composite.SetLabelVolumeID(node)
    else:
        composite.SetNthLayerVolumeID(3, node)
        composite.SetNthLayerOpacity(3, 0.5)
    assert marked(views, mark) == {"Red": True, "Green": False, "Yellow": False}


def test_a_layer_that_is_quite_clear_is_not_shown(views: Any, result: Callable[..., Any], mark: SyntheticMark) -> None:
    made = result()
    composite = views.slice_views()[0].composite_node
    composite.SetBackgroundVolumeID(made.before.GetID())
    composite.SetForegroundVolumeID(made.after.GetID())
    composite.SetForegroundOpacity(0.0)
    assert not marked(views, mark)["Red"]
    composite.SetForegroundOpacity(0.1)
    assert marked(views, mark)["Red"]


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mark_follows_the_comparison(
    views: Any, result: Callable[..., Any], mark: SyntheticMark, mode: Mode
) -> None:
    made = result()
    comparison = Comparison(views, made.before, made.after)
    comparison.mode = mode
    seen = marked(views, mark)
    if mode is Mode.SIDE_BY_SIDE:
        assert seen["after"]
        assert not seen["before"]
    else:
        assert {seen[name] for name in ("Red", "Green", "Yellow")} == {mode is not Mode.BEFORE}


@pytest.mark.parametrize("level", [-3000.0, 3000.0], ids=["bright", "dark"])
def test_it_can_be_read_on_bright_and_dark(
    views: Any, result: Callable[..., Any], mark: SyntheticMark, pixels: Callable[[str], np.ndarray], level: float
) -> None:
    made = result()
    made.after.GetDisplayNode().AutoWindowLevelOff()
    made.after.GetDisplayNode().SetWindowLevel(10.0, level)
    view = views.slice_views()[0]
    view.composite_node.SetBackgroundVolumeID(made.after.GetID())
    views.fit(made.after)
    view.slice_node.SetFieldOfView(30.0, 30.0 * 148 / 198, 1.0)  # the image fills the view
    found = pixels("Red")
    assert (found[80, 80] > 250).all() == (level < 0)
    assert amber(found[CORNER]) > 40
    plate = found[CORNER].max(axis=2)
    assert (plate < 130).sum() > 300, "behind the words it is dark"
    assert amber(found[40:]) == 0
    columns = np.nonzero(((found[..., 0] - found[..., 2]) > 60).any(axis=0))[0]
    assert columns.min() > 5, "no letter is cut off"
    assert columns.max() < found.shape[1] - 3
    view.composite_node.SetBackgroundVolumeID(made.before.GetID())
    assert amber(pixels("Red")) == 0


def test_outlines_do_not_run_through_the_words(
    views: Any, result: Callable[..., Any], mark: SyntheticMark, pixels: Callable[[str], np.ndarray]
) -> None:
    made = result()
    view = views.slice_views()[0]
    view.composite_node.SetBackgroundVolumeID(made.after.GetID())
    views.fit(made.after)
    made.lesions.GetDisplayNode().SetVisibility(False)
    plain = pixels("Red")[2:14, 100:196]
    made.lesions.GetDisplayNode().SetVisibility2DFill(True)
    made.lesions.GetDisplayNode().SetOpacity2DFill(1.0)
    made.lesions.GetDisplayNode().SetVisibility(True)
    view.slice_node.SetFieldOfView(20.0, 15.0, 1.0)
    filled = pixels("Red")
    assert filled[60, 60, 1] > filled[60, 60, 0] + 60, "all green"
    assert amber(filled[2:14, 100:196]) > 0.7 * amber(plain)


def test_a_volume_that_becomes_synthetic_is_marked(views: Any, result: Callable[..., Any], mark: SyntheticMark) -> None:
    made = result()
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(made.before.GetID())
    assert not marked(views, mark)["Red"]
    made.before.SetAttribute(SYNTHETIC, "yes")
    assert marked(views, mark)["Red"]
    made.before.RemoveAttribute(SYNTHETIC)
    assert not marked(views, mark)["Red"]


def test_in_3d_what_is_seen_counts(views: Any, result: Callable[..., Any], mark: SyntheticMark) -> None:
    made = result()
    ((renderer, _),) = views.renderers_3d()
    assert not mark.shown_in(renderer), "a segmentation without surfaces is not seen"
    make_lesion_surfaces(made.lesions)
    assert mark.shown_in(renderer)
    made.lesions.GetDisplayNode().SetVisibility3D(False)
    assert not mark.shown_in(renderer)
    made.lesions.GetDisplayNode().SetVisibility3D(True)
    assert mark.shown_in(renderer)
    made.lesions.GetDisplayNode().SetVisibility(False)
    assert not mark.shown_in(renderer)
    made.lesions.GetDisplayNode().SetVisibility(True)
    views.scene.RemoveNode(made.lesions)
    assert not mark.shown_in(renderer)


def test_a_slice_that_stands_in_3d_counts_there(views: Any, result: Callable[..., Any], mark: SyntheticMark) -> None:
    made = result()
    ((renderer, _),) = views.renderers_3d()
    view = views.slice_views()[0]
    view.composite_node.SetBackgroundVolumeID(made.after.GetID())
    assert not mark.shown_in(renderer)
    view.slice_node.SetSliceVisible(True)
    assert mark.shown_in(renderer)
    view.composite_node.SetBackgroundVolumeID(made.before.GetID())
    assert not mark.shown_in(renderer)


def test_it_survives_the_closing_of_the_scene(views: Any, result: Callable[..., Any], mark: SyntheticMark) -> None:
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(result().after.GetID())
    assert marked(views, mark)["Red"]
    views.scene.Clear(False)
    assert not any(marked(views, mark).values())
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(result().after.GetID())
    assert marked(views, mark)["Red"]


def test_one_batch_is_seen_at_its_end(views: Any, result: Callable[..., Any], mark: SyntheticMark) -> None:
    scene = views.scene
    scene.StartState(scene.BatchProcessState)
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(result().after.GetID())
    scene.EndState(scene.BatchProcessState)
    assert marked(views, mark)["Red"]


def test_closing_removes_every_trace(views: Any, result: Callable[..., Any]) -> None:
    made = result()
    props = [view.renderer.GetViewProps().GetNumberOfItems() for view in views.slice_views()]
    mark = SyntheticMark(views)
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(made.after.GetID())
    mark.close()
    assert [view.renderer.GetViewProps().GetNumberOfItems() for view in views.slice_views()] == props
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(made.before.GetID())
    views.scene.RemoveNode(made.after)
    assert not mark.shown_in(views.slice_views()[0].renderer)


def test_a_mark_that_was_forgotten_is_not_kept_alive(views: Any, result: Callable[..., Any]) -> None:
    import weakref

    made = result()
    mark = SyntheticMark(views)
    gone = weakref.ref(mark)
    del mark
    gc.collect()
    assert gone() is None
    views.slice_views()[0].composite_node.SetBackgroundVolumeID(made.after.GetID())  # nobody listens, nothing breaks
    views.set_layout(views.layout())
