"""Was each sequence given under its own name? Another name that explains the images better speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from synthetic_imaging.sequences.estimation import calibrate
from synthetic_imaging.sequences.protocols import Contrast, sequence_of
from synthetic_imaging.sequences.states import TissueStates, Values

_VOXELS, _THINNED, _ROUNDS = 900, 4, 20
# By how much the mean log-likelihood of a voxel must be better; right names lost at most 0.17 on one patient.
BETTER = 0.25
_ADVICE = "Check it: a sequence under a wrong name makes the result wrong."
_NAMES = {Contrast.FLAIR: "FLAIR", Contrast.T1W: "T1w", Contrast.T1W_SPIN_ECHO: "T1w", Contrast.T2W: "T2w",
          Contrast.PD: "PD"}


def doubtful_names(
    sample: Values, states: TissueStates, kinds: Mapping[str, Contrast], field_t: float
) -> list[str]:
    """Sentences about sequences that look like others.

    Args:
        sample: (voxels, images), of the brain.
        states: of a head.
        kinds: what each image is said to be, by input name, in the order of the images.
        field_t: field strength.
    """
    few = states.thinned(_THINNED)
    voxels = sample[:_VOXELS]
    signals = {kind: few.signal(sequence_of(kind, field_t=field_t)) for kind in _NAMES}

    def fit_of(assumed: Mapping[str, Contrast]) -> float:
        columns = np.stack([signals[assumed[name]] for name in kinds], axis=1)
        return calibrate(voxels, columns, few.weight, _ROUNDS).log_likelihood

    as_said = fit_of(kinds)
    found = []
    for name in kinds:
        others = {kind: fit_of({**kinds, name: kind}) for kind in _NAMES if _NAMES[kind] != _NAMES[kinds[name]]}
        best = max(others, key=lambda kind: others[kind])
        if others[best] > as_said + BETTER:
            found.append(f"What was given as {_NAMES[kinds[name]]} looks more like a {_NAMES[best]}. {_ADVICE}")
    for one, other in combinations(kinds, 2):
        if not found and fit_of({**kinds, one: kinds[other], other: kinds[one]}) > as_said + BETTER:
            pair = f"{_NAMES[kinds[one]]} and {_NAMES[kinds[other]]}"
            found.append(f"{pair} look as if they had been exchanged. {_ADVICE}")
    return found
