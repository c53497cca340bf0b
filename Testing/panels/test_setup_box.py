"""The set-up page: says what is there, asks before it installs or deletes, tests the GPU without freezing."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synthetic_imaging.errors import Cancelled, JobFailed
from synthetic_imaging.setup import Report, Row, State, installing
from synthetic_imaging.setup.packages import Group, Requirement
from synthetic_imaging.setup.weights import WeightsStore

LACKING = (Group("core", (Requirement("si-test-alpha", "1.2", megabytes=30),)),
           Group("learn", (Requirement("torch", "99", megabytes=2600), Requirement("si-test-beta", megabytes=12))))


class Program:
    """A 3D Slicer that writes down what it is asked to install."""

    def __init__(self, inside: bool = True, error: Exception | None = None) -> None:
        self.inside_slicer, self.name, self.error = inside, "3D Slicer 5.12.3" if inside else "", error
        self.done: list[str] = []

    def install(self, plan: Any) -> None:
        self.done.append("packages: " + " ".join(plan.words))
        if self.error:
            raise self.error

    def install_torch(self, requirement: Any) -> None:
        self.done.append(f"torch {requirement.floor}")


@pytest.fixture
def make_box(panel_host: Any, tmp_path: Path) -> Any:
    """``make_box(yes, program, folder)``: a page; what was asked is in ``box.asked``."""
    from SyntheticImagingLib.panel.setup_box import SetupBox

    made = []

    def make(yes: bool = True, program: Any = None, folder: str = "") -> Any:
        asked: list[str] = []

        def ask(question: str) -> bool:
            asked.append(question)
            return yes

        box = SetupBox(ask, lambda: folder, program or Program(inside=False), WeightsStore(tmp_path / "weights"))
        made.append(box)
        return SimpleNamespace(box=box, asked=asked)

    yield make
    for box in made:
        box.close()


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "groups", lambda: LACKING)


def report(panel_host: Any, box: Any) -> Any:
    box.look()
    panel_host.spin(lambda: box.report is not None and not box.busy, 20)
    return box.report


def test_the_report_comes_without_freezing_and_stands_in_the_table(panel_host: Any, make_box: Any) -> None:
    import qt

    box = make_box().box
    heard: list[Any] = []
    box.on_report = heard.append
    ticks: list[float] = []
    timer = qt.QTimer()
    timer.interval = 10
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start()
    box.look()
    assert box.busy == "report"
    assert not box.again.enabled
    panel_host.spin(lambda: not box.busy, 20)
    timer.stop()
    assert len(ticks) > 5
    assert max(b - a for a, b in itertools.pairwise(ticks)) < 0.3
    assert heard == [box.report]
    texts = box.table.texts()
    for what in ("Python", "Core packages", "Memory", "Scratch folder"):
        assert what in texts
    assert box.sentence.text == box.report.sentence
    assert "numpy" not in [t.strip() for t in texts]
    box.every_package.checked = True
    assert "numpy" in [t.strip() for t in box.table.texts()]
    assert not panel_host.errors


def test_the_report_is_copied_without_private_things(panel_host: Any, make_box: Any, monkeypatch: Any) -> None:
    import qt

    monkeypatch.setenv("HTTPS_PROXY", "http://jane:geheim@proxy.example.org:3128")
    box = make_box().box
    assert not box.copy.enabled
    report(panel_host, box)
    box.copy.click()
    text = qt.QApplication.clipboard().text()
    assert "Core packages" in text
    assert "proxy.example.org" in text
    assert "geheim" not in text
    assert "clipboard" in box.messages.text


def test_when_nothing_is_missing_nothing_can_be_installed(panel_host: Any, make_box: Any) -> None:
    made = make_box()
    report(panel_host, made.box)
    assert not made.box.install.enabled
    assert not made.box.install_from.enabled
    assert made.box.learned.visible is False
    assert made.asked == []


@pytest.mark.usefixtures("lacking")
def test_refusing_installs_nothing(panel_host: Any, make_box: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(installing, "SetupChild", lambda *_, **__: pytest.fail("a process was made"))
    program = Program()
    for made in (make_box(yes=False), make_box(yes=False, program=program)):
        made.box.install.click()
        assert made.asked == ["Download and install 1 package (si-test-alpha), about 30 MB?"]
        assert made.box.messages.text == "Nothing was installed."
        assert not made.box.busy
    assert program.done == []


@pytest.mark.usefixtures("lacking")
def test_inside_slicer_its_own_functions_install_and_torch_comes_through_its_extension(
    panel_host: Any, make_box: Any
) -> None:
    program = Program()
    made = make_box(program=program)
    made.box.learned.checked = True
    made.box.install.click()
    assert program.done == ["packages: si-test-alpha>=1.2 si-test-beta", "torch 99"]
    assert "torch" not in made.asked[0]
    assert "Installed" in made.box.messages.text
    panel_host.spin(lambda: not made.box.busy, 20)
    assert made.box.report is not None, "it looks again"
    assert "3D Slicer 5.12.3" in made.box.report.text()


@pytest.mark.usefixtures("lacking")
def test_an_installation_that_fails_in_slicer_leaves_a_usable_page(panel_host: Any, make_box: Any) -> None:
    made = make_box(program=Program(error=JobFailed("The disk is full. Free some space, then install again.")))
    made.box.install.click()
    assert made.box.messages.text.startswith("The disk is full.")
    assert not made.box.busy
    assert made.box.install.enabled


@pytest.mark.usefixtures("lacking")
def test_outside_slicer_a_child_installs_and_can_be_stopped(
    panel_host: Any, make_box: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        made = make_box()
        made.box.install.click()
        assert made.box.busy == "install"
        assert made.box.stop.visible or not made.box.widget.visible
        panel_host.spin(lambda: "Installing:" in made.box.step.text, 10)
        made.box.stop.click()
    assert "Stopped" in made.box.messages.text
    panel_host.spin(lambda: not made.box.busy, 20)
    assert made.box.install.enabled


@pytest.mark.usefixtures("lacking")
def test_a_folder_without_the_packages_is_refused_by_a_sentence(
    panel_host: Any, make_box: Any, tmp_path: Path
) -> None:
    made = make_box(folder=str(tmp_path))
    made.box.install_from.click()
    assert "holds no packages" in made.box.messages.text
    assert made.asked == []
    (tmp_path / "si_test_alpha-1.3-py3-none-any.whl").write_bytes(b"x" * 2_000_000)
    made = make_box(yes=False, folder=str(tmp_path))
    made.box.install_from.click()
    assert "Nothing is downloaded" in made.asked[0]
    made = make_box(folder="")
    made.box.install_from.click()
    assert made.asked == []
    assert made.box.messages.text == ""


def test_the_gpu_test_runs_in_a_child_and_says_its_sentence(panel_host: Any, make_box: Any) -> None:
    box = make_box().box
    box.test.click()
    assert box.busy == "gpu"
    assert not box.test.enabled
    panel_host.spin(lambda: not box.busy, 60)
    assert box.messages.text.endswith(".")
    assert box.test.enabled


def test_the_gpu_test_can_be_stopped_and_ends_with_the_page(panel_host: Any, make_box: Any) -> None:
    box = make_box().box
    box.test.click()
    box.stop.click()
    assert not box.busy
    box.test.click()
    child = box._testing._child._process
    box.close()
    assert child.poll() is not None


def test_missing_things_are_seen_at_once(panel_host: Any, make_box: Any) -> None:
    box = make_box().box
    rows = (Row("Core packages", "14 of 15 installed", State.MISSING, "Install what is missing."),
            Row("numpy", "2.4", part_of="Core packages"),
            Row("numba", "not installed (0.59 or newer)", State.MISSING, "", "Core packages"))
    box._take(Report(rows))
    texts = [t.strip() for t in box.table.texts()]
    assert "numba" in texts
    assert "numpy" not in texts
    assert "Install what is missing." in texts
    assert box.sentence.text == "Not ready. To be put right: core packages."


def test_weights_are_listed_and_deleted_after_asking(panel_host: Any, make_box: Any, tmp_path: Path) -> None:
    made = make_box(yes=False)
    weights = made.box.weights
    assert weights.sentence.text == "No weights have been downloaded. What is shipped needs no download."
    assert not weights.delete_buttons
    weights.store.prepare()
    for name in ("a.safetensors", "b.safetensors", "c.safetensors"):
        (weights.store.folder / name).write_bytes(b"x" * 2_000_000)
    weights.refresh()
    assert len(weights.delete_buttons) == 3
    weights.delete_buttons[0].click()
    assert "Delete 'a.safetensors' (2 MB)?" in made.asked[0]
    assert len(weights.store.files()) == 3, "refused"
    agreeing = make_box(yes=True)
    agreeing.box.weights.delete_buttons[0].click()
    assert [f.name for f in weights.store.files()] == ["b.safetensors", "c.safetensors"]
    assert agreeing.box.messages.text == "2 MB freed."
    assert len(agreeing.box.weights.delete_buttons) == 2
    agreeing.box.weights.delete_all.click()
    assert weights.store.files() == []
    assert len(agreeing.asked) == 2


def test_a_question_is_asked_in_slicers_dialog(panel_host: Any, lacking: None) -> None:
    from SyntheticImagingLib.panel.setup_box import SetupBox

    panel_host.answers.add("message", "Cancel")
    box = SetupBox()
    box.install.click()
    assert panel_host.answers.texts() == ["Download and install 1 package (si-test-alpha), about 30 MB?"]
    assert box.messages.text == "Nothing was installed."
    box.close()


# The program around


def test_slicers_packaging_gets_floors_and_what_must_stay(panel_host: Any, lacking: None) -> None:
    from SyntheticImagingLib.panel.program_python import ProgramPython

    program = ProgramPython(inside_slicer=True)
    program.install(installing.plan(["core"]))
    words, options = panel_host.installed[-1]
    assert words == ("si-test-alpha>=1.2",)
    assert options["requester"] == "SyntheticImaging"
    assert str(options["constraints"]).endswith("constraints.txt")


def test_an_older_slicer_installs_by_its_pip_function(panel_host: Any, lacking: None, monkeypatch: Any) -> None:
    import slicer

    from SyntheticImagingLib.panel.program_python import ProgramPython

    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    monkeypatch.delattr(slicer, "packaging", raising=False)
    ProgramPython(inside_slicer=True).install(installing.plan(["core"]))
    words, _ = panel_host.installed[-1]
    assert words[0] == "-c"
    assert words[2:] == ("si-test-alpha>=1.2",)

    def fail(requirements: Any) -> None:
        raise subprocess.CalledProcessError(1, "pip", output="No space left on device")

    monkeypatch.setattr(slicer.util, "pip_install", fail)
    with pytest.raises(JobFailed, match="disk is full"):
        ProgramPython(inside_slicer=True).install(installing.plan(["core"]))


def test_torch_needs_its_extension(panel_host: Any, monkeypatch: Any) -> None:
    import slicer

    from SyntheticImagingLib.panel.program_python import ProgramPython

    program = ProgramPython(inside_slicer=True)
    with pytest.raises(JobFailed, match="extension 'PyTorch'"):
        program.install_torch(Requirement("torch", "2.4"))

    asked: list[Any] = []

    class Logic:
        answer: Any = object()

        def installTorch(self, **options: Any) -> Any:  # noqa: N802  (the extension's name)
            asked.append(options)
            return self.answer

    monkeypatch.setitem(sys.modules, "PyTorchUtils", SimpleNamespace(PyTorchUtilsLogic=Logic))
    slicer.modules.put(SimpleNamespace(name="PyTorchUtils"))
    program.install_torch(Requirement("torch", "2.4"))
    assert asked == [{"askConfirmation": True, "torchVersionRequirement": ">=2.4"}]
    Logic.answer = None
    with pytest.raises(Cancelled):
        program.install_torch(Requirement("torch", "2.4"))


def test_here_is_no_slicer(panel_host: Any) -> None:
    from SyntheticImagingLib.panel.program_python import ProgramPython

    program = ProgramPython()
    assert not program.inside_slicer
    assert program.name == ""
