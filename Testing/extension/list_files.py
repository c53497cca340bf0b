"""Write the lists of files into the CMakeLists.txt files: Slicer's macros ship what is listed, and nothing else.

``python Testing/extension/list_files.py`` rewrites them; with ``--check`` it only says what differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = "python Testing/extension/list_files.py"
LEFT_BEHIND = {"__pycache__", "CMakeLists.txt", "Testing"}
"""Names of folders and files that Slicer does not need at run time."""


@dataclass(frozen=True)
class FileList:
    """One ``set(VARIABLE ...)`` of one CMakeLists.txt, and the files that belong into it."""

    cmake: str
    variable: str
    folder: str
    """Where the files lie, relative to the folder of the CMakeLists.txt; "" is that folder itself."""
    scripts: bool
    """Whether it lists the Python files, or all others."""

    @property
    def path(self) -> Path:
        """The CMakeLists.txt."""
        return ROOT / self.cmake

    def wanted(self) -> list[str]:
        """The files in the folder, as Slicer's macros want them: relative to the CMakeLists.txt."""
        base = self.path.parent
        found = [p.relative_to(base) for p in (base / self.folder).rglob("*") if p.is_file()]
        kept = [p for p in found if not LEFT_BEHIND & set(p.parts) and not p.name.startswith(".")]
        return sorted(p.as_posix() for p in kept if (p.suffix == ".py") == self.scripts)

    def block(self, text: str) -> re.Match[str]:
        """Where the list stands in the file's text."""
        found = re.search(rf"^set\({self.variable}\n((?:  [^\s)#]+\n)*)  \)$", text, re.M)
        if found is None:
            raise SystemExit(f"{self.cmake} has no list set({self.variable} ...) of the usual form")
        return found

    def listed(self) -> list[str]:
        """What the CMakeLists.txt lists now."""
        return self.block(self.path.read_text(encoding="utf-8")).group(1).split()

    def write(self) -> None:
        """Put the wanted files into the CMakeLists.txt."""
        text = self.path.read_text(encoding="utf-8")
        found = self.block(text)
        lines = "".join(f"  {name}\n" for name in self.wanted())
        self.path.write_text(text[: found.start(1)] + lines + text[found.end(1) :], encoding="utf-8", newline="\n")


LISTS = (
    FileList("SyntheticImaging/CMakeLists.txt", "ENGINE_PYTHON_SCRIPTS", "synthetic_imaging", True),
    FileList("SyntheticImaging/CMakeLists.txt", "ENGINE_PYTHON_RESOURCES", "synthetic_imaging", False),
    FileList("SyntheticImaging/CMakeLists.txt", "LIB_PYTHON_SCRIPTS", "SyntheticImagingLib", True),
    FileList("SyntheticImaging/CMakeLists.txt", "LIB_PYTHON_RESOURCES", "SyntheticImagingLib", False),
    FileList("SyntheticImaging/SyntheticImaging/CMakeLists.txt", "MODULE_PYTHON_SCRIPTS", "", True),
    FileList("SyntheticImaging/SyntheticImaging/CMakeLists.txt", "MODULE_PYTHON_RESOURCES", "", False),
    FileList("SyntheticImaging/LesionSynthesis/CMakeLists.txt", "MODULE_PYTHON_SCRIPTS", "", True),
    FileList("SyntheticImaging/LesionSynthesis/CMakeLists.txt", "MODULE_PYTHON_RESOURCES", "", False),
    FileList("SyntheticImaging/CohortSynthesis/CMakeLists.txt", "MODULE_PYTHON_SCRIPTS", "", True),
    FileList("SyntheticImaging/CohortSynthesis/CMakeLists.txt", "MODULE_PYTHON_RESOURCES", "", False),
    FileList("SyntheticImaging/HeartSegmentation/CMakeLists.txt", "MODULE_PYTHON_SCRIPTS", "", True),
    FileList("SyntheticImaging/HeartSegmentation/CMakeLists.txt", "MODULE_PYTHON_RESOURCES", "", False),
    FileList("SyntheticImaging/SequenceSynthesis/CMakeLists.txt", "MODULE_PYTHON_SCRIPTS", "", True),
    FileList("SyntheticImaging/SequenceSynthesis/CMakeLists.txt", "MODULE_PYTHON_RESOURCES", "", False),
)


def differences() -> list[str]:
    """What the lists lack and what they name in vain, one line each."""
    lines = []
    for entry in LISTS:
        wanted, listed = entry.wanted(), entry.listed()
        where = f"{entry.cmake}: {entry.variable}"
        lines += [f"{where} lacks {name}" for name in wanted if name not in listed]
        lines += [f"{where} names {name}, which is not there" for name in listed if name not in wanted]
        if set(wanted) == set(listed) and wanted != listed:
            lines.append(f"{where} is not in order, or names a file twice")
    return lines


def main() -> int:
    """Write the lists, or compare them."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a list differs")
    changed = differences()
    if not parser.parse_args().check:
        for entry in LISTS:
            entry.write()
    print("\n".join(changed) or "the lists are complete")
    return int(bool(changed) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
