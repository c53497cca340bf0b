"""Was each sequence given under its own name? Another name that explains the images better speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from synthetic_imaging.sequences.estimation import calibrate
from synthetic_imaging.sequences.header_names import name_of
from synthetic_imaging.sequences.protocols import Contrast, Timing, sequence_of
from synthetic_imaging.sequences.states import TissueStates, Values

_VOXELS, _THINNED, _ROUNDS = 900, 4, 20
# By how much the mean log-likelihood of a voxel must be better; right names lost at most 0.17 on one patient.
BETTER = 0.25
_ADVICE = "Check it: a sequence under a wrong name makes the result wrong."
_KNOWN = (Contrast.FLAIR, Contrast.T1W, Contrast.T1W_SPIN_ECHO, Contrast.T2W, Contrast.PD)


def doubtful_names(
    sample: Values, states: TissueStates, kinds: Mapping[str, Contrast], field_t: float,
    timings: Mapping[str, Timing] | None = None,
) -> list[str]:
    """Sentences about sequences that look like others.

    Args:
        sample: (voxels, images), of the brain.
        states: of a head.
        kinds: what each image is said to be, by input name, in the order of the images.
        field_t: field strength.
        timings: of each image, where its headers tell them; they count for the name that it was given. Another name
            is tried with its usual times: what is under a wrong name has the headers of another sequence, or none.
    """
    few = states.thinned(_THINNED)
    voxels = sample[:_VOXELS]
    usual = {kind: few.signal(sequence_of(kind, field_t=field_t)) for kind in _KNOWN}
    own = {name: few.signal(sequence_of(kind, (timings or {}).get(name, Timing()), field_t))
           for name, kind in kinds.items()}

    def fit_of(assumed: Mapping[str, Contrast]) -> float:
        columns = np.stack([own[name] if assumed[name] is kinds[name] else usual[assumed[name]] for name in kinds],
                           axis=1)
        return calibrate(voxels, columns, few.weight, _ROUNDS).log_likelihood

    as_said = fit_of(kinds)
    found = []
    for name in kinds:
        others = {kind: fit_of({**kinds, name: kind}) for kind in _KNOWN if name_of(kind) != name_of(kinds[name])}
        best = max(others, key=lambda kind: others[kind])
        if others[best] > as_said + BETTER:
            found.append(f"What was given as {name_of(kinds[name])} looks more like a {name_of(best)}. {_ADVICE}")
    for one, other in combinations(kinds, 2):
        if not found and fit_of({**kinds, one: kinds[other], other: kinds[one]}) > as_said + BETTER:
            pair = f"{name_of(kinds[one])} and {name_of(kinds[other])}"
            found.append(f"{pair} look as if they had been exchanged. {_ADVICE}")
    return found
