"""Set-up: what the report says, what may leave the computer, what is installed only after asking, weights, GPU."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synthetic_imaging.errors import Cancelled, FileError, JobFailed
from synthetic_imaging.setup import Report, ReportRun, Row, State, machine, make_report, packages
from synthetic_imaging.setup import graphics as g
from synthetic_imaging.setup.child import SetupChild
from synthetic_imaging.setup.privacy import address_of, anonymous, shortened

ROOT = Path(__file__).parents[2]


def test_the_resource_lists_what_pyproject_lists() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    core = re.search(r"^dependencies = \[(.*?)^\]", text, re.M | re.S)
    learn = re.search(r"^learn = \[(.*?)\]", text, re.M | re.S)
    assert core
    assert learn
    shipped = {x.name: [str(r) for r in x.requirements] for x in packages._shipped()}
    assert shipped["core"] == re.findall(r'"([^"]+)"', core[1])
    assert shipped["learn"] == re.findall(r'"([^"]+)"', learn[1])
    assert all(r.megabytes > 0 for x in packages._shipped() for r in x.requirements)


def test_the_groups_come_from_the_installed_distribution_or_from_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = packages._shipped()
    assert packages.groups() == shipped

    def absent(name: str) -> Any:
        raise packages.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, "requires", absent)
    assert packages.groups() == shipped
    monkeypatch.setattr(packages.metadata, "requires",
                        lambda name: ["numpy>=9.5", "torch>=3.0; extra == 'learn'", "pytest>=8 ; extra == \"dev\""])
    core, learn = packages.groups()
    assert [str(r) for r in core.requirements] == ["numpy>=9.5"]
    assert [str(r) for r in learn.requirements] == ["torch>=3.0"]


@pytest.mark.parametrize(("floor", "version", "good"), [
    ("1.26", "1.26", True), ("1.26", "1.26.0", True), ("1.26.0", "1.26", True), ("1.26", "1.9.9", False),
    ("2.4", "2.13.0+cpu", True), ("2.4", "2.3.1", False), ("13", "15.0.0", True), ("3.0", "3.0rc1", True),
    ("0.59", "0.5", False), ("", "0.1", True), ("1.0", "2026.3.3", True), ("2.4", "strange", False),
])  # fmt: skip
def test_floors_are_compared_as_numbers(floor: str, version: str, good: bool) -> None:
    assert packages.Requirement("x", floor).allows(version) is good


def test_missing_and_old_packages_are_named_with_their_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"numpy": "1.20", "torch": "2.0"}

    def version(name: str) -> str:
        if name in versions:
            return versions[name]
        raise packages.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.metadata, "version", version)
    rows = {r.what: r for r in packages.rows()}
    assert rows["numpy"].value == "1.20, too old (1.26 or newer)"
    assert rows["scipy"].value == "not installed (1.11 or newer)"
    assert rows["Core packages"].state is State.MISSING
    assert rows["Core packages"].value == "0 of 16 installed"
    assert rows["Core packages"].advice
    assert rows["torch"].state is State.OPTIONAL
    assert rows["Packages for learned tools"].state is State.OPTIONAL
    report = Report(tuple(packages.rows()))
    assert report.sentence == "Not ready. To be put right: core packages."
    assert "numpy" in [r.what for r in report.main]
    assert "torch" not in [r.what for r in report.main]


def test_the_report_is_complete_and_says_what_to_do() -> None:
    report = make_report("3D Slicer 5.12.3")
    whats = [r.what for r in report.rows]
    for what in ("SyntheticImaging", "Runs in", "Python", "Core packages", "PyTorch", "Graphics card", "Memory",
                 "Scratch folder", "Weights folder", "Proxy"):
        assert what in whats
    for row in report.rows:
        assert row.value
        if row.state in (State.MISSING, State.WARNING) and not row.part_of:
            assert row.advice.endswith(".")
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert "3D Slicer 5.12.3" in report.text()


def test_making_the_report_imports_neither_torch_nor_anything_heavy() -> None:
    code = ("import sys; from synthetic_imaging.setup import make_report; make_report();"
            "print([m for m in ('torch', 'numba', 'SimpleITK', 'scipy', 'highdicom') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_report_answers_where_only_numpy_is_installed() -> None:
    code = """
import sys
class Absent:
    names = {"psutil", "numba", "highdicom", "nrrd", "nibabel", "skimage", "pydicom", "typer", "rich", "SimpleITK",
             "torch", "packaging", "scipy"}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from synthetic_imaging.setup import make_report, ReportRun
