"""From images of one visit to the wanted sequence on the same grid: scale, translate, carry back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.segmentation.carrying import values_on_image
from synthetic_imaging.sequences.learned.applying import Passes, made_volume
from synthetic_imaging.sequences.learned.brightness import from_network, scaled_by_brain
from synthetic_imaging.sequences.learned.grid import on_slices, slice_grid
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE
from synthetic_imaging.sequences.protocols import Contrast

if TYPE_CHECKING:
    from synthetic_imaging.learning.data.gridding import Placing
    from synthetic_imaging.learning.weights.models import Model
    from synthetic_imaging.sequences.learned.knowledge import Fit

Values = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]
_SAMPLE = 4000


@dataclass(frozen=True)
class ForNetwork:
    """What the network gets.

    Attributes:
        given: (4, K, J, I) in -1..1 on the grid of slices, `GIVEN`; -1 where one is missing.
        present: which are there.
        placing: of the grid of slices in the images' grid.
        voxels: (voxels, 4), some of the brain, in -1..1.
    """

    given: Values
    present: tuple[bool, ...]
    placing: Placing
    voxels: Values


@dataclass(frozen=True)
class MadeSequence:
    """What came out, (K, J, I) on the images' grid; the brain's typical brightness is about 1.

    Attributes:
        image: not negative.
        deviation: standard deviation, in the image's unit; 0 without passes.
    """

    image: Values
    deviation: Values


def for_network(
    images: Mapping[Contrast, Values], brain: Inside, geometry: Geometry, rng: np.random.Generator, run: Run
) -> ForNetwork:
    """Scale the images by the brain's brightness and bring them to the grid of slices.

    Args:
        images: sequences of `GIVEN`, (K, J, I) on one grid, not negative, evened out.
        brain: where the brain is.
        geometry: of the grid.
        rng: picks voxels of the brain.
        run: progress and cancel.
    """
    placing = slice_grid(geometry)
    present = tuple(contrast in images for contrast in GIVEN)
    found = np.full((len(GIVEN), *placing.shape_kji), -1, np.float32)
    sample = rng.choice(np.flatnonzero(brain), min(_SAMPLE, int(brain.sum())), replace=False)
    voxels = np.full((len(sample), len(GIVEN)), -1, np.float32)
    for at, contrast in enumerate(GIVEN):
        if contrast in images:
            run.progress(at / len(GIVEN), f"{contrast.value}: scale")
            scaled = scaled_by_brain(images[contrast], brain, contrast)
            voxels[:, at] = scaled.ravel()[sample]
            found[at] = on_slices(scaled, placing)
    return ForNetwork(found, present, placing, voxels)


def made_sequence(
    model: Model, ready: ForNetwork, contrast: Contrast, passes: Passes, device: str, run: Run
) -> MadeSequence:
    """One sequence by a model of the recipe ``sequences.synthesis``."""
    network: Any = model.networks["generator"]
    knowledge: Any = model.networks["knowledge"]
    channel = MADE.index(contrast)
    mean, variance = made_volume(network, ready.given, ready.present, model.settings.slices, passes, device, run,
                                 [channel])
    image = np.maximum(values_on_image(from_network(mean[0], contrast), ready.placing, Run()), 0)
    if not passes.number:
        return MadeSequence(image, np.zeros_like(image))
    ends = from_network(np.array([0, -1], np.float32), contrast)
    factor = np.float32((ends[0] - ends[1]) * float(knowledge.spread[channel]))
    return MadeSequence(image, factor * values_on_image(np.sqrt(variance[0]), ready.placing, Run()))


def fit_to(model: Model, ready: ForNetwork) -> Fit:
    """How like the model's training images these are; numbers that are not known for models without a memory."""
    from synthetic_imaging.sequences.learned.knowledge import UNKNOWN, fit_of

    if "knowledge" not in model.networks:
        return UNKNOWN
    knowledge: Any = model.networks["knowledge"]
    return fit_of(knowledge, ready.voxels, ready.present)
