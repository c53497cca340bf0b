"""Label maps as colours."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.palette import boundary_speckle, colours, nearest_class, to_colours
from synthetic_imaging.learning.networks.settings import Palette
from synthetic_imaging.phantoms.heart.stream import HeartCtCases

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.mark.parametrize("palette", list(Palette))
def test_nine_colours_are_as_far_apart_as_nine_can_be(palette: Palette) -> None:
    table = colours(9, palette)
    assert min(np.linalg.norm(a - b) for a, b in combinations(table, 2)) == pytest.approx(np.sqrt(3) / 2)
    assert table.min() == 0
    assert table.max() == 1


def test_the_background_is_black() -> None:
    assert colours(9)[0].tolist() == [0, 0, 0]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from(list(Palette)))
def test_colours_a_little_wrong_give_the_same_labels(classes: int, seed: int, palette: Palette) -> None:
    rng = np.random.default_rng(seed)
    label = torch.from_numpy(rng.integers(0, classes, (2, 3, 4, 5), dtype=np.uint8))
    wrong = torch.from_numpy(rng.uniform(-0.2, 0.2, (2, 3, 3, 4, 5)).astype(np.float32))
    assert torch.equal(nearest_class(to_colours(label, classes, palette) + wrong, classes, palette), label)


def test_with_grey_background_a_blurred_border_of_the_background_shows_no_third_class() -> None:
    for structure in range(1, 9):
        for palette, clean in ((Palette.GREY_BACKGROUND, True), (Palette.BLACK_BACKGROUND, None)):
            table = torch.from_numpy(colours(9, palette))
            share = torch.linspace(0, 1, 21)[:, None]
            line = (share * table[0] + (1 - share) * table[structure]).T.reshape(1, 3, 21, 1, 1)
            third = set(nearest_class(line, 9, palette).unique().tolist()) - {0, structure}
            if clean:
                assert third == set()


def test_blurred_colours_of_a_phantom_heart_speckle_less_with_grey_background() -> None:
    true = HeartCtCases(seed=0, count=1).case(0)["label"]
    rates = {}
    for palette in Palette:
        coloured = to_colours(torch.from_numpy(true)[None], 9, palette)[0].numpy()
        blurred = ndimage.gaussian_filter(coloured, (0, 0.8, 0.8, 0.8))
        blurred += np.random.default_rng(0).normal(scale=0.1, size=blurred.shape).astype(np.float32)
        rates[palette] = boundary_speckle(nearest_class(torch.from_numpy(blurred)[None], 9, palette)[0].numpy())
    assert rates[Palette.BLACK_BACKGROUND] > 0.015
    assert rates[Palette.GREY_BACKGROUND] < 0.5 * rates[Palette.BLACK_BACKGROUND]
    assert rates[Palette.GREY_BACKGROUND] < boundary_speckle(true) + 0.005


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(ParameterError, match="one-hot"):
        colours(10)


def test_speckle_counts_isolated_border_voxels() -> None:
    label = np.zeros((8, 8, 8), dtype=np.uint8)
    assert boundary_speckle(label) == 0
    label[:4] = 1
    assert boundary_speckle(label) == 0
    clean = 2 * 64
    label[4, 2, 2] = 2
    # No neighbour of the speck has its class. Its neighbours on the border were border voxels before; the one behind it
    # becomes one.
    assert boundary_speckle(label) == pytest.approx(1 / (clean + 1))


def test_speckle_of_noise_is_high_and_of_a_wrong_shape_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 9, (16, 16, 16))
    assert boundary_speckle(noise) > 0.3
    with pytest.raises(InputError):
        boundary_speckle(noise[0])