from synthetic_imaging.setup.installing import plan
print(make_report().sentence)
run = ReportRun().start()
while (report := run.poll()) is None: pass
print(len(report.rows))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 10


def test_the_report_of_a_child_equals_the_one_made_here_and_polling_never_waits() -> None:
    run = ReportRun("3D Slicer 5.12.3").start()
    longest, report = 0.0, None
    while report is None:
        before = time.perf_counter()
        report = run.poll()
        longest = max(longest, time.perf_counter() - before)
        time.sleep(0.01)
    here = make_report("3D Slicer 5.12.3")
    assert [r.what for r in report.rows] == [r.what for r in here.rows]
    assert longest < 0.25


def test_a_child_that_does_not_answer_gives_a_report_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    run = ReportRun()
    run._child = SetupChild("this_is_no_module", seconds=20)
    run.start()
    while (report := run.poll()) is None:
        time.sleep(0.01)
    assert report.missing[0].what == "Set-up report"
    assert "this_is_no_module" in report.missing[0].advice


# What may leave this computer


def test_names_and_passwords_do_not_leave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home" / "jane.doe"
    other = "/".join(("", "Users", "other"))
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr("synthetic_imaging.setup.privacy.getpass.getuser", lambda: "jdoe")
    text = anonymous(
        f"{home}/x and C:\\Users\\JANEDO~1\\AppData and {other}/y, /data/jdoe/z, jdoe, jdoes "
        "https://jdoe:secret@index.example.org/simple http://me:pa/ss@proxy:3128"
    )
    for private in ("jane.doe", "JANEDO~1", "other", "secret", "pa/ss", "/jdoe/"):
        assert private not in text
    assert "~/x" in text
    assert "jdoes" in text
    assert "https://index.example.org/simple" in text
    assert shortened(home / "a" / "b") == "~/a/b"
    assert "Smith" not in shortened("/data/Smith_John/scratch")


@pytest.mark.parametrize(("url", "shown"), [
    ("http://proxy.hospital.org:3128", "http://proxy.hospital.org:3128"),
    ("proxy:8080/", "proxy:8080"),
    ("http://jane:secret@proxy:3128/", "http://proxy:3128 (with a user name and password, not shown)"),
    ("http://jane:p@ss@proxy:3128", "http://proxy:3128 (with a user name and password, not shown)"),
    ("http://jane:p/a?ss#@proxy:3128", "http://proxy:3128 (with a user name and password, not shown)"),
    ("jane:secret@proxy:3128", "proxy:3128 (with a user name and password, not shown)"),
    ("HTTPS://[fe80::1]:3128", "https://[fe80::1]:3128"),
    ("http://pass word", "set, but not a readable address"),
])  # fmt: skip
def test_addresses_are_shown_without_credentials(url: str, shown: str) -> None:
    assert address_of(url) == shown


def test_proxy_settings_are_reported() -> None:
    rows = machine.proxy_rows({}, {"http": "http://u:geheim@proxy:1", "no": "localhost"})
    assert rows[0].state is State.WARNING
    assert "geheim" not in rows[0].value
    assert machine.proxy_rows({}, {})[0].value == "none"
    rows = machine.proxy_rows({"PIP_INDEX_URL": "https://u:geheim@index/simple", "PIP_CERT": "x"}, {"https": "p:1"})
    assert [r.what for r in rows] == ["Proxy", "Package index", "Certificates"]
    assert "geheim" not in str(rows)


# The computer


def test_little_memory_and_bad_scratch_folders_are_said(tmp_path: Path) -> None:
    assert machine.memory_row(10**9, 8 * 10**9).state is State.WARNING
    assert "1.0 GB free of 8.0 GB" in machine.memory_row(10**9, 8 * 10**9).value
    assert machine.scratch_row(tmp_path).state in (State.OK, State.WARNING)
    gone = machine.scratch_row(tmp_path / "gone")
    assert gone.state is State.MISSING
    assert "SYNTHETIC_IMAGING_SCRATCH" in gone.advice
    assert not list(tmp_path.iterdir())


def test_long_paths_matter_on_windows_only() -> None:
    assert machine.path_rows("Linux", "/x" * 200, False) == []
    assert machine.path_rows("Windows", "C:\\" + "x" * 120, False)[0].state is State.WARNING
    assert machine.path_rows("Windows", "C:\\" + "x" * 120, True)[0].state is State.OK
    assert machine.path_rows("Windows", "C:\\Slicer", False)[0].state is State.OK


