"""Are generated images copies of the training images?

A generated image has a nearest training image; so has a real image that the network never saw. If generated ones are
systematically nearer, the network reproduces what it was trained on. The test needs no threshold of what a copy is: the
held-out real images are the yardstick (nearest-neighbour test in the manner of Meehan et al. 2020, arXiv:2004.05675).
Make it both on features and on voxels, and look at the nearest pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import Array, FloatArray, IndexArray, finite, times
from synthetic_imaging.evaluation.neighbours import nearest


@dataclass(frozen=True)
class NearPair:
    """A generated image and its nearest training image, to be shown side by side.

    Attributes:
        generated, train: their indices.
        distance: between them.
        rank: share of held-out real images that lie nearer to the training set than this one; 0 for "nearer than any".
    """

    generated: int
    train: int
    distance: float
    rank: float


@dataclass(frozen=True, eq=False)
class CopyTest:
    """How near generated images lie to the training images, held-out real ones beside them.

    Attributes:
        space: in what the distance is measured: the feature network's name, or "voxels".
        generated: distance (G,) of each generated image to its nearest training image.
        held_out: the same (H,) for held-out real images.
        nearest_train: index (G,) of that training image.
        nearest_of_held_out: index (H,) likewise.
        ratio: median of ``generated`` through median of ``held_out``; clearly below 1 is suspicious.
        percentile: of ``held_out``, that marks "close".
        close: share of generated images nearer than that percentile; a faithful model has percentile / 100.
        nearer_than_any: share of generated images nearer than every held-out one.
        probability_nearer: that a generated image is nearer than a held-out one, ties counted half; 0.5 is chance.
        p_value: of that being above chance (Mann-Whitney, one-sided).
    """

    space: str
    generated: FloatArray
    held_out: FloatArray
    nearest_train: IndexArray
    nearest_of_held_out: IndexArray
    ratio: float
    percentile: float
    close: float
    nearer_than_any: float
    probability_nearer: float
    p_value: float

    def pairs(self, count: int = 8) -> list[NearPair]:
        """The nearest pairs of generated and training image, nearest first."""
        order = np.argsort(self.generated, kind="stable")[:count]
        yardstick = np.sort(self.held_out)
        return [
            NearPair(
                int(g), int(self.nearest_train[g]), float(self.generated[g]),
                float(np.searchsorted(yardstick, self.generated[g], side="left") / yardstick.size),
            )
            for g in order
        ]  # fmt: skip

    @property
    def text(self) -> str:
        """What was found, with numbers, in words that claim no more."""
        found = (
            "Generated images lie nearer to the training images than held-out real ones do"
            if self.p_value < 0.05
            else "Generated images lie no nearer to the training images than held-out real ones do"
        )
        return (
            f"{found} ({self.space}: median distance ratio {self.ratio:.3g}, nearer with probability "
            f"{self.probability_nearer:.2f}, p = {self.p_value:.2g}; {self.close * 100:.1f} % are closer than the "
            f"closest {self.percentile:g} % of the held-out, {self.nearer_than_any * 100:.1f} % closer than any; n = "
            f"{self.generated.size} generated, {self.held_out.size} held out)."
        )


def copy_test(
    generated: npt.ArrayLike, train: npt.ArrayLike, held_out: npt.ArrayLike, space: str, percentile: float = 5.0
) -> CopyTest:
    """Compare distances to the training images: of generated and of held-out real images.

    Args:
        generated: (G, D) features or flattened voxels (see `as_rows`).
        train: (T, D), all that the network was trained on.
        held_out: (H, D), real, from the same source, never trained on; 5 or more.
        space: name of the feature network, or "voxels".
        percentile: of the held-out distances that counts as close, between 0 and 100.

    Raises:
        InputError: for arrays that are not finite tables of one width, or too few cases.
    """
    if not 0 < percentile < 100:
        raise ParameterError(f"The percentile lies between 0 and 100, not at {percentile:g}.")
    made, known, unseen = (
        _table(rows, what, least)
        for rows, what, least in (
            (generated, "generated images", 1), (train, "training images", 2), (held_out, "held-out images", 5),
        )
    )  # fmt: skip
    if not made.shape[1] == known.shape[1] == unseen.shape[1]:
        raise InputError(
            f"Generated, training and held-out images have {made.shape[1]}, {known.shape[1]} and {unseen.shape[1]} "
            "numbers each: take them from one network or one grid."
        )
    to_made, which = nearest(made, known)
    to_unseen, whose = nearest(unseen, known)
    near, far = to_made[:, 0], to_unseen[:, 0]
    middle = float(np.median(far))
    if middle == 0:
        raise InputError("Most held-out images are themselves among the training images: hold out others.")

    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(far, near, alternative="greater", method="asymptotic")
    return CopyTest(
        space=space,
        generated=near,
        held_out=far,
        nearest_train=which[:, 0],
        nearest_of_held_out=whose[:, 0],
        ratio=float(np.median(near)) / middle,
        percentile=percentile,
        close=float((near < np.percentile(far, percentile)).mean()),
        nearer_than_any=float((near < far.min()).mean()),
        probability_nearer=float(test.statistic) / (near.size * far.size),
        p_value=float(test.pvalue),
    )


def as_rows(images: Sequence[npt.ArrayLike] | Array) -> Array:
    """Images (N, ...) of one shape as rows (N, D) of their voxels, for the test in voxel space.

    Raises:
        InputError: if shapes differ.
    """
    shapes = {np.shape(image) for image in images}
    if len(shapes) != 1:
        raise InputError(f"Images of one shape are needed, not of {', '.join(sorted(times(s) for s in shapes))}.")
    return np.asarray(images).reshape(len(images), -1)


def _table(rows: npt.ArrayLike, what: str, least: int) -> Array:
    table = finite(rows, f"The table of {what}")
    if table.ndim != 2:
        raise InputError(f"The table of {what} must be cases by numbers (N, D), not {times(table.shape)}.")
    if len(table) < least:
        raise InputError(f"There are {len(table)} {what}; at least {least} are needed.")
    return table
