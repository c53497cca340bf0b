"""`reproduce`: the evidence page of a published system, made anew."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from synthetic_imaging.cli.learning_options import device_of, learning_packages, whole_seed
from synthetic_imaging.cli.progress_bar import duration, progress_bar
from synthetic_imaging.context import Run


def reproduce(
    system: Annotated[str, typer.Argument(help="Name of a published system.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page, its pictures and figures.")]
    = Path("docs/evidence"),
    train: Annotated[bool, typer.Option("--train", help="Train anew instead of taking the shipped weights.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A run of minutes that shows that everything works; its "
                                        "figures mean little.")] = False,
    seed: Annotated[str, typer.Option("--seed", metavar="WHOLE NUMBER", help="Of all randomness.")] = "1",
    device: Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
) -> None:
    """Evaluate a published system, or train and evaluate it, and write its evidence page."""
    from synthetic_imaging.files.staging import why
    from synthetic_imaging.learning import registry

    found = registry.system(system)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise why(error, out) from None
    started = time.monotonic()
    with learning_packages(), progress_bar(system) as report:
        run = Run(whole_seed(seed) or 0, device_of(device), report=report)
        found(out, run, quick=quick, train=train)
    if as_json:
        print(json.dumps({"ok": True, "system": system, "out": str(out), "notes": run.notes,
                          "seconds": round(time.monotonic() - started, 3)}))
        return
    for note in run.notes:
        print(f"  note: {note}")
    print(f"{system}: evidence written to {out} in {duration(time.monotonic() - started)}.")
