"""How a real 3D Slicer is started to run these tests. No Slicer is needed: a script stands for it."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from Testing.slicer import __main__ as launcher  # noqa: E402
from Testing.slicer.staging import modules, stage  # noqa: E402


def test_the_command_line_names_modules_and_script_and_keeps_the_users_settings_out(tmp_path: Path) -> None:
    command = launcher.slicer_command("/opt/Slicer", tmp_path)
    assert command[0] == "/opt/Slicer"
    assert {"--testing", "--no-splash", "--disable-settings", "--ignore-slicerrc"} <= set(command)
    assert command[command.index("--additional-module-paths") + 1] == str(tmp_path)
    assert command[-2] == "--python-script", "what follows the script would be read as its arguments"
    assert Path(command[-1]).is_file()
    assert "--no-main-window" not in command, "the panels' tests want a window"


def test_the_arguments_travel_by_the_environment_and_the_virtual_environment_stays_behind() -> None:
    environment = launcher.slicer_environment(["a test.py", "-k", "x"], {"PYTHONPATH": "/x", "HOME": "/h"})
    assert json.loads(environment[launcher.ARGUMENTS]) == ["a test.py", "-k", "x"]
    assert "PYTHONPATH" not in environment
    assert environment["HOME"] == "/h"
    default = json.loads(launcher.slicer_environment([], {})[launcher.ARGUMENTS])
    assert default == [str(ROOT / "Testing" / "panels")]


def test_the_staged_folder_is_what_an_installed_extension_has(tmp_path: Path) -> None:
    folder = stage(tmp_path / "modules")
    assert "LesionSynthesis" in modules()
    for name in modules():
        assert (folder / f"{name}.py").is_file()
        assert (folder / "Resources" / "UI" / f"{name}.ui").is_file()
    assert (folder / "SyntheticImagingLib" / "mrml.py").is_file()
    assert (folder / "synthetic_imaging" / "__init__.py").is_file()
    assert not list(folder.rglob("__pycache__"))
    assert not list(folder.rglob("CMakeLists.txt"))


def test_without_a_program_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.main([], {}) == 2
    assert "SLICER_EXECUTABLE" in capsys.readouterr().err
    assert launcher.main([], {"SLICER_EXECUTABLE": "/nowhere/Slicer"}) == 2
    assert "/nowhere/Slicer" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_the_exit_status_of_the_tests_is_the_exit_status_of_the_launcher(tmp_path: Path) -> None:
    program, told = tmp_path / "Slicer", tmp_path / "told.txt"
    program.write_text(f'#!/bin/sh\necho "$@" > "{told}"\necho "$SYNTHETIC_IMAGING_PYTEST" >> "{told}"\nexit 7\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "SLICER_EXECUTABLE": str(program)}
    assert launcher.main(["Testing/panels/test_host.py"], environment) == 7
    first, second = told.read_text().splitlines()
    assert "--additional-module-paths" in first
    assert json.loads(second) == ["Testing/panels/test_host.py"]
