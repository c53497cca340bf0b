"""Which patient an image is of, and splits that keep each patient on one side."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from synthetic_imaging.learning.data.listing import Entry
from synthetic_imaging.learning.randomness import generator_of

SHARES = {"training": 0.8, "validation": 0.1, "test": 0.1}
_BIDS = re.compile(r"(sub-[A-Za-z0-9]+)")
# What tells images of one patient apart: time point, phase of the heart, repeat, side, copy.
_ENDS = re.compile(
    r"[ ._-]+(?:ed|es|ses[-_]?\w+|(?:scan|visit|session|time|tp|t|frame|phase|rep|repeat)[-_]?\d+|scan|\d{1,3}pct|"
    r"copy|aug\w*|warp\w*|flip\w*|left|right|baseline|follow[-_]?up)$",
    re.IGNORECASE,
)
# What is written into headers in place of a patient id: the same for all patients of a data set.
_NOBODY = {"", "anon", "anonym", "anonymous", "anonymized", "anonymised", "unknown", "none", "na", "removed", "patient",
           "x", "xx", "xxx", "xxxx"}
_SPLIT = 3


def patient_of(entry: Entry, dicom_id: str = "") -> str:
    """A key for the patient of an image; the same for images of one patient.

    From, in this order: the list ("patient"), a BIDS name ("sub-..."), the DICOM patient id (hashed, so that it stands
    in no message or file), the file name without its ends for time points, phases, repeats and copies ("p07_ED",
    "p07_scan2" are both "p07").

    Args:
        entry: the case.
        dicom_id: the patient id of its DICOM headers, or "".
    """
    if entry.patient:
        return entry.patient
    bids = _BIDS.search(entry.name) or _BIDS.search(entry.image.parent.as_posix())
    if bids:
        return bids[1]
    if re.sub(r"[^a-z]", "", dicom_id.casefold()) not in _NOBODY or any(c.isdigit() for c in dicom_id.strip("0")):
        return "dicom-" + hashlib.sha256(dicom_id.encode()).hexdigest()[:16]
    name = entry.name
    while (shorter := _ENDS.sub("", name)) and shorter != name:
        name = shorter
    return name.casefold()


def split_by_patient(entries: Sequence[Entry], patients: Sequence[str], seed: int,
                     shares: Mapping[str, float] = SHARES) -> list[Entry]:
    """The entries with splits; whole patients go to one of them, in shares of the number of patients.

    The same entries and seed give the same split, in whatever order they are listed. With three patients or more
    none of the splits is empty.

    Args:
        entries: the cases, without a split.
        patients: the patient of each.
        seed: seed of the draw.
        shares: share of each split.
    """
    unique = sorted(set(patients))
    order = [unique[n] for n in generator_of(seed, _SPLIT).permutation(len(unique))]
    names, count = list(shares), len(order)
    sizes = {name: max(1, round(shares[name] * count)) if count >= len(names) else 0 for name in names[1:]}
    of_patient: dict[str, str] = {}
    for name, size in sizes.items():
        of_patient.update(dict.fromkeys(order[:size], name))
        order = order[size:]
    return [replace(e, split=of_patient.get(p, names[0])) for e, p in zip(entries, patients, strict=True)]