# Graphics


def smi(listed: str, header: str) -> Any:
    def run(words: list[str], **_: Any) -> Any:
        return SimpleNamespace(returncode=0, stdout=listed if len(words) > 1 else header)

    return run


@pytest.fixture
def with_smi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(g, "_nvidia_smi", lambda: "nvidia-smi")


def test_torch_is_read_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    lines = ("__version__ = '2.6.0'", "cuda: Optional[str] = '12.4'", "hip: Optional[str] = None")
    (folder / "version.py").write_text("\n".join(lines))
    spec = SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(g.importlib.util, "find_spec", lambda name: spec)
    assert g.find_torch() == g.Torch("2.6.0", "12.4", "")
    monkeypatch.setattr(g.importlib.util, "find_spec", lambda name: None)
    assert g.find_torch() is None


@pytest.mark.usefixtures("with_smi")
def test_the_driver_is_read_and_compared_with_torch() -> None:
    driver = g.ask_driver(smi("NVIDIA RTX A2000, 12282, 11000, 551.61\n", "| CUDA Version: 12.4     |"))
    assert driver.cards[0].name == "NVIDIA RTX A2000"
    assert driver.cuda == "12.4"
    rows = {r.what: r for r in g.rows(g.Torch("2.6.0", "12.6"), driver)}
    assert rows["Graphics card"].value == "NVIDIA RTX A2000, 11.5 GB free of 12.9 GB"
    assert all(r.state is State.OK for r in rows.values()), "a driver runs all minor versions of its generation"
    rows = {r.what: r for r in g.rows(g.Torch("2.9.0", "13.0"), driver)}
    assert rows["Graphics driver"].state is State.WARNING
    assert "Update the driver" in rows["Graphics driver"].advice
    rows = {r.what: r for r in g.rows(g.Torch("2.9.0+cpu"), driver)}
    assert "does not use the graphics card" in rows["PyTorch"].advice
    assert {r.what: r for r in g.rows(g.Torch("2.1.0", "12.1"), driver)}["PyTorch"].state is State.WARNING


@pytest.mark.usefixtures("with_smi")
def test_drivers_that_hang_fail_or_see_nothing_get_a_sentence() -> None:
    def hang(words: list[str], timeout: float, **_: Any) -> Any:
        raise subprocess.TimeoutExpired(words, timeout)

    assert "did not answer within" in g.ask_driver(hang).problem
    assert "sees no card" in g.ask_driver(smi("", "")).problem
    odd = g.ask_driver(smi("NVIDIA Thor, [N/A], [N/A], 580.1\nrubbish", ""))
    assert (odd.cards[0].total_bytes, odd.cuda) == (0, "")
    assert g.rows(None, odd)


def test_without_a_card_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(g, "_nvidia_smi", lambda: None)
    rows = g.rows(None, g.ask_driver())
    assert {r.state for r in rows} == {State.OPTIONAL}


# Children


def test_a_child_is_ended_after_its_time_with_all_it_started(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(p.pid, flush=True)\ntime.sleep(60)\n"
    )
    child = SetupChild("sleeper", seconds=1.5, environment={"PYTHONPATH": str(tmp_path)}).start().wait()
    assert child.timed_out
    grandchild = int(child.output)
    import psutil

    deadline = time.monotonic() + 5
    while psutil.pid_exists(grandchild) and psutil.Process(grandchild).status() != "zombie":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_python_that_cannot_be_started_gets_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHETIC_IMAGING_PYTHON", str(Path("no") / "such" / "python"))
    with pytest.raises(JobFailed, match="could not be started"):
        ReportRun().start()


def test_a_refused_or_stopped_child_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    child = SetupChild("http.server", ["0", "--bind", "127.0.0.1"], seconds=30).start()
    assert list(tmp_path.iterdir())
    child.cancel()
    assert child.finished
    assert child.cancelled
    assert not list(tmp_path.iterdir())


def test_cancelling_twice_or_before_the_start_does_nothing() -> None:
    child = SetupChild("this", seconds=5)
    child.cancel()
    assert not child.finished
    child.start().wait()
    child.cancel()
    assert not child.cancelled
    assert "Zen" in child.output


def test_consent_and_errors_are_sentences() -> None:
    for error in (Cancelled(), FileError("A."), JobFailed("B.")):
        assert str(error).endswith(".")
    assert Row("a", "b").state is State.OK
