"""One sequence from another by a translation that was learned without pairs, on the images' own grid."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.segmentation.carrying import values_on_image
from synthetic_imaging.sequences.learned.brightness import from_network
from synthetic_imaging.sequences.learned.generating import ForNetwork, MadeSequence
from synthetic_imaging.sequences.learned.settings import GIVEN
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.sequences.unpaired.applying import Answers, translated
from synthetic_imaging.sequences.unpaired.recipe import CONTRASTS

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model


def source_of(model: Model, wanted: Contrast, given: Collection[Contrast]) -> Contrast:
    """The sequence from which a model makes the wanted one.

    Args:
        model: the translation.
        wanted: what it is to make.
        given: what is there.

    Raises:
        ParameterError: if it cannot make that, or not from what is there.
    """
    a, b = CONTRASTS[model.settings.pair]
    if wanted not in (a, b):
        raise ParameterError(f"The model '{model.name}' turns {a.value} into {b.value} and back; it makes no "
                             f"{wanted.value}.")
    source = a if wanted is b else b
    if source not in given:
        raise ParameterError(f"The model '{model.name}' makes {wanted.value} from {source.value}, which was not given.")
    return source


def translated_sequence(
    model: Model, ready: ForNetwork, wanted: Contrast, answers: Answers, device: str, run: Run
) -> MadeSequence:
    """The wanted sequence by a model of the recipe ``sequences.unpaired``.

    Args:
        model: the translation.
        ready: images on the grid of slices; only the model's source is used.
        wanted: one of the model's two sequences.
        answers: how many; the deviation is that between them.
        device: where.
        run: progress and cancel.

    Raises:
        ParameterError: as `source_of`.
    """
    source = source_of(model, wanted, [c for c, there in zip(GIVEN, ready.present, strict=True) if there])
    side = "b" if CONTRASTS[model.settings.pair][1] is wanted else "a"
    mean, variance = translated(model, ready.given[GIVEN.index(source)], side, answers, device, run)
    image = np.maximum(values_on_image(from_network(mean, wanted), ready.placing, Run()), 0)
    ends = from_network(np.array([0, -1], np.float32), wanted)
    spread = values_on_image(np.sqrt(variance), ready.placing, Run())
    return MadeSequence(image, np.float32(ends[0] - ends[1]) * spread)
