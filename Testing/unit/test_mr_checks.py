"""Images that are not what a brain tool takes them for: a sentence each, and none for good ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

import synthetic_imaging as si
from synthetic_imaging import samples
from synthetic_imaging.context import Run
from synthetic_imaging.dicom.origin import DicomOrigin
from synthetic_imaging.sequences.brain_mask import brain_mask
from synthetic_imaging.sequences.checks import (
    LEAST_OVERLAP,
    age_notes,
    agent_by_headers,
    agent_note,
    check_slices,
    checked_brain,
    empty_slices,
    laid_over,
    part_notes,
)
from synthetic_imaging.sequences.header_names import contrast_by_headers, contrast_by_times, header_doubt
from synthetic_imaging.sequences.protocols import Contrast, Timing

WITH_BRAIN = pytest.mark.skipif("brain-t1" not in samples.available(), reason="the average brain is not installed")


@pytest.fixture(scope="module")
def head() -> Any:
    return si.run("sequences.phantom", seed=21, spacing_mm=4.0, lesions=8)


def with_headers(volume: si.Volume, places_mm: Any = None, **words: Any) -> si.Volume:
    """The volume with DICOM headers, one a slice."""
    places = np.arange(volume.shape[0]) * 4.0 if places_mm is None else places_mm
    headers = []
    for place in places:
        header = Dataset()
        header.ImageOrientationPatient, header.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, float(place)]
        for keyword, value in words.items():
            setattr(header, keyword, value)
        headers.append(header)
    return replace(volume, dicom=DicomOrigin(tuple(headers), volume.geometry))


# Slices.


@WITH_BRAIN
@pytest.mark.parametrize("tool_id", ["sequences.fit", "sequences.lesions", "sequences.compare"])
def test_an_empty_slice_among_the_others_is_refused(tool_id: str, head: Any):
    voxels = head.flair.voxels.copy()
    voxels[20] = 0
    spoilt = head.flair.like(voxels)
    given = {"before": head.flair, "after": spoilt} if tool_id == "sequences.compare" else {"flair": spoilt}
    with pytest.raises(si.InputError, match="1 empty slice among the others \\(number 21 of"):
        si.run(tool_id, seed=1, **given)


@WITH_BRAIN
def test_slices_that_lie_unevenly_are_refused_and_even_ones_are_not(head: Any):
    even = np.arange(head.flair.shape[0]) * 4.0
    check_slices(with_headers(head.flair, even), "FLAIR")
    check_slices(head.flair, "FLAIR")
    lacking = np.concatenate([even[:10], even[10:] + 4.0])
    with pytest.raises(si.InputError, match=r"between slices 10 and 11 lie 8.0 mm, elsewhere 4.0 mm"):
        si.run("sequences.fit", flair=with_headers(head.flair, lacking))


def test_empty_slices_at_the_ends_are_no_gap():
    voxels = np.zeros((20, 30, 30), np.float32)
    voxels[4:15, 5:25, 5:25] = 500
    assert empty_slices(voxels) == []
    voxels[9] = 0.1
    assert empty_slices(voxels) == [9]
    assert empty_slices(voxels - 1024) == [9]
    assert empty_slices(np.zeros((5, 8, 8))) == []


# Parts of the body, and of the brain.


def knee() -> si.Volume:
    """Two bones with marrow in muscle and fat, and a joint between them."""
    grid = si.Geometry.from_spacing((50, 54, 54), (3.0, 3.0, 3.0))
    k, j, i = np.indices(grid.shape).astype(np.float32)
    away = np.hypot((j - 27) / 22, (i - 27) / 22)
    image = np.where(away < 1, 420.0, 0.0) + np.where((away > 0.86) & (away < 1), 500.0, 0.0)
    for middle, low, high in ((27, 0, 23), (27, 27, 50)):
        bone = (np.hypot((j - middle) / 11, (i - 27) / 12) < 1) & (k >= low) & (k < high)
        image = np.where(bone, 850.0, image)
    rng = np.random.default_rng(3)
    return si.Volume(np.maximum(image + rng.normal(0, 15, grid.shape), 0).astype(np.float32), grid, modality="MR")


def belly() -> si.Volume:
    """An ellipse of fat with a liver, a spleen, kidneys and a spine."""
    grid = si.Geometry.from_spacing((44, 60, 84), (4.0, 4.0, 5.0))
    k, j, i = np.indices(grid.shape).astype(np.float32)

    def part(kk: float, jj: float, ii: float, a: float, b: float, c: float) -> np.ndarray:
        return ((k - kk) / a) ** 2 + ((j - jj) / b) ** 2 + ((i - ii) / c) ** 2 < 1

    image = np.where(np.hypot((j - 30) / 27, (i - 42) / 38) < 1, 700.0, 0.0)
    image = np.where(np.hypot((j - 30) / 23, (i - 42) / 33) < 1, 300.0, image)
    for where, value in ((part(22, 30, 24, 20, 15, 15), 520), (part(25, 24, 64, 10, 8, 8), 430),
                         (part(12, 20, 30, 9, 5, 5), 380), (part(12, 20, 56, 9, 5, 5), 380),
                         (np.hypot((j - 14) / 6, (i - 42) / 6) < 1, 640)):
        image = np.where(where, value, image)
    rng = np.random.default_rng(4)
    return si.Volume(np.maximum(image + rng.normal(0, 15, grid.shape), 0).astype(np.float32), grid, modality="MR")


@WITH_BRAIN
@pytest.mark.parametrize(("tool_id", "body"), [
    ("sequences.fit", knee), ("sequences.fit", belly), ("sequences.lesions", belly), ("sequences.compare", belly)])
def test_other_parts_of_the_body_are_refused(tool_id: str, body: Any):
    given = {"before": body(), "after": body()} if tool_id == "sequences.compare" else {"flair": body()}
    with pytest.raises(si.InputError, match=r"[Nn]o brain was found|does not look like a brain"):
        si.run(tool_id, seed=1, **given)


@WITH_BRAIN
@pytest.mark.parametrize("name", ["flair", "t1w", "t2w", "dir"])
def test_a_head_is_like_the_average_brain_whatever_the_sequence(name: str, head: Any):
    image = head.outputs[name]
    kind = {"flair": Contrast.FLAIR, "t1w": Contrast.T1W, "t2w": Contrast.T2W, "dir": Contrast.DIR}[name]
    brain = brain_mask(image.voxels, image.geometry)
    laid = laid_over(image, brain, kind)
    assert laid is not None and laid.overlap > LEAST_OVERLAP + 0.02 and 0.8 < laid.magnification < 1.8
    run = Run()
    assert np.array_equal(checked_brain(image, kind, "x", run)[0], brain) and run.notes == []


@WITH_BRAIN
def test_a_slab_and_a_small_brain_are_noted(head: Any):
    k = head.flair.shape[0] // 2
    slab = head.flair.cropped(si.Box((k - 7, 0, 0), (k + 7, 99, 99)))
    run = Run()
    checked_brain(slab, Contrast.FLAIR, "FLAIR", run)
    assert any("a slab of the brain, 5" in note for note in run.notes)
    small = si.Geometry(head.flair.geometry.ijk_to_ras @ np.diag([0.68, 0.68, 0.68, 1.0]), head.flair.shape)
    inside = brain_mask(head.flair.voxels, head.flair.geometry)
    assert part_notes(inside, head.flair.geometry) == []
    assert any("that of a small child" in note for note in part_notes(inside, small))
    assert part_notes(np.zeros(head.flair.shape, bool), small) == []


@pytest.mark.parametrize(("age", "young"), [("006M", True), ("010D", True), ("052W", True), ("001Y", True),
                                             ("002Y", False), ("045Y", False), ("", False), ("old", False)])
def test_the_age_in_the_headers_is_heeded(age: str, young: bool):
    volume = si.Volume(np.ones((2, 4, 4)), si.Geometry.from_spacing((2, 4, 4)), modality="MR")
    assert bool(age_notes(with_headers(volume, PatientAge=age))) == young
    assert age_notes(volume) == []


# Contrast agent.


@pytest.mark.parametrize(("words", "given"), [
    ({"ContrastBolusAgent": "Gadovist"}, True), ({"ContrastBolusAgent": "NONE"}, False), ({}, None),
    ({"SeriesDescription": "t1_mprage_sag_post_gd"}, True), ({"SeriesDescription": "AX T1 +C"}, True),
    ({"SeriesDescription": "T1 without contrast"}, None), ({"SeriesDescription": "t1_se_tra"}, None),
    ({"ProtocolName": "T1 km"}, True),
])
def test_contrast_agent_is_read_from_the_headers(words: dict[str, str], given: bool | None):
    volume = si.Volume(np.ones((2, 4, 4)), si.Geometry.from_spacing((2, 4, 4)), modality="MR")
    assert agent_by_headers(with_headers(volume, **words)) is given
    assert agent_by_headers(volume) is None


@WITH_BRAIN
def test_contrast_agent_is_seen_by_its_looks_and_a_plain_t1_is_not_suspected(head: Any):
    brain = brain_mask(head.t1w.voxels, head.t1w.geometry)
    assert agent_note(head.t1w, head.t1w.voxels, brain, "T1w") is None
    bright = head.t1w.voxels.copy()
    k, j, i = (int(x) for x in np.argwhere(brain).mean(axis=0))
    bright[k - 2:k + 3, j - 2:j + 3, i - 2:i + 3] = 1.9 * np.quantile(bright[brain], 0.8)
    assert "as if it had been taken after contrast agent" in str(agent_note(head.t1w, bright, brain, "T1w"))
    run = si.run("sequences.fit", seed=1, flair=head.flair, align=False, even_brightness=False,
                 t1w=with_headers(head.t1w, ContrastBolusAgent="Dotarem"))
    assert any("after contrast agent, as its headers say" in note for note in run.notes)


# Names.


@pytest.mark.parametrize(("times", "contrast"), [
    ((9000, 120, 2500), Contrast.FLAIR), ((8000, 340, 2200), Contrast.FLAIR), ((2300, 3, 900), Contrast.T1W),
    ((600, 12, None), Contrast.T1W), ((4500, 100, None), Contrast.T2W), ((3000, 15, None), Contrast.PD),
    ((5000, 60, 170), Contrast.STIR), ((2000, 10, 800), Contrast.T1W), ((1200, 40, None), None),
    ((None, 100, None), None),
])
def test_times_tell_the_sequence(times: tuple[Any, Any, Any], contrast: Contrast | None):
    assert contrast_by_times(Timing(*times)) is contrast


@pytest.mark.parametrize(("words", "contrast"), [
    ({"SeriesDescription": "t2_space_dark-fluid_sag"}, Contrast.FLAIR), ({"ProtocolName": "T1_MPRAGE"}, Contrast.T1W),
    ({"SeriesDescription": "Sag 3D DIR"}, Contrast.DIR), ({"ProtocolName": "ax PD/T2"}, Contrast.PD),
    ({"SeriesDescription": "director"}, None), ({"ProtocolName": "T1 FLAIR"}, Contrast.T1W),
    ({"SeriesDescription": "FLAIR", "RepetitionTime": 9000, "EchoTime": 120}, Contrast.FLAIR),
    ({"SeriesDescription": "FLAIR", "RepetitionTime": 600, "EchoTime": 12}, None),
])
def test_words_tell_the_sequence_unless_the_times_contradict(words: dict[str, Any], contrast: Contrast | None):
    volume = si.Volume(np.ones((2, 4, 4)), si.Geometry.from_spacing((2, 4, 4)), modality="MR")
    assert contrast_by_headers(with_headers(volume, **words)) is contrast
    assert contrast_by_headers(volume) is None


@WITH_BRAIN
def test_a_sequence_under_a_wrong_name_is_told_by_its_headers(head: Any):
    t2w = with_headers(head.t2w, RepetitionTime=4500, EchoTime=100)
    assert header_doubt(t2w, Contrast.T2W) is None
    run = si.run("sequences.fit", seed=1, flair=head.flair, t1w=t2w, align=False, even_brightness=False)
    assert any("given as T1w are those of a T2w (TR 4500 ms, TE 100 ms)" in note for note in run.notes)
    with pytest.raises(si.InputError, match="first visit are those of a FLAIR, of the second those of a T2w"):
        si.run("sequences.compare", before=with_headers(head.flair, SeriesDescription="FLAIR"), after=t2w)
