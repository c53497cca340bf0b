"""A page of evidence: Markdown with tables and pictures beside it, written when it is whole."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from synthetic_imaging.files.staging import staged


class Page:
    """Collects the parts of a page.

    Args:
        name: of the file, without ending; pictures get it as prefix.
        title: heading.
        summary: what was found, in a few sentences; stands first.
    """

    def __init__(self, name: str, title: str, summary: str = "") -> None:
        self.name, self.title, self.summary = name, title, summary
        self._parts: list[str] = []
        self._pictures: list[tuple[str, Any]] = []

    def section(self, heading: str) -> None:
        """A heading of the second level."""
        self._parts.append(f"## {heading}")

    def text(self, words: str) -> None:
        """A paragraph."""
        self._parts.append(words.strip())

    def points(self, lines: Sequence[str]) -> None:
        """A list."""
        self._parts.append("\n".join(f"- {line}" for line in lines))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table; numbers are shown with three digits."""
        lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(_shown(cell) for cell in row) + " |" for row in rows]
        self._parts.append("\n".join(lines))

    def figure(self, figure: Any, caption: str) -> None:
        """A matplotlib figure."""
        self._add(figure, caption)

    def image(self, pixels: np.ndarray[Any, Any], caption: str) -> None:
        """A picture (rows, columns[, 3]), uint8."""
        self._add(pixels, caption)

    def _add(self, picture: Any, caption: str) -> None:
        name = f"{self.name}-{len(self._pictures) + 1}.jpg"
        self._pictures.append((name, picture))
        self._parts.append(f"![{caption}](pictures/{name})\n\n*{caption}*")

    def write(self, folder: Path, command: str) -> Path:
        """Write page and pictures; the page appears last.

        Args:
            folder: where NAME.md and pictures/NAME-n.jpg go.
            command: what makes the page again.

        Raises:
            FileError: if it cannot be written.
        """
        from PIL import Image

        pictures = folder / "pictures"
        pictures.mkdir(parents=True, exist_ok=True)
        target = folder / f"{self.name}.md"
        with staged(target, overwrite=True) as stage:
            for name, picture in self._pictures:
                pixels = picture if isinstance(picture, np.ndarray) else _drawn(picture)
                Image.fromarray(pixels).convert("RGB").save(stage.beside(pictures / name), format="JPEG", quality=85,
                                                            optimize=True)
            stage.beside(target).write_text(self._markdown(command), encoding="utf-8")
        return target

    def _markdown(self, command: str) -> str:
        versions = ", ".join(f"{package} {metadata.version(package)}" for package in ("torch", "monai", "numpy"))
        foot = (f"Made by `{command}` with synthetic-imaging {metadata.version('synthetic-imaging')}, {versions}, "
                f"Python {platform.python_version()}. Research use, not for diagnosis.")
        return "\n\n".join([f"# {self.title}", self.summary.strip(), *self._parts, "---", foot]) + "\n"


def _shown(cell: object) -> str:
    if isinstance(cell, (float, np.floating)):
        number = float(cell)
        return "-" if not np.isfinite(number) else f"{number:.3f}" if abs(number) < 1000 else f"{number:.0f}"
    return str(cell)


def _drawn(figure: Any) -> np.ndarray[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels: np.ndarray[Any, Any] = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return pixels
