"""Playing growth: in its place in the image, with its outline, and away again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.geometry import Box
from SyntheticImagingLib.attributes import SYNTHETIC
from SyntheticImagingLib.sequences import add_browser, add_sequence
from SyntheticImagingLib.show import Comparison, GrowthPlay, Mode, SyntheticMark


@pytest.fixture
def grown(slicer: Any, result: Callable[..., Any]) -> Any:
    """A run's result with growth in four frames, cropped to a box as the tool crops it."""
    made = result()
    grid = made.before_volume.geometry
    centre = np.rint(grid.kji_from_ras(made.lesion_ras)).astype(int)
    box = Box(tuple(int(x) - 12 for x in centre), tuple(int(x) + 12 for x in centre))
    crop = made.before_volume.cropped(box)
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in crop.shape), indexing="ij"), axis=-1)
    away = np.linalg.norm(crop.geometry.ras_from_kji(kji) - np.array(made.lesion_ras), axis=-1)
    images, masks = [], []
    for radius in (3.0, 5.0, 7.0, 9.0):
        images.append(crop.like(np.where(away < radius, 300, crop.voxels).astype(np.int16), window=(40.0, 400.0)))
        parts = [(si.Segment("liver", colour=(0, 0.6, 0)), away < 16),
                 (si.Segment("tumour", colour=(1, 0, 0)), away < radius)]
        if radius > 6:
            parts.append((si.Segment("necrosis", colour=(0, 0, 1)), away < 2))
        masks.append(si.Mask.stacked(parts, crop.geometry))
    image = add_sequence(slicer.scene, si.Sequence(tuple(images), (0, 40, 80, 120), "time", "day", "growth"))
    mask = add_sequence(slicer.scene, si.Sequence(tuple(masks), (0, 40, 80, 120), "time", "day", "tumour"))
    browser = add_browser(slicer.scene, [image, mask])
    for sequence in (image, mask):
        browser.GetProxyNode(sequence).SetAttribute(SYNTHETIC, "yes")
    browser.GetProxyNode(mask).GetDisplayNode().SetVisibility(False)
    made.browser, made.image, made.mask = browser, browser.GetProxyNode(image), browser.GetProxyNode(mask)
    return made


def test_stepping_and_words(slicer: Any, grown: Any) -> None:
    play = GrowthPlay(slicer.scene, grown.browser)
    assert (play.frames, play.index) == (4, 3)
    assert [play.label(n) for n in range(4)] == ["day 0", "day 40", "day 80", "day 120"]
    play.index = 1
    assert (play.index, play.label()) == (1, "day 40")
    play.index = 99
    assert play.index == 3
    play.index = -5
    assert play.index == 0


@pytest.mark.parametrize(("name", "unit", "words"), [("step", "", "step 5"), ("time", "s", "time 5 s"),
                                                      ("time", "day", "day 5"), ("frame", "", "frame 5")])
def test_a_frame_is_named_with_its_unit(
    slicer: Any, result: Callable[..., Any], name: str, unit: str, words: str
) -> None:
    frames = (result().before_volume,) * 2
    sequence = add_sequence(slicer.scene, si.Sequence(frames, (5, 6), name, unit))
    assert GrowthPlay(slicer.scene, add_browser(slicer.scene, [sequence])).label(0) == words


def test_playing_goes_round_or_stops_at_the_end(slicer: Any, grown: Any) -> None:
    play = GrowthPlay(slicer.scene, grown.browser)
    assert play.tick() == 3, "a tick without play does nothing"
    play.play()
    assert play.index == 0, "from the start"
    assert [play.tick() for _ in range(5)] == [1, 2, 3, 0, 1]
    play.loop = False
    assert [play.tick() for _ in range(4)] == [2, 3, 3, 3]
    assert not play.playing
    play.play()
    play.pause()
    assert play.tick() == 0


