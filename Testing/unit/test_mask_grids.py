"""A mask whose axes a file format has turned round still fits its image; a shifted one does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import synthetic_imaging as si


def grid(seed: int) -> si.Geometry:
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.5, 3, 3)
    matrix[:3, 3] = rng.uniform(-100, 100, 3)
    return si.Geometry(matrix, (3, 4, 5))


@given(st.integers(0, 10_000), st.permutations([0, 1, 2]), st.tuples(*[st.booleans()] * 3))
def test_turned_axes_bring_every_voxel_back_to_its_place(seed: int, order: list[int], flips: tuple[bool, ...]) -> None:
    geometry = grid(seed)
    inside = np.random.default_rng(seed).random(geometry.shape) < 0.4
    inside[0, 0, 0] = True
    mask = si.Mask.single(inside, geometry, "liver")
    kji = np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1)
    flipped = [a for a in range(3) if flips[a]]
    places = np.flip(geometry.ras_from_kji(kji).transpose(*order, 3), flipped)
    origin = places[0, 0, 0]
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis, neighbour in enumerate((places[0, 0, 1], places[0, 1, 0], places[1, 0, 0])):
        matrix[:3, axis] = neighbour - origin
    target = si.Geometry(matrix, places.shape[:3])
    turned = mask.turned_onto(target)
    assert turned is not None
    assert turned.geometry is target
    assert np.array_equal(turned.inside("liver"), np.flip(inside.transpose(order), flipped))


@pytest.mark.parametrize("change", ["shift", "scale", "shape"])
def test_another_grid_is_not_taken_for_a_turned_one(change: str) -> None:
    geometry = grid(1)
    mask = si.Mask.single(np.ones(geometry.shape), geometry, "liver")
    matrix, shape = geometry.ijk_to_ras.copy(), geometry.shape
    if change == "shift":
        matrix[0, 3] += 0.5
    elif change == "scale":
        matrix[:3, 0] *= 1.05
    else:
        shape = (4, 4, 5)
    assert mask.turned_onto(si.Geometry(matrix, shape)) is None
