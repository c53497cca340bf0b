"""What a scanner makes of a brain: the signed signals of all that is in a voxel, then coil and noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.phantoms.brain.drawing import Map
from synthetic_imaging.phantoms.brain.lesions import LesionMap
from synthetic_imaging.physics.mr.imaging import coil_shading, with_noise
from synthetic_imaging.physics.mr.sequences import Sequence, mixed
from synthetic_imaging.physics.mr.tissue import Tissue

_SUPPRESSED = 0.1  # what fat suppression leaves of fat


@dataclass(frozen=True)
class Scanned:
    """A head as scanners see it.

    Attributes:
        fractions: tissue -> share of the voxel, (K, J, I).
        relaxation: tissue -> its relaxation; lesions have maps.
    """

    fractions: Mapping[str, Map]
    relaxation: Mapping[str, Tissue]

    def image(
        self, sequence: Sequence, rng: np.random.Generator | None = None, *, noise: float = 0.0, shading: float = 0.0,
        fat_suppressed: bool = False,
    ) -> Map:
        """Magnitude image, (K, J, I), relative to fully relaxed water.

        Args:
            sequence: which.
            rng: of coil and noise; not needed without them.
            noise: standard deviation in each channel, as a share of the 99th percentile of the brain's signal.
            shading: how far the coil's brightness drifts; 0.2 is about 20 %.
            fat_suppressed: fat and marrow give a tenth of their signal.
        """
        signal = self.signal(sequence, fat_suppressed=fat_suppressed)
        if rng is None:
            return np.abs(signal)
        inside = sum(self.fractions[name] for name in t.BRAIN) > 0.5
        level = float(np.quantile(np.abs(signal[inside]), 0.99)) if np.any(inside) else float(np.abs(signal).max())
        if shading:
            signal = signal * coil_shading(signal.shape, rng, shading)
        return with_noise(signal, noise * level, rng)

    def signal(self, sequence: Sequence, *, fat_suppressed: bool = False) -> Map:
        """Signed signal without coil and noise, of the fractions' shape."""
        fractions = {name: (part * np.float32(_SUPPRESSED) if fat_suppressed and name in (t.FAT, t.MARROW) else part)
                     for name, part in self.fractions.items()}
        return mixed(sequence, self.relaxation, fractions)

    def maps(self) -> dict[str, Map]:
        """Proton density, T1 and T2 in ms of each voxel: means over its water; 0 in air and bone."""
        water = {name: part * np.asarray(self.relaxation[name].proton_density, np.float32)
                 for name, part in self.fractions.items()}
        total = np.sum(list(water.values()), axis=0)
        present = total > 0.1
        found: dict[str, Map] = {"proton_density": np.where(present, total, 0).astype(np.float32)}
        for name in ("t1_ms", "t2_ms"):
            times = {key: np.asarray(getattr(self.relaxation[key], name), np.float32) for key in water}
            mean = sum(part * times[key] for key, part in water.items())
            found[name] = np.where(present, mean / np.maximum(total, 0.1), 0).astype(np.float32)
        return found


def scanned(
    fractions: Mapping[str, Map], lesions: LesionMap, relaxation: Mapping[str, Tissue], field_t: float = 3.0
) -> Scanned:
    """Fractions with lesions (`lesions.with_lesions`) and one person's relaxation, put together.

    Args:
        fractions: with `tissues.LESION`.
        lesions: for how severe each is.
        relaxation: of the healthy tissues, at ``field_t``.
        field_t: field strength.
    """
    law = t.LesionRelaxation()
    low, high = (law.at(severity, field_t) for severity in (0.0, 1.0))
    between = (np.float32(a) + np.float32(b - a) * lesions.severity for a, b in zip(low, high, strict=True))
    return Scanned(fractions, {**relaxation, t.LESION: Tissue(*between)})
