"""Hearts without end, as training cases: the anatomy of a case follows from seed and number alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.phantoms.heart import ct as heart_ct
from synthetic_imaging.phantoms.heart import echo as heart_echo
from synthetic_imaging.phantoms.heart.labels import ct_grid
from synthetic_imaging.physics.ultrasound import EchoProtocol
from synthetic_imaging.volume import Volume

CT_RANGE_HU = (-1000.0, 2000.0)  # to 0..1 (Ikuta et al. 2024)
_CT_STREAM, _ECHO_STREAM = 101, 102


class HeartCtCases:
    """Cardiac CT phantoms with the labels LA, LV, RA, RV, MYO, AO, PA, LAA (1..8).

    ``case(index, rng)`` gives "image", float32 (1, K, J, I) in 0..1 (-1000..2000 HU), "label", uint8 (K, J, I), and
    numbers: "lv_volume_ml", "myocardium_ml", "wall_thickness_mm", ... Anatomy, pose, contrast and densities depend on
    (seed, first + index) alone; ``rng`` makes the grain, so that one patient is never two. Without ``rng`` the grain
    is fixed too. Cases of other index ranges are other patients: splits are disjoint by ``first``.

    Args:
        seed: of the population.
        count: how many cases.
        shape_kji: voxels; 48 x 48 x 48 at 3.5 mm hold the whole heart.
        spacing_mm: edge of a voxel.
        first: number of the first case.
        pathology: all cases have it; drawn when None.
        contrast: all cases have it ("none", "arterial", "triple rule-out", "venous"); drawn when None.

    Raises:
        ParameterError: if a number is out of range; `IndexError` from ``case`` beyond the count.
    """

    def __init__(
        self,
        seed: int,
        count: int,
        shape_kji: tuple[int, int, int] = (48, 48, 48),
        spacing_mm: float = 3.5,
        first: int = 0,
        *,
        pathology: str | None = None,
        contrast: str | None = None,
    ) -> None:
        _check(seed, count, first)
        ct_grid(shape_kji, spacing_mm)  # an impossible grid is told now, not in the middle of training
        self.seed, self.count, self.first = int(seed), int(count), int(first)
        self.shape_kji, self.spacing_mm = shape_kji, spacing_mm
        self.pathology, self.contrast = pathology, contrast

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator | None = None) -> dict[str, Any]:
        """One case; see the class."""
        own = _own(self, _CT_STREAM, index)
        volume, mask, numbers = heart_ct.ct_case(
            own, shape_kji=self.shape_kji, spacing_mm=self.spacing_mm, pathology=self.pathology,
            contrast=self.contrast, grain_rng=rng,
        )  # fmt: skip
        return {"image": ct_to_unit(volume)[None], "label": np.array(mask.layers[0]), **numbers}


class HeartEchoCases:
    """3-D echo phantoms from the apex with the labels LV myocardium (1) and LV cavity (2).

    As `HeartCtCases`, with "image" the grey value through 255; half the cases at end diastole, half at end systole.

    Args:
        seed, count, first, pathology: as there.
        shape_kji: depth, azimuth, elevation: (40, 40, 32), or (160, 160, 128) as published.
    """

    def __init__(
        self,
        seed: int,
        count: int,
        shape_kji: tuple[int, int, int] = heart_echo.SMALL,
        first: int = 0,
        *,
        pathology: str | None = None,
    ) -> None:
        _check(seed, count, first)
        heart_echo.echo_spacing_mm(shape_kji, EchoProtocol())
        self.seed, self.count, self.first = int(seed), int(count), int(first)
        self.shape_kji, self.pathology = shape_kji, pathology

    def __len__(self) -> int:
        return self.count

    def case(self, index: int, rng: np.random.Generator | None = None) -> dict[str, Any]:
        """One case; see the class."""
        own = _own(self, _ECHO_STREAM, index)
        volume, mask, numbers = heart_echo.echo_case(
            own, shape_kji=self.shape_kji, pathology=self.pathology, speckle_rng=rng
        )
        image = volume.voxels.astype(np.float32)[None] / np.float32(255)
        return {"image": image, "label": np.array(mask.layers[0]), **numbers}


def ct_to_unit(volume: Volume) -> np.ndarray:
    """HU to float32 in 0..1, clipped."""
    low, high = CT_RANGE_HU
    unit = (volume.voxels.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(unit, 0, 1, out=unit)


def _check(seed: int, count: int, first: int) -> None:
    if count < 1:
        raise ParameterError(f"A stream of hearts needs 1 case or more; {count} were asked for.")
    if seed < 0 or first < 0:
        raise ParameterError(f"Seed and first number of a stream of hearts are 0 or more; got {seed} and {first}.")


def _own(source: Any, stream: int, index: int) -> np.random.Generator:
    if not 0 <= index < source.count:
        raise IndexError(f"case {index} of {source.count}")
    return np.random.default_rng([stream, source.seed, source.first + index])
