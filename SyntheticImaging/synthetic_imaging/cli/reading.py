"""From the words of a command line to inputs: files, DICOM folders, segments by name, positions, samples.

    ct.nrrd                     a volume
    folder  or  folder:2        a DICOM folder; its second series
    organs.seg.nrrd:liver       one segment; :liver,spleen two; a name can be left out where there is one segment
    labels.nii.gz:5             the label 5 of a label map
    -32,10,155                  a point: right, anterior, superior in millimetres
    sample:chest-ct             a sample's volume; sample:chest-ct:liver a segment of it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import Mask
from synthetic_imaging.points import Points
from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging.volume import Volume


def read_inputs(tool: Tool, words: Mapping[str, Any]) -> dict[str, Any]:
    """The tool's inputs from what stands behind its options.

    Raises:
        InputError, FileError: with a sentence that names the option.
    """
    return {
        declared.name: _read(declared, words[declared.name])
        for declared in tool.inputs
        if words.get(declared.name) not in (None, [], ())
    }


def _read(declared: Input, word: Any) -> Any:
    if declared.kind is Kind.POINTS:
        return Points(np.array([_point(text, declared) for text in word], dtype=np.float64))
    if declared.kind is Kind.TABLE:
        raise InputError(f"{declared.label}: a table cannot be given in the shell.")
    text = str(word)
    if text.startswith("sample:"):
        return _from_sample(text, declared)
    from synthetic_imaging.files import read_mask, read_sequence, read_volume

    path, choice = _split(text)
    if declared.kind is Kind.MASK:
        return _chosen(declared, read_mask(path), choice)
    if declared.kind is Kind.SEQUENCE:
        return read_sequence(path)
    volume = read_volume(path, series=choice)
    if declared.modality and not volume.modality:
        # A file that does not say what it is, given where a CT is asked for: the user's word is taken, and the
        # check of Hounsfield units that follows finds out what is not one.
        volume = replace(volume, modality=declared.modality, unit=volume.unit or declared.unit)
    return volume


def _from_sample(text: str, declared: Input) -> Any:
    from synthetic_imaging import samples

    _, name, *rest = text.split(":", 2)
    parts = samples.load(name)
    wanted: type = Mask if declared.kind is Kind.MASK else Volume
    found = next((part for part in parts.values() if isinstance(part, wanted)), None)
    if found is None or declared.kind not in (Kind.MASK, Kind.VOLUME):
        raise InputError(f"The sample '{name}' has no {declared.kind.value} for {declared.label}.")
    return _chosen(declared, found, rest[0] if rest else None) if isinstance(found, Mask) else found


def _split(text: str) -> tuple[Path, str | None]:
    """A path, and what stands behind its last colon; a colon in the path itself ("C:") is none."""
    if Path(text).exists() or ":" not in text:
        return Path(text), None
    left, _, right = text.rpartition(":")
    # "C:\\x.nrrd" that does not exist: the drive is not a file name.
    if len(left) <= 1 or "/" in right or "\\" in right:
        return Path(text), None
    return Path(left), right


def _chosen(declared: Input, mask: Mask, choice: str | None) -> Mask:
    if not choice:
        # All lesions, all vessels: yes. An organ that is the sum of 89 structures: surely a slip.
        if declared.all_segments or len(mask.segments) <= 1:
            return mask
        listed = ", ".join(mask.names[:12]) + (f" and {len(mask.names) - 12} more" if len(mask.names) > 12 else "")
        raise InputError(
            f"{declared.label}: the segmentation has {len(mask.segments)} segments; name one after a colon, as in "
            f"--{declared.name} FILE:{mask.names[0]}. It has: {listed}."
        )
    names = []
    # A segment's own name may hold a comma.
    parts = [choice] if choice in mask.names else [part.strip() for part in choice.split(",") if part.strip()]
    for part in parts:
        by_label = [s.name for s in mask.segments if part.isdigit() and s.label == int(part) and part not in mask.names]
        names.append(by_label[0] if by_label else mask.segment(part).name)
    if not names:
        raise InputError(f"'{mask.name}': name a segment after the colon. It has: {', '.join(mask.names)}.")
    return mask.only(*names)


def _point(text: str, declared: Input) -> Sequence[float]:
    try:
        numbers = [float(part) for part in text.replace(";", ",").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 3:
        raise InputError(
            f"{declared.label} '{text}' is no position; give right, anterior and superior in millimetres, as in "
            f"--{declared.name.replace('_', '-')} -32,10,155."
        )
    return numbers
