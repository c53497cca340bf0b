"""Samplers by name; light to import, for settings."""

from __future__ import annotations

import dataclasses
from enum import Enum
from typing import Any

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.choices import Target, chosen
from synthetic_imaging.learning.diffusion.schedules import Schedule
from synthetic_imaging.learning.samplers.flow import FlowEuler, FlowHeun
from synthetic_imaging.learning.samplers.multistep import DPMSolver, UniPC
from synthetic_imaging.learning.samplers.sampler import Sampler
from synthetic_imaging.learning.samplers.stepwise import DDIM, DDPM


class SamplerName(str, Enum):
    """Samplers; those of flow need the flow schedule."""

    DDPM = "ddpm"
    DDIM = "ddim"
    DPM_SOLVER = "dpm-solver++"
    UNIPC = "unipc"
    FLOW_EULER = "flow-euler"
    FLOW_HEUN = "flow-heun"


_KINDS: dict[SamplerName, type[Sampler]] = {
    SamplerName(kind.name): kind for kind in (DDPM, DDIM, DPMSolver, UniPC, FlowEuler, FlowHeun)
}


def sampler(name: SamplerName | str, schedule: Schedule, target: Target | str, **options: Any) -> Sampler:
    """A sampler by name.

    Args:
        name: one of `SamplerName`.
        schedule: the schedule that the network was trained with.
        target: what the network predicts.
        options: for all: spacing, whole_steps; ddpm: variance; ddim: eta; dpm-solver++ and unipc: order.

    Raises:
        ParameterError: for an unknown name or option, or choices that do not go together.
    """
    kind = _KINDS[chosen(SamplerName, name, "sampler")]
    known = [item.name for item in dataclasses.fields(kind)][2:]
    for option in options:
        if option not in known:
            raise ParameterError(f"The sampler {kind.name} has no option '{option}'. Options: {', '.join(known)}.")
    return kind(schedule, target, **options)
