"""Which sequence a volume is by its DICOM headers: by the words in its name, else by its times."""

from __future__ import annotations

import re

from synthetic_imaging.sequences.protocols import Contrast, Timing
from synthetic_imaging.sequences.timing import timing_from_dicom
from synthetic_imaging.volume import Volume

# In this order: "t2 flair" is a FLAIR, "t1 mprage" a T1w. Whole words between separators.
_WORDS: tuple[tuple[str, Contrast], ...] = (
    (r"t1\W*flair|t1\W*dark\W*fluid", Contrast.T1W),
    (r"dir|double\W*(ir|inversion)", Contrast.DIR),
    (r"flair|dark\W*fluid|tirm\W*dark|fluid\W*atten\w*", Contrast.FLAIR),
    (r"stir", Contrast.STIR),
    (r"t1\w*|mp\W?rage|mprage\w*|spgr|bravo|tfl\w*|mdeft|vibe", Contrast.T1W),
    (r"pd|pdw|proton\W*density|rho\w*", Contrast.PD),
    (r"t2\w*", Contrast.T2W),
)
_NAMES = {Contrast.FLAIR: "FLAIR", Contrast.T1W: "T1w", Contrast.T1W_SPIN_ECHO: "T1w", Contrast.T2W: "T2w",
          Contrast.PD: "PD", Contrast.DIR: "DIR", Contrast.STIR: "STIR"}


def name_of(contrast: Contrast) -> str:
    """What radiologists call it: both kinds of T1w are T1w."""
    return _NAMES.get(contrast, contrast.value)


def contrast_by_headers(volume: Volume) -> Contrast | None:
    """The contrast that the headers tell; None where they do not, or where words and times contradict each other."""
    if volume.dicom is None:
        return None
    words = _by_words(" ".join(volume.dicom.text(k) for k in ("SeriesDescription", "ProtocolName")))
    times = contrast_by_times(timing_from_dicom(volume))
    if words is None or times is None:
        return words or times
    # Headers often leave out the inversion time: then a FLAIR, a DIR or a STIR has the times of a T2w.
    silent = (times is Contrast.T2W and words in (Contrast.FLAIR, Contrast.DIR, Contrast.STIR)) or (
        {times, words} == {Contrast.FLAIR, Contrast.DIR})
    return words if silent or name_of(words) == name_of(times) else None


def contrast_by_times(timing: Timing) -> Contrast | None:
    """The contrast of usual brain protocols with these times; None where they tell none."""
    tr, te, ti = timing.repetition_time_ms, timing.echo_time_ms, timing.inversion_time_ms
    if tr is None or te is None:
        return None
    if ti is not None and ti > 0:
        if ti < 300:
            return Contrast.STIR
        if ti >= 1400 and tr >= 4000:
            return Contrast.FLAIR
        return Contrast.T1W if te < 40 and ti < 1400 else None
    if tr < 1000 and te < 40:
        return Contrast.T1W
    if tr >= 1800:
        return Contrast.T2W if te >= 60 else Contrast.PD if te <= 35 else None
    return None


def header_doubt(volume: Volume, said: Contrast) -> str | None:
    """A sentence where the headers tell another sequence than the one it was given as."""
    told = contrast_by_headers(volume)
    if told is None or name_of(told) == name_of(said):
        return None
    timing = timing_from_dicom(volume)
    times = ", ".join(f"{name} {value:.0f} ms" for name, value in (
        ("TR", timing.repetition_time_ms), ("TE", timing.echo_time_ms), ("TI", timing.inversion_time_ms)) if value)
    return (f"The headers of what was given as {name_of(said)} are those of a {name_of(told)}"
            f"{f' ({times})' if times else ''}. Check it: a sequence under a wrong name makes the result wrong.")


def _by_words(text: str) -> Contrast | None:
    plain = re.sub(r"[_\s]+", " ", text.lower())
    for pattern, contrast in _WORDS:
        if re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", plain):
            return contrast
    return None
