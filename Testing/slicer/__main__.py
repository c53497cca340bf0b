"""Run the panels' tests in a real 3D Slicer: ``SLICER_EXECUTABLE=/path/to/Slicer python -m Testing.slicer``.

Slicer's Python needs pytest: ``/path/to/bin/PythonSlicer -m pip install pytest pytest-timeout``.
Further arguments go to pytest. On a machine without a screen, run it under xvfb-run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from Testing.slicer.staging import ROOT, stage

EXECUTABLE = "SLICER_EXECUTABLE"
ARGUMENTS = "SYNTHETIC_IMAGING_PYTEST"  # JSON list, for the script inside Slicer
SCRIPT = Path(__file__).with_name("run_in_slicer.py")


def slicer_command(executable: str, modules: Path) -> list[str]:
    """The command line: a window, no user's settings, the extension's modules, the tests, and then the end."""
    return [
        executable, "--testing", "--no-splash", "--disable-settings", "--ignore-slicerrc",
        "--additional-module-paths", str(modules),
        "--python-script", str(SCRIPT),
    ]  # fmt: skip


def slicer_environment(arguments: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment: what pytest is to run, and nothing of a virtual environment that Slicer could take up."""
    kept = {k: v for k, v in environment.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    return {**kept, ARGUMENTS: json.dumps([*arguments] or [str(ROOT / "Testing" / "panels")])}


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Start Slicer and wait; pytest's exit status."""
    executable = environment.get(EXECUTABLE, "")
    if not executable:
        print(f"Set {EXECUTABLE} to the program Slicer to run the panels' tests in it.", file=sys.stderr)
        return 2
    if not Path(executable).is_file():
        print(f"{EXECUTABLE}: there is no program {executable}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="synthetic-imaging-slicer-") as folder:
        command = slicer_command(executable, stage(Path(folder) / "qt-scripted-modules"))
        return subprocess.run(command, env=slicer_environment(arguments, environment), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
