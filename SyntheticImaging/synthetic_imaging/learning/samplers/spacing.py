"""At which times a sampler asks the network."""

from __future__ import annotations

from enum import Enum

import numpy as np

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.diffusion.choices import chosen
from synthetic_imaging.learning.diffusion.schedules import FloatArray, FlowSchedule, Schedule

# Uniform steps in the log signal-to-noise ratio start here: below, nothing of the image is left to decide, and
# schedules that end in nearly pure noise would waste their steps there (Lu et al. 2022 clip half of it at -5.1).
MOST_NOISE = -10.2
# "focused" starts its uniform steps here. On the mixture of `known_answer` it halves the error of "log-snr" at any
# number of steps; images of many voxels settle their gross layout in more noise than a single number does.
FOCUS = -6.0


class Spacing(str, Enum):
    """How times are spread.

    "even": from the last time to the first, both included; "trailing": even, from the last time, for schedules that end
    in noise (Lin et al. 2024); "leading": even, down to the first time; "log-snr": even in the logarithm of the
    signal-to-noise ratio (Lu et al. 2022), for solvers of second order from about ten steps on; "focused": the same
    after one long step through the noisiest times, for small latents and the fewest steps.
    """

    EVEN = "even"
    TRAILING = "trailing"
    LEADING = "leading"
    LOG_SNR = "log-snr"
    FOCUSED = "focused"


def times(schedule: Schedule, steps: int, spacing: Spacing | str, *, whole: bool = False) -> FloatArray:
    """Falling times at which the network is asked, ``steps`` of them; the clean image comes after the last.

    Args:
        schedule: the schedule of the training.
        steps: how many.
        spacing: how they are spread; a flow is even in its shifted fractions for the first three.
        whole: only whole times, for networks that look up times in a table; of a noise schedule only.

    Raises:
        ParameterError: for fewer than one step, or more than the schedule has levels.
    """
    spacing = chosen(Spacing, spacing, "spacing of steps")
    if steps < 1:
        raise ParameterError(f"Sampling takes at least 1 step, not {steps}.")
    if spacing in (Spacing.LOG_SNR, Spacing.FOCUSED):
        found = _log_snr(schedule, steps, FOCUS if spacing is Spacing.FOCUSED else MOST_NOISE)
    elif isinstance(schedule, FlowSchedule):
        found = schedule.shifted(np.linspace(1, 0, steps, endpoint=False))
    else:
        _check(schedule, steps)
        found = _even(schedule.steps, steps, spacing)
    if whole and not isinstance(schedule, FlowSchedule):
        _check(schedule, steps)
        found = _apart(np.round(found), schedule.steps)
    return np.asarray(found, dtype=np.float64)


def _check(schedule: Schedule, steps: int) -> None:
    if steps > schedule.steps:
        raise ParameterError(f"{steps} steps were asked for, but the schedule has only {schedule.steps} levels.")


def _even(levels: int, steps: int, spacing: Spacing) -> FloatArray:
    if spacing is Spacing.EVEN:
        # One step starts at the noise.
        return np.round(np.linspace(levels - 1, 0, steps))
    if spacing is Spacing.LEADING:
        return (np.arange(steps, dtype=np.float64) * (levels // steps))[::-1]
    return np.round(levels - np.arange(steps) * (levels / steps)) - 1


def _log_snr(schedule: Schedule, steps: int, lowest: float) -> FloatArray:
    most_noise = max(float(schedule.log_snr(schedule.last)), lowest)
    ratios = np.linspace(most_noise, float(schedule.log_snr(schedule.first)), steps)
    found = schedule.time_at(ratios)
    found[0] = schedule.last  # what sampling starts from is noise, whatever was skipped
    return found


def _apart(found: FloatArray, levels: int) -> FloatArray:
    """Whole times, moved away from each other where rounding made two the same."""
    steps = len(found)
    lowest = np.arange(steps)[::-1]
    rising = np.maximum.accumulate((found - lowest)[::-1])[::-1] + lowest
    return np.minimum(rising, levels - 1 - np.arange(steps))
