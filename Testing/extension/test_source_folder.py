"""The modules loaded from a checkout, as a developer or a first user adds them to Slicer.

Slicer then puts the folder of each module on Python's path, and no other: the packages beside it must be found too.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sysconfig.get_path("purelib")
NAMES = ("SyntheticImaging", "LesionSynthesis", "CohortSynthesis", "HeartSegmentation", "SequenceSynthesis")
MODULES = [ROOT / "SyntheticImaging" / name / f"{name}.py" for name in NAMES]

# Slicer's and Qt's names are any object; what is looked for is whether the module's own imports are found.
LOAD = """
import importlib, pathlib, sys, types
root, folder, name = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.path[:0] = [folder]
sys.path.append(sys.argv[4])

class Anything(type):
    def __getattr__(cls, name):
        return cls
    def __call__(cls, *given, **more):
        return given[0] if given and isinstance(given[0], type) and not more else cls
    def __or__(cls, other):
        return cls
    __ror__ = __or__

class Base(metaclass=Anything):
    pass

class Standin(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {}) if "Scripted" in name or name.endswith("Mixin") else Base

for known in ("slicer", "slicer.i18n", "slicer.util", "slicer.ScriptedLoadableModule", "slicer.parameterNodeWrapper",
              "qt", "ctk", "vtk"):
    sys.modules[known] = Standin(known)
sys.modules["slicer"].__path__ = []
sys.modules["slicer.parameterNodeWrapper"].parameterNodeWrapper = lambda cls: cls
sys.modules["slicer.parameterNodeWrapper"].WithinRange = lambda *given: given
module = importlib.import_module(name)
import synthetic_imaging, SyntheticImagingLib
for package in (synthetic_imaging, SyntheticImagingLib):
    assert pathlib.Path(package.__file__).is_relative_to(root), package.__file__
print(module.__file__)
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_module_finds_the_packages_beside_its_folder(path: Path):
    # -S leaves out the .pth files, and with them an editable installation of the packages.
    command = [sys.executable, "-I", "-B", "-S", "-c", LOAD, str(ROOT), str(path.parent), path.stem, PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    assert Path(done.stdout.strip()) == path


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_the_pages_that_a_module_opens_are_in_the_repository(path: Path):
    text = path.read_text(encoding="utf-8")
    for page in re.findall(r"SlicerSyntheticImaging/blob/main/([^\s\"')]+)", text):
        assert (ROOT / page).is_file(), page
