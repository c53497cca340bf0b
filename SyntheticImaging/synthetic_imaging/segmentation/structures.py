"""What segmented structures are called, in codes and colours."""

from __future__ import annotations

from dataclasses import replace

from synthetic_imaging.mask import Code, Segment, Terminology

_LEFT_VENTRICLE = {
    "left ventricular myocardium": ("74281007", "Myocardium", (238, 220, 130)),
    "left ventricular cavity": ("87878005", "Left ventricle", (220, 50, 47)),
}


def structure_segment(name: str, label: int) -> Segment:
    """A segment for a structure of a model: those of the heart by their own codes, others as `organ_segment` knows."""
    from synthetic_imaging import terminology
    from synthetic_imaging.phantoms.heart.labels import STRUCTURES, heart_segment

    if name in STRUCTURES:
        return heart_segment(name, label)
    found = _LEFT_VENTRICLE.get(name.lower())
    if found is not None:
        code, meaning, (red, green, blue) = found
        side = terminology.LEFT if meaning == "Myocardium" else None
        return Segment(
            name, label=label, colour=(red / 255, green / 255, blue / 255),
            terminology=Terminology(terminology.ANATOMY, Code("SCT", code, meaning), side),
        )
    return replace(terminology.organ_segment(name), label=label, layer=0)
