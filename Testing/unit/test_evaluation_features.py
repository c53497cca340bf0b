"""What turns volumes into vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.features import (
    FeatureExtractor,
    HaarStatistics,
    NetworkFeatures,
    random_convolutions,
)
from synthetic_imaging.evaluation.frechet import frechet_distance


def phantoms(count: int, noise: float, blur: float, seed: int) -> np.ndarray:
    """Balls of random size with noise, (N, 1, 16, 16, 16)."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(*(np.arange(16) - 7.5,) * 3, indexing="ij"))
    made = []
    for _ in range(count):
        ball = (np.linalg.norm(at, axis=0) < rng.uniform(4, 7)).astype(float)
        made.append(ndimage.gaussian_filter(ball, blur) * 0.6 + 0.2 + noise * rng.standard_normal((16,) * 3))
    return np.asarray(made, dtype=np.float32)[:, None]


EXTRACTORS = [lambda: HaarStatistics(2), lambda: random_convolutions(3, width=4)]


@pytest.mark.parametrize("make", EXTRACTORS)
def test_features_keep_the_protocol(make) -> None:
    extractor = make()
    volumes = phantoms(5, 0.05, 0.7, 0)
    made = extractor.features(volumes)
    assert isinstance(extractor, FeatureExtractor) and extractor.name
    assert made.shape == (5, extractor.dimension) and made.dtype == np.float32 and np.isfinite(made).all()
    np.testing.assert_allclose(extractor.features(volumes[::-1]), made[::-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(make().features(volumes), made)


@pytest.mark.parametrize("make", EXTRACTORS)
def test_a_degraded_set_is_further_away_than_another_sample(make) -> None:
    extractor = make()
    real, other, noisy, blurred = (
        extractor.features(phantoms(60, *look))
        for look in ((0.05, 0.7, 1), (0.05, 0.7, 2), (0.2, 0.7, 3), (0.05, 2.5, 4))
    )
    floor, by_noise, by_blur = (frechet_distance(real, s, extractor.name).value for s in (other, noisy, blurred))
    assert by_noise > 2 * floor and by_blur > 2 * floor


def test_haar_statistics_of_known_volumes() -> None:
    flat = HaarStatistics(1).features(np.full((1, 1, 8, 8, 8), 0.5, np.float32))[0]
    np.testing.assert_allclose(flat[:11], [0.5] * 8 + [0, 0, 0], atol=1e-6)
    stripes = np.zeros((1, 1, 8, 8, 8), np.float32)
    stripes[..., ::2] = 1  # along I alone
    details = HaarStatistics(1).features(stripes)[0, 11::2]
    assert details[0] > np.log(0.49) and (details[1:] < np.log(2e-4)).all()
    two = HaarStatistics(1, channels=2).features(np.concatenate([stripes, stripes + 1], axis=1))
    assert two.shape[1] == 2 * len(flat)


def test_any_network_can_be_wrapped_and_is_left_as_it_was() -> None:
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 5, 3), torch.nn.BatchNorm3d(5), torch.nn.Dropout(0.5)).train()
    network[1].eval()
    wrapped = NetworkFeatures(network, "phantom encoder", batch=2)
    volumes = phantoms(5, 0.05, 0.7, 0)
    made = wrapped.features(volumes)
    assert made.shape == (5, 5) and wrapped.dimension == 5
    np.testing.assert_array_equal(wrapped.features(volumes), made)  # no dropout
    assert network.training and network[2].training and not network[1].training
    assert int(network[1].num_batches_tracked) == 0

    class Pair(torch.nn.Module):
        def forward(self, batch: torch.Tensor) -> tuple[torch.Tensor, None]:
            return batch.flatten(1)[:, :3].to(torch.bfloat16), None

    assert NetworkFeatures(Pair(), "first three").features(volumes).shape == (5, 3)


def test_random_convolutions_depend_on_their_seed_alone() -> None:
    volumes = phantoms(2, 0.05, 0.7, 0)
    state = torch.random.get_rng_state()
    one, same, other = (random_convolutions(seed, width=8) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(one.features(volumes), same.features(volumes))
    assert not np.allclose(one.features(volumes), other.features(volumes))
    assert (one.name, other.name, random_convolutions(7).name) == (
        "random-conv-3d-1-8", "random-conv-3d-2-8", "random-conv-3d-7",
    )  # fmt: skip


class _Wrong(torch.nn.Module):
    def forward(self, batch: torch.Tensor) -> str:
        return "no tensor"


def test_bad_input_gets_a_sentence() -> None:
    volumes = phantoms(2, 0.05, 0.7, 0)
    with pytest.raises(InputError, match=r"volumes \(N, C, K, J, I\), not of an array of 1 x 16 x 16 x 16"):
        HaarStatistics().features(volumes[0])
    with pytest.raises(InputError, match="1 channels; these features are of 2"):
        HaarStatistics(channels=2).features(volumes)
    with pytest.raises(InputError, match="each side needs 8 voxels"):
        HaarStatistics(3).features(volumes[..., :5])
    with pytest.raises(InputError, match="not numbers"):
        random_convolutions(0, width=4).features(volumes * np.nan)
    with pytest.raises(ParameterError, match="needs a name"):
        NetworkFeatures(torch.nn.Identity(), "  ")
    with pytest.raises(ParameterError, match="known only after"):
        _ = NetworkFeatures(torch.nn.Identity(), "identity").dimension
    with pytest.raises(InputError, match="must return a tensor"):
        NetworkFeatures(_Wrong(), "wrong").features(volumes)
