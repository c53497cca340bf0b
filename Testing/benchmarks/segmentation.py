"""Segmentation of 192 x 192 x 192 voxels into 14 classes beside MONAI's sliding window."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import measure, peak_mb_above_now

from synthetic_imaging.context import Run

N, CLASSES, PATCH = 192, 14, 96
_TRAINING_STEPS = 100


def balls(side: int, seed: int) -> tuple[Any, Any]:
    """A phantom image (1, side, side, side) in 0..1 with balls of 13 brightnesses, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side,) * 3, dtype=np.uint8)
    axis = np.arange(side, dtype=np.float32)
    for label in range(1, CLASSES):
        for _ in range(max(1, (side // 48) ** 3 // 2)):
            k, j, i = rng.uniform(0, side, 3)
            square = (axis - k)[:, None, None] ** 2 + (axis - j)[:, None] ** 2 + (axis - i) ** 2
            labels[square < rng.uniform(5, 11) ** 2] = label
    levels = np.linspace(0.05, 0.95, CLASSES, dtype=np.float32)
    image = levels[labels] + 0.015 * rng.standard_normal(labels.shape, dtype=np.float32)
    return image[None].astype(np.float32), labels


def trained_network() -> Any:
    """MONAI's U-Net, taught for a moment so that its labels mean something; the same for all methods."""
    import torch
    from monai.networks.nets import UNet

    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.segmentation.losses import dice_and_cross_entropy

    with built(1):
        # Batch normalisation: with instance normalisation the answer would depend on how large a patch is.
        network = UNet(3, 1, CLASSES, (16, 32, 64, 128), (2, 2, 2), num_res_units=2, norm="batch")
    network.to(memory_format=torch.channels_last_3d)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-2)
    for step in range(_TRAINING_STEPS):
        cases = [balls(48, 100 + 2 * step + n) for n in range(2)]
        image, label = (torch.from_numpy(np.stack(part)) for part in zip(*cases, strict=True))
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(image)
        dice_and_cross_entropy(logits, label).backward()
        optimiser.step()
        optimiser.zero_grad()
    return network.eval().requires_grad_(False)


def mean_dice(found: Any, truth: Any) -> float:
    """Mean Dice of the structures."""
    from synthetic_imaging.evaluation.overlap import overlap_by_label

    return float(np.nanmean([o.dice for o in overlap_by_label(found, truth, range(1, CLASSES)).values()]))


def section(repeats: int) -> Section:
    """Measure and describe."""
    import torch
    from monai.inferers import SlidingWindowInferer

    from synthetic_imaging.segmentation.inference import labels_of, plan, prepared, segment

    out = Section(
        "Segmentation, 192 x 192 x 192, 14 classes",
        "MONAI's U-Net (16, 32, 64, 128; 2 residual units) on a phantom of balls, the same weights for all; from the "
        "image in memory to labels in memory. Dice against the phantom's truth.",
        ["method", "time", "ours / it", "Dice"],
    )
    network = trained_network()
    image, truth = balls(N, 1)
    ours = prepared(copy.deepcopy(network))
    chosen = plan(ours, image.shape[1:], CLASSES)
    patches = plan(ours, image.shape[1:], CLASSES, patch=(PATCH,) * 3)
    inferer = SlidingWindowInferer(PATCH, 1, 0.5, mode="gaussian")

    def mine(_: int, how: Any = chosen) -> Any:
        return labels_of(segment(ours, image, how, Run(), classes=CLASSES))

    def monai(_: int) -> Any:
        with torch.inference_mode():
            return inferer(torch.from_numpy(image)[None], network)[0].argmax(0).to(torch.uint8).numpy()

    few = max(2, repeats // 3)
    fast = measure(mine, repeats)
    whole = "whole volume" if chosen.whole else f"{len(chosen.starts)} patches of {chosen.patch}"
    out.row(f"ours, {whole}", fast.text, "1", f"{mean_dice(mine(0), truth):.4f}")
    tiled = measure(lambda n: mine(n, patches), few)
    out.row(f"ours, {len(patches.starts)} patches of {PATCH}, overlap 0.25", tiled.text, ratio(fast, tiled),
            f"{mean_dice(mine(0, patches), truth):.4f}")
    peer = measure(monai, few)
    out.row("MONAI `SlidingWindowInferer`, float32, overlap 0.5", peer.text, ratio(fast, peer),
            f"{mean_dice(monai(0), truth):.4f}")
    peak = peak_mb_above_now(lambda: mine(0))
    if peak is not None:
        out.note(f"Peak memory above the image: {peak:.0f} MiB; estimated before the start: "
                 f"{chosen.bytes_needed >> 20} MiB.")
    out.note(f"Number format: {str(chosen.dtype).removeprefix('torch.')} where the processor computes in it.")
    return out
