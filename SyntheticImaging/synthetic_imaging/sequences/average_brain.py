"""An average brain, laid over a patient's by an affine map: where its parts are about, and whether it is a brain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.conversions import to_sitk
from synthetic_imaging.geometry import LPS_FROM_RAS, Geometry
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.sequences.protocols import Contrast, sequence_of
from synthetic_imaging.volume import Volume

Map = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float64]
_MARGIN_MM = 12.0


@dataclass(frozen=True)
class Overlay:
    """An average brain over a patient's.

    Attributes:
        to_average: 4 x 4, from a place in the patient to the same place in the average brain; RAS, mm.
        overlap: Dice of the two brains, within what the image shows, 0 to 1.
    """

    to_average: Matrix
    overlap: float

    @property
    def magnification(self) -> float:
        """Volume of the average brain through that of the patient's; about 1.2 for adults, 5 for the newborn."""
        return float(abs(np.linalg.det(self.to_average[:3, :3])))


class CoarseBrain:
    """A patient's brain on a coarse grid along R, A and S, whatever the direction of the slices.

    Args:
        image: any MR volume.
        brain: where the brain is, (K, J, I), at least one voxel.
        spacing_mm: of the coarse grid.
    """

    def __init__(self, image: Volume, brain: Inside, spacing_mm: float = 3.0) -> None:
        import SimpleITK as sitk  # noqa: N813 - the name its own documentation uses

        places = np.argwhere(brain)
        corners = np.array(np.meshgrid(*zip(places.min(0), places.max(0), strict=True))).reshape(3, 8).T
        ras = image.geometry.ras_from_kji(corners)
        low, high = ras.min(0) - _MARGIN_MM, ras.max(0) + _MARGIN_MM
        shape = np.ceil((high - low) / spacing_mm).astype(int) + 1
        self.grid = Geometry.from_spacing((int(shape[2]), int(shape[1]), int(shape[0])), (spacing_mm,) * 3,
                                          tuple(low.tolist()))
        voxels = image.voxels.astype(np.float32)
        fine = [0.45 * spacing_mm / s if s < 0.75 * spacing_mm else 0.0 for s in image.geometry.spacing_kji_mm]
        if any(fine):
            from scipy import ndimage

            voxels = ndimage.gaussian_filter(voxels, fine)
        like = to_sitk(Volume(np.zeros(self.grid.shape, np.float32), self.grid))
        parts = [np.asarray(sitk.GetArrayFromImage(sitk.Resample(
            to_sitk(Volume(part, image.geometry)), like, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)))
            for part in (voxels, brain.astype(np.float32), np.ones(brain.shape, np.float32))]
        self.array: Map = parts[0]
        self.inside: Inside = parts[1] > 0.5
        self.seen: Inside = parts[2] > 0.5
        self.image = like

    def sitk(self, array: npt.NDArray[Any]) -> Any:
        """An array (K, J, I) of this grid as a SimpleITK image."""
        import SimpleITK as sitk  # noqa: N813

        image = sitk.GetImageFromArray(array)
        image.CopyInformation(self.image)
        return image



def overlay(work: CoarseBrain, contrast: Contrast, field_t: float = 3.0) -> Overlay:
    """Lay the average brain over a patient's: mutual information, from one or several starts.

    Args:
        work: the patient's brain.
        contrast: what the image is.
        field_t: field strength.

    Returns:
        The same for every number of threads.

    Raises:
        InputError: if the average brain is not installed, with the command that gets it.
    """
    average = _rendered(contrast, field_t)
    found = _affine(work, average)
    at = places_in(average.geometry, work.grid, found)
    other = (sampled(np.asarray(average.voxels > 0, np.float32), at, work.grid.shape) > 0.5) & work.seen
    total = max(int(other.sum() + work.inside.sum()), 1)
    return Overlay(found, float(2 * (other & work.inside).sum() / total))


@lru_cache(maxsize=4)
def _rendered(contrast: Contrast, field_t: float) -> Volume:
    """The average brain as a sequence shows it, on 2 mm; 0 around it."""
    from synthetic_imaging import samples

    maps, sequence, mean = samples.brain_maps(), sequence_of(contrast, field_t=field_t), t.mean_relaxation(field_t)
    grey, white, brain = (np.ascontiguousarray(maps[name].voxels[::2, ::2, ::2]) for name in ("gm", "wm", "t1"))
    grey, white = (part / np.float32(max(float(part.max()), 1e-6)) for part in (grey, white))
    csf = np.where(brain > 0, np.maximum(1 - grey - white, 0), 0)
    signal = sum(part * np.float32(abs(float(sequence.signal(mean[name]))))
                 for name, part in ((t.GREY, grey), (t.WHITE, white), (t.CSF, csf)))
    geometry = maps["t1"].geometry
    matrix = geometry.ijk_to_ras @ np.diag([2.0, 2.0, 2.0, 1.0])
    return Volume(np.asarray(1000 * signal, np.float32), Geometry(matrix, brain.shape), modality="MR")


