"""`counts`: tables and tests from what readers have counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from synthetic_imaging.errors import FileError, InputError, ParameterError
from synthetic_imaging.table import Table

_MOST_NAMES = 8


def counts(
    exports: Annotated[list[Path] | None, typer.Argument(help="Files of the readers (.csv), or folders of them.",
                                                         show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the tables (.csv). (required)",
                                             show_default=False)] = None,
    book: Annotated[Path | None, typer.Option("--code-book", help="File that says which sequence is behind which code.",
                                              show_default=False)] = None,
    compare: Annotated[str, typer.Option("--compare", metavar="FIRST,SECOND", show_default=False,
                                         help="Two sequences to compare; all pairs when not given.")] = "",
    within: Annotated[float, typer.Option("--within", help="Clicks of two readers nearer than this, in mm, are one "
                                          "lesion.")] = 5.0,
    seed: Annotated[int, typer.Option("--seed", metavar="WHOLE NUMBER", help="Of the bootstrap.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace tables that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
) -> None:
    """Lesions a patient by region and sequence, paired tests between sequences, agreement of the readers."""
    if not exports or out is None:
        raise ParameterError("Name the readers' files, and a folder for the tables with --out.")
    tables, notes = _tables(_files(exports, book), book, compare, within, seed)
    written = _write(tables, out, force)
    if as_json:
        print(json.dumps({"ok": True, "files": [str(p) for p in written], "notes": notes}))
        return
    for note in notes:
        print(f"  note: {note}")
    print("\n".join(str(p) for p in written))


def _files(exports: list[Path], book: Path | None) -> list[Path]:
    found: list[Path] = []
    for path in exports:
        inside = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        found += [p for p in inside if book is None or p.resolve() != book.resolve()]
    if not found:
        raise FileError("There is no .csv file in the folder.")
    return list(dict.fromkeys(found))


def _tables(
    paths: list[Path], book: Path | None, compare: str, within: float, seed: int
) -> tuple[dict[str, Table], list[str]]:
    from itertools import combinations

    import numpy as np

    from synthetic_imaging.sequences import count_statistics as statistics
    from synthetic_imaging.sequences.code_book import CodeBook
    from synthetic_imaging.sequences.counting import read_events

    events = [event for path in paths for event in read_events(path)]
    readings, unfinished = statistics.readings_of(events, None if book is None else CodeBook.read(book))
    if not readings:
        raise InputError("No reader has finished an image: there is nothing to count.")
    notes = [f"{unfinished} images were opened but not finished; they are left out."] if unfinished else []
    undecided = sum(r.count("undecided") for r in readings)
    if undecided:
        notes.append(f"{undecided} clicks have no region; they count in all regions together only.")
    found = {"counts": statistics.counts_table(readings), "summary": statistics.summary_table(readings),
             "agreement": statistics.agreement_table(readings), "matching": statistics.matching_table(readings, within)}
    names = sorted({r.sequence for r in readings})
    asked = [tuple(part.strip() for part in compare.split(","))] if compare else list(combinations(names, 2))
    if not compare and len(names) > _MOST_NAMES:
        asked = []
        notes.append(f"There are {len(names)} codes, so no pairs were compared. Name the code book with --code-book, "
                     "or two sequences with --compare.")
    for pair in asked:
        if len(pair) != 2:
            raise ParameterError(f"--compare takes two sequences with a comma between them, not '{compare}'.")
        try:
            table = statistics.comparison_table(readings, pair[0], pair[1], np.random.default_rng(seed))
        except InputError as error:
            if compare:
                raise
            notes.append(str(error))
            continue
        found["comparison" if compare or len(asked) == 1 else f"comparison-{_plain(pair[0])}-{_plain(pair[1])}"] = table
    return found, notes


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _write(tables: dict[str, Table], out: Path, force: bool) -> list[Path]:
    from synthetic_imaging.files.staging import Staging, why

    staging = Staging(overwrite=force)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            staging.beside(out / f"{name}.csv").write_text(table.to_csv(), encoding="utf-8")
        staging.commit()
    except OSError as error:
        raise why(error, out) from None
    finally:
        staging.discard()
    return [out / f"{name}.csv" for name in tables]
