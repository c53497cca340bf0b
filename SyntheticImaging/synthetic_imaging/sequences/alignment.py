"""Sequences of one visit onto one grid: rigid registration, because patients move between sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.conversions import to_sitk
from synthetic_imaging.volume import Volume

# Thick clinical slices of one patient reached 0.12, heads of two people at most 0.07, on the few that were tried.
LEAST_LIKENESS = 0.09
_BINS = 48
_LEVELS = 24  # of the likeness: few, so that small images are not alike by chance


@dataclass(frozen=True)
class Aligned:
    """A volume on another's grid.

    Attributes:
        voxels: float32, (K, J, I) of the target's grid; 0 outside the moving image.
        inside: where the moving image has values.
        shift_mm: length of the translation of the head's middle.
        turn_degrees: angle of the rotation.
        likeness: normalised mutual information, 0 for unrelated images, 1 for one a function of the other.
    """

    voxels: npt.NDArray[np.float32]
    inside: npt.NDArray[np.bool_]
    shift_mm: float
    turn_degrees: float
    likeness: float


def aligned(moving: Volume, target: Volume, *, register: bool = True) -> Aligned:
    """The moving volume on the target's grid, moved as a rigid body until both fit (Mattes' mutual information).

    Args:
        moving, target: MR volumes of one head; any grids.
        register: move it; else only resample, trusting where the scanner says the voxels are.
    """
    import SimpleITK as sitk  # noqa: N813 - the name its own documentation uses

    fixed, other = (sitk.Cast(to_sitk(v), sitk.sitkFloat32) for v in (target, moving))
    found = rigid_move(fixed, other) if register else Move(np.eye(4), 0.0, 0.0)
    move = sitk.AffineTransform(3)
    move.SetMatrix(found.matrix[:3, :3].ravel().tolist())
    move.SetTranslation(found.matrix[:3, 3].tolist())
    got = sitk.Resample(other, fixed, move, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    ones = sitk.Image(other.GetSize(), sitk.sitkUInt8) + 1
    ones.CopyInformation(other)
    inside = sitk.GetArrayFromImage(sitk.Resample(ones, fixed, move, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)) > 0
    voxels = np.asarray(sitk.GetArrayFromImage(got), np.float32)
    return Aligned(voxels, inside, found.shift_mm, found.turn_degrees, likeness(target.voxels, voxels, inside))


@dataclass(frozen=True)
class Move:
    """A rigid move.

    Attributes:
        matrix: 4 x 4, from a place in the fixed image to the same place in the moving one; LPS, mm.
        shift_mm: how far the middle of the fixed image moves.
        turn_degrees: angle of the rotation.
    """

    matrix: npt.NDArray[np.float64]
    shift_mm: float
    turn_degrees: float


def rigid_move(fixed: Any, moving: Any) -> Move:
    """The rigid move by which two SimpleITK images of one head fit (Mattes' mutual information)."""
    found = _registered(fixed, moving)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(found.GetMatrix()).reshape(3, 3)
    centre, offset = np.array(found.GetCenter()), np.array(found.GetTranslation())
    matrix[:3, 3] = centre + offset - matrix[:3, :3] @ centre
    turn = float(np.degrees(np.arccos(np.clip((np.trace(matrix[:3, :3]) - 1) / 2, -1, 1))))
    middle = np.array(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()]))
    shift = float(np.linalg.norm(matrix[:3, :3] @ middle + matrix[:3, 3] - middle))
    return Move(matrix, shift, turn)


