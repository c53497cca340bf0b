"""The average brain as FLAIR and T1w show it on thick, coarse slices: made in a second, and small for a network."""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK_KJI = (8, 4, 4)  # voxels of 1 mm that become one


def coarse_head(noise: float = 0.02) -> dict[str, Any]:
    """"flair" and "t1w": volumes of grey and white matter in CSF, with two lesions in white matter."""
    from synthetic_imaging.geometry import Geometry
    from synthetic_imaging.phantoms.brain import tissues as t
    from synthetic_imaging.physics.mr.imaging import with_noise
    from synthetic_imaging.physics.mr.sequences import mixed
    from synthetic_imaging.physics.mr.tissue import Tissue
    from synthetic_imaging.samples import brain_maps
    from synthetic_imaging.sequences.protocols import Contrast, sequence_of
    from synthetic_imaging.volume import Volume

    maps = brain_maps()
    grey, white, inside = (_blocks(maps[name].voxels / np.float32(255)) for name in ("gm", "wm", "t1"))
    lesion = np.zeros_like(white)
    for k, j, i in np.argwhere(white > 0.95)[[40, -40]]:
        lesion[k, j : j + 2, i : i + 2] = white[k, j : j + 2, i : i + 2]
    parts = {t.GREY: grey, t.WHITE: white - lesion, t.LESION: lesion,
             t.CSF: np.where(inside > 0.1, np.clip(1 - grey - white, 0, 1), 0).astype(np.float32)}
    relaxation = {**t.mean_relaxation(), t.LESION: Tissue(*t.LesionRelaxation().at(0.7, 3.0))}
    fine = maps["gm"].geometry
    corner = fine.ras_from_kji((np.array(BLOCK_KJI) - 1) / 2)
    spacing = tuple(float(n * mm) for n, mm in zip(BLOCK_KJI[::-1], fine.spacing_kji_mm[::-1], strict=True))
    grid = Geometry.from_spacing(grey.shape, spacing, tuple(corner.tolist()))
    rng = np.random.default_rng(3)
    shown = {}
    for name, contrast in (("flair", Contrast.FLAIR), ("t1w", Contrast.T1W)):
        signal = np.abs(mixed(sequence_of(contrast), relaxation, parts))
        image = with_noise(signal, noise * float(np.quantile(signal, 0.99)), rng)
        shown[name] = Volume(np.rint(1000 * image / image.max()).astype(np.int16), grid, name=f"{name}_sag",
                             modality="MR")
    return shown


def _blocks(fine: Any) -> Any:
    """Means over blocks of voxels; what fills no block at the end is left out."""
    whole = [n // block * block for n, block in zip(fine.shape, BLOCK_KJI, strict=True)]
    cut = fine[: whole[0], : whole[1], : whole[2]]
    shape = [part for n, block in zip(whole, BLOCK_KJI, strict=True) for part in (n // block, block)]
    return cut.reshape(shape).mean(axis=(1, 3, 5)).astype(np.float32)
