"""What the extension ships: every file of its folders, in the place where Python and Slicer look for it."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import list_files
import pytest
from slicer_build import Built, configure

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "SyntheticImaging"
MODULES = ("SyntheticImaging", "LesionSynthesis", "CohortSynthesis", "HeartSegmentation", "SequenceSynthesis")


def test_the_lists_name_every_file_and_no_other():
    assert not list_files.differences(), f"run `{list_files.COMMAND}`"


def test_the_installed_tree_holds_every_file_and_no_other(built: Built):
    wanted: dict[str, Path] = {}
    for entry in list_files.LISTS:
        for name in entry.wanted():
            assert name not in wanted, "two modules ship a file of the same name: one would overwrite the other"
            wanted[name] = entry.path.parent / name
    installed = {p.relative_to(built.modules).as_posix(): p for p in built.modules.rglob("*") if p.is_file()}
    assert sorted(installed) == sorted(wanted)
    for name, path in installed.items():
        assert path.read_bytes() == wanted[name].read_bytes(), name


@pytest.mark.parametrize("name", MODULES)
def test_a_module_compiles_where_it_is_installed(name: str, built: Built, tmp_path: Path):
    py_compile.compile(str(built.modules / f"{name}.py"), cfile=str(tmp_path / "x.pyc"), doraise=True)
    assert (built.modules / "Resources" / "Icons" / f"{name}.svg").is_file()


def test_the_build_runs_the_generic_test_and_the_self_test_of_each_module(built: Built):
    for name in MODULES:
        assert f"py_{name}" in built.tests
        assert f"py_nomainwindow_qSlicer{name}ModuleGenericTest" in built.tests
    assert len(built.tests) == 2 * len(MODULES), "a package that is no module must not be tested as one"


IMPORT_ALL = """
import importlib, pathlib, sys
folder = pathlib.Path(sys.argv[1])
needs_slicer = ("import qt", "import ctk", "from slicer.i18n", "from SyntheticImagingLib.panel")
sys.path.insert(0, str(folder))
files = [p.relative_to(folder) for package in sys.argv[2:] for p in sorted((folder / package).rglob("*.py"))]
done = 0
for file in files:
    text = (folder / file).read_text(encoding="utf-8")
    if file.name == "__main__.py" or any(f"\\n{line}" in text for line in needs_slicer):  # panels: Testing/panels
        continue
    name = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__).is_relative_to(folder), f"{name} came from {module.__file__}"
    done += 1
print(done)
"""


@pytest.mark.parametrize("package", ["synthetic_imaging", "SyntheticImagingLib"])
def test_a_package_imports_from_the_installed_folder_alone(package: str, built: Built):
    if package == "SyntheticImagingLib":
        pytest.importorskip("slicer", reason="needs slicer-core")
    command = [sys.executable, "-I", "-B", "-c", IMPORT_ALL, str(built.modules), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 20


IMPORT_BARE = """
import importlib, sys
bare = {"numba", "skimage", "highdicom", "nrrd", "nibabel", "pylibjpeg", "typer", "rich", "psutil", "torch", "monai",
        "matplotlib", "jinja2", "safetensors", "trame", "aiohttp", "PySide6"}
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in bare:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NotInstalled())
sys.path.insert(0, sys.argv[1])
import synthetic_imaging.catalogue
assert len(synthetic_imaging.catalogue.tools()) >= 4
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def test_what_a_panel_imports_needs_no_package_that_slicer_lacks(built: Built):
    pytest.importorskip("slicer", reason="needs slicer-core")
    parts = ["synthetic_imaging.jobs"] + [
        f"SyntheticImagingLib.{part}" for part in ("form", "task", "show", "lesion_panel")
        if (built.modules / "SyntheticImagingLib" / part).is_dir()
    ]  # fmt: skip
    command = [sys.executable, "-I", "-B", "-c", IMPORT_BARE, str(built.modules), *parts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_tool_runs_from_the_installed_folder(built: Built):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import synthetic_imaging as si\n"
        "from synthetic_imaging.phantoms.abdomen import abdomen\n"
        "ct, organs = abdomen(6.0)\n"
        "liver = organs.only('liver')\n"
        "made = si.run('lesions.handcrafted', ct=ct, organ=liver, diameter_mm=30, count=1, seed=1)\n"
        "print(made.lesions.names)\n"
    )
    command = [sys.executable, "-I", "-B", "-c", script, str(built.modules)]
    # Compiled anew for this folder, the loops would take longer than all the rest.
    quick = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=quick)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "lesion" in done.stdout


# The stand-in must refuse what Slicer refuses, or the tests above prove nothing.
MISTAKES = {
    "SCRIPTS Missing.py": "nonexistent",
    "SCRIPTS Here.py RESOURCES Resources/Missing.svg": "nonexistent",
    "SCRIPTS ../Elsewhere.py": "outside qt-scripted-modules",
    "SCRIPTS Here.py Here.py": "shipped twice",
    "SCRIPTS Here.py WITH_SPRINKLES Here.py": "",
    "SCRIPTS": "mandatory",
}


@pytest.mark.parametrize("arguments", MISTAKES, ids=lambda x: x.replace("/", " "))
def test_the_stand_in_refuses_what_slicer_would(arguments: str, tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "Elsewhere.py").touch()
    (source / "Here.py").touch()
    lines = ["cmake_minimum_required(VERSION 3.28.0)", "project(Wrong)", "find_package(Slicer REQUIRED)",
             "include(${Slicer_USE_FILE})", f"slicerMacroBuildScriptedModule(NAME Wrong {arguments})"]  # fmt: skip
    (source / "CMakeLists.txt").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(AssertionError) as caught:
        configure(source, tmp_path)
    assert MISTAKES[arguments] in " ".join(str(caught.value).split())
