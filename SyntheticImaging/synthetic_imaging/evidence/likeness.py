"""How alike a generated set is to a real one, beside what two real sets give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from synthetic_imaging.evaluation.copying import CopyTest
    from synthetic_imaging.evaluation.features import FeatureExtractor

Images = npt.NDArray[np.float32]
HEAD = ("Set", "n", "Fréchet distance ↓", "MMD ↓", "Precision ↑", "Recall ↑", "Density", "Coverage ↑",
        "MS-SSIM within the set ↓")


@dataclass(frozen=True)
class Likeness:
    """One row of a comparison.

    Attributes:
        name: of the set.
        n: its cases.
        frechet, frechet_interval: Fréchet distance to the reference, and its interval as text.
        mmd: squared maximum mean discrepancy, polynomial kernel.
        precision, recall, density, coverage: against the reference.
        ms_ssim: mean over pairs within the set; lower is more diverse.
    """

    name: str
    n: int
    frechet: float
    frechet_interval: str
    mmd: float
    precision: float
    recall: float
    density: float
    coverage: float
    ms_ssim: float

    def row(self) -> tuple[object, ...]:
        """Cells for `HEAD`."""
        return (self.name, self.n, self.frechet_interval, f"{self.mmd:.2e}", self.precision, self.recall, self.density,
                self.coverage, self.ms_ssim)


def likeness(
    name: str, images: Images, reference: Images, features: FeatureExtractor, rng: np.random.Generator, *,
    pairs: int = 300,
) -> Likeness:
    """Compare a set with a reference set.

    Args:
        name: of the set.
        images: (N, C, K, J, I), 0..1.
        reference: the real set, (M, C, K, J, I).
        features: what turns volumes into vectors.
        rng: for intervals and for drawing pairs.
        pairs: how many pairs the MS-SSIM within the set is averaged over, at most.
    """
    from synthetic_imaging.evaluation.discrepancy import mmd
    from synthetic_imaging.evaluation.frechet import frechet_distance
    from synthetic_imaging.evaluation.manifold import manifold
    from synthetic_imaging.evaluation.uncertainty import Resampling

    ours, theirs = features.features(images), features.features(reference)
    distance = frechet_distance(theirs, ours, features.name, Resampling(rng, halves=60))
    spread = distance.spread
    interval = f"{distance.value:.3g}"
    if spread is not None:
        interval += f" ({spread.low:.3g} to {spread.high:.3g})"
    within = manifold(theirs, ours, features.name, k=5)
    return Likeness(
        name, len(images), distance.value, interval, mmd(theirs, ours, features.name).value, within.precision,
        within.recall, within.density, within.coverage, within_set(images, rng, pairs),
    )


def within_set(images: Images, rng: np.random.Generator, pairs: int = 300) -> float:
    """Mean MS-SSIM of pairs of different images of a set (first channel)."""
    from synthetic_imaging.evaluation.structural_similarity import within_set_ms_ssim

    return within_set_ms_ssim([image[0] for image in images], rng, pairs=pairs).mean


def copying(generated: Images, train: Images, held_out: Images, features: FeatureExtractor) -> CopyTest:
    """Whether generated images lie nearer to training images than new real ones do, in feature space."""
    from synthetic_imaging.evaluation.copying import copy_test

    return copy_test(features.features(generated), features.features(train), features.features(held_out), features.name)


def measurement_rows(
    generated: Mapping[str, Sequence[float]], real: Mapping[str, Sequence[float]], floor: Mapping[str, Sequence[float]],
    titles: Mapping[str, str],
) -> list[tuple[object, ...]]:
    """Distributions of measurements: mean and deviation, Wasserstein distance and KS test, with real against real.

    Returns:
        Rows of: title, real mean ± SD, generated mean ± SD, Wasserstein distance, the same between two real sets, KS p.
    """
    from synthetic_imaging.evaluation.agreement import same_distribution

    rows: list[tuple[object, ...]] = []
    for name, title in titles.items():
        ours, theirs = np.asarray(generated[name], float), np.asarray(real[name], float)
        between, least = same_distribution(ours, theirs), same_distribution(np.asarray(floor[name], float), theirs)
        rows.append((title, _mean_sd(theirs), _mean_sd(ours), between.wasserstein, least.wasserstein,
                     f"{between.p_value:.2g}"))
    return rows


def _mean_sd(values: npt.NDArray[Any]) -> str:
    return f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"


def stacked(cases: Any, count: int | None = None) -> tuple[Images, npt.NDArray[np.uint8]]:
    """Images (N, C, K, J, I) and label maps (N, K, J, I) of a case source, without augmentation."""
    number = len(cases) if count is None else min(count, len(cases))
    found = [cases.case(index, np.random.default_rng([0, index])) for index in range(number)]
    return np.stack([c["image"] for c in found]), np.stack([c["label"] for c in found])
