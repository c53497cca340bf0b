"""What is wrong with training files, all of it at once, before the first step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from synthetic_imaging.errors import InputError
from synthetic_imaging.learning.data.cases import Facts
from synthetic_imaging.learning.data.listing import Listing
from synthetic_imaging.learning.recipe import DataShape

LEAST_PATIENTS = 3
_MOST_NAMES = 6
# Soft tissue lies near 40 HU; a median far above says that 1024 was never subtracted.
_CT_MEDIAN = 700.0
_BEYOND = 0.9
_CUT_OFF = 0.02


def problems_of(facts: Sequence[Facts], listing: Listing, shape: DataShape) -> list[str]:
    """Everything that is wrong, a sentence each with the cases that it concerns; empty when nothing is."""
    found = [f"{_name(f)}: {f.unreadable}" for f in facts if f.unreadable]
    read = [f for f in facts if not f.unreadable]

    def group(which: Callable[[Facts], bool], sentence: str) -> None:
        names = [_name(f) for f in read if which(f)]
        if names:
            found.append(sentence.format(_listed(names)))

    group(lambda f: not f.finite, "NaN or infinite values: {}. Export these images again.")
    group(lambda f: f.finite and f.highest <= f.lowest, "The same value in every voxel: {}. Remove or replace them.")
    group(lambda f: not f.same_grid,
          "Image and label lie on different grids: {}. Resample the label onto its image's grid.")
    if shape.labels:
        group(lambda f: not f.labelled, "No label file: {}. The recipe learns from images with labels of "
                                        f"{_listed(shape.labels, 20)}.")
        group(lambda f: f.labelled and not f.present and not f.unknown,
              f"None of the structures {_listed(shape.labels, 20)} in the label: {{}}.")
        found += _unknown_values(read, shape)
        found += _absent_structures(read, shape)
        if listing.lonely:
            found.append(f"Labels without an image: {_listed([p.name for p in listing.lonely])}.")
    found += _values(read, shape)
    found += _copies(read)
    found += _patients_in_two_splits(read)
    return found + _too_few(facts)


def refuse(problems: Sequence[str], total: int) -> None:
    """Stop here if there are problems.

    Raises:
        InputError: with all of them, a line each.
    """
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InputError(f"The training data ({total} cases) cannot be used, {count}:\n"
                         + "\n".join(f"- {problem}" for problem in problems))


def remarks_of(facts: Sequence[Facts], shape: DataShape) -> list[str]:
    """What the user should know, though training can start."""
    said = []
    cut = [_name(f) for f in facts if f.cut_off > _CUT_OFF]
    if cut:
        said.append(f"The recipe's grid cuts off more than {_CUT_OFF:.0%} of the labelled voxels of: {_listed(cut)}.")
    for structure in shape.labels:
        without = [_name(f) for f in facts if f.labelled and structure not in f.present]
        if without:
            said.append(f"'{structure}' is in no voxel of: {_listed(without)}.")
    ignored = sorted({name for f in facts for name in f.ignored})
    if ignored:
        said.append(f"Segments that the recipe does not have became background: {_listed(ignored)}.")
    return said


def _unknown_values(facts: Sequence[Facts], shape: DataShape) -> list[str]:
    of_values: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for f in facts:
        if f.unknown:
            of_values[f.unknown].append(_name(f))
    expected = ", ".join(f"{value} {name}" for value, name in enumerate(shape.labels, 1))
    return [f"Label {'value' if len(values) == 1 else 'values'} {', '.join(map(str, values))} in {_listed(names)}: "
            f"expected are 0 background, {expected}. Renumber them, or name the segments." for values, names
            in sorted(of_values.items())]


def _absent_structures(facts: Sequence[Facts], shape: DataShape) -> list[str]:
    labelled = [f for f in facts if f.labelled and f.present]
    absent = [name for name in shape.labels if labelled and all(name not in f.present for f in labelled)]
    return [f"No label has {_listed(absent, 20)}. Name segments as the recipe does: {_listed(shape.labels, 20)}."] \
        if absent else []


def _values(facts: Sequence[Facts], shape: DataShape) -> list[str]:
    if shape.window is None:
        return []
    low, high = shape.window
    unit = " HU" if shape.modality == "CT" else ""
    scaled, shifted, beyond = [], [], []
    for f in facts:
        if not f.finite or f.highest <= f.lowest:
            continue
        text = f"{_name(f)} ({f.lowest:g} to {f.highest:g})"
        if high - low > 100 and f.lowest >= -1.5 and f.highest <= 1.5:
            scaled.append(text)
        elif shape.modality == "CT" and f.median > _CT_MEDIAN and f.lowest > -500:
            shifted.append(f"{_name(f)} (median {f.median:g})")
        elif f.beyond > _BEYOND:
            beyond.append(text)
    expected = f"the recipe expects {low:g} to {high:g}{unit}"
    said = []
    if scaled:
        said.append(f"Values seem to be scaled already: {_listed(scaled)}; {expected}. Give the original images.")
    if shifted:
        said.append(f"Values seem to be raw numbers without the CT's offset: {_listed(shifted)}; {expected}. "
                    "Subtract 1024, or read the DICOM series.")
    if beyond:
        said.append(f"More than {_BEYOND:.0%} of the voxels lie outside the window: {_listed(beyond)}; {expected}.")
    return said


def _copies(facts: Sequence[Facts]) -> list[str]:
    same: dict[str, list[Facts]] = defaultdict(list)
    for f in facts:
        if f.finite and f.highest > f.lowest:
            same[f.sha256].append(f)
    said = []
    for group in same.values():
        if len(group) > 1:
            splits = sorted({f.entry.split for f in group if f.entry.split})
            where = f" in {' and '.join(splits)}" if len(splits) > 1 else ""
            said.append(f"The same image under several names{where}: {_listed([_name(f) for f in group])}. Keep one.")
    return said


def _patients_in_two_splits(facts: Sequence[Facts]) -> list[str]:
    of_patient: dict[str, list[Facts]] = defaultdict(list)
    for f in facts:
        if f.entry.split:
            of_patient[f.patient].append(f)
    said = []
    for group in of_patient.values():
        splits = sorted({f.entry.split for f in group})
        if len(splits) > 1:
            said.append(f"One patient in {' and '.join(splits)}: {_listed([_name(f) for f in group])}. "
                        "Keep all images of a patient in one of them.")
    return said


def _too_few(facts: Sequence[Facts]) -> list[str]:
    training = [f for f in facts if f.entry.split in ("", "training")]
    patients = {f.patient for f in training if not f.unreadable}
    if not training:
        return ["There are no training cases."]
    least = LEAST_PATIENTS if all(not f.entry.split for f in facts) else 1
    if len(patients) >= least or any(f.unreadable for f in facts):
        return []
    images = "1 image" if len(training) == 1 else f"{len(training)} images"
    return [f"Too few cases: {images} of {len(patients)} patient{'' if len(patients) == 1 else 's'}; at least {least} "
            "patients are needed, so that training, validation and test each have their own."]


def _name(facts: Facts) -> str:
    return f"'{facts.entry.name}'"


def _listed(names: Iterable[str], most: int = _MOST_NAMES) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
