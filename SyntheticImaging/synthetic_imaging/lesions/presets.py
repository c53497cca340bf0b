"""What a lesion looks like in each organ: contrast, how far normal structure shows through, tissue levels.

Numbers: specification of Hu et al. 2023 and Lai et al. 2024 where they say something (liver contrast,
tissue levels, steps); the rest is set by eye from clinical priors (hypo-attenuating pancreatic carcinoma,
renal carcinoma darker than parenchyma in the nephrographic phase, solid lung nodule of soft-tissue density).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class OrganPreset(str, Enum):
    """Organ whose lesions are imitated."""

    AUTOMATIC = "automatic"
    LIVER = "liver"
    PANCREAS = "pancreas"
    KIDNEY = "kidney"
    LUNG = "lung nodule"
    GENERAL = "general"


@dataclass(frozen=True)
class Appearance:
    """How lesions of an organ look in CT.

    Attributes:
        reference_hu: HU of the organ for which ``drop_hu`` holds; in paler phases the drop shrinks in proportion.
        drop_hu: (low, high) mean darkening of the core; drawn uniformly.
        core_hu: (low, high) absolute HU of the core instead, for organs of air (lung); or None.
        suppress_structure: 0..1, how far the organ's own structure is evened out inside the lesion.
        plausible_hu: (low, high) range of the organ's median; outside, the volume is not such an organ in HU.
        tissue_hu: (L, V) of the automaton's three density levels, portal phase.
        necrosis_after_steps: steps after which a grown tumour may die in its core.
        most_steps: upper end of the published range of steps.
        even_out_to_organ: whether structure is evened out to the whole organ's median, not to what lies around the
            lesion (a kidney's cortex and medulla differ by more than the lesion does).
        edge_sigma_mm: softness of the edge, drawn uniformly; sharp against air.
        lobulation_factor: how lobulated, against the size class.
    """

    reference_hu: float
    drop_hu: tuple[float, float]
    suppress_structure: float
    plausible_hu: tuple[float, float]
    tissue_hu: tuple[float, float] = (100.0, 160.0)
    core_hu: tuple[float, float] | None = None
    necrosis_after_steps: int = 50
    most_steps: int = 150
    even_out_to_organ: bool = False
    edge_sigma_mm: tuple[float, float] = (1.0, 2.0)
    lobulation_factor: float = 1.0


APPEARANCE: dict[OrganPreset, Appearance] = {
    OrganPreset.LIVER: Appearance(110.0, (33.0, 75.0), 0.5, (0.0, 250.0)),
    OrganPreset.PANCREAS: Appearance(
        100.0, (25.0, 55.0), 0.8, (-40.0, 250.0), necrosis_after_steps=30, most_steps=80
    ),
    OrganPreset.KIDNEY: Appearance(
        180.0, (60.0, 110.0), 0.95, (0.0, 400.0), (140.0, 200.0), necrosis_after_steps=30, most_steps=80,
        even_out_to_organ=True,
    ),
    OrganPreset.LUNG: Appearance(
        -850.0, (0.0, 0.0), 1.0, (-1000.0, -300.0), (-1100.0, -400.0), core_hu=(-10.0, 60.0), edge_sigma_mm=(0.5, 0.9),
        lobulation_factor=2.0,
    ),
    OrganPreset.GENERAL: Appearance(100.0, (30.0, 60.0), 0.5, (-1100.0, 3000.0)),
}

_BY_NAME = (
    ("liver", OrganPreset.LIVER),
    ("pancrea", OrganPreset.PANCREAS),
    ("kidney", OrganPreset.KIDNEY),
    ("renal", OrganPreset.KIDNEY),
    ("lung", OrganPreset.LUNG),
)


def preset_for(chosen: OrganPreset, segment_name: str) -> OrganPreset:
    """The chosen preset, or the one that the segment's name suggests; general when it suggests none."""
    if chosen is not OrganPreset.AUTOMATIC:
        return chosen
    name = segment_name.casefold()
    if any(word in name for word in ("cyst", "vessel", "vein", "artery")):
        return OrganPreset.GENERAL
    return next((preset for word, preset in _BY_NAME if word in name), OrganPreset.GENERAL)


class SizeClass(str, Enum):
    """Size classes of Hu et al. 2023 by nominal radius: 4, 8, 16, 32 mm."""

    TINY = "tiny"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    MIX = "mix"


@dataclass(frozen=True)
class SizeRule:
    """Nominal radius, number per case (both ends included), amplitude of the elastic change in mm."""

    radius_mm: float
    count: tuple[int, int]
    elastic_mm: tuple[float, float]
    lobulation: float
    mass_effect_percent: float


SIZES: dict[SizeClass, SizeRule] = {
    SizeClass.TINY: SizeRule(4.0, (3, 10), (0.5, 1.0), 0.03, 0.0),
    SizeClass.SMALL: SizeRule(8.0, (3, 10), (1.0, 2.0), 0.05, 0.0),
    SizeClass.MEDIUM: SizeRule(16.0, (2, 5), (3.0, 6.0), 0.09, 30.0),
    SizeClass.LARGE: SizeRule(32.0, (1, 3), (5.0, 10.0), 0.12, 30.0),
}

MIX: tuple[tuple[SizeClass, tuple[int, int]], ...] = (
    (SizeClass.LARGE, (1, 3)),
    (SizeClass.MEDIUM, (2, 5)),
    (SizeClass.SMALL, (5, 10)),
    (SizeClass.TINY, (3, 10)),
)
