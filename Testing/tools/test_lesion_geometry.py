"""A lesion is a thing in the patient: the same on every grid, also oblique, left-handed and sheared ones."""

from __future__ import annotations

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.lesions.automaton import automaton
from synthetic_imaging.lesions.handcrafted import handcrafted

CENTRE = np.array((12.0, -30.0, 55.0))


def rotation(angle_deg: float) -> np.ndarray:
    a = np.deg2rad(angle_deg)
    about_s = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    return about_s @ about_r


def grid(kind: str) -> si.Geometry:
    """Grids that all hold a sphere of 38 mm around CENTRE."""
    directions, spacing = np.eye(3), (1.0, 1.0, 1.0)
    if kind == "anisotropic":
        spacing = (0.8, 0.8, 3.0)
    elif kind == "oblique":
        directions, spacing = rotation(25), (0.9, 1.2, 2.0)
    elif kind == "left-handed":
        directions, spacing = rotation(-15) @ np.diag([1, -1, 1]), (1.0, 1.3, 1.6)
    elif kind == "sheared":
        directions = np.eye(3)
        directions[:, 2] = np.array([0.0, np.sin(0.4), np.cos(0.4)])
        spacing = (1.0, 1.0, 2.0)
    shape = tuple(int(96 / s) for s in spacing[::-1])
    geometry = si.Geometry.from_spacing(shape, spacing, directions_ras=directions)
    middle = geometry.ras_from_kji((np.array(shape) - 1) / 2)
    return si.Geometry.from_spacing(shape, spacing, CENTRE - middle, directions)


def phantom(kind: str) -> tuple[si.Volume, si.Mask]:
    geometry = grid(kind)
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    inside = np.linalg.norm(geometry.ras_from_kji(kji) - CENTRE, axis=-1) < 38
    voxels = np.where(inside, 110, -100) + np.random.default_rng(0).normal(0, 6, geometry.shape)
    return si.Volume.ct(np.rint(voxels).astype(np.int16), geometry), si.Mask.single(inside, geometry, "liver")


def centroid(mask: si.Mask, name: str) -> np.ndarray:
    return mask.geometry.ras_from_kji(np.argwhere(mask.inside(name))).mean(axis=0)


KINDS = ["straight", "anisotropic", "oblique", "left-handed", "sheared"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawn_lesion_has_its_place_and_size_on_every_grid(kind: str) -> None:
    ct, organ = phantom(kind)
    place = CENTRE + np.array((5.0, -6.0, 4.0))
    result = si.run(
        handcrafted, ct=ct, organ=organ, at=[place], diameter_mm=24.0, lobulation_percent=0, mass_effect_percent=0,
        seed=11,
    )
    assert result.volume.geometry.same_grid(ct.geometry, 0.0)
    assert np.linalg.norm(centroid(result.lesions, "lesion 1") - place) < 2.0
    assert result.lesions.volume_ml("lesion 1") == pytest.approx(7.24, rel=0.08)
    assert np.array_equal(result.volume.voxels[~organ.inside()], ct.voxels[~organ.inside()])


@pytest.mark.parametrize("kind", KINDS)
def test_a_grown_tumour_has_its_place_and_size_on_every_grid(kind: str) -> None:
    ct, organ = phantom(kind)
    place = CENTRE + np.array((5.0, -6.0, 4.0))
    result = si.run(
        automaton, ct=ct, organ=organ, at=[place], steps=50, frames=3, satellites=False, seed=11, necrosis="never"
    )
    assert np.linalg.norm(centroid(result.lesions, "tumour") - place) < 1.5
    diameter = (6 * result.lesions.volume_ml("tumour") * 1000 / np.pi) ** (1 / 3)
    assert diameter == pytest.approx(19.8, rel=0.1)  # specification: 50 steps, population 1 and more
    change = result.volume.voxels.astype(float) - ct.voxels
    weight = ct.geometry.ras_from_kji(np.argwhere(change < -10)).mean(axis=0)
    assert np.linalg.norm(weight - place) < 1.5
