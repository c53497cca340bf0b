"""Samplers beside diffusers' and MONAI's schedulers, their error at a number of network calls, and wavelets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import measure_together

from synthetic_imaging.learning.diffusion.schedules import schedule
from synthetic_imaging.learning.samplers import sampler
from synthetic_imaging.learning.samplers.curve import calls_curve
from synthetic_imaging.learning.samplers.known_answer import Mixture, even_noise
from synthetic_imaging.learning.wavelets import dwt, idwt

STEPS = 50
SHAPE = (1, 4, 40, 40, 40)
CALLS = (4, 8, 12, 20, 30, 50)
DRAWS = 100_000
SIDE = 128


def _in_diffusers(name: str, **options: Any) -> Any:
    import diffusers

    return getattr(diffusers, name)(beta_schedule="linear", beta_start=1e-4, beta_end=0.02, **options)


def _peers() -> dict[str, list[tuple[str, Callable[[], Any]]]]:
    """Schedulers to compare with, for each of our samplers."""
    from monai.networks import schedulers as monai

    return {
        "ddpm": [("diffusers", lambda: _in_diffusers("DDPMScheduler", clip_sample=False)),
                 ("MONAI", lambda: monai.DDPMScheduler(1000, clip_sample=False))],
        "ddim": [("diffusers", lambda: _in_diffusers("DDIMScheduler", clip_sample=False)),
                 ("MONAI", lambda: monai.DDIMScheduler(1000, clip_sample=False))],
        "dpm-solver++": [("diffusers", lambda: _in_diffusers("DPMSolverMultistepScheduler", use_lu_lambdas=True))],
        "unipc": [("diffusers", lambda: _in_diffusers("UniPCMultistepScheduler"))],
        "flow-euler": [("MONAI", lambda: monai.RFlowScheduler(1000))],
    }  # fmt: skip


def _driven(peer: Any, predict: Callable[[Any, Any], Any], x: Any, steps: int, seed: int) -> Any:
    """A peer's scheduler in the plain loop its documentation shows."""
    import torch

    peer.set_timesteps(steps)
    options = {"generator": torch.Generator().manual_seed(seed)} if "DDPM" in type(peer).__name__ else {}
    for t in peer.timesteps:
        done = peer.step(predict(x, torch.full((x.shape[0],), float(t))), t, x, **options)
        x = done[0] if isinstance(done, tuple) else done.prev_sample
    return x


def section(repeats: int) -> Section:
    """What samplers cost beside the network, and the wavelet transform."""
    import torch

    shape = " x ".join(str(n) for n in SHAPE[2:])
    out = Section(
        "Samplers and wavelets",
        f"What {STEPS} steps cost beside the network, on {SHAPE[1]} channels of {shape}: the network is a lookup here. "
        f"Wavelets: one Haar level of {SIDE} x {SIDE} x {SIDE}, single precision; peers are the eight kernels as a "
        "strided convolution in torch.",
        ["what", "peer", "ours", "peer's", "ours / peer"],
    )
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    answer = noise * 0.5

    def lookup(x: Any, t: Any) -> Any:
        return answer

    for name, peers in _peers().items():
        flow = name.startswith("flow")
        kind = sampler(name, schedule("flow" if flow else "linear"), "velocity" if flow else "noise")

        def ours(seed: int, kind: Any = kind) -> Any:
            random = torch.Generator().manual_seed(seed)
            return kind.sample(lookup, noise, steps=STEPS, random=random)

        for whose, make in peers:
            try:
                make()
            except ImportError as reason:
                out.row(name, f"{whose} not measured: {reason}", "", "", "")
                continue

            def theirs(seed: int, make: Any = make) -> Any:
                return _driven(make(), lookup, noise, STEPS, seed)

            a, b = measure_together(ours, theirs, repeats=repeats)
            out.row(name, whose, a.text, b.text, ratio(a, b))
    _wavelet_rows(out, repeats)
    return out


