"""The extension's files in one folder, as an installed extension has them: what a real 3D Slicer is given to load."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "SyntheticImaging"
LIBRARIES = ("SyntheticImagingLib", "synthetic_imaging")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc", "CMakeLists.txt")


def modules() -> list[str]:
    """Names of the extension's modules: folders with a file of their own name."""
    return sorted(f.name for f in SOURCES.iterdir() if (f / f"{f.name}.py").is_file())


def stage(folder: Path) -> Path:
    """Copy modules, resources and libraries into ``folder``; gives it back."""
    for name in modules():
        shutil.copytree(SOURCES / name, folder, ignore=_LEFT_OUT, dirs_exist_ok=True)
    for name in LIBRARIES:
        shutil.copytree(SOURCES / name, folder / name, ignore=_LEFT_OUT, dirs_exist_ok=True)
    return folder