def test_the_piece_lies_in_its_place_and_the_rest_stays(
    views: Any, grown: Any, pixels: Callable[[str], np.ndarray]
) -> None:
    comparison = Comparison(views, grown.before, grown.after, grown.lesions)
    comparison.mode = Mode.BEFORE
    comparison.jump_to(grown.lesion_ras)
    views.slice_views()[0].slice_node.SetFieldOfView(100.0, 75.0, 1.0)
    before = pixels("Red")
    play = GrowthPlay(views.scene, grown.browser)
    play.show(views, grown.before, hide=(grown.lesions,))
    sizes = []
    for frame in range(play.frames):
        play.index = frame
        now = pixels("Red")
        red = (now[..., 0] > 180) & (now[..., 1] < 90) & (now[..., 2] < 90)
        assert red.any(), "the tumour is outlined"
        green = (now[..., 1] > now[..., 0] + 60) & (now[..., 1] > now[..., 2] + 60)
        assert not green.any(), "the organ's cut edge is not"
        sizes.append(int((now.min(axis=2) > 240).sum()))
        assert np.abs(now - before)[:20].max() < 10, "far away nothing changes"
    assert sizes == sorted(sizes)
    assert sizes[-1] > 2 * sizes[0]
    assert not grown.lesions.GetDisplayNode().GetVisibility2D(), "the full-grown outline is out of the way"
    play.hide()
    assert np.abs(pixels("Red") - before).max() == 0
    assert not grown.mask.GetDisplayNode().GetVisibility()


def test_it_has_the_window_of_the_image(views: Any, grown: Any) -> None:
    grown.before.GetDisplayNode().AutoWindowLevelOff()
    grown.before.GetDisplayNode().SetWindowLevel(123.0, 45.0)
    play = GrowthPlay(views.scene, grown.browser)
    play.show(views, grown.before)
    display = grown.image.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (123.0, 45.0)
    play.index = 0
    assert (display.GetWindow(), display.GetLevel()) == (123.0, 45.0)
    display.SetWindowLevel(200.0, 50.0)
    assert grown.before.GetDisplayNode().GetWindow() == 200.0
    assert display.GetID() != grown.before.GetDisplayNode().GetID()


@pytest.mark.parametrize("growth_first", [True, False])
def test_growth_and_comparison_end_in_any_order(views: Any, grown: Any, growth_first: bool) -> None:
    red = views.slice_views()[0].composite_node
    red.SetBackgroundVolumeID(grown.after.GetID())
    comparison = Comparison(views, grown.before, grown.after, grown.lesions)
    comparison.mode = Mode.OVERLAY
    play = GrowthPlay(views.scene, grown.browser)
    play.show(views, grown.before, hide=(grown.lesions,))
    if growth_first:
        play.hide()
        assert red.GetForegroundVolumeID() == grown.after.GetID(), "the overlay is back"
        comparison.restore()
    else:
        comparison.restore()
        play.hide()
    assert red.GetBackgroundVolumeID() == grown.after.GetID()
    assert red.GetForegroundVolumeID() is None


def test_growth_is_marked_as_synthetic(views: Any, grown: Any) -> None:
    mark = SyntheticMark(views)
    play = GrowthPlay(views.scene, grown.browser)
    for view in views.slice_views():
        view.composite_node.SetBackgroundVolumeID(grown.before.GetID())
    assert not mark.shown_in(views.slice_views()[0].renderer)
    play.show(views, grown.before)
    assert all(mark.shown_in(view.renderer) for view in views.slice_views())
    play.hide()
    assert not mark.shown_in(views.slice_views()[0].renderer)
    mark.close()


def test_a_sequence_that_is_gone_stops_the_play(views: Any, grown: Any) -> None:
    play = GrowthPlay(views.scene, grown.browser)
    play.show(views, grown.before)
    play.play()
    views.scene.Clear(False)
    play.tick()
    assert not play.playing
    assert play.frames == 0
    play.index = 2
    play.hide()


def test_no_frames_is_refused(slicer: Any) -> None:
    browser = slicer.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    for nothing in (None, browser):
        with pytest.raises(si.InputError, match="no growth"):
            GrowthPlay(slicer.scene, nothing)
