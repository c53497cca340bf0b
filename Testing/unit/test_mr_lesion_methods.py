"""The trained detector on any grid, and how sure each method must be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.context import Run
from synthetic_imaging.sequences.detector.on_image import lesions_on_image
from synthetic_imaging.sequences.evidence.lesion_matching import Matched
from synthetic_imaging.sequences.evidence.lesion_thresholds import best_threshold
from synthetic_imaging.sequences.lesion_methods import OPERATING, Method, threshold_of
from synthetic_imaging.sequences.protocols import Contrast


class TakesWhatIsBright:
    """Instead of the network: a lesion is what is bright on FLAIR."""

    factor = 8

    def __call__(self, seen: Any, told: Any) -> Any:
        import torch

        assert told.tolist()[0] == [1.0, 0.0, 0.0]
        logit = 20 * (seen[:, 0] - 0.5)
        return torch.stack([-logit, logit], dim=1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_lesions_lie_where_the_image_has_them_however_its_slices_run(order: tuple[int, int, int]):
    pytest.importorskip("torch")
    image = np.full((12, 30, 40), 300, np.float32)
    image[5:7, 10:15, 20:26] = 900
    image[9, 4:7, 5:8] = 900
    spacing = np.array([3.0, 1.0, 1.0])[list(order)]
    geometry = si.Geometry.from_spacing(tuple(image.transpose(order).shape), tuple(spacing[::-1]))
    images = {Contrast.FLAIR: np.ascontiguousarray(image.transpose(order))}
    brain = np.ones(geometry.shape, bool)
    model: Any = SimpleNamespace(networks={"detector": TakesWhatIsBright()})

    def found(least_ml: float, threshold: float = 0.5) -> Any:
        return lesions_on_image(model, images, brain, geometry, threshold=threshold, least_ml=least_ml, device="cpu",
                                run=Run())

    labels, listed = found(0.01)
    assert [x.label for x in listed] == [1, 2] and all(0.9 < x.score <= 1 for x in listed)
    assert np.array_equal(labels > 0, images[Contrast.FLAIR] > 600)
    assert len(found(0.1)[1]) == 1 and found(0.01, 1.0)[1] == []
    assert set(np.unique(found(0.1)[0])) == {0, 1}


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("given", list(OPERATING))
def test_more_sensitivity_asks_for_less(method: Method, given: frozenset[Contrast]):
    thresholds = [threshold_of(method, given, s) for s in (0, 0.2, 0.5, 0.8, 1)]
    assert thresholds == sorted(thresholds, reverse=True) and len(set(thresholds)) == 5
    if method is Method.TRAINED:
        assert thresholds[2] == OPERATING[given]


def test_the_operating_threshold_lies_between_the_true_and_the_false():
    seen = [Matched({1: 0.9, 2: 0.8, 3: -np.inf}, [0.4, 0.3], {}), Matched({1: 0.7}, [0.5], {})]
    assert 0.5 < best_threshold(seen) < 0.7
