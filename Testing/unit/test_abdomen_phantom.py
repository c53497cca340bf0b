"""The phantom: what is shipped for first steps without a network."""

from __future__ import annotations

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.phantoms.abdomen import WINDOW, abdomen


@pytest.fixture(scope="module")
def phantom() -> tuple[si.Volume, si.Mask]:
    return abdomen(3.0)


def test_it_is_a_ct_in_hounsfield_units(phantom: tuple[si.Volume, si.Mask]):
    ct, _ = phantom
    assert (ct.modality, ct.unit, ct.voxels.dtype, ct.window) == ("CT", "HU", np.int16, WINDOW)
    assert ct.shape == (60, 84, 112)
    assert -1060 < ct.voxels.min() < -980
    assert not ct.synthetic, "no tool made it"


@pytest.mark.parametrize(("organ", "hounsfield", "least_ml", "most_ml"), [
    ("liver", 110, 1100, 1800), ("spleen", 120, 120, 260), ("kidney_left", 175, 70, 180), ("pancreas", 95, 25, 120),
])
def test_organs_measure_what_they_should(
    phantom: tuple[si.Volume, si.Mask], organ: str, hounsfield: float, least_ml: float, most_ml: float
):
    ct, organs = phantom
    assert least_ml < organs.volume_ml(organ) < most_ml
    assert np.median(ct.voxels[organs.inside(organ)]) == pytest.approx(hounsfield, abs=12)


def test_no_organ_but_the_vessels_overlaps_another(phantom: tuple[si.Volume, si.Mask]):
    _, organs = phantom
    count = sum(organs.inside(name).astype(int) for name in organs.names if name != "liver_vessels")
    assert count.max() == 1
    assert not (organs.inside("liver_vessels") & ~organs.inside("liver")).any()


def test_the_liver_is_not_cut_by_the_image(phantom: tuple[si.Volume, si.Mask]):
    ct, organs = phantom
    box = organs.only("liver").box
    assert all(a > 0 and b < n for a, b, n in zip(box.start, box.stop, ct.shape, strict=True))


def test_the_patient_lies_on_the_back_with_the_liver_at_the_right(phantom: tuple[si.Volume, si.Mask]):
    ct, organs = phantom
    k, j, i = (float(x.mean()) for x in np.nonzero(organs.inside("liver")))
    assert ct.geometry.ras_from_kji(np.array([k, j, i]))[0] > 40
    front = ct.geometry.ras_from_kji(np.array([30.0, 83.0, 56.0]))
    assert front[1] > 0


def test_the_same_seed_gives_the_same_grain():
    first, second, other = (abdomen(5.0, seed)[0].voxels for seed in (4, 4, 5))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("spacing", [0.5, 7.0])
def test_a_spacing_out_of_range_is_refused(spacing: float):
    with pytest.raises(si.ParameterError, match="1 to 6 mm"):
        abdomen(spacing)
