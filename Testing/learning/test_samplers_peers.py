"""Samplers beside diffusers' and MONAI's schedulers: the same images where their settings coincide.

The peers keep their schedule in single precision; where that would hide a difference they are given ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthetic_imaging.learning.diffusion.schedules import schedule
from synthetic_imaging.learning.samplers import sampler
from synthetic_imaging.learning.samplers.known_answer import Mixture

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

LINEAR = schedule("linear")
IN_DIFFUSERS = {"noise": "epsilon", "v": "v_prediction", "clean": "sample"}
USUAL: dict[str, Any] = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02}


def noise() -> Any:
    return torch.randn(2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def network(target: str) -> Any:
    return Mixture().predict(LINEAR, target)


def by_peer(peer: Any, ask: Any, steps: int, path: Any = LINEAR, **options: Any) -> Any:
    peer.alphas_cumprod = torch.from_numpy(np.array(path.alphas_bar))
    peer.set_timesteps(steps)
    x = noise()
    for t in peer.timesteps:
        done = peer.step(ask(x, torch.full((2,), float(t))), t, x, **options)
        x = done[0] if isinstance(done, tuple) else done.prev_sample
    return x


@pytest.mark.parametrize("target", list(IN_DIFFUSERS))
@pytest.mark.parametrize(("spacing", "steps"), [("trailing", 20), ("leading", 50)])
def test_ddim_is_that_of_diffusers(target: str, spacing: str, steps: int):
    kind = IN_DIFFUSERS[target]
    peer = diffusers.DDIMScheduler(**USUAL, prediction_type=kind, timestep_spacing=spacing, clip_sample=False)
    mine = sampler("ddim", LINEAR, target, spacing=spacing).sample(network(target), noise(), steps=steps)
    torch.testing.assert_close(mine, by_peer(peer, network(target), steps), rtol=1e-9, atol=1e-9)


def test_ddim_with_noise_and_clip_is_that_of_diffusers():
    peer = diffusers.DDIMScheduler(**USUAL, timestep_spacing="trailing", clip_sample=True, clip_sample_range=0.8)
    theirs = by_peer(
        peer, network("noise"), 25, eta=0.7, generator=torch.Generator().manual_seed(1), use_clipped_model_output=True
    )
    mine = sampler("ddim", LINEAR, "noise", eta=0.7).sample(
        network("noise"), noise(), steps=25, random=torch.Generator().manual_seed(1), clip=(-0.8, 0.8)
    )
    torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("variance", "spacing", "steps"),
    # Where the last step does not start at time 0, diffusers adds the larger noise even to the final image.
    [("posterior", "leading", 200), ("posterior", "trailing", 25), ("beta", "leading", 50)],
)
def test_ddpm_is_that_of_diffusers(variance: str, spacing: str, steps: int):
    kind = {"posterior": "fixed_small", "beta": "fixed_large"}[variance]
    peer = diffusers.DDPMScheduler(**USUAL, variance_type=kind, timestep_spacing=spacing, clip_sample=False)
    peer.one = torch.tensor(1.0, dtype=torch.float64)
    ddpm = sampler("ddpm", LINEAR, "noise", spacing=spacing, variance=variance)
    mine = ddpm.sample(network("noise"), noise(), steps=steps, random=torch.Generator().manual_seed(1))
    theirs = by_peer(peer, network("noise"), steps, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(mine, theirs, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("target", list(IN_DIFFUSERS))
@pytest.mark.parametrize("steps", [4, 10, 20])
@pytest.mark.parametrize("spacing", ["log-snr", "trailing"])
def test_dpm_solver_is_that_of_diffusers(target: str, steps: int, spacing: str):
    where = {"use_lu_lambdas": True} if spacing == "log-snr" else {"timestep_spacing": "trailing"}
    peer = diffusers.DPMSolverMultistepScheduler(**USUAL, **where, prediction_type=IN_DIFFUSERS[target])

    def ask(x: Any, t: Any) -> Any:  # diffusers tells the network rounded times of levels between them
        return network(target)(x, t.round())

    solver = sampler("dpm-solver++", LINEAR, target, spacing=spacing, whole_steps=False)
    mine = solver.sample(ask, noise(), steps=steps)
    torch.testing.assert_close(mine, by_peer(peer, ask, steps), rtol=3e-4, atol=3e-4)


@pytest.mark.parametrize("target", list(IN_DIFFUSERS))
@pytest.mark.parametrize("steps", [4, 10, 20])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_unipc_is_that_of_diffusers(target: str, steps: int, order: int):
    peer = diffusers.UniPCMultistepScheduler(
        **USUAL, solver_order=order, timestep_spacing="trailing", prediction_type=IN_DIFFUSERS[target]
    )
    solver = sampler("unipc", LINEAR, target, spacing="trailing", order=order)
    mine = solver.sample(network(target), noise(), steps=steps)
    torch.testing.assert_close(mine, by_peer(peer, network(target), steps), rtol=3e-4, atol=3e-4)


@pytest.mark.parametrize("name", ["ddim", "ddpm"])
def test_all_steps_are_those_of_monai(name: str):
    from monai.networks.schedulers import DDIMScheduler, DDPMScheduler

    short = schedule("linear", 100, beta_start=1e-4, beta_end=0.1)
    ask = Mixture().predict(short, "noise")
    peer = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[name](100, beta_end=0.1, clip_sample=False)
    options = {} if name == "ddim" else {"generator": torch.Generator().manual_seed(1)}
    peer.one = torch.tensor(1.0, dtype=torch.float64)
    mine = sampler(name, short, "noise").sample(ask, noise(), steps=100, random=torch.Generator().manual_seed(1))
    theirs = by_peer(peer, ask, 100, path=short, **options)
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


def test_flow_is_that_of_monai():
    from monai.networks.schedulers import RFlowScheduler

    flow = schedule("flow")
    ask = Mixture().predict(flow, "velocity")
    peer = RFlowScheduler(1000)
    peer.set_timesteps(10)
    x = noise()
    for t, after in zip(peer.timesteps, [*peer.timesteps[1:], 0], strict=True):
        x, _ = peer.step(ask(x, torch.full((2,), float(t))), t, x, after)
    mine = sampler("flow-euler", flow, "velocity").sample(ask, noise(), steps=10)
    torch.testing.assert_close(mine, x.double(), rtol=1e-6, atol=1e-6)
