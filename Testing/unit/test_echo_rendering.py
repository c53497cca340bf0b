"""3-D echo of the heart phantom: pyramid, speckle, shadow, labels, the stream of cases."""

from __future__ import annotations

import numpy as np
import pytest

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.heart.anatomy import HeartAnatomy
from synthetic_imaging.phantoms.heart.echo import ProbePose, echo_case, echo_grid, render_echo
from synthetic_imaging.phantoms.heart.motion import moment
from synthetic_imaging.phantoms.heart.stream import HeartEchoCases
from synthetic_imaging.physics.scan_conversion import to_cubes
from synthetic_imaging.physics.ultrasound import BeamGrid, EchoProtocol, echo_image, speckle, specular

PROTOCOL = EchoProtocol(depth_mm=100, azimuth_degrees=60, elevation_degrees=50)
BEAMS = BeamGrid.covering(PROTOCOL, 1.0, 1.0)
EMPTY = np.zeros(BEAMS.shape, dtype=np.float32)


def test_developed_speckle_follows_rayleigh():
    made = speckle(np.ones(BEAMS.shape, dtype=np.float32), BEAMS, PROTOCOL, np.random.default_rng(0))
    assert np.mean(made**2) == pytest.approx(1, rel=0.05)
    # Rayleigh: mean through standard deviation is 1.913.
    assert made.mean() / made.std() == pytest.approx(1.913, rel=0.03)


def test_speckle_is_longer_across_than_along_and_widens_with_depth():
    made = speckle(np.ones(BEAMS.shape, dtype=np.float32), BEAMS, PROTOCOL, np.random.default_rng(0)) ** 2
    made -= made.mean()

    def reach_mm(part: np.ndarray, axis: int, step_mm: float) -> float:
        """Half width of the autocorrelation, linearly interpolated."""
        values = [1.0]
        for lag in range(1, 12):
            a, b = np.take(part, range(part.shape[axis] - lag), axis), np.take(part, range(lag, part.shape[axis]), axis)
            values.append(float((a * b).mean() / (part**2).mean()))
            if values[-1] < 0.5:
                drop = values[-2] - values[-1]
                return step_mm * (lag - 1 + (values[-2] - 0.5) / drop)
        return np.inf

    along, _, across = BEAMS.steps
    near, far = made[25:40], made[80:95]
    assert reach_mm(far, 2, across * 87) > 2 * reach_mm(near, 2, across * 32)
    assert reach_mm(far, 2, across * 87) > 1.5 * reach_mm(far, 0, along)


def test_surfaces_facing_the_beam_are_brighter():
    wall = EMPTY.copy()
    wall[40:] = 1.0
    facing = specular(wall, BEAMS)
    side = EMPTY.copy()
    side[:, :, 30:] = 1.0
    assert facing.max() > 20 * specular(side, BEAMS).max()


def test_a_blocked_beam_is_dark_and_attenuation_darkens_behind():
    tissue = np.ones(BEAMS.shape, dtype=np.float32)
    blocked = np.zeros(BEAMS.shape[1:], dtype=np.float32)
    blocked[:, :20] = 1.0
    quiet = EchoProtocol(depth_mm=100, azimuth_degrees=60, elevation_degrees=50, harmonic_haze=0, tgc_error=0)
    image = echo_image(tissue, EMPTY, EMPTY, BEAMS, quiet, np.random.default_rng(0), blocked)
    assert image[30:, :, :18].mean() < image[30:, :, 25:].mean() - 0.2
    absorb = EMPTY.copy()
    absorb[30:45, :, :30] = 3.0
    image = echo_image(tissue, EMPTY, absorb, BEAMS, quiet, np.random.default_rng(0))
    assert image[50:, :, :28].mean() < image[50:, :, 32:].mean() - 0.1
    assert image.min() >= 0 and image.max() <= 1


def test_scan_conversion_keeps_a_smooth_field_and_zero_outside():
    positions = BEAMS.positions()
    field = (0.2 + 0.004 * positions[..., 2] + 0.002 * positions[..., 0]).astype(np.float32)
    cubes = to_cubes(field, BEAMS, (48, 52, 44), 2.0)
    k, j, i = 25, 30, 20
    wanted = 0.2 + 0.004 * (k + 0.5) * 2 + 0.002 * (j - 25.5) * 2
    assert cubes[k, j, i] == pytest.approx(wanted, abs=2e-3)
    assert cubes[5, 0, 0] == 0 and cubes[-1, 0, 0] == 0
    assert 0.15 < (cubes > 0).mean() < 0.8


