"""Phantom patients of the evidence pages, what they are scanned with, and how images of them are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.phantoms.brain.imaging import Scanned
from synthetic_imaging.physics.mr.sequences import Sequence

Values = npt.NDArray[np.float32]
NOISE = 0.03
REGIONS = ("periventricular", "juxtacortical", "subcortical", "infratentorial")


@dataclass(frozen=True)
class Patient:
    """One phantom patient: what is where, and how any sequence shows it.

    Attributes:
        head: as scanners see it.
        inside: the brain with its CSF, (K, J, I).
        numbers: of the lesions, (K, J, I).
        regions: lesion number -> region.
        geometry: of the grid.
        rng: of noise and shading.
    """

    head: Scanned
    inside: npt.NDArray[np.bool_]
    numbers: npt.NDArray[np.uint16]
    regions: Mapping[int, str]
    geometry: Geometry
    rng: np.random.Generator

    def image(self, sequence: Sequence, noise: float = NOISE, shading: float = 0.0) -> Values:
        """What the scanner shows, fat suppressed."""
        return self.head.image(sequence, self.rng if noise else None, noise=noise, shading=shading,
                               fat_suppressed=True)

    @property
    def tissue(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Where one tissue fills its voxels."""
        return {name: self.head.fractions[name] > 0.9 for name in ("grey matter", "white matter", "CSF", "lesion")}


def patient(
    seed: int, spacing_mm: tuple[float, float, float], field_t: float, run: Run, lesions: int | None = None
) -> Patient:
    """A new patient; pages use seeds from 7000 up, which nothing is trained or tuned with.

    Args:
        seed: of anatomy, lesions, relaxation and noise.
        spacing_mm: along I, J, K.
        field_t: field strength.
        run: progress.
        lesions: how many; drawn when None.
    """
    from synthetic_imaging.phantoms.brain import tissues
    from synthetic_imaging.phantoms.brain.anatomy import draw_anatomy
    from synthetic_imaging.phantoms.brain.drawing import draw_brain, head_grid
    from synthetic_imaging.phantoms.brain.imaging import scanned
    from synthetic_imaging.phantoms.brain.lesions import draw_lesions, map_of, with_lesions

    run.progress(0.0, "draw a brain")
    rng = np.random.default_rng(seed)
    brain = draw_brain(draw_anatomy(rng), head_grid(spacing_mm))
    drawn = draw_lesions(brain, rng, lesions)
    where = map_of(drawn, brain)
    head = scanned(with_lesions(brain, where), where, tissues.drawn_relaxation(rng, field_t), field_t)
    return Patient(head, brain.inside, where.numbers, {x.number: x.region for x in drawn}, brain.geometry, rng)


def quality(found: Values, true: Values, one: Patient) -> dict[str, float]:
    """How near an image is to the truth, in the brain and in lesions."""
    from synthetic_imaging.evaluation.image_quality import mae, psnr
    from synthetic_imaging.evaluation.structural_similarity import ssim

    inside, lesions = one.inside, one.numbers > 0
    true = np.where(inside, true, 0).astype(np.float32)
    found = in_units_of(found, true)
    span = float(np.quantile(true[inside], 0.999))
    return {
        "SSIM": ssim(found, true, data_range=span, mask=inside), "PSNR": psnr(found, true, span, inside),
        "MAE brain": 100 * mae(found, true, inside) / span, "MAE lesions": 100 * mae(found, true, lesions) / span,
    }


def in_units_of(found: Values, true: Values) -> Values:
    """One factor for the whole image, since gains of scanners are arbitrary; 0 where the truth is 0."""
    found = np.where(true != 0, found, np.float32(0))
    return np.asarray(found * np.float32((found * true).sum() / max(float((found * found).sum()), 1e-12)), np.float32)


def contrast(image: Values, one: Patient) -> dict[str, float]:
    """Lesions against white and grey matter, through the noise; and by region through grey matter."""
    tissue = one.tissue
    white, grey = image[tissue["white matter"]], image[tissue["grey matter"]]
    noise = float(np.sqrt(0.5 * (white.var() + grey.var())))
    lesion = image[one.numbers > 0]
    found = {"CNR to white matter": float((lesion.mean() - white.mean()) / noise),
             "CNR to grey matter": float((lesion.mean() - grey.mean()) / noise),
             "Grey to white": float(grey.mean() / max(float(white.mean()), 1e-9))}
    for region in REGIONS:
        chosen = [n for n, where in one.regions.items() if where == region]
        held = np.isin(one.numbers, chosen) & (one.numbers > 0)
        found[region] = float((image[held].mean() - grey.mean()) / noise) if held.any() else float("nan")
    return found


def spread(values: list[float]) -> str:
    """Mean and standard deviation, as text; '-' where there are fewer than two."""
    kept = np.array([v for v in values if np.isfinite(v)])
    return f"{kept.mean():.3g} ± {kept.std(ddof=1):.2g}" if len(kept) > 1 else "-"
