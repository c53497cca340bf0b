"""The outline of a drawn lesion: an ellipsoid, elastically changed, as a function of position in millimetres.

Hu et al. 2023: semi-axes are independent whole numbers in [0.75 r, 1.25 r]; the ellipsoid is deformed three times
by random displacements of a 3-point grid in the xy, yz and xz planes. Here the ellipsoid may also lie at any
angle, and a small lobulation of the surface can be added (both ours; zero lobulation gives the published family).

Nothing is rasterised: `Shape` is evaluated per voxel inside the compositing kernel, so its cost is the lesion's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

LOBES = 10
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shape:
    """One outline, centred at the origin, in RAS millimetres.

    Attributes:
        semi_axes_mm: (3,) along the ellipsoid's own axes.
        rotation: (3, 3), rows are the ellipsoid's axes in RAS.
        displacement_mm: (3, 2, 3, 3) displacements at the 3 x 3 control points of the xy, yz and xz planes.
        lobe_waves: (LOBES, 4): direction frequency (3) and phase of each surface wave.
        lobulation: relative height of the waves.
        nominal_radius_mm: the r it was made for.
    """

    semi_axes_mm: Array
    rotation: Array
    displacement_mm: Array
    lobe_waves: Array
    lobulation: float
    nominal_radius_mm: float

    @property
    def reach_mm(self) -> float:
        """No point of the lesion lies further from its centre than this."""
        swell = 1.0 + 2.0 * self.lobulation
        return float(self.semi_axes_mm.max() * swell + 1.3 * np.abs(self.displacement_mm).max(initial=0.0))

    @property
    def volume_mm3(self) -> float:
        """Volume of the ellipsoid before deformation."""
        return float(4 / 3 * np.pi * np.prod(self.semi_axes_mm))


def make_shape(
    radius_mm: float, elastic_mm: tuple[float, float], lobulation: float, rng: np.random.Generator,
    keep_diameter: bool = False,
) -> Shape:
    """Draw an outline.

    Args:
        radius_mm: nominal radius r.
        elastic_mm: range of the displacement's standard deviation.
        lobulation: relative height of surface waves, 0..0.3.
        rng: the run's generator.
        keep_diameter: scale the finished outline to the volume of a sphere of ``radius_mm`` (for a size asked for in
            millimetres; the size classes leave the random axes as they are).
    """
    low, high = max(1, int(np.ceil(0.75 * radius_mm))), max(1, int(np.floor(1.25 * radius_mm)))
    if high > low:
        semi_axes = rng.integers(low, high + 1, 3).astype(np.float64)
    else:
        semi_axes = rng.uniform(0.75, 1.25, 3) * radius_mm
    sigma = rng.uniform(*elastic_mm)
    displacement = rng.normal(0.0, sigma, (3, 2, 3, 3))
    np.clip(displacement, -2 * sigma, 2 * sigma, out=displacement)
    displacement *= min(1.0, 0.35 * radius_mm / max(1e-9, float(np.abs(displacement).max())))
    displacement -= displacement[:, :, 1:2, 1:2]  # the centre stays where the user clicked
    waves = np.empty((LOBES, 4))
    directions = rng.normal(size=(LOBES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves[:, :3] = directions * rng.uniform(2.0, 6.0, (LOBES, 1))
    waves[:, 3] = rng.uniform(0, 2 * np.pi, LOBES)
    shape = Shape(semi_axes, random_rotation(rng), displacement, waves, float(lobulation), float(radius_mm))
    return scaled_to(shape, radius_mm) if keep_diameter else shape


def scaled_to(shape: Shape, radius_mm: float) -> Shape:
    """The same outline with the volume of a sphere of ``radius_mm``."""
    from synthetic_imaging.lesions.outline_kernel import sample_outline

    half = 14
    spacing = shape.reach_mm / half
    depth, sigma = (np.empty((2 * half + 1,) * 3, dtype=np.float32) for _ in range(2))
    sample_outline(
        shape.semi_axes_mm, shape.rotation, shape.displacement_mm, shape.lobe_waves, shape.lobulation, 1.0, np.eye(3),
        spacing, half, shape.reach_mm, depth, sigma,
    )
    # A cell at the outline counts by the share that lies inside.
    volume = float(np.clip(depth / spacing + 0.5, 0.0, 1.0).sum()) * spacing**3
    factor = radius_mm / (3 * volume / (4 * np.pi)) ** (1 / 3)
    return replace(shape, semi_axes_mm=shape.semi_axes_mm * factor, displacement_mm=shape.displacement_mm * factor)


def random_rotation(rng: np.random.Generator) -> Array:
    """A uniformly random rotation matrix (from a unit quaternion)."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
