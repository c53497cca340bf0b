"""Two visits in the space halfway between them: both are resampled once, so that neither is smoother than the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.conversions import to_sitk
from synthetic_imaging.sequences.alignment import likeness, rigid_move
from synthetic_imaging.volume import Volume

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Halfway:
    """Both visits on the grid of the first, in the space halfway between them.

    Attributes:
        before, after: float32, (K, J, I).
        inside: where both have values.
        shift_mm, turn_degrees: of the whole move from the first to the second visit.
        likeness: normalised mutual information of the two.
        to_first: 4 x 4, LPS, mm: from a place in the halfway space to the same place of the head at the first visit.
    """

    before: Values
    after: Values
    inside: npt.NDArray[np.bool_]
    shift_mm: float
    turn_degrees: float
    likeness: float
    to_first: npt.NDArray[np.float64]


def halfway(before: Volume, after: Volume) -> Halfway:
    """Register rigidly, then move each by half (the square root of the move; after Smith et al. 2002).

    Args:
        before, after: the same sequence of one head at two visits; any grids.
    """
    import SimpleITK as sitk  # noqa: N813 - the name its own documentation uses

    fixed, moving = (sitk.Cast(to_sitk(v), sitk.sitkFloat32) for v in (before, after))
    whole = rigid_move(fixed, moving)
    half = _root(whole.matrix)
    images = []
    inside = np.ones(before.shape, bool)
    for image, matrix in ((fixed, np.linalg.inv(half)), (moving, half)):
        move = sitk.AffineTransform(3)
        move.SetMatrix(matrix[:3, :3].ravel().tolist())
        move.SetTranslation(matrix[:3, 3].tolist())
        images.append(np.asarray(sitk.GetArrayFromImage(
            sitk.Resample(image, fixed, move, sitk.sitkBSpline, 0.0, sitk.sitkFloat32)), np.float32))
        ones = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
        ones.CopyInformation(image)
        inside &= sitk.GetArrayFromImage(
            sitk.Resample(ones, fixed, move, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)) > 0
    return Halfway(images[0], images[1], inside, whole.shift_mm, whole.turn_degrees,
                   likeness(images[0], images[1], inside), np.asarray(np.linalg.inv(half), np.float64))


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The rigid move which, done twice, is the given one."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_matrix(matrix[:3, :3]).as_rotvec()
    root = np.eye(4)
    root[:3, :3] = Rotation.from_rotvec(turn / 2).as_matrix()
    root[:3, 3] = np.linalg.solve(root[:3, :3] + np.eye(3), matrix[:3, 3])
    return root