def _affine(work: CoarseBrain, rendered: Volume) -> npt.NDArray[np.float64]:
    """4 x 4 from RAS of the patient to RAS of the atlas."""
    import SimpleITK as sitk  # noqa: N813
    from scipy import ndimage

    fixed = work.sitk(np.where(work.inside, work.array, 0).astype(np.float32))
    moving = to_sitk(rendered)
    around = ndimage.binary_dilation(work.inside, iterations=3)
    mask = work.sitk(around.astype(np.uint8))
    places = work.grid.ras_from_kji(np.argwhere(work.inside))
    there = rendered.geometry.ras_from_kji(np.argwhere(rendered.voxels > 0))
    best, least = sitk.Similarity3DTransform(), np.inf
    coarse = _method(mask, [2], 0.35, 60)
    for start in _starts(places, there):
        coarse.SetInitialTransform(start, inPlace=True)
        try:
            coarse.Execute(fixed, moving)
        except RuntimeError:  # it moved out of the image
            continue
        if coarse.GetMetricValue() < least:
            best, least = sitk.Similarity3DTransform(start), coarse.GetMetricValue()
    found = sitk.AffineTransform(3)
    found.SetCenter(best.GetCenter())
    found.SetMatrix(best.GetMatrix())
    found.SetTranslation(best.GetTranslation())
    fine = _method(mask, [1], 0.35, 60)
    kept = _matrix(found)
    fine.SetInitialTransform(found, inPlace=True)
    try:
        fine.Execute(fixed, moving)
        kept = _matrix(found)
    except RuntimeError:
        pass
    return LPS_FROM_RAS @ kept @ LPS_FROM_RAS


def _starts(places: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> list[Any]:
    """Similarity transforms (LPS): the middles on each other; for a slab, also at other heights."""
    import SimpleITK as sitk  # noqa: N813

    own, other = places.max(0) - places.min(0), there.max(0) - there.min(0)
    # Width and length: height may be cut.
    scale = float(np.clip(np.mean(other[:2] / np.maximum(own[:2], 1.0)), 0.8, 1.6))
    middle, target = (places.max(0) + places.min(0)) / 2, (there.max(0) + there.min(0)) / 2
    slack = max(0.0, float(other[2] - scale * own[2]))
    heights = (0.0,) if slack < 15.0 else (-slack / 2, -slack / 6, slack / 6, slack / 2)
    found = []
    for height in heights:
        start = sitk.Similarity3DTransform()
        start.SetScale(scale)
        start.SetCenter((LPS_FROM_RAS[:3, :3] @ middle).tolist())
        start.SetTranslation((LPS_FROM_RAS[:3, :3] @ (target + np.array([0, 0, height]) - middle)).tolist())
        found.append(start)
    return found


def _method(mask: Any, shrink: list[int], sampled: float, iterations: int) -> Any:
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    # As in `alignment`: sums over several threads depend on how many there are.
    method.SetNumberOfWorkUnits(1)
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(sampled, 1)
    method.SetMetricFixedMask(mask)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(3.0, 0.02, iterations, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel([1.5 * shrink[0]])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return method


def _matrix(found: Any) -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(found.GetMatrix()).reshape(3, 3)
    centre = np.array(found.GetCenter())
    matrix[:3, 3] = centre + np.array(found.GetTranslation()) - matrix[:3, :3] @ centre
    return matrix


def places_in(
    source: Geometry, grid: Geometry, to_average: Matrix, warp: tuple[Map, Geometry] | None = None,
    where: Inside | None = None,
) -> npt.NDArray[np.float32]:
    """Where in the average brain's array each voxel of a grid lies.

    Args:
        source: grid of the average brain.
        grid: of the patient.
        to_average: 4 x 4, RAS.
        warp: displacement in RAS mm (K, J, I, 3) and its grid, applied in the patient before the matrix.
        where: the voxels that are wanted, (K, J, I); all when None.

    Returns:
        (3, voxels): K, J, I, fractional.
    """
    from scipy import ndimage

    ras = grid.ras_from_kji(np.argwhere(np.ones(grid.shape, bool) if where is None else where))
    if warp is not None:
        field, coarse = warp
        at = coarse.kji_from_ras(ras).T
        ras = ras + np.stack([ndimage.map_coordinates(field[..., c], at, order=1, mode="nearest") for c in range(3)],
                             axis=1)
    there = ras @ to_average[:3, :3].T + to_average[:3, 3]
    return np.asarray(source.kji_from_ras(there).T, np.float32)


def sampled(
    part: Map, at: npt.NDArray[np.float32], shape: tuple[int, int, int], where: Inside | None = None
) -> Map:
    """A map of the average brain on a patient's grid, (K, J, I); 0 outside ``where``."""
    from scipy import ndimage

    values = ndimage.map_coordinates(part, at, order=1, mode="constant", cval=0.0, output=np.float32)
    if where is None:
        return np.asarray(values.reshape(shape))
    found = np.zeros(shape, np.float32)
    found[where] = values
    return found
