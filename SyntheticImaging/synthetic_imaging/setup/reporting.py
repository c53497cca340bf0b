"""Collect the report, here or in a child process so that a slow driver holds nothing up."""

from __future__ import annotations

import json

from synthetic_imaging.provenance import distribution_version
from synthetic_imaging.setup import graphics, machine, packages
from synthetic_imaging.setup.child import SetupChild
from synthetic_imaging.setup.rows import Report, Row, State
from synthetic_imaging.setup.weights import WeightsStore

REPORT_SECONDS = 60.0


def make_report(host: str = "") -> Report:
    """What is installed and what is missing. May take seconds where a driver answers slowly.

    Args:
        host: program and version that the tools run in, such as "3D Slicer 5.12.3"; "" for a plain Python.
    """
    version = distribution_version()
    rows = [Row("SyntheticImaging", version if version != "0+unknown" else "from a folder, not installed by pip")]
    if host:
        rows.append(Row("Runs in", host))
    rows.append(machine.python_row())
    rows += packages.rows()
    rows += graphics.rows(graphics.find_torch(), graphics.ask_driver())
    rows.append(machine.memory_row())
    rows.append(machine.scratch_row())
    rows.append(WeightsStore().row())
    rows += machine.proxy_rows()
    rows += machine.path_rows()
    return Report(tuple(rows))


class ReportRun:
    """The report from a child process: ``start()``, then ``poll()`` from a timer until it returns the report."""

    def __init__(self, host: str = "") -> None:
        self._host = host
        self._child = SetupChild("synthetic_imaging.setup", ["--json", "--host", host], seconds=REPORT_SECONDS)

    def start(self) -> ReportRun:
        """Start collecting.

        Raises:
            JobFailed: if the child cannot be started.
        """
        self._child.start()
        return self

    def poll(self) -> Report | None:
        """The report when it is complete, else None."""
        if not self._child.poll():
            return None
        try:
            return Report.from_dict(json.loads(self._child.output.splitlines()[-1]))
        except (ValueError, KeyError, IndexError, TypeError):
            why = "took too long" if self._child.timed_out else f"ended with code {self._child.code}"
            last = (self._child.log.strip().splitlines() or [""])[-1]
            return Report((Row("Set-up report", why, State.MISSING,
                               f"The Python of the tools does not answer. {last}".strip()),))

    def cancel(self) -> None:
        """Stop collecting."""
        self._child.cancel()
