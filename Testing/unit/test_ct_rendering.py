"""CT of the heart phantom: densities, the grain's power spectrum, streaks, the stream of cases."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.ct import CardiacCtProtocol, ct_case, render_ct
from synthetic_imaging.phantoms.heart.stream import HeartCtCases
from synthetic_imaging.physics.ct import CtProtocol, grain, noise_power, scan
from synthetic_imaging.physics.ct_streaks import streaks

QUIET = CtProtocol(noise_hu=0, streaks=0)
LA, LV, RA, RV, MYO, AO, PA = range(1, 8)


def densities(contrast: str) -> dict[int, float]:
    anatomy = HeartAnatomy(phase=0.75)
    ct, mask = render_ct(anatomy, CardiacCtProtocol(contrast, 1.0, QUIET), np.random.default_rng(0))
    labels = mask.layers[0]
    core = {n: ndimage.binary_erosion(labels == n) for n in range(1, 8)}
    return {n: float(np.median(ct.voxels[core[n]])) for n in core}


def test_contrast_phases_have_their_densities():
    arterial, plain, venous = densities("arterial"), densities("none"), densities("venous")
    assert 350 < arterial[LV] < 450 and 350 < arterial[AO] < 450
    assert arterial[RV] < 220 and 80 < arterial[MYO] < 140
    assert max(plain.values()) < 70 and min(plain.values()) > 25
    assert abs(venous[LV] - venous[RV]) < 25 and venous[LV] > 130


def test_a_ct_is_a_ct_of_a_thorax():
    ct, mask, numbers = ct_case(np.random.default_rng(4), shape_kji=(40, 40, 40), spacing_mm=4.2)
    assert (ct.modality, ct.unit, ct.voxels.dtype) == ("CT", "HU", np.int16)
    assert ct.geometry.same_grid(mask.geometry)
    assert -1024 <= ct.voxels.min() < -700 and ct.voxels.max() > 300, "lung and bone or contrast"
    assert (ct.voxels < -700).mean() > 0.1, "lungs surround the heart"
    assert numbers["lv_volume_ml"] == pytest.approx((mask.layers[0] == LV).sum() * 4.2**3 / 1000)
    assert 4 < numbers["wall_thickness_mm"] < 25


def test_edges_are_shared_by_partial_volume():
    anatomy = HeartAnatomy(phase=0.75, roughness_mm=0)
    ct, mask = render_ct(anatomy, CardiacCtProtocol("arterial", 1.0, QUIET), np.random.default_rng(0))
    labels = mask.layers[0]
    edge = (labels == MYO) & ndimage.binary_dilation(labels == LV)
    core = ct.voxels[ndimage.binary_erosion(labels == LV, iterations=2)].mean()
    values = ct.voxels[edge]
    between = ((values > 150) & (values < core - 40)).mean()
    assert between > 0.3, "voxels at the endocardium hold both blood and muscle"


@pytest.mark.parametrize("kernel", ["smooth", "standard", "sharp"])
def test_the_grain_has_the_kernels_power_spectrum(kernel: str):
    protocol = CtProtocol(kernel=kernel, slice_mm=0.5)  # type: ignore[arg-type]
    spacing = (2.0, 0.7, 0.7)
    noise = grain((24, 96, 96), spacing, protocol, np.random.default_rng(2))
    assert noise.std() == pytest.approx(1, rel=0.03)
    power = (np.abs(np.fft.fft2(noise)) ** 2).mean(axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(96, 0.7), np.fft.fftfreq(96, 0.7), indexing="ij"))
    edges = np.linspace(0.03, 0.69, 12)
    found, wanted = (
        np.array([field[(frequency >= a) & (frequency < b)].mean() for a, b in pairwise(edges)])
        for field in (power, noise_power(frequency, kernel))  # type: ignore[arg-type]
    )
    assert np.corrcoef(found, wanted)[0, 1] > 0.995
    np.testing.assert_allclose(found / found.sum(), wanted / wanted.sum(), atol=0.012)


def test_thick_slices_share_their_grain():
    thick = grain((32, 48, 48), (1.0, 0.8, 0.8), CtProtocol(slice_mm=4), np.random.default_rng(0))
    thin = grain((32, 48, 48), (1.0, 0.8, 0.8), CtProtocol(slice_mm=0.2), np.random.default_rng(0))

    def neighbours(field: np.ndarray) -> float:
        return float(np.corrcoef(field[:-1].ravel(), field[1:].ravel())[0, 1])

    assert neighbours(thick) > 0.6 and abs(neighbours(thin)) < 0.05
    assert thick.std() == pytest.approx(1, rel=0.05)


def test_dense_contrast_streaks_and_water_does_not():
    slices = np.full((2, 64, 64), 40, dtype=np.float32)
    j, i = np.mgrid[:64, :64]
    slices[1][(j - 30) ** 2 + (i - 24) ** 2 < 20] = 900
    made = streaks(slices, (3.0, 2.0, 2.0), np.random.default_rng(1))
    assert not made[0].any(), "a slice without dense matter stays as it is"
    assert made[1, 30, 24] < -20, "the dense vessel itself is hardened"
    near, far = np.abs(made[1, 26:36, 30:40]).mean(), np.abs(made[1, 50:, 50:]).mean()
    assert near > 1.5 * far > 0


def test_the_scan_is_in_range_and_repeatable():
    body = np.full((4, 32, 32), 5000, dtype=np.float32)
    one, same = (scan(body, (2, 1, 1), CtProtocol(), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert one.max() <= 3071 and one.dtype == np.int16


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CtProtocol(kernel="b30"), "'b30' is unknown"),
        (lambda: CtProtocol(noise_hu=-1), "noise_hu lies between 0 and 200"),
        (lambda: CardiacCtProtocol(contrast="late"), "'late' is unknown"),
        (lambda: CardiacCtProtocol(strength=9), "between 0.3 and 2"),
        (lambda: HeartCtCases(1, 0), "1 case or more"),
        (lambda: HeartCtCases(-1, 5), "0 or more"),
        (lambda: HeartCtCases(1, 5, shape_kji=(1, 1, 1)), "4 to 1024"),
    ],
)
def test_impossible_protocols_and_streams_are_refused(make: object, said: str):
    assert callable(make)
    with pytest.raises(ParameterError, match=said):
        make()


def test_cases_are_training_cases_whose_anatomy_does_not_depend_on_the_generator():
    source = HeartCtCases(7, 3, shape_kji=(24, 24, 24), spacing_mm=7.0)
    one, other = (source.case(1, np.random.default_rng(s)) for s in (0, 1))
    assert len(source) == 3
    assert one["image"].shape == (1, 24, 24, 24) and one["image"].dtype == np.float32
    assert one["image"].min() >= 0 and one["image"].max() <= 1
    assert one["label"].dtype == np.uint8 and one["label"].max() == 8
    np.testing.assert_array_equal(one["label"], other["label"])
    assert (one["image"] != other["image"]).any(), "the grain comes from the generator"
    assert np.abs(one["image"] - other["image"]).mean() < 0.05
    assert one["lv_volume_ml"] == other["lv_volume_ml"]
    np.testing.assert_array_equal(source.case(1)["image"], source.case(1)["image"])
    with pytest.raises(IndexError):
        source.case(3)


def test_splits_by_index_are_disjoint_and_continue_each_other():
    whole = HeartCtCases(7, 4, shape_kji=(16, 16, 16), spacing_mm=10.0)
    second = HeartCtCases(7, 2, shape_kji=(16, 16, 16), spacing_mm=10.0, first=2)
    np.testing.assert_array_equal(whole.case(3)["image"], second.case(1)["image"])
    assert len({whole.case(n)["lv_volume_ml"] for n in range(4)}) == 4
