"""A user's folder as the data of a recipe: listed, read, checked, split."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from synthetic_imaging.context import Run
from synthetic_imaging.learning.data.cases import Facts, FolderCases, GriddedCase, bytes_of, read_case
from synthetic_imaging.learning.data.checks import problems_of, refuse, remarks_of
from synthetic_imaging.learning.data.listing import Entry, Listing, list_cases
from synthetic_imaging.learning.data.patients import SHARES, split_by_patient
from synthetic_imaging.learning.recipe import Data, DataShape
from synthetic_imaging.memory import available_bytes

# Of the memory that is free, as much goes to cases that are kept; the rest is for networks.
_SHARE_OF_MEMORY = 0.25
_THREADS = 4


def read_folder(place: str | os.PathLike[str], shape: DataShape, *, seed: int = 0, run: Run | None = None) -> Data:
    """Training, validation and test cases from a folder or a datalist file.

    Every file is read once and checked. Where the layout makes no split, whole patients are drawn into 80 % training,
    10 % validation and 10 % test, the same for the same files and seed; where it has no validation, a tenth of the
    training patients become it.

    Args:
        place: folder or JSON datalist; layouts: see `listing`.
        shape: what the recipe takes.
        seed: for the split.
        run: takes progress and remarks, and can cancel.

    Raises:
        FileError: if there are no cases.
        InputError: with everything that is wrong with them, a sentence each.
    """
    context = run or Run(seed=seed)
    listing = list_cases(Path(place))
    budget = int(available_bytes() * _SHARE_OF_MEMORY)
    facts: list[Facts] = []
    kept: dict[int, GriddedCase] = {}
    for index, (one, case) in enumerate(_read_all(listing, shape)):
        context.progress(index / len(listing.entries), f"checking {one.entry.name}")
        facts.append(one)
        if case is not None and bytes_of(case) <= budget:
            kept[index] = case
            budget -= bytes_of(case)
    refuse(problems_of(facts, listing, shape), len(facts))
    for remark in remarks_of(facts, shape):
        context.note(remark)
    entries = _split(facts, seed)
    sources = {}
    for name in SHARES:
        chosen = [n for n, entry in enumerate(entries) if entry.split == name]
        own = {place: kept[n] for place, n in enumerate(chosen) if n in kept}
        sources[name] = FolderCases([entries[n] for n in chosen], shape, listing.labels, own, budget // len(SHARES))
    context.progress(1.0, "checked")
    counts = ", ".join(f"{len(source)} {name}" for name, source in sources.items())
    return Data(sources["training"], sources["validation"] if len(sources["validation"]) else None,
                sources["test"] if len(sources["test"]) else None, f"{len(facts)} cases of the user ({counts})")


def _read_all(listing: Listing, shape: DataShape) -> Iterator[tuple[Facts, GriddedCase | None]]:
    # A few ahead and no more: read volumes are large until they are on the grid.
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        waiting = []
        for entry in listing.entries:
            waiting.append(pool.submit(read_case, entry, shape, listing.labels))
            if len(waiting) > _THREADS:
                yield waiting.pop(0).result()
        for reading in waiting:
            yield reading.result()


def _split(facts: Sequence[Facts], seed: int) -> list[Entry]:
    entries = [f.entry for f in facts]
    given = {entry.split for entry in entries if entry.split}
    if "validation" in given:
        return [entry if entry.split else replace(entry, split="training") for entry in entries]
    shares = {"training": 0.9, "validation": 0.1} if given else dict(SHARES)
    open_ = [n for n, entry in enumerate(entries) if entry.split in ("", "training")]
    drawn = split_by_patient([entries[n] for n in open_], [facts[n].patient for n in open_], seed, shares)
    for n, entry in zip(open_, drawn, strict=True):
        entries[n] = entry
    return entries
