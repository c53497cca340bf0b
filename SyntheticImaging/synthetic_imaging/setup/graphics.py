"""PyTorch and the graphics card, as files and the driver tell it: torch is not imported.

Importing torch takes seconds and memory, and inside another program keeps its files in use so that it cannot be
exchanged any more.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synthetic_imaging.memory import readable_bytes
from synthetic_imaging.setup.packages import group
from synthetic_imaging.setup.rows import Row, State

TIMEOUT_SECONDS = 10.0
_QUERY = "--query-gpu=name,memory.total,memory.free,driver_version"


@dataclass(frozen=True)
class Torch:
    """An installed PyTorch.

    Attributes:
        version: "2.13.0+cpu".
        cuda: version of CUDA it was built for ("12.6"); "" for a build without.
        rocm: version of ROCm it was built for; "" for a build without.
    """

    version: str
    cuda: str = ""
    rocm: str = ""

    @property
    def build(self) -> str:
        """The kind of build, in words."""
        if self.cuda:
            return f"CUDA {self.cuda}"
        return f"ROCm {self.rocm}" if self.rocm else "Metal" if _apple_silicon() else "processor only"


@dataclass(frozen=True)
class Card:
    """A graphics card of NVIDIA's, as its driver describes it."""

    name: str
    total_bytes: int
    free_bytes: int
    driver: str


@dataclass(frozen=True)
class Driver:
    """What nvidia-smi says.

    Attributes:
        cards: the cards.
        cuda: highest version of CUDA the driver supports; "" when it does not say.
        problem: a sentence when the driver is there but does not answer; else "".
    """

    cards: tuple[Card, ...] = ()
    cuda: str = ""
    problem: str = ""


def find_torch() -> Torch | None:
    """The installed PyTorch, read from its files; None without."""
    try:
        spec = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        return None
    file = Path(places[0]) / "version.py"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return Torch(group("learn").requirements[0].installed or "unknown version")
    return Torch(_set_in(text, "__version__") or "unknown version", _set_in(text, "cuda"), _set_in(text, "hip"))


def ask_driver(
    run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run, timeout: float = TIMEOUT_SECONDS
) -> Driver:
    """What the NVIDIA driver says; empty without one. A driver that hangs is given up after ``timeout`` seconds."""
    program = _nvidia_smi()
    if program is None:
        return Driver()

    def ask(*words: str) -> str:
        hidden = 0x08000000 if os.name == "nt" else 0
        done = run([program, *words], capture_output=True, text=True, timeout=timeout, check=False, errors="replace",
                   stdin=subprocess.DEVNULL, creationflags=hidden)
        return done.stdout if done.returncode == 0 else ""

    try:
        listed = ask(_QUERY, "--format=csv,noheader,nounits")
        cards = tuple(filter(None, (_card(line) for line in listed.splitlines())))
        if not cards:
            return Driver(problem="The NVIDIA driver is installed but sees no card. Restart the computer, or "
                                  "install the driver again.")
        version = re.search(r"CUDA (?:UMD )?Version:\s*([\d.]+)", ask())
    except subprocess.TimeoutExpired:
        return Driver(problem=f"The NVIDIA driver did not answer within {timeout:g} s. Restart the computer.")
    except OSError as error:
        return Driver(problem=f"The NVIDIA driver's program could not be run ({error.strerror or error}).")
    return Driver(cards, version[1] if version else "")


def rows(torch: Torch | None, driver: Driver) -> list[Row]:
    """PyTorch, the card, and whether they fit each other."""
    return [_torch_row(torch, driver), *_card_rows(driver), *_fit_rows(torch, driver)]


def too_old(driver_cuda: str, torch_cuda: str) -> bool:
    """Whether a driver cannot run a build: a driver runs every minor version of the CUDA generation it knows."""
    ours, theirs = _major(driver_cuda), _major(torch_cuda)
    return ours > 0 and theirs > 0 and ours < theirs


def _torch_row(torch: Torch | None, driver: Driver) -> Row:
    floor = group("learn").requirements[0]
    if torch is None:
        return Row("PyTorch", "not installed", State.OPTIONAL,
                   "For segmenting, trained models and training; lesions and phantoms do without.")
    value = f"{torch.version}, {torch.build}"
    if not floor.allows(torch.version):
        return Row("PyTorch", value, State.WARNING, f"Learned tools need {floor.floor} or newer. Update it.")
    if driver.cards and not torch.cuda:
        return Row("PyTorch", value, State.WARNING,
                   "This build does not use the graphics card. Install the build for CUDA to compute on it.")
    return Row("PyTorch", value)


def _card_rows(driver: Driver) -> list[Row]:
    if driver.problem:
        return [Row("Graphics card", "not usable", State.WARNING, driver.problem)]
    if not driver.cards:
        if _apple_silicon():
            return [Row("Graphics card", "Apple GPU (Metal); shares the computer's memory")]
        return [Row("Graphics card", "no NVIDIA card found", State.OPTIONAL, "Today's tools use the processor.")]
    return [
        Row("Graphics card" if number == 0 else f"Graphics card {number + 1}",
            f"{card.name}, {readable_bytes(card.free_bytes)} free of {readable_bytes(card.total_bytes)}")
        for number, card in enumerate(driver.cards)
    ]


def _fit_rows(torch: Torch | None, driver: Driver) -> list[Row]:
    if not driver.cards:
        return []
    value = f"{driver.cards[0].driver}, for CUDA up to {driver.cuda or 'an unknown version'}"
    if torch is not None and too_old(driver.cuda, torch.cuda):
        return [Row("Graphics driver", value, State.WARNING,
                    f"PyTorch was built for CUDA {torch.cuda}. Update the driver, or install an older build.")]
    return [Row("Graphics driver", value)]


def _card(line: str) -> Card | None:
    parts = [p.strip() for p in line.split(",")]
    if len(parts) != 4:
        return None
    name, total, free, driver = parts
    sizes = [0, 0]
    for index, text in enumerate((total, free)):
        with contextlib.suppress(ValueError):  # "[N/A]" on cards that share the computer's memory
            sizes[index] = int(float(text) * 2**20)
    return Card(name, sizes[0], sizes[1], driver)


def _nvidia_smi() -> str | None:
    found = shutil.which("nvidia-smi")
    if found:
        return found
    # Older drivers for Windows do not put it on the path.
    programs = Path(os.environ.get("PROGRAMFILES", "C:/Program Files"))
    beside = programs / "NVIDIA Corporation" / "NVSMI" / "nvidia-smi.exe"
    return str(beside) if os.name == "nt" and beside.is_file() else None


def _apple_silicon() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def _set_in(text: str, name: str) -> str:
    match = re.search(rf"^{name}\s*(?::[^=]*)?=\s*['\"]([^'\"]+)['\"]", text, re.M)
    return match[1] if match else ""


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0
