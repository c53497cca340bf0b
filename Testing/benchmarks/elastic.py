"""Elastic deformation of 256 x 256 x 256 voxels beside MONAI, SimpleITK and torch."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import in_own_process, measure, peak_mb_above_now, seconds

from synthetic_imaging.elastic import ElasticField, deform_mask, deform_volume
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume

N = 256
SPACING = 32
AMPLITUDE = 4.0


def image() -> Volume:
    """Noise of 256 voxels in every direction."""
    grid = Geometry.from_spacing((N, N, N))
    return Volume(np.random.default_rng(0).random(grid.shape, dtype=np.float32), grid)


def ours(volume: Volume, seed: int) -> Volume:
    """A new random deformation, applied."""
    field = ElasticField.random(volume.geometry, np.random.default_rng(seed), AMPLITUDE, SPACING)
    return deform_volume(volume, field)


def _simpleitk(voxels: np.ndarray) -> Callable[[int], Any]:
    import SimpleITK as sitk  # noqa: N813

    picture = sitk.GetImageFromArray(voxels)

    def call(seed: int) -> Any:
        transform = sitk.BSplineTransformInitializer(picture, [N // SPACING] * 3, 3)
        rng = np.random.default_rng(seed)
        transform.SetParameters(rng.uniform(-AMPLITUDE, AMPLITUDE, len(transform.GetParameters())).tolist())
        return sitk.Resample(picture, picture, transform, sitk.sitkLinear, 0.0)

    return call


def _torch(voxels: np.ndarray) -> Callable[[int], Any]:
    import torch
    from torch.nn import functional

    picture = torch.from_numpy(voxels)[None, None]

    def call(seed: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        coarse = (torch.rand((1, 3, *[N // SPACING + 1] * 3), generator=generator) * 2 - 1) * AMPLITUDE * 2 / (N - 1)
        field = functional.interpolate(coarse, (N, N, N), mode="trilinear", align_corners=True)
        grid = functional.affine_grid(torch.eye(3, 4)[None], [1, 1, N, N, N], align_corners=True)
        grid += field.movedim(1, -1)
        return functional.grid_sample(picture, grid, padding_mode="border", align_corners=True)

    return call


def _monai(voxels: np.ndarray) -> Callable[[int], Any]:
    import torch
    from monai.transforms import Rand3DElastic

    picture = torch.from_numpy(voxels)[None]
    transform = Rand3DElastic(sigma_range=(5, 7), magnitude_range=(50, 150), prob=1.0, padding_mode="border")

    def call(seed: int) -> Any:
        transform.set_random_state(seed)
        return transform(picture)

    return call


def section(repeats: int) -> Section:
    """Measure and describe."""
    out = Section(
        "Elastic deformation, 256 x 256 x 256",
        "Single-precision voxels, a new random deformation at each call, trilinear sampling. Ours: cubic B-spline of "
        f"control points every {SPACING} mm, evaluated and applied voxel by voxel.",
        ["method", "time", "ours / it"],
    )
    volume = image()
    mine = measure(lambda n: ours(volume, n), repeats)
    out.row("ours", mine.text, "1")
    few = max(3, repeats // 2)
    for name, build in (
        ("torch, coarse field up-sampled, `grid_sample`", _torch),
        ("SimpleITK, B-spline transform", _simpleitk),
        ("MONAI, `Rand3DElastic`", _monai),
    ):
        try:
            peer = measure(build(np.asarray(volume.voxels).copy()), few)
        except ImportError as reason:
            out.row(name, f"not measured: {reason}", "")
            continue
        out.row(name, peer.text, ratio(mine, peer))
    mask = Mask.single(volume.voxels > 0.5, volume.geometry, "half")
    field = ElasticField.random(volume.geometry, np.random.default_rng(0), AMPLITUDE, SPACING)
    labels = measure(lambda n: deform_mask(mask, field), repeats)
    out.note(f"Labels, nearest voxel: {labels.text}. Peers were called {few} times after a first call.")
    peak = peak_mb_above_now(lambda: ours(volume, 0))
    if peak is not None:
        out.note(f"Peak memory above the input: {peak:.0f} MiB, of which the result is {volume.voxels.nbytes >> 20}.")
    with tempfile.TemporaryDirectory() as folder:
        calls = [in_own_process("Testing.benchmarks.elastic", NUMBA_CACHE_DIR=folder) for _ in range(2)]
    out.note(f"First call in a fresh process: {seconds(calls[0]['first'])} when nothing is compiled yet, "
             f"{seconds(calls[1]['first'])} once compiled code is cached (importing numba included).")
    return out


if __name__ == "__main__":
    noise = image()
    started = time.perf_counter()
    ours(noise, 0)
    print(json.dumps({"first": time.perf_counter() - started}))
