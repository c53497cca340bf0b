"""What a voxel is to a scanner: proton density and relaxation times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tissue:
    """Numbers or maps; maps have one shape (K, J, I), and numbers go with any.

    Attributes:
        proton_density: relative to water, 0 to about 1.
        t1_ms, t2_ms, t2star_ms: relaxation times, above 0; T2* is at most T2, and T2 at most 2 T1.
    """

    proton_density: npt.ArrayLike
    t1_ms: npt.ArrayLike
    t2_ms: npt.ArrayLike
    t2star_ms: npt.ArrayLike

    def __post_init__(self) -> None:
        try:
            parts = [np.asarray(v, np.float32) for v in self.parts]
            np.broadcast_shapes(*(p.shape for p in parts))
        except (TypeError, ValueError):
            raise InputError("Maps of a tissue must be numbers of one shape.") from None
        names = ("Proton density", "T1", "T2", "T2*")
        for name, part in zip(names, parts, strict=True):
            if not np.isfinite(part).all():
                raise InputError(f"{name} holds values that are not finite numbers.")
            low = float(part.min(initial=np.inf))
            if low < 0 or (low == 0 and name != "Proton density"):
                raise InputError(f"{name} must be above 0; its smallest value is {low:.4g}.")

    @property
    def parts(self) -> tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]:
        """Proton density, T1, T2, T2*."""
        return self.proton_density, self.t1_ms, self.t2_ms, self.t2star_ms
