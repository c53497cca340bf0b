"""What a recipe chooses by name when it diffuses; light to import, for settings."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from synthetic_imaging.errors import ParameterError


class ScheduleName(str, Enum):
    """Noise schedules; "flow" is the straight line of rectified flow."""

    LINEAR = "linear"
    SCALED_LINEAR = "scaled_linear"
    COSINE = "cosine"
    SIGMOID = "sigmoid"
    FLOW = "flow"


class Target(str, Enum):
    """What the network predicts from x = alpha clean + sigma noise.

    "noise"; "v" = alpha noise - sigma clean (Salimans and Ho 2022); "clean"; "velocity" = clean - noise, the sign of
    MONAI's rectified flow (Liu et al. 2023 have the opposite).
    """

    NOISE = "noise"
    V = "v"
    CLEAN = "clean"
    VELOCITY = "velocity"


class Distance(str, Enum):
    """How far a prediction is from its target."""

    L1 = "l1"
    L2 = "l2"
    HUBER = "huber"


class FlowTimes(str, Enum):
    """How training draws the time of a flow; "logit-normal" favours the middle (Esser et al. 2024)."""

    UNIFORM = "uniform"
    LOGIT_NORMAL = "logit-normal"


Choice = TypeVar("Choice", bound=Enum)


def chosen(kind: type[Choice], value: Choice | str, what: str) -> Choice:
    """A member of an Enum, from itself or its text.

    Raises:
        ParameterError: if there is none of that name.
    """
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(str(member.value) for member in kind)
        raise ParameterError(f"There is no {what} '{value}'. Choices: {names}.") from None
