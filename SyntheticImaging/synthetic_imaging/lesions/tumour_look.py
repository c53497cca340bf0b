"""How a grown tumour shows in the CT: darker with its population, bright remains evened out, darker still where dead.

Lai et al. 2024 multiply vessel voxels and dense voxels inside the tumour by two fixed factors and smooth the seams
afterwards. Here the same is one continuous curve on the smoothed CT, weighted with the tumour's strength: no seams,
and the grain stays. What is necrotic loses another 45-55 HU, but never falls below the density of fluid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.kernels import kernel
from synthetic_imaging.lesions.compositing import trilinear
from synthetic_imaging.lesions.growth_field import Cells, Infiltration
from synthetic_imaging.lesions.texture import Texture, make_texture

if TYPE_CHECKING:
    from synthetic_imaging.geometry import Box
    from synthetic_imaging.lesions.placement import OrganSurvey
    from synthetic_imaging.lesions.presets import Appearance
    from synthetic_imaging.volume import Volume

FLUID_HU = 12.0
LIVING_ABOVE_FLUID_HU = 28.0
BoolArray = npt.NDArray[np.bool_]


@kernel
def _texture_at(texture, origin, spacing, matrix, first, wanted, out):  # type: ignore[no-untyped-def]
    """The texture at voxels where ``wanted`` is positive."""
    m = matrix
    for k in range(out.shape[0]):
        for j in range(out.shape[1]):
            for i in range(out.shape[2]):
                if wanted[k, j, i] > 0.0:
                    fi, fj, fk = i + first[2], j + first[1], k + first[0]
                    out[k, j, i] = trilinear(
                        texture,
                        (m[0, 0] * fi + m[0, 1] * fj + m[0, 2] * fk + m[0, 3] - origin[0]) / spacing,
                        (m[1, 0] * fi + m[1, 1] * fj + m[1, 2] * fk + m[1, 3] - origin[1]) / spacing,
                        (m[2, 0] * fi + m[2, 1] * fj + m[2, 2] * fk + m[2, 3] - origin[2]) / spacing,
                    )


@dataclass(frozen=True, eq=False)
class TumourLook:
    """Drawn once for a tumour, used for all its stages.

    Attributes:
        shift_hu: change of the living tumour's mean.
        necrosis_hu: further change where dead.
        base_hu: what the organ's structure is evened out to.
        bright_hu: smoothed CT above this counts as bright remains.
        suppress: 0..1, how far other structure is evened out.
        texture: over the block that the tumour can reach.
    """

    shift_hu: float
    necrosis_hu: float
    base_hu: float
    bright_hu: float
    suppress: float
    texture: Texture

    @classmethod
    def drawn(
        cls, cells: Cells, population: npt.NDArray[np.uint8], survey: OrganSurvey, appearance: Appearance,
        contrast_hu: float | None, rng: np.random.Generator,
    ) -> TumourLook:
        """Draw contrast and texture for this organ and its contrast phase; ``population`` is the last stage."""
        drop = float(rng.uniform(*appearance.drop_hu))
        deeper = float(rng.uniform(90.0, 110.0)) * 0.5
        core = float(rng.uniform(*appearance.core_hu)) if appearance.core_hu else None
        soft = cells.tissue[(cells.level >= 1) & (cells.level <= 2)]
        base = float(np.median(soft)) if soft.size and not appearance.even_out_to_organ else survey.median
        if contrast_hu is not None:
            shift = contrast_hu
        elif core is not None:
            base, shift = core - 40.0, 40.0
        else:
            shift = -drop * float(np.clip(survey.median / appearance.reference_hu, 0.75, 1.2))
            # Living tumour is never as dark as fluid: what is dead in it must be darker.
            shift = -min(-shift, max(10.0, base - FLUID_HU - LIVING_ABOVE_FLUID_HU))
        room = base + shift - FLUID_HU
        low = cells.origin_ras_mm
        texture = make_texture(low, low + np.array(cells.level.shape, dtype=np.float64), rng)
        if contrast_hu is not None:
            living = np.argwhere(population > 0)
            texture = texture.centred_on(cells.ras_of(living[:: max(1, len(living) // 3000)]))
        return cls(
            shift_hu=shift,
            necrosis_hu=-min(deeper, max(0.25 * deeper, room)),
            base_hu=base,
            bright_hu=base + max(15.0, 2.0 * survey.noise),
            suppress=appearance.suppress_structure,
            texture=texture,
        )

    def render(
        self, ct: Volume, survey: OrganSurvey, cells: Cells, population: npt.NDArray[np.uint8], dead: BoolArray,
        box: Box,
    ) -> tuple[npt.NDArray[np.float32], BoolArray, BoolArray]:
        """Change (HU, float32), tumour voxels and dead voxels of one stage, in ``box`` (inside the organ's box)."""
        inner = tuple(slice(a - o, b - o) for a, b, o in zip(box.start, box.stop, survey.box.start, strict=True))
        inside = np.ascontiguousarray(survey.inside[inner])
        state = Infiltration.at_voxels(cells, population, dead, inside, ct.geometry, box)
        texture = np.zeros(box.shape, dtype=np.float32)
        _texture_at(
            self.texture.values, self.texture.origin_ras_mm, self.texture.spacing_mm,
            np.ascontiguousarray(ct.geometry.ijk_to_ras), np.array(box.start, dtype=np.float64),
            state.strength, texture,
        )
        texture /= self.texture.mean
        evened = self.base_hu + (np.minimum(state.tissue, self.bright_hu) - self.base_hu) * (1.0 - self.suppress)
        change = state.strength * (evened - state.tissue + self.shift_hu * texture)
        change += np.minimum(state.dead, state.strength) * self.necrosis_hu * texture
        change = np.where(inside & (state.strength > 0.01), change, 0).astype(np.float32)
        tumour = inside & ndimage.binary_fill_holes(inside & (state.occupied > 0.5))
        # Towards living tissue the outermost voxels are never dead; the organ's own surface does not count as such.
        core = ndimage.binary_erosion(tumour | ~inside, border_value=1)
        return change, tumour, tumour & core & (state.dead > 0.5)