def _registered(fixed: Any, moving: Any) -> Any:
    """The rigid move of the best of several starts: heads turn by more than one descent finds back."""
    import SimpleITK as sitk  # noqa: N813

    thin = [_thinned(image) for image in (fixed, moving)]
    middle = fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()])
    coarse, fine = _method([4], [3.0], 0.5), _method([2, 1], [1.5, 0.5], 0.2)
    starts = []
    for offset in ((0.0, 0.0, 0.0), tuple(np.subtract(_centre_of_mass(moving), _centre_of_mass(fixed)))):
        for degrees in (-14.0, 0.0, 14.0):
            start = sitk.Euler3DTransform()
            start.SetCenter(middle)
            start.SetTranslation(offset)
            start.SetRotation(0.0, 0.0, float(np.deg2rad(degrees)))
            starts.append(start)
    tried = []
    for at, start in enumerate(starts):
        try:
            coarse.SetInitialTransform(start, inPlace=False)
            tried.append((float(coarse.MetricEvaluate(*thin)), at))
        except RuntimeError:  # no overlap from here
            continue
    best, least = starts[1], np.inf
    for _, at in sorted(tried)[:2]:
        try:
            coarse.SetInitialTransform(sitk.Euler3DTransform(starts[at]), inPlace=True)
            found = coarse.Execute(*thin)
        except RuntimeError:  # it moved out of the image
            continue
        if coarse.GetMetricValue() < least:
            best, least = _euler(found), coarse.GetMetricValue()
    try:
        fine.SetInitialTransform(sitk.Euler3DTransform(best), inPlace=True)
        return _euler(fine.Execute(*thin))
    except RuntimeError:
        return best


def _method(shrink: list[int], smoothing_mm: list[float], sampled: float) -> Any:
    import SimpleITK as sitk  # noqa: N813

    method = sitk.ImageRegistrationMethod()
    # Sums over several threads depend on how many there are: with one, a result is the same on every machine.
    method.SetNumberOfWorkUnits(1)
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(sampled, 1)  # a fixed seed: the places are moved a little at random
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 0.005, 80, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel(smoothing_mm)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    return method


def _euler(found: Any) -> Any:
    import SimpleITK as sitk  # noqa: N813

    if isinstance(found, sitk.CompositeTransform):
        found = found.GetNthTransform(0)
    return sitk.Euler3DTransform(found)


def _centre_of_mass(image: Any) -> npt.NDArray[np.float64]:
    """In physical coordinates."""
    import SimpleITK as sitk  # noqa: N813

    weight = np.abs(sitk.GetArrayViewFromImage(image).astype(np.float64))
    total = max(float(weight.sum()), 1e-9)
    kji = [float((weight.sum(axis=tuple(set(range(3)) - {n})) * np.arange(weight.shape[n])).sum() / total)
           for n in range(3)]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(kji[::-1]))


def _thinned(image: Any) -> Any:
    """About 1 mm in the plane at the finest: registration sees no more."""
    import SimpleITK as sitk  # noqa: N813

    factors = [max(1, int(1.2 // s)) for s in image.GetSpacing()]
    # A slice direction of few slices must not be shrunk further by the pyramid.
    return sitk.Shrink(image, factors) if max(factors) > 1 else image


def likeness(one: npt.ArrayLike, other: npt.ArrayLike, inside: npt.NDArray[np.bool_] | None = None) -> float:
    """Normalised mutual information ``2 I(a, b) / (H(a) + H(b))`` over the head (Studholme et al. 1999, rescaled).

    Args:
        one, other: arrays of one shape.
        inside: where both have values; everywhere when None. Dark surroundings of the first are left out.

    Returns:
        0 for unrelated, 1 for images that determine each other; 0 if there is nothing to compare.
    """
    a, b = np.asarray(one, np.float32), np.asarray(other, np.float32)
    held = np.ones(a.shape, bool) if inside is None else inside
    if np.count_nonzero(held) < 1000:
        return 0.0
    # Chosen by one image alone: by both, the choice itself would tie them together.
    held = held & (a > 0.1 * np.quantile(a[held], 0.98))
    if np.count_nonzero(held) < 1000:
        return 0.0
    joint, _, _ = np.histogram2d(_ranked(a[held]), _ranked(b[held]), bins=_LEVELS)
    joint /= joint.sum()
    entropies = [_entropy(p) for p in (joint.sum(0), joint.sum(1), joint.ravel())]
    total = entropies[0] + entropies[1]
    return float(2 * (total - entropies[2]) / total) if total > 0 else 0.0


def _ranked(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cut at the 1st and 99th percentile."""
    low, high = np.quantile(values, [0.01, 0.99])
    return np.asarray(np.clip(values, low, high))


def _entropy(p: npt.NDArray[np.float64]) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum())