def test_an_echo_shows_a_bright_wall_about_a_dark_cavity_in_a_pyramid():
    volume, mask = render_echo(
        HeartAnatomy(), np.random.default_rng(1), pose=ProbePose(),
        protocol=EchoProtocol(depth_mm=150, azimuth_degrees=70, elevation_degrees=60),
    )  # fmt: skip
    assert (volume.modality, volume.voxels.dtype, volume.shape) == ("US", np.uint8, (40, 40, 32))
    labels = mask.layers[0]
    assert mask.names == ("LV myocardium", "LV cavity")
    muscle, cavity = (volume.voxels[labels == n].mean() for n in (1, 2))
    assert muscle > cavity + 40
    assert (volume.voxels[0] > 0).mean() < 0.1 < (volume.voxels[25] > 0).mean(), "narrow at the probe"
    assert not volume.voxels[:, 0, 0].any()
    apex = np.nonzero((labels > 0).any(axis=(1, 2)))[0][0]
    width = (labels[:, :, :] > 0).sum(axis=(1, 2))
    assert width[apex] < width[apex + 6], "the apex points at the probe"


def test_the_cavity_in_the_label_is_the_drawn_one():
    anatomy = HeartAnatomy()
    protocol = EchoProtocol(depth_mm=170, azimuth_degrees=90, elevation_degrees=90)
    _, mask = render_echo(
        anatomy, np.random.default_rng(1), pose=ProbePose(), protocol=protocol, shape_kji=(64, 72, 72)
    )
    found = (mask.layers[0] == 2).sum() * mask.geometry.voxel_volume_mm3 / 1000
    assert found == pytest.approx(moment(anatomy).lv_ml, rel=0.03)


def test_the_probes_grid_is_not_mirrored():
    grid = echo_grid((40, 40, 32), 4.0)
    assert not grid.sheared
    np.testing.assert_allclose(grid.directions_ras[:, 2], [0, 0, -1], atol=1e-12)
    # I (front), J (left), K (down): elevation = depth x azimuth, as in `probe_frame`.
    front, left, down = grid.directions_ras.T
    np.testing.assert_allclose(np.cross(down, left), front)


def test_measures_come_with_a_case():
    volume, mask, numbers = echo_case(np.random.default_rng(3))
    assert numbers["phase"] in (0.0, 0.35)
    assert numbers["myocardium_g"] == pytest.approx(1.05 * numbers["myocardium_ml"])
    assert numbers["lv_volume_ml"] <= 1.06 * numbers["lv_true_volume_ml"]
    assert volume.geometry.same_grid(mask.geometry)


def test_cases_are_training_cases_whose_anatomy_does_not_depend_on_the_generator():
    source = HeartEchoCases(7, 3)
    one, other = (source.case(2, np.random.default_rng(s)) for s in (0, 1))
    assert one["image"].shape == (1, 40, 40, 32) and one["image"].dtype == np.float32
    assert one["image"].min() >= 0 and one["image"].max() <= 1
    assert set(np.unique(one["label"])) == {0, 1, 2} and one["label"].dtype == np.uint8
    np.testing.assert_array_equal(one["label"], other["label"])
    assert (one["image"] != other["image"]).any()
    np.testing.assert_array_equal(source.case(0)["image"], source.case(0)["image"])
    np.testing.assert_array_equal(
        HeartEchoCases(7, 1, first=2).case(0, np.random.default_rng(0))["image"], one["image"]
    )
    with pytest.raises(IndexError):
        source.case(-1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EchoProtocol(depth_mm=5), "depth_mm lies between 40 and 300"),
        (lambda: EchoProtocol(gain_db=float("nan")), "gain_db lies between"),
        (lambda: HeartEchoCases(1, 5, shape_kji=(4, 4, 4)), "8 to 1024"),
        (lambda: HeartEchoCases(1, -2), "1 case or more"),
    ],
)
def test_impossible_protocols_and_streams_are_refused(make: object, said: str):
    assert callable(make)
    with pytest.raises(ParameterError, match=said):
        make()
