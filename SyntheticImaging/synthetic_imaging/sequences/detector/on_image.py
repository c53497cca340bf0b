"""The trained detector on images of any grid: scaled, brought to its slices, and its answer carried back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.segmentation.carrying import values_on_image
from synthetic_imaging.sequences.detector.finding import certainty, lesion_share, pieces
from synthetic_imaging.sequences.detector.settings import SEEN, SIGHTS
from synthetic_imaging.sequences.learned.applying import one_thread_on_a_processor
from synthetic_imaging.sequences.learned.brightness import scaled_by_brain
from synthetic_imaging.sequences.learned.grid import on_slices, slice_grid
from synthetic_imaging.sequences.lesion_search import Found
from synthetic_imaging.sequences.protocols import Contrast

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model

MODEL = "sequences.lesion-detector"
Map = npt.NDArray[np.float32]
_NAMES = {Contrast.FLAIR: "FLAIR", Contrast.T1W: "T1w", Contrast.DIR: "DIR"}


def check_trained_with(contrasts: tuple[Contrast, ...]) -> None:
    """Refuse a choice of sequences that the detector was not trained with.

    Raises:
        InputError: naming the choices that it was trained with.
    """
    choices = {frozenset(sight.contrasts): sight.contrasts for sight in SIGHTS}
    if frozenset(contrasts) in choices:
        return
    known = "; ".join(" and ".join(_NAMES[c] for c in choice) for choice in choices.values())
    given = " and ".join(_NAMES[c] for c in contrasts)
    raise InputError(f"The trained detector was not trained with {given}. It takes: {known}. Take away what is too "
                     "much, or choose the classical method.")


def lesions_on_image(
    model: Model, images: Mapping[Contrast, Map], brain: npt.NDArray[np.bool_], geometry: Geometry, *,
    threshold: float, least_ml: float, device: str, run: Run,
) -> tuple[npt.NDArray[np.uint16], list[Found]]:
    """Lesions by a model of the recipe ``sequences.lesion-detector``.

    Args:
        model: the detector.
        images: (K, J, I) on one grid, evened out, not negative; of one of the choices it was trained with.
        brain: where the brain is.
        geometry: of the grid.
        threshold: least score, 0 to 1.
        least_ml: least volume.
        device: "cpu", "cuda:0".
        run: progress and cancel.

    Returns:
        Label map (K, J, I), the surest 1, and the list.

    Raises:
        InputError: as `check_trained_with`.
    """
    check_trained_with(tuple(images))
    network: Any = model.networks["detector"]
    placing = slice_grid(geometry)
    seen = np.full((len(SEEN), *placing.shape_kji), -1, np.float32)
    for at, contrast in enumerate(SEEN):
        if contrast in images:
            seen[at] = on_slices(scaled_by_brain(images[contrast], brain, contrast), placing)
    with one_thread_on_a_processor():
        share = lesion_share(network, seen, [c in images for c in SEEN], device, run.part(0.05, 0.9))
    run.progress(0.92, "carry to the image")
    sure = values_on_image(certainty(share), placing, Run())
    labels, found = pieces(values_on_image(share, placing, Run()), brain, sure=sure)
    large = least_ml * 1000 / geometry.voxel_volume_mm3
    kept = [x for x in found if x.score > threshold and x.voxels >= large]
    lookup = np.zeros(len(found) + 1, np.uint16)
    for number, x in enumerate(kept, 1):
        lookup[x.label] = number
    return lookup[labels], [Found(n, x.score, x.voxels) for n, x in enumerate(kept, 1)]
