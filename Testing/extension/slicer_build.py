"""Run CMake on an extension, against the stand-in of Slicer's macros in Testing/cmake."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

STANDIN = Path(__file__).parents[1] / "cmake" / "Slicer"
NEEDED = (3, 28)


@dataclass(frozen=True)
class Built:
    """An extension that was configured and installed."""

    build: Path
    modules: Path
    """qt-scripted-modules of the installed tree."""
    description: dict[str, str]
    """What CMake took the metadata for: DESCRIPTION, ICONURL, ..."""
    tests: list[str]
    """The tests that a build of Slicer would run."""


def cmake() -> str:
    """The newest CMake there is, beside this Python first; skips where none is new enough."""
    beside = Path(sys.executable).parent / "cmake"
    for candidate in (str(beside), shutil.which("cmake")):
        if candidate and shutil.which(candidate):
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
            version = re.search(r"version (\d+)\.(\d+)", said)
            if version and (int(version[1]), int(version[2])) >= NEEDED:
                return candidate
    pytest.skip("needs CMake 3.28 or newer, as Slicer does: python -m pip install cmake")


def run(*command: str | Path) -> str:
    """Run a command; a failure is an AssertionError with what it said."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def configure(source: Path, folder: Path) -> Path:
    """Configure an extension; gives the folder of the build."""
    program = cmake()
    if sys.platform == "win32":
        pytest.skip("the stand-in is configured with makefiles")
    # Nothing is compiled; naming a compiler keeps CMake from looking for one that the machine may not have.
    compilers = [f"-DCMAKE_{x}_COMPILER{y}" for x in ("C", "CXX") for y in (f"={sys.executable}", "_FORCED=TRUE")]
    # The tree stays as it is after the configuration: no build program is needed, but CMake asks for one.
    made_by = [] if shutil.which("make") else ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={sys.executable}"]
    run(program, "-S", source, "-B", folder / "build", f"-DSlicer_DIR={STANDIN}", *compilers, *made_by)
    return folder / "build"


def build(source: Path, folder: Path) -> Built:
    """Configure and install an extension."""
    made = configure(source, folder)
    run(cmake(), "--install", made, "--prefix", folder / "installed")
    modules = next((folder / "installed").rglob("qt-scripted-modules"))
    description = json.loads(next(made.glob("*.json")).read_text(encoding="utf-8"))
    listed = run(Path(cmake()).with_name("ctest"), "--test-dir", made, "-N")
    return Built(made, modules, description, re.findall(r"Test +#\d+: (\S+)", listed))
