"""Whether a volume is a CT, by what it says or by its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.task.modality import is_ct


@pytest.mark.parametrize(("low", "high", "expected"), [(-1024, 1500, True), (-110, 300, True), (-3, 900, False),
                                                       (0, 400, False), (-1.0, 1.0, False)])  # fmt: skip
def test_unnamed_numbers_are_hounsfield_units_if_they_reach_from_fat_to_tissue(
    host: Any, low: float, high: float, expected: bool
) -> None:
    voxels = np.linspace(low, high, 8**3).reshape(8, 8, 8).astype(np.float32)
    assert is_ct(add_volume(host.scene, si.Volume(voxels, si.Geometry.from_spacing((8, 8, 8))))) is expected


def test_what_a_volume_says_counts_before_its_numbers(host: Any, abdomen: Any) -> None:
    assert is_ct(add_volume(host.scene, abdomen.ct))
    voxels = np.array(abdomen.ct.voxels)
    assert not is_ct(add_volume(host.scene, si.Volume(voxels, abdomen.ct.geometry, modality="MR")))
