"""What was measured, as a page."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from Testing.benchmarks.timing import Times

LIBRARIES = ("numpy", "scipy", "numba", "SimpleITK", "torch", "monai", "scikit-image")


@dataclass
class Section:
    """One comparison: a table and what must be said about it."""

    title: str
    text: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def row(self, *cells: str) -> None:
        self.rows.append(list(cells))
        print("  " + " | ".join(cells), flush=True)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)
        print("  " + sentence, flush=True)

    def markdown(self, measured: str) -> str:
        lines = [f"## {self.title}", "", self.text, f"Measured {measured}.", ""]
        lines += ["| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"


def ratio(ours: Times, peer: Times) -> str:
    """Our median through the peer's: below 1 is faster."""
    return f"{ours.median / peer.median:.2g}"


def machine() -> str:
    """Processor, cores and memory in words."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    import psutil

    return f"{name}, {cores} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}"


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def versions() -> str:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    return f"Python {platform.python_version()}, " + ", ".join(found)


def page(sections: list[tuple[Section, str]], repeats: int, busy_percent: float) -> str:
    """The whole page in Markdown."""
    quiet = f"Other programs used {busy_percent:.0f} % of it at the start."
    if busy_percent > 10:
        quiet = f"**{quiet} These figures are not to be relied on: run it again on a quiet machine.**"
    head = (
        "# Speed and memory\n\n"
        "Written by `make bench`; not edited by hand. Times depend on the machine: what counts are the ratios, ours "
        "through the peer's, measured in one run (below 1 is faster). "
        f"Medians of {repeats} calls after a first one, with their range in brackets.\n\n"
        f"- Machine: {machine()}. {quiet}\n- Versions: {versions()}.\n"
    )
    return head + "\n" + "\n".join(section.markdown(measured) for section, measured in sections)
