"""One interface for all families: fit, sample, save, load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_imaging.cohorts.families.model import FAMILIES, GenerativeModel
from synthetic_imaging.cohorts.families.settings import CLASSES, Hearts, Sampling
from synthetic_imaging.errors import FileError, ParameterError
from synthetic_imaging.learning.samplers.by_name import SamplerName
from synthetic_imaging.learning.settings import Precision

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SIDE = 16
CASES = Hearts(shape_kji=(SIDE,) * 3, training=2, validation=2, test=2)


def cases() -> Any:
    from synthetic_imaging.learning.array_cases import ArrayCases
    from synthetic_imaging.learning.recipe import Data

    images = np.random.default_rng(0).random((3, 1, SIDE, SIDE, SIDE), dtype=np.float32)
    return Data(ArrayCases(images, (images[:, 0] * CLASSES).astype(np.uint8)), None)


def tiny(name: str, **changed: Any) -> GenerativeModel:
    """Two steps, narrow."""
    model = GenerativeModel.of(name)
    for role, settings in model.settings.items():
        network = settings.network
        if hasattr(network, "shape_kji"):
            network = replace(network, shape_kji=(SIDE,) * 3)
        if hasattr(network, "width"):
            network = replace(network, width=8)
        training = replace(settings.training, steps=2, batch_size=2, precision=Precision.FLOAT32)
        settings = replace(settings, cases=CASES, network=network, training=training)
        if hasattr(settings, "sampling"):
            settings = replace(settings, sampling=replace(settings.sampling, steps=3))
        model.settings[role] = replace(settings, **{k: v for k, v in changed.items() if hasattr(settings, k)})
    return model


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_fits_samples_saves_and_loads(name: str, tmp_path: Path) -> None:
    model = tiny(name).fit(cases(), tmp_path / "training", 3)
    found = model.sample(3, 5)
    assert found.images.shape == (3, 1, SIDE, SIDE, SIDE)
    assert found.images.dtype == np.float32
    assert found.labels is None
    assert found.images.min() >= 0 and found.images.max() <= 1
    # After two steps all codes decode to nothing.
    assert name == "vq-gan" or np.abs(found.images[0] - found.images[1]).max() > 1e-6
    model.save(tmp_path / "saved")
    again = GenerativeModel.load(tmp_path / "saved")
    assert again.parameters == model.parameters
    # One at a time: a sample depends on seed and number alone.
    np.testing.assert_allclose(again.sample(2, 5, batch_size=1).images, found.images[:2], atol=0.02)


def test_a_label_map_conditions_voxel_and_wavelet_diffusion(tmp_path: Path) -> None:
    given = np.zeros((1, SIDE, SIDE, SIDE), np.uint8)
    other = given + 1
    for name in ("voxel", "wavelet"):
        model = tiny(name, label_condition=True).fit(cases(), tmp_path, 3)
        apart = np.abs(model.sample(1, 5, given).images - model.sample(1, 5, other).images)
        assert apart.max() > 1e-6
        with pytest.raises(ParameterError, match="give one for each volume"):
            model.sample(1, 5)
        with pytest.raises(ParameterError, match="2 volumes need 2 label maps"):
            model.sample(2, 5, given)


def test_a_family_without_condition_says_so(tmp_path: Path) -> None:
    model = tiny("vae").fit(cases(), tmp_path, 3)
    with pytest.raises(ParameterError, match="trained without a condition"):
        model.sample(1, 5, np.zeros((1, SIDE, SIDE, SIDE), np.uint8))


def test_image_and_label_are_made_together_where_the_network_has_classes(tmp_path: Path) -> None:
    for name in ("vae", "gan", "vq-gan", "flow"):
        model = tiny(name)
        for role, settings in model.settings.items():
            if hasattr(settings.network, "label_code"):
                model.settings[role] = replace(settings, network=replace(settings.network, classes=CLASSES))
        found = model.fit(cases(), tmp_path / name, 3).sample(2, 5)
        assert found.labels is not None
        assert found.labels.shape == (2, SIDE, SIDE, SIDE) and found.labels.dtype == np.uint8
        assert found.labels.max() < CLASSES


def test_the_sampler_can_be_chosen(tmp_path: Path) -> None:
    model = tiny("latent").fit(cases(), tmp_path, 3)
    few = model.sample(1, 5, sampling=Sampling(SamplerName.DPM_SOLVER, 2)).images
    assert np.isfinite(few).all()
    with pytest.raises(ParameterError, match="straight path"):
        model.sample(1, 5, sampling=Sampling(SamplerName.FLOW_HEUN, 2))


def test_wrong_calls_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="Families: vae"):
        GenerativeModel.of("transformer")
    with pytest.raises(ParameterError, match="no stage 'decoder'"):
        GenerativeModel.of("vae", {"decoder": None})
    untrained = GenerativeModel.of("vae")
    with pytest.raises(ParameterError, match="not trained yet"):
        untrained.sample(1, 0)
    with pytest.raises(ParameterError, match="nothing to save"):
        untrained.save(tmp_path)
    with pytest.raises(FileError, match="no generative model"):
        GenerativeModel.load(tmp_path)


def test_a_timed_training_gets_its_processor_time_once_and_is_then_taken(tmp_path: Path) -> None:
    from synthetic_imaging.cohorts.families.timed import processor_seconds

    model = tiny("gan").fit(cases(), tmp_path, 3, time_limit_s=0.5)
    trained = model.models["model"]
    spent = processor_seconds(tmp_path / "families.gan")
    assert spent >= 0.5
    assert trained.settings.training.time_limit_s == 0.5
    assert trained.card.metrics["steps"] > 2
    again = tiny("gan").fit(cases(), tmp_path, 3, time_limit_s=0.5)
    assert again.models["model"].sha256 == trained.sha256
    assert processor_seconds(tmp_path / "families.gan") == spent


def test_a_cancelled_timed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    from synthetic_imaging.cohorts.families.timed import processor_seconds
    from synthetic_imaging.context import Run
    from synthetic_imaging.errors import Cancelled

    asked = iter(range(10**6))
    run = Run(cancelled=lambda: next(asked) > 12)
    with pytest.raises(Cancelled):
        tiny("gan").fit(cases(), tmp_path, 3, time_limit_s=60.0, run=run)
    assert list((tmp_path / "families.gan" / "checkpoints").glob("step-*"))
    assert 0 < processor_seconds(tmp_path / "families.gan") < 60
