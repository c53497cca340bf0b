"""Two visits of one patient: halfway, brightness, brain, change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import samples
from synthetic_imaging.sequences.brain_mask import brain_mask
from synthetic_imaging.sequences.change import candidates, change_between, matched
from synthetic_imaging.sequences.halfway import _root, halfway

pytestmark = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")
BRAIN = ("grey matter", "white matter", "thalamus", "caudate", "putamen", "pallidum")


def moved(volume: si.Volume, degrees: float = 4.0, shift: tuple[float, float, float] = (2.0, -3.0, 4.0)) -> si.Volume:
    """The same voxels at places where the head lies otherwise, in other units."""
    angle = np.deg2rad(degrees)
    move = np.eye(4)
    move[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    move[:3, 3] = shift
    return si.Volume(volume.voxels * np.float32(1.7) + np.float32(5), si.Geometry(
        move @ volume.geometry.ijk_to_ras, volume.shape), modality="MR", name="second")


@pytest.fixture(scope="module")
def visits() -> Any:
    """Two visits of one phantom patient at 2 mm, the second moved and in other units."""
    first, second = (si.run("sequences.phantom", seed=6, spacing_mm=2.0, lesions=20, visit=v)
                     for v in ("first", "second, a year later"))
    return first, second, si.run("sequences.compare", before=first.flair, after=moved(second.flair))


def tissue(phantom: Any) -> np.ndarray:
    values = [phantom.tissues.segment(name).label for name in BRAIN]
    return np.isin(phantom.tissues.layers[0], values)


def test_half_a_move_done_twice_is_the_move():
    whole = np.eye(4)
    a, b = np.deg2rad(9.0), np.deg2rad(-5.0)
    whole[:3, :3] = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    whole[:3, 3] = (3.0, -8.0, 5.0)
    assert np.allclose(_root(whole) @ _root(whole), whole)


def test_both_visits_come_to_lie_on_each_other(visits: Any):
    first, _, _ = visits
    both = halfway(first.flair, moved(first.flair, 5.0))
    assert both.turn_degrees == pytest.approx(5.0, abs=0.3)
    inside = tissue(first) & both.inside
    assert np.corrcoef(both.before[inside], both.after[inside])[0, 1] > 0.98


def test_the_brain_is_found_and_the_skull_left_out(visits: Any):
    first, _, _ = visits
    for image in (first.t1w, first.t2w):
        found = brain_mask(image.voxels, image.geometry)
        truth = tissue(first)
        assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9
        csf = first.tissues.inside("CSF")
        assert (found & ~truth & ~csf).sum() < 0.02 * found.sum()


def test_what_has_changed_is_found_and_nothing_else(visits: Any):
    first, second, found = visits
    truth = {row[0]: row for row in second.table.rows if row[5] in ("new", "grown")}
    assert truth and found.table.rows
    before, after = first.lesions.inside(), second.lesions.inside()
    from scipy import ndimage

    near = ndimage.binary_dilation(before ^ after, iterations=3)
    to_ijk = np.linalg.inv(first.flair.geometry.ijk_to_ras)
    for row in found.table.rows:
        # The halfway space lies half a move off; changes are compared with some slack.
        at = to_ijk @ [*row[5:8], 1]
        k, j, i = (round(float(x)) for x in at[2::-1])
        around = near[max(k - 3, 0):k + 4, max(j - 3, 0):j + 4, max(i - 3, 0):i + 4]
        assert around.any()
    assert sum(row[1] == "new or grown" for row in found.table.rows) >= 0.5 * len(truth)


def test_a_computed_visit_is_compared_with_a_warning(visits: Any):
    first, _, found = visits
    assert not any("computed" in note for note in found.notes)
    record = replace(first.flair.provenance, tool="sequences.synthesise", output="volume")
    again = si.run("sequences.compare", before=first.flair, after=replace(first.flair, provenance=record),
                   even_brightness=False)
    assert [note for note in again.notes if "computed" in note] == [
        "The second visit was computed, not acquired: most places listed may not have changed at all. Compare the "
        "FLAIR or DIR that the scanner acquired."]


def test_a_visit_compared_with_itself_has_not_changed(visits: Any):
    first, _, _ = visits
    found = si.run("sequences.compare", before=first.flair, after=first.flair)
    assert not found.table.rows
    brain = tissue(first)
    assert np.abs(found.difference.voxels[brain]).mean() < 5  # of 1000


def test_a_planted_lesion_is_the_strongest_change(visits: Any):
    first, _, _ = visits
    geometry = first.flair.geometry
    voxels = first.flair.voxels.copy()
    white = first.tissues.inside("white matter")
    from scipy import ndimage

    k, j, i = np.unravel_index(ndimage.distance_transform_edt(white).argmax(), white.shape)
    voxels[k - 1:k + 2, j - 1:j + 2, i - 1:i + 2] *= 1.5
    brain = brain_mask(first.flair.voxels, geometry)
    after = matched(first.flair.voxels, voxels, brain, geometry)
    change = change_between(first.flair.voxels, after, brain, geometry)
    _, listed = candidates(change, first.flair.voxels, brain, geometry)
    assert listed[0].kind == "new or grown"
    assert np.linalg.norm(np.array(listed[0].centre_ras_mm) - geometry.ras_from_kji((k, j, i))) < 3


def test_gain_and_shading_between_visits_are_taken_off(visits: Any):
    first, _, _ = visits
    geometry, image = first.flair.geometry, first.flair.voxels
    brain = brain_mask(image, geometry)
    drift = np.exp(0.1 * np.sin(np.arange(image.shape[1]) / 30))[None, :, None].astype(np.float32)
    after = matched(image, 3 * image * drift, brain, geometry)
    assert np.abs(after / np.maximum(image, 1) - 1)[brain].mean() < 0.03


def test_images_that_contradict_each_other_are_refused(visits: Any):
    first, _, _ = visits
    brain = brain_mask(first.flair.voxels, first.flair.geometry)
    with pytest.raises(si.InputError, match="same sequence"):
        matched(first.flair.voxels, 1000 - first.flair.voxels, brain, first.flair.geometry)
    with pytest.raises(si.InputError, match="No brain was found"):
        brain_mask(np.zeros((30, 30, 30), np.float32), si.Geometry.from_spacing((30, 30, 30), (3.0, 3.0, 3.0)))
