"""Runs inside 3D Slicer (``--python-script``): pytest on the panels' tests, then the end of the program."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run() -> int:
    """Run pytest; its exit status."""
    import slicer

    # slicer.modules tells the tests that this is the real program.
    assert slicer.app is not None
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))  # behind the modules' folder: "SyntheticImaging" is a module there, a folder here
    try:
        import pytest
    except ImportError:
        print("pytest is missing: run PythonSlicer -m pip install pytest pytest-timeout", file=sys.stderr)
        return 3
    arguments = json.loads(os.environ["SYNTHETIC_IMAGING_PYTEST"])
    options = ["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    return int(pytest.main([*options, *arguments]))


if __name__ == "__main__":
    import slicer

    status = 4
    try:
        status = run()
    except BaseException:
        traceback.print_exc()
    slicer.util.exit(status)