def _wavelet_rows(out: Section, repeats: int) -> None:
    import torch
    from torch.nn import functional

    voxels = np.random.default_rng(0).random((1, 1, SIDE, SIDE, SIDE), dtype=np.float32)
    image = torch.from_numpy(voxels)
    side = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    kernels = (torch.kron(torch.kron(side, side), side) / 8**0.5).reshape(8, 1, 2, 2, 2)
    bands = functional.conv3d(image, kernels, stride=2)
    apart = float((bands - dwt(image)).abs().max())
    forth = measure_together(
        lambda _: dwt(image), lambda _: functional.conv3d(image, kernels, stride=2), repeats=repeats
    )
    out.row("Haar transform", "torch, convolution", forth[0].text, forth[1].text, ratio(*forth))
    back = measure_together(
        lambda _: idwt(bands), lambda _: functional.conv_transpose3d(bands, kernels, stride=2), repeats=repeats
    )
    out.row("inverse", "torch, convolution", back[0].text, back[1].text, ratio(*back))
    lost = float((idwt(dwt(image)) - image).abs().max())
    out.note(f"Largest difference of the transforms {apart:.1g}; of the round trip to the image {lost:.1g}.")


def errors(repeats: int) -> Section:
    """The error of samplers against network calls."""
    import torch

    del repeats
    out = Section(
        "Error of samplers against network calls",
        "Wasserstein-1 distance to a known one-dimensional mixture of three Gaussians (deviation 1), with its exact "
        "network: the sampler's own error. Linear schedule of 1000 levels; flow without shift. Columns are network "
        "calls; a Heun step takes two.",
        ["sampler", *(str(n) for n in CALLS)],
    )
    mixture, linear, flow = Mixture(), schedule("linear"), schedule("flow")
    arms: dict[str, Any] = {
        "ddim": sampler("ddim", linear, "noise"),
        "dpm-solver++": sampler("dpm-solver++", linear, "noise"),
        "dpm-solver++, even steps": sampler("dpm-solver++", linear, "noise", spacing="trailing"),
        "dpm-solver++, focused": sampler("dpm-solver++", linear, "noise", spacing="focused"),
        "unipc": sampler("unipc", linear, "noise"),
        "unipc, even steps": sampler("unipc", linear, "noise", spacing="trailing"),
        "unipc, focused": sampler("unipc", linear, "noise", spacing="focused"),
        "flow-euler": sampler("flow-euler", flow, "velocity"),
        "flow-heun": sampler("flow-heun", flow, "velocity"),
    }
    networks = {name: (kind, mixture.predict(kind.schedule, kind.target)) for name, kind in arms.items()}
    points = calls_curve(networks, even_noise(4000), mixture.wasserstein, calls=CALLS)
    for name in arms:
        out.row(name, *(f"{point.quality:.4f}" for point in points if point.name == name))
    try:
        for name, options in (("DPMSolverMultistepScheduler", {"use_lu_lambdas": True}),
                              ("UniPCMultistepScheduler", {})):  # fmt: skip
            exact, start = networks["ddim"][1], even_noise(4000)
            found = [mixture.wasserstein(_driven(_in_diffusers(name, **options), exact, start, n, 0)) for n in CALLS]
            out.row(f"diffusers, {name}, {', '.join(options) or 'default'}", *(f"{value:.4f}" for value in found))
    except ImportError as reason:
        out.note(f"diffusers was not measured: {reason}")
    random = torch.Generator().manual_seed(0)
    start = torch.randn(DRAWS, 1, generator=random)
    ancestral = sampler("ddpm", linear, "noise")
    value = mixture.wasserstein(ancestral.sample(networks["ddim"][1], start, steps=1000, random=random))
    rng = np.random.default_rng(0)
    part = rng.choice(len(mixture.weights), DRAWS, p=mixture.weights)
    floor = mixture.wasserstein(rng.normal(np.array(mixture.means)[part], np.array(mixture.deviations)[part]))
    out.note(
        f"ddpm, 1000 steps: {value:.4f} with {DRAWS} draws, whose noise alone is {floor:.4f}; the other rows start "
        "from quantiles and have none."
    )
    return out
