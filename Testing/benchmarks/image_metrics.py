"""Image metrics beside scikit-image, MONAI and scipy: SSIM, Fréchet distance, surface distances."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import in_own_process, measure_together, seconds

from synthetic_imaging.evaluation.frechet import frechet_distance
from synthetic_imaging.evaluation.structural_similarity import ssim
from synthetic_imaging.evaluation.surfaces import surface_distances

SIDE = 192
ORGAN_SIDE = 128
FEATURES = 2048
CASES = (200, 500, 1000)
ORGAN_SPACING = (2.0, 0.9, 0.9)


def noisy_pair() -> tuple[np.ndarray, np.ndarray]:
    """A smooth volume of 192 voxels a side in [0, 1], and the same with noise."""
    from scipy import ndimage

    rng = np.random.default_rng(0)
    truth = ndimage.gaussian_filter(rng.random((SIDE,) * 3, dtype=np.float32), 2)
    truth = (truth - truth.min()) / np.ptp(truth)
    return truth + np.float32(0.1) * rng.standard_normal(truth.shape, dtype=np.float32), truth


def organs() -> tuple[np.ndarray, np.ndarray]:
    """Two ellipsoids of about 100 voxels across, one with a wavy side, in 128 voxels a side."""
    k, j, i = np.meshgrid(*(np.arange(ORGAN_SIDE),) * 3, indexing="ij")
    one = ((k - 64) / 40) ** 2 + ((j - 60) / 45) ** 2 + ((i - 64) / 35) ** 2 < 1
    other = ((k - 62) / 42) ** 2 + ((j - 61) / 44) ** 2 + ((i - 66) / 36 + 0.1 * np.sin(k / 5)) ** 2 < 1
    return one, other


def _compare(
    out: Section, work: str, mine: Callable[[int], float], peers: dict[str, Callable[[], Callable[[int], float]]],
    repeats: int, tolerance: str,
) -> None:  # fmt: skip
    """Rows of one task: ours, then each peer with the ratio and how far its result is from ours."""
    ready = {}
    for name, build in peers.items():
        try:
            ready[name] = build()
        except ImportError as reason:
            out.row(work, name, f"not measured: {reason}", "", "")
    values: dict[str, float] = {}

    def kept(name: str, call: Callable[[int], float]) -> Callable[[int], None]:
        def run(number: int) -> None:
            values[name] = call(number)

        return run

    taken = measure_together(kept("ours", mine), *(kept(*peer) for peer in ready.items()), repeats=repeats)
    out.row(work, "ours", taken[0].text, "1", "")
    for name, times in zip(ready, taken[1:], strict=True):
        apart = abs(values[name] - values["ours"]) / (abs(values["ours"]) if tolerance == "relative" else 1)
        out.row(work, name, times.text, ratio(taken[0], times), f"{apart:.1g} {tolerance}")


def _ssim(out: Section, repeats: int) -> None:
    image, truth = noisy_pair()

    def scikit() -> Callable[[int], float]:
        from skimage.metrics import structural_similarity

        return lambda _: float(structural_similarity(
            image, truth, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        ))  # fmt: skip

    def monai() -> Callable[[int], float]:
        import torch
        from monai.metrics import SSIMMetric

        metric = SSIMMetric(spatial_dims=3, data_range=1.0)
        pair = [torch.from_numpy(volume)[None, None] for volume in (image, truth)]
        return lambda _: float(metric(*pair))

    peers = {"scikit-image": scikit, "MONAI": monai}
    _compare(out, f"SSIM, {SIDE}³, Gaussian window", lambda _: ssim(image, truth, 1.0), peers, repeats, "absolute")


def _frechet(out: Section, repeats: int) -> None:
    for cases in CASES:
        rng = np.random.default_rng(cases)
        real, generated = rng.standard_normal((2, cases, FEATURES))
        generated = generated * 1.1 + 0.1

        def monai(real: np.ndarray = real, generated: np.ndarray = generated) -> Callable[[int], float]:
            import torch
            from monai.metrics.fid import get_fid_score

            return lambda _: float(get_fid_score(torch.from_numpy(generated), torch.from_numpy(real)))

        def mine(_: int, real: np.ndarray = real, generated: np.ndarray = generated) -> float:
            return frechet_distance(real, generated, "noise").value

        work = f"Fréchet distance, {FEATURES} features, {cases} cases"
        _compare(out, work, mine, {"MONAI": monai}, repeats, "relative")


def _surfaces(out: Section, repeats: int) -> None:
    one, other = organs()

    def monai() -> Callable[[int], float]:
        import torch
        from monai.metrics import compute_hausdorff_distance

        pair = [torch.from_numpy(mask)[None, None].float() for mask in (one, other)]
        options: dict[str, Any] = {"include_background": True, "percentile": 95, "spacing": ORGAN_SPACING}
        return lambda _: float(compute_hausdorff_distance(*pair, **options))

    def mine(_: int) -> float:
        return surface_distances(one, other, ORGAN_SPACING).hausdorff95_mm

    _compare(out, f"HD95, organ in {ORGAN_SIDE}³", mine, {"MONAI": monai}, repeats, "absolute")


def section(repeats: int) -> Section:
    """Measure and describe."""
    out = Section(
        "Image metrics",
        "One value of each metric from arrays in memory, ours and the peers' called turn by turn. SSIM: single "
        "precision, window of 11, sigma 1.5. Fréchet distance: noise as features. HD95: two ellipsoids, spacing "
        "2 x 0.9 x 0.9 mm. The last column is how far the peer's value is from ours.",
        ["work", "method", "time", "ours / it", "apart"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers: deprecations, singular products
        _ssim(out, repeats)
        _frechet(out, max(1, repeats // 4))
        _surfaces(out, repeats)
    out.note(f"Fréchet distances: calls after the first one, {max(1, repeats // 4)}, for the peer takes long.")
    with tempfile.TemporaryDirectory() as folder:
        calls = [in_own_process("Testing.benchmarks.image_metrics", NUMBA_CACHE_DIR=folder) for _ in range(2)]
    out.note(
        f"First SSIM in a fresh process: {seconds(calls[0]['first'])} when nothing is compiled yet, "
        f"{seconds(calls[1]['first'])} once compiled code is cached (importing numba included)."
    )
    return out


if __name__ == "__main__":
    pair = noisy_pair()
    started = time.perf_counter()
    ssim(*pair, 1.0)
    print(json.dumps({"first": time.perf_counter() - started}))
