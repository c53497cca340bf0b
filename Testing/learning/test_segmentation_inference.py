"""A network over a whole image and in patches: same answer, memory kept, cancel heard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import synthetic_imaging as si  # noqa: E402
from synthetic_imaging.context import Run  # noqa: E402
from synthetic_imaging.segmentation.inference import (  # noqa: E402
    activation_bytes_per_voxel,
    labels_of,
    plan,
    prepared,
    probabilities_of,
    segment,
)
from synthetic_imaging.segmentation.windows import (  # noqa: E402
    fitting_patch,
    gaussian_weights,
    window_starts,
    windows,
)


class Levels(torch.nn.Module):
    """Looks at one voxel at a time, so that patches must give exactly what the whole gives."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(8.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        centres = torch.tensor([0.1, 0.5, 0.9], dtype=x.dtype)[None, :, None, None, None]
        return -self.scale * (x - centres).abs()


def an_image(shape: tuple[int, int, int] = (40, 33, 50)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).random((1, *shape), dtype=np.float32)


@given(length=st.integers(1, 300), patch=st.integers(8, 96), overlap=st.floats(0, 0.8))
@settings(max_examples=80, deadline=None)
def test_windows_cover_every_voxel_and_overlap_as_asked(length: int, patch: int, overlap: float) -> None:
    starts = window_starts(length, patch, overlap)
    assert starts[0] == 0 and starts == sorted(starts)
    if length > patch:
        assert starts[-1] == length - patch
        gaps = np.diff(starts)
        assert gaps.max() <= max(1, int(patch * (1 - overlap))) + 1
    else:
        assert starts == [0]


@given(shape=st.tuples(*[st.integers(5, 260)] * 3), voxels=st.integers(20**3, 200**3))
@settings(max_examples=80, deadline=None)
def test_a_patch_fits_and_is_as_large_as_it_helps(shape: tuple[int, int, int], voxels: int) -> None:
    patch = fitting_patch(shape, voxels, 16, 0.25)
    assert all(p % 16 == 0 for p in patch) and np.prod(patch) <= max(voxels, 16**3)
    padded = tuple(-(-n // 16) * 16 for n in shape)
    if np.prod(padded) <= voxels:
        assert patch == padded and len(windows(padded, patch, 0.25)) == 1


def test_weights_are_highest_in_the_middle_and_never_zero() -> None:
    weights = gaussian_weights((16, 32, 48))
    assert weights.shape == (16, 32, 48) and weights.min() > 0
    assert weights[7, 15, 23] == weights.max() == pytest.approx(1.0)
    np.testing.assert_allclose(weights, weights[::-1, ::-1, ::-1], rtol=1e-5)


@pytest.mark.parametrize("patch", [None, (16, 16, 16), (32, 16, 48), (400, 400, 400)])
def test_patches_and_the_whole_agree_for_a_network_that_sees_single_voxels(patch: Any) -> None:
    network, image = prepared(Levels(), torch.float32), an_image()
    chosen = plan(network, image.shape[1:], 3, patch=patch, dtype=torch.float32)
    logits = segment(network, image, chosen, Run(), classes=3)
    expected = network(torch.from_numpy(image)[None])[0]
    assert logits.shape == expected.shape
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    assert probabilities_of(logits).sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    assert labels_of(logits).dtype == np.uint8 and labels_of(logits).shape == image.shape[1:]


def a_segmenter() -> torch.nn.Module:
    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.networks.segmenters import Segmenter
    from synthetic_imaging.learning.networks.settings import SegmenterSettings

    with built(5):
        return Segmenter(SegmenterSettings(classes=3, widths=(4, 4, 8, 8, 8)))


def test_in_bf16_the_labels_are_those_of_single_precision_nearly_everywhere() -> None:
    image = an_image((48, 48, 48))
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        network = prepared(a_segmenter(), dtype)
        chosen = plan(network, image.shape[1:], 3, dtype=dtype)
        found.append(labels_of(segment(network, image, chosen, Run(), classes=3)))
    assert np.mean(found[0] == found[1]) > 0.97


def test_little_memory_means_patches_and_too_little_a_sentence() -> None:
    network = prepared(a_segmenter(), torch.float32)
    each = activation_bytes_per_voxel(network)
    assert 3 * 4 * 4 <= each < 100 * 4
    shape = (128, 128, 128)
    ample = plan(network, shape, 3, memory_bytes=2 << 30, dtype=torch.float32)
    tight = plan(network, shape, 3, memory_bytes=80 << 20, dtype=torch.float32)
    assert ample.whole and not tight.whole and tight.bytes_needed <= 80 << 20 < ample.bytes_needed
    with pytest.raises(si.MemoryShortage, match="are free"):
        plan(network, shape, 3, memory_bytes=30 << 20, dtype=torch.float32)


def test_never_half_precision_of_the_kind_a_processor_only_imitates() -> None:
    assert plan(prepared(Levels()), (16, 16, 16), 3).dtype in (torch.bfloat16, torch.float32)


def test_a_cancel_is_heard_between_two_layers_of_one_piece() -> None:
    network, asked = prepared(a_segmenter(), torch.float32), []
    image = an_image((32, 32, 32))
    chosen = plan(network, image.shape[1:], 3, dtype=torch.float32)
    assert chosen.whole
    with pytest.raises(si.Cancelled):
        segment(network, image, chosen, Run(cancelled=lambda: len(asked) > 5 or bool(asked.append(1))), classes=3)
    asked.clear()
    segment(network, image, chosen, Run(cancelled=lambda: bool(asked.append(1))), classes=3)
    assert len(asked) > 20 and all(not m._forward_pre_hooks for m in network.modules())


def test_progress_rises_with_each_patch_and_a_cancel_stops_at_the_next() -> None:
    network, image = prepared(Levels(), torch.float32), an_image((64, 64, 64))
    chosen = plan(network, (64, 64, 64), 3, patch=(32, 32, 32), dtype=torch.float32)
    seen: list[Any] = []
    segment(network, image, chosen, Run(report=seen.append), classes=3)
    assert len(seen) == len(chosen.starts) + 1 == 28 and seen[-1].fraction == 1.0
    heard: list[Any] = []
    with pytest.raises(si.Cancelled):
        segment(network, image, chosen, Run(report=heard.append, cancelled=lambda: len(heard) >= 3), classes=3)
    assert len(heard) == 3
