"""Timing of a sequence from its DICOM headers, where the volume has them."""

from __future__ import annotations

from synthetic_imaging.sequences.protocols import Timing
from synthetic_imaging.volume import Volume


def timing_from_dicom(volume: Volume) -> Timing:
    """TR, TE, TI and flip angle; None for each that the headers do not have (always, for other files)."""
    if volume.dicom is None:
        return Timing()
    return Timing(
        repetition_time_ms=_number(volume, "RepetitionTime"), echo_time_ms=_number(volume, "EchoTime"),
        inversion_time_ms=_number(volume, "InversionTime"), flip_degrees=_number(volume, "FlipAngle"),
    )


def _number(volume: Volume, keyword: str) -> float | None:
    assert volume.dicom is not None
    text = volume.dicom.text(keyword)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value > 0 else None
