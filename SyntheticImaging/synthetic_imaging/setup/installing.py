"""Install what is missing: a plan in words, consent, then pip in a child process; from a folder without a network."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from synthetic_imaging.errors import Cancelled, FileError, InputError, JobFailed, SyntheticImagingError
from synthetic_imaging.setup.child import SetupChild
from synthetic_imaging.setup.packages import Requirement, groups, normal_name
from synthetic_imaging.setup.privacy import anonymous

SECONDS = 3600.0
_WHEEL = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-[^-]+)?-[^-]+-[^-]+-[^-]+\.whl")
Consent = Callable[[str], bool]


@dataclass(frozen=True)
class Plan:
    """What would be installed, and from where.

    Attributes:
        requirements: packages with their floors.
        folder: folder of wheels; None for the package index.
        left_to_host: packages that the host program installs in its own way (PyTorch inside 3D Slicer).
    """

    requirements: tuple[Requirement, ...]
    folder: Path | None = None
    left_to_host: tuple[Requirement, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.requirements and not self.left_to_host

    @property
    def megabytes(self) -> int:
        """Size of the download or of the wheels, roughly."""
        if self.folder is None:
            return sum(r.megabytes for r in self.requirements)
        wheels, total = wheels_in(self.folder), 0
        for requirement in self.requirements:
            sizes = [file.stat().st_size for file, version in wheels.get(normal_name(requirement.name), ())
                     if requirement.allows(version)]
            total += max(sizes, default=0)
        return max(1, round(total / 1e6)) if total else 0

    @property
    def sentence(self) -> str:
        """The question that is asked before anything happens."""
        if self.empty:
            return "Everything that today's tools need is installed."
        count = len(self.requirements)
        names = ", ".join(r.name for r in self.requirements)
        what = f"{count} package{'' if count == 1 else 's'} ({names})"
        # 3D Slicer 5.10 ships a pydicom that is too old: its own modules and other extensions use it too.
        old = ", ".join(f"{r.name} {r.installed}" for r in self.requirements if r.installed)
        instead = f" {old} will be replaced, on which other parts of the program may rely." if old else ""
        if self.folder is not None:
            return (f"Install {what} from the folder '{self.folder.name}', about {self.megabytes} MB? "
                    f"Nothing is downloaded.{instead}")
        size = f"{self.megabytes / 1000:.1f} GB" if self.megabytes >= 1000 else f"{self.megabytes} MB"
        return f"Download and install {what}, about {size}?{instead}"

    @property
    def words(self) -> list[str]:
        """Arguments for ``pip install``."""
        source = ["--no-index", "--find-links", str(self.folder)] if self.folder is not None else []
        return [*source, *(str(r) for r in self.requirements)]


def plan(names: Sequence[str] = ("core",), folder: str | os.PathLike[str] | None = None, *,
         torch_by_host: bool = False) -> Plan:
    """What is missing of these groups.

    Args:
        names: names of groups.
        folder: a folder of wheels, for computers without a network.
        torch_by_host: leave PyTorch out, because the host program chooses and installs the build.

    Raises:
        FileError: if the folder holds no wheels, or lacks one that is needed.
        InputError: for a group that does not exist.
    """
    known = {g.name: g for g in groups()}
    for name in names:
        if name not in known:
            raise InputError(f"There is no group of packages '{name}'. There are: {', '.join(known)}.")
    wanting = [r for name in names for r in known[name].wanting]
    by_host = tuple(r for r in wanting if torch_by_host and r.name == "torch")
    ours = tuple(r for r in wanting if r not in by_host)
    if folder is None:
        return Plan(ours, None, by_host)
    place = Path(folder)
    _check_folder(place, ours)
    return Plan(ours, place, by_host)


def wheels_in(folder: Path) -> dict[str, list[tuple[Path, str]]]:
    """Name of a distribution -> its wheels in the folder, with their versions."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for file in folder.glob("*.whl"):
        match = _WHEEL.fullmatch(file.name)
        if match:
            found.setdefault(normal_name(match["name"]), []).append((file, match["version"]))
    return found


def kept_versions(requirements: Sequence[Requirement]) -> str:
    """Constraints for pip: every package stays at its version, except those that are to be installed.

    A host program and its other extensions loaded these versions: exchanging one underneath them breaks them.
    """
    changed = {normal_name(r.name) for r in requirements}
    lines = set()
    for distribution in metadata.distributions():
        name = (distribution.metadata["Name"] or "") if distribution.metadata else ""
        version = distribution.version if name else None
        if name and version and normal_name(name) not in changed:
            lines.add(f"{name}=={version}")
    return "\n".join(sorted(lines, key=str.lower)) + "\n"


