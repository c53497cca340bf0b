"""How each family draws new volumes from its trained networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.families.settings import Sampling
from synthetic_imaging.errors import InputError, ParameterError

if TYPE_CHECKING:
    import torch

    from synthetic_imaging.learning.samplers import Sampler

Labels = npt.NDArray[np.uint8]
Progress = Callable[[float], None]
# Images (B, C, K, J, I) in 0..1, and label maps or None.
Drawn = tuple[Any, Any]


class Draw:
    """What is drawn with.

    Args:
        models: role -> trained model.
        sampling: how diffusion and flow models are sampled; None for what their settings say.
        device: where to compute.
    """

    def __init__(self, models: Any, sampling: Sampling | None, device: str) -> None:
        self.models, self.sampling, self.device = models, sampling, device

    def noise(self, shape: Sequence[int], streams: Sequence[torch.Generator]) -> torch.Tensor:
        """Standard normal numbers (B, *shape), a sample's from its own stream."""
        import torch

        return torch.stack([torch.randn(tuple(shape), generator=stream) for stream in streams]).to(self.device)

    def sampler(self, settings: Any) -> tuple[Sampler, int]:
        """The sampler of a denoiser's settings, and its steps."""
        from synthetic_imaging.cohorts.families.recipes import noise_schedule
        from synthetic_imaging.learning.samplers import sampler

        chosen = self.sampling or settings.sampling
        return sampler(chosen.sampler, noise_schedule(settings.noising), settings.noising.target), chosen.steps


def of_vae(draw: Draw, streams: Sequence[torch.Generator], cond: Labels | None, progress: Progress) -> Drawn:
    """Decode standard normal vectors."""
    del progress
    _without(cond)
    model = draw.models["model"]
    network = model.networks["autoencoder"]
    drawn: Drawn = network.finished(network.decode(draw.noise((model.settings.network.latent,), streams)))
    return drawn


def of_gan(draw: Draw, streams: Sequence[torch.Generator], cond: Labels | None, progress: Progress) -> Drawn:
    """One pass of the generator."""
    from synthetic_imaging.learning.learners.gan import generated

    del progress
    _without(cond)
    model = draw.models["model"]
    network = model.networks["generator"]
    made = generated(network, draw.noise((model.settings.network.latent,), streams))
    drawn: Drawn = network.finished(network.decoded(made))
    return drawn


def of_latents(draw: Draw, streams: Sequence[torch.Generator], cond: Labels | None, progress: Progress) -> Drawn:
    """Sample latents, or codes' vectors, and decode them."""
    _without(cond)
    decode, scale = decoder(draw.models)
    model = draw.models["model"]
    sampler, steps = draw.sampler(model.settings)
    latents = sampler.sample(
        model.networks["denoiser"], draw.noise(latent_shape(draw.models), streams), steps=steps, random=streams,
        progress=progress, clip=latent_clip(scale),
    )
    return decode(latents)


def decoder(models: Any) -> tuple[Callable[[torch.Tensor], Drawn], Any]:
    """From scaled latents to images and labels; and the scale."""
    from synthetic_imaging.learning.learners.vq import CodesAsLatents
    from synthetic_imaging.learning.networks.vq import PairedVq

    network, scale = models["autoencoder"].networks["autoencoder"], models["model"].networks["scale"]
    coder = CodesAsLatents(network) if isinstance(network, PairedVq) else network

    def decode(latents: torch.Tensor) -> Drawn:
        drawn: Drawn = coder.finished(coder.decode(scale.inverse(latents.float())))
        return drawn

    return decode, scale


def latent_clip(scale: Any) -> tuple[float, float] | None:
    """What clean latents are kept in while sampling."""
    from synthetic_imaging.learning.networks.latent_scale import Scaling

    return (-1.0, 1.0) if scale.scaling is Scaling.RANGE else None


def latent_shape(models: Any) -> tuple[int, ...]:
    """(C, k, j, i) of the latents of a first stage."""
    settings = models["autoencoder"].settings
    channels = getattr(settings.network, "latent_channels", None) or settings.network.code_channels
    return (channels, *(n // settings.network.factor for n in settings.cases.shape_kji))


def of_space(draw: Draw, streams: Sequence[torch.Generator], cond: Labels | None, progress: Progress) -> Drawn:
    """Sample voxels, or wavelet bands, under a label map if the model was trained with one."""
    import torch

    from synthetic_imaging.cohorts.families.recipes import space_of

    model = draw.models["model"]
    network, settings, space = model.networks["denoiser"], model.settings, space_of(model.settings)
    condition = None
    if not settings.label_condition:
        _without(cond)
    elif cond is None:
        raise ParameterError("This model was trained with label maps as condition: give one for each volume.")
    else:
        shape = (len(streams), *settings.cases.shape_kji)
        if cond.shape != shape or int(cond.max()) >= space.classes:
            raise InputError(f"The label maps of these volumes are {shape} with values below {space.classes}; given "
                             f"were {cond.shape} up to {int(cond.max())}.")
        condition = space.condition(torch.from_numpy(cond).to(draw.device))

    def predict(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network(x, t, condition=condition)
        return found

    sampler, steps = draw.sampler(settings)
    # The condition's channels are no part of what is drawn.
    noise = draw.noise(space.shape(1, settings.cases.shape_kji), streams)
    clean = sampler.sample(predict, noise, steps=steps, random=streams, progress=progress, **space.sampling())
    return space.image(clean), None


def _without(cond: Labels | None) -> None:
    if cond is not None:
        raise ParameterError("This model was trained without a condition. Voxel and wavelet diffusion take label maps "
                             "as condition when they are trained with label_condition.")


def network_calls(settings: Any, sampling: Sampling | None = None) -> int:
    """How often a sample asks its network, decoding not counted; 1 for a family of one pass."""
    if not hasattr(settings, "sampling"):
        return 1
    sampler, steps = Draw({}, sampling, "cpu").sampler(settings)
    return sampler.network_calls(steps)
