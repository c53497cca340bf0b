"""The coil's shading taken off (N4, Tustison et al. 2010), estimated on a coarse copy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry

_COARSE_MM = 4.0


def evened(voxels: npt.NDArray[np.float32], geometry: Geometry) -> npt.NDArray[np.float32]:
    """The image through its shading; its typical brightness stays.

    Args:
        voxels: float32, (K, J, I), not negative.
        geometry: for the size of the voxels.

    Returns:
        The same image where it is too small, or too dark, for a shading to be told.
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(tuple(float(s) for s in geometry.spacing_kji_mm[::-1]))
    factors = [max(1, min(round(_COARSE_MM / s), n // 8)) for s, n in zip(image.GetSpacing(), image.GetSize(),
                                                                               strict=True)]
    coarse = sitk.Shrink(image, factors)
    if min(coarse.GetSize()) < 4:
        return voxels
    head = sitk.OtsuThreshold(coarse, 0, 1, 128)
    if sitk.GetArrayViewFromImage(head).sum() < 500:
        return voxels
    method = sitk.N4BiasFieldCorrectionImageFilter()
    method.SetMaximumNumberOfIterations([30, 20])
    method.SetNumberOfControlPoints([4, 4, 4])
    # N4 has filters inside that take the number of threads from here, and their sums depend on it: with one thread a
    # result is the same on every machine.
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        method.Execute(coarse + 1e-3, head)
        field = sitk.GetArrayFromImage(method.GetLogBiasFieldAsImage(image))
    except RuntimeError:
        return voxels
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    field = np.exp(field - float(np.median(field[voxels > np.quantile(voxels, 0.5)])))
    even = voxels / np.maximum(field, 1e-3)
    return np.asarray(even, np.float32) if np.isfinite(even).all() else voxels