class Installation:
    """pip in a child process, for a host with an event loop: ``poll()`` until `finished`, then `error` is None or not.

    Nothing happens before consent was given: the constructor asks.
    """

    def __init__(self, what: Plan, consent: Consent) -> None:
        """Ask.

        Raises:
            Cancelled: if consent was refused, or there is nothing to do.
        """
        self.plan = what
        if not what.requirements:
            raise Cancelled(what.sentence if what.empty else "PyTorch is installed by the program itself.")
        if not consent(what.sentence):
            raise Cancelled("Nothing was installed.")
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._child: SetupChild | None = None
        self._asked = False
        self.error: SyntheticImagingError | None = None
        self.finished = False

    @property
    def step(self) -> str:
        """What pip is doing, one line."""
        lines = (self._child.output if self._child else "").splitlines()
        known = [line.strip() for line in lines if line.strip().startswith(("Collecting", "Downloading", "Installing",
                                                                           "Processing", "Building"))]
        return anonymous(known[-1].split(" (from")[0])[:120] if known else "starting"

    def start(self) -> Installation:
        """Start pip.

        Raises:
            JobFailed: if the Python of the tools cannot be started.
            FileError: if there is no room for its files.
        """
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="synthetic-imaging-setup-", ignore_cleanup_errors=True)
            kept = Path(self._folder.name) / "constraints.txt"
            kept.write_text(kept_versions(self.plan.requirements), encoding="utf-8")
        except OSError as error:
            self._drop()
            reason = error.strerror or error
            raise FileError(f"The temporary folder cannot be used: {reason}. Free some space.") from None
        words = ["install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off",
                 "-c", str(kept), *self.plan.words]
        # Settings of this user or computer must not add an index when only the folder was agreed to.
        variables = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""} if self.plan.folder is not None else {}
        self._child = SetupChild("pip", words, seconds=SECONDS, environment=variables)
        try:
            self._child.start()
        except JobFailed:
            self._drop()
            raise
        return self

    def poll(self) -> bool:
        """Look after it; returns `finished`."""
        if self._child is None or self.finished or not self._child.poll():
            return self.finished
        self.finished = True
        self._drop()
        self.error = self._ended()
        return True

    def cancel(self) -> None:
        """Stop pip; packages that were complete stay."""
        if self._child is not None and not self.finished:
            self._child.cancel()
            self.poll()

    def _ended(self) -> SyntheticImagingError | None:
        child = self._child
        assert child is not None
        if child.cancelled:
            return Cancelled("The installation was stopped. What was complete stays installed.")
        if child.code == 0:
            return None
        text = anonymous(f"{child.output}\n{child.log}")
        error = JobFailed(why_pip_failed(text, child.timed_out))
        error.details = text
        return error

    def _drop(self) -> None:
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.cleanup()
            self._folder = None


def why_pip_failed(text: str, timed_out: bool = False) -> str:
    """The sentence for what pip printed."""
    lower = text.lower()
    if timed_out:
        return "The installation took longer than an hour and was stopped. Check the network, then try again."
    if "no space left" in lower or "errno 28" in lower:
        return "The disk is full. Free some space, then install again."
    if "no module named pip" in lower:
        return "This Python has no pip. Install it with `python -m ensurepip`, then try again."
    if "permission denied" in lower or "errno 13" in lower or "access is denied" in lower:
        return "The packages' folder may not be written. Start the program with the rights to change its folder."
    if "filename too long" in lower or "path too long" in lower or "winerror 206" in lower:
        return "A path is too long for Windows. Allow long paths, or install 3D Slicer in a shorter folder."
    if "certificate" in lower:
        return "The connection's certificate was not accepted. Ask for the certificate of your network (PIP_CERT)."
    if "407" in lower or ("proxy" in lower and "error" in lower):
        return "The proxy refused the connection. Check HTTPS_PROXY, or install from a folder."
    network = ("connection", "timed out", "name resolution", "getaddrinfo", "unreachable", "max retries")
    if any(word in lower for word in network):
        return "The package index could not be reached. Check network and proxy, or install from a folder."
    if "conflict" in lower or "resolutionimpossible" in lower:
        return "What is needed does not fit packages that are installed already. Nothing was changed. See the details."
    if "no matching distribution" in lower or "could not find a version" in lower:
        lacking = re.search(r"no matching distribution found for ([\w.-]+)", lower)
        found = f"No package '{lacking[1]}' fits this Python and system." if lacking else "A package was not found."
        return f"{found} Install from a folder that has it, or update 3D Slicer."
    return "The installation failed. See the details."


def _check_folder(folder: Path, requirements: Sequence[Requirement]) -> None:
    if not folder.is_dir():
        raise FileError(f"The folder '{folder}' does not exist. Choose the folder that holds the .whl files.")
    wheels = wheels_in(folder)
    if not wheels:
        raise FileError(f"The folder '{folder}' holds no packages (.whl files). Choose another folder.")
    lacking = [str(r) for r in requirements
               if not any(r.allows(version) for _, version in wheels.get(normal_name(r.name), ()))]
    if lacking:
        raise FileError(
            f"The folder '{folder}' lacks: {', '.join(lacking)}. On a computer of the same kind with a network, "
            f"`pip download {' '.join(lacking)}` gets them with what they need."
        )
