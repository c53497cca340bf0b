"""`setup`: what is installed, what is missing, and whether the GPU computes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from synthetic_imaging.cli.exits import exit_code
from synthetic_imaging.errors import JobFailed


def setup(
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the report to a new text file too.")
    ] = None,
    test_gpu: Annotated[bool, typer.Option("--test-gpu", help="Test whether the GPU computes correctly.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
) -> None:
    """Say what is installed and what is missing. The report holds no user name, no password and no patient data."""
    from synthetic_imaging.files.staging import staged
    from synthetic_imaging.setup import make_report
    from synthetic_imaging.setup.gpu_test import GpuTest

    found = make_report()
    if report is not None:
        with staged(report, overwrite=False) as stage:
            stage.beside(report).write_text(found.text(), encoding="utf-8")
    if not as_json:
        print(found.text(), end="")
        print(f"\n{found.sentence}")
        if report is not None:
            print(f"Written to {report}.")
    outcome = GpuTest().start().wait() if test_gpu else None
    if as_json:
        # Exactly one JSON object on standard output, also when the test fails.
        good = not found.missing and (outcome is None or outcome.ok)
        print(json.dumps({"ok": good, **found.to_dict(), "gpu_test": outcome and asdict(outcome)}))
        if outcome is not None and not outcome.ok:
            raise typer.Exit(exit_code(JobFailed()))
        return
    if outcome is not None:
        if not outcome.ok:
            error = JobFailed(outcome.sentence)
            error.details = outcome.details
            raise error
        print(f"GPU test: {outcome.sentence}")
