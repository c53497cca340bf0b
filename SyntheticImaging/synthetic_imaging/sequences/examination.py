"""What lesions of one brain are looked for with: images, tissues, atlas; worked out once, used by all methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.sequences.atlas_fit import FittedAtlas
from synthetic_imaging.sequences.lesion_evidence import lesion_evidence, lesion_steps
from synthetic_imaging.sequences.patient_regions import PatientRegions, class_shares, regions_of_brain
from synthetic_imaging.sequences.protocols import Contrast, Timing
from synthetic_imaging.sequences.tissue_classes import TissueClasses, expected_signals, tissue_classes

Map = npt.NDArray[np.float32]
Inside = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Examination:
    """One brain.

    Attributes:
        images: (K, J, I, images), float32, evened out, not negative.
        contrasts: what the images are, in their order; none twice.
        timings: of the images, in their order.
        geometry: of the grid.
        brain: where the brain is, (K, J, I).
        fitted: the atlas over it.
        classes: how bright its tissues are.
        shares: how probable each class is in each voxel, (K, J, I).
        field_t: field strength.
    """

    images: Map
    contrasts: tuple[Contrast, ...]
    timings: tuple[Timing, ...]
    geometry: Geometry
    brain: Inside
    fitted: FittedAtlas
    classes: TissueClasses
    shares: Mapping[str, Map]
    field_t: float

    def evidence(self) -> Map:
        """How much speaks for a lesion in each voxel (`lesion_evidence`), (K, J, I)."""
        steps = [lesion_steps(c, timing, self.field_t) for c, timing in zip(self.contrasts, self.timings, strict=True)]
        return lesion_evidence(self.images, self.brain, self.fitted.chance, self.classes, steps)

    def regions(self, lesions: Inside | None = None) -> PatientRegions:
        """Regions of this brain, given where its lesions are, (K, J, I)."""
        return regions_of_brain(self.shares, self.brain, self.fitted, self.classes, self.geometry, lesions)

    def image(self, contrast: Contrast) -> Map:
        """(K, J, I) of one contrast."""
        return np.asarray(self.images[..., self.contrasts.index(contrast)])


def examined(
    images: Map, contrasts: Sequence[Contrast], geometry: Geometry, brain: Inside, fitted: FittedAtlas, *,
    timings: Sequence[Timing] | None = None, field_t: float = 3.0,
) -> Examination:
    """Tell the tissues apart in images whose brain is known.

    Args:
        images: (K, J, I, images), evened out, not negative.
        contrasts: what they are.
        geometry: of the grid.
        brain: where the brain is, (K, J, I).
        fitted: the atlas over it.
        timings: of the images; usual ones when None.
        field_t: field strength.
    """
    expected = np.stack([expected_signals(c, field_t) for c in contrasts], axis=1)
    classes = tissue_classes(images, fitted.chance, brain, expected)
    times = tuple(timings or (Timing(),) * len(contrasts))
    return Examination(images, tuple(contrasts), times, geometry, brain, fitted,
                       classes, class_shares(images, brain, fitted.chance, classes), field_t)
