"""Which Python jobs are started with, in a plain Python and inside an application that embeds one."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from synthetic_imaging.jobs.process import VARIABLE, job_environment, python_executable


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """PythonSlicer, where 3D Slicer has it: on the path of its process."""
    monkeypatch.delenv(VARIABLE, raising=False)
    program = tmp_path / ("PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer")
    program.write_text("")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    return str(program)


def inside_slicer(monkeypatch: pytest.MonkeyPatch, executable: str) -> None:
    monkeypatch.setitem(sys.modules, "slicer", SimpleNamespace(app=object()))
    monkeypatch.setattr(sys, "executable", executable)


@pytest.mark.parametrize("executable", ["", "/opt/Slicer/bin/SlicerApp-real", "/usr/bin/python3"])
def test_inside_slicer_it_is_pythonslicer_whatever_python_says_of_itself(
    executable: str, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside_slicer(monkeypatch, executable)
    assert python_executable() == launcher


def test_slicer_is_known_by_its_programs_name_too(launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/Slicer/bin/SlicerApp-real")
    assert python_executable() == launcher


@pytest.mark.parametrize("module", [None, SimpleNamespace()])
def test_a_python_of_its_own_starts_itself_even_where_slicer_is_on_the_path(
    module: object, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module is None:
        monkeypatch.delitem(sys.modules, "slicer", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "slicer", module)  # PythonSlicer, or the package slicer-core: no application
    assert python_executable() == sys.executable


def test_the_variable_overrules_all(launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inside_slicer(monkeypatch, "")
    monkeypatch.setenv(VARIABLE, "/a/python")
    assert python_executable() == "/a/python"


def test_a_host_without_pythonslicer_starts_its_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = sys.executable
    inside_slicer(monkeypatch, own)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    assert python_executable() == own


def test_another_python_than_slicers_own_is_not_given_slicers_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    util = SimpleNamespace(startupEnvironment=lambda: {"LANG": "C"})
    monkeypatch.setitem(sys.modules, "slicer", SimpleNamespace(app=object(), util=util))
    monkeypatch.setenv("PYTHONHOME", "/opt/Slicer/lib/Python")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert job_environment()["PYTHONHOME"] == "/opt/Slicer/lib/Python", "PythonSlicer needs it"
    monkeypatch.setenv(VARIABLE, "/a/python")
    assert job_environment() == {"LANG": "C"}
