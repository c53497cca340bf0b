"""Installing: nothing before consent, from a folder without a network, and a sentence for each way it fails."""

from __future__ import annotations

import base64
import hashlib
import sys
import time
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from synthetic_imaging.errors import Cancelled, FileError, InputError
from synthetic_imaging.setup import installing, packages
from synthetic_imaging.setup.installing import Installation, Plan, kept_versions, plan, why_pip_failed
from synthetic_imaging.setup.packages import Group, Requirement

LACKING = (Requirement("si-test-alpha", "1.2", megabytes=30), Requirement("si-test-beta", megabytes=12))


def make_wheel(folder: Path, name: str, version: str, requires: str = "") -> Path:
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}\n" for path, text in files.items()
    )
    target = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return target


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "groups", lambda: (Group("core", LACKING),))


@pytest.fixture(scope="module")
def empty_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own, so that nothing is installed where the tests run."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=False, symlinks=sys.platform != "win32", system_site_packages=True)
    return folder


def finish(installation: Installation) -> Installation:
    installation.start()
    while not installation.poll():
        time.sleep(0.02)
    return installation


def test_nothing_is_wanting_here_and_that_reads_well() -> None:
    everything = plan(["core"])
    assert everything.empty
    assert everything.sentence == "Everything that today's tools need is installed."
    with pytest.raises(Cancelled, match="Everything"):
        Installation(everything, lambda question: pytest.fail("asked for nothing"))
    with pytest.raises(InputError, match="There are: core, learn"):
        plan(["sound"])


@pytest.mark.usefixtures("lacking")
def test_the_plan_says_what_and_how_much() -> None:
    made = plan()
    assert made.sentence == "Download and install 2 packages (si-test-alpha, si-test-beta), about 42 MB?"
    assert made.words == ["si-test-alpha>=1.2", "si-test-beta"]
    assert "1.5 GB" in Plan((Requirement("a", megabytes=1500),)).sentence
    assert "1 package (a)" in Plan((Requirement("a", megabytes=1500),)).sentence


def test_the_plan_says_what_it_replaces() -> None:
    assert "replaced" not in Plan(LACKING).sentence
    newer = Requirement("numpy", "999")
    assert f"numpy {newer.installed} will be replaced" in Plan((newer, *LACKING)).sentence


def test_torch_is_left_to_a_host_that_installs_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "groups", lambda: (Group("learn", (Requirement("torch", "99"), *LACKING)),))
    made = plan(["learn"], torch_by_host=True)
    assert [r.name for r in made.left_to_host] == ["torch"]
    assert "torch" not in made.sentence
    assert "torch" in plan(["learn"]).sentence


@pytest.mark.usefixtures("lacking")
def test_refused_consent_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "SetupChild", lambda *_, **__: pytest.fail("a process was made"))
    asked = []
    with pytest.raises(Cancelled, match="Nothing was installed"):
        Installation(plan(), lambda question: asked.append(question))  # type: ignore[func-returns-value,arg-type]
    assert asked == [plan().sentence]


@pytest.mark.usefixtures("lacking")
def test_a_folder_must_hold_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        plan(folder=tmp_path / "gone")
    with pytest.raises(FileError, match="holds no packages"):
        plan(folder=tmp_path)
    make_wheel(tmp_path, "si-test-alpha", "1.1")
    with pytest.raises(FileError, match=r"lacks: si-test-alpha>=1.2, si-test-beta\."):
        plan(folder=tmp_path)


@pytest.mark.usefixtures("lacking")
def test_packages_are_installed_from_a_folder_without_a_network(
    tmp_path: Path, empty_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path, "si-test-alpha", "1.3")
    make_wheel(tmp_path, "si-test-beta", "0.1", requires="si-test-alpha>=1.0")
    inside = next(p for p in empty_python.rglob("python*") if p.name in ("python", "python.exe"))
    monkeypatch.setenv("SYNTHETIC_IMAGING_PYTHON", str(inside))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PYTHONPATH", str(Path(__import__("pip").__file__).parents[1]))
    made = plan(folder=tmp_path)
    assert "Nothing is downloaded" in made.sentence
    done = finish(Installation(made, lambda question: True))
    assert done.error is None, done.error.details
    # The packages of the tests' Python are seen too; the new ones must be in their own.
    assert list(empty_python.rglob("si_test_alpha.py"))
    assert list(empty_python.rglob("si_test_beta.py"))


@pytest.mark.usefixtures("lacking")
def test_a_failed_installation_gives_a_sentence_and_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_wheel(tmp_path, "si-test-alpha", "1.3", requires="si-test-nowhere")
    make_wheel(tmp_path, "si-test-beta", "0.1")
    done = finish(Installation(plan(folder=tmp_path), lambda question: True))
    assert done.error is not None
    assert "No package 'si-test-nowhere'" in str(done.error)
    assert "si-test-nowhere" in done.error.details
    assert packages.Requirement("si-test-beta").installed == ""


def test_what_is_installed_keeps_its_version() -> None:
    lines = kept_versions([Requirement("numpy")]).splitlines()
    assert not any(line.lower().startswith("numpy==") for line in lines)
    assert any(line.lower().startswith("scipy==") for line in lines)
    assert all(line.count("==") == 1 for line in lines)


@pytest.mark.parametrize(("text", "words"), [
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
    ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))", "proxy refused"),
    ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
    ("Failed to establish a new connection: [Errno -3] Temporary failure in name resolution", "could not be reached"),
    ("ERROR: Cannot install a and b because these package versions have conflicting dependencies.", "does not fit"),
    ("ERROR: Could not install packages: [Errno 13] Permission denied: 'x'", "may not be written"),
    ("No module named pip", "has no pip"),
    ("something else", "See the details"),
])  # fmt: skip
def test_each_failure_has_its_sentence(text: str, words: str) -> None:
    assert words in why_pip_failed(text)


@pytest.mark.usefixtures("lacking")
def test_an_installation_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An address that accepts and never answers: pip would wait.
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.setenv(name, "")
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.getsockname()[1]}/simple")
        installation = Installation(plan(), lambda question: True).start()
        time.sleep(1.0)
        assert not installation.poll()
        installation.cancel()
    assert installation.finished
    assert isinstance(installation.error, Cancelled)


def test_progress_is_a_line_that_people_understand() -> None:
    class Child:
        output = "Looking in links: /x\nCollecting highdicom>=0.23 (from x)\n  Downloading highdicom-0.28.whl (1 MB)\n"

    installation: Any = object.__new__(Installation)
    installation._child = Child()
    assert installation.step == "Downloading highdicom-0.28.whl (1 MB)"
