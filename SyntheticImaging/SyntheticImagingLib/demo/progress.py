"""Progress in the terminal: one line a step, with a bar."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from synthetic_imaging import Progress

OnProgress = Callable[[Progress], None]


class Terminal:
    """Bars on a terminal, plain lines elsewhere; remembers how long each step took.

    Attributes:
        times: step -> seconds.
    """

    def __init__(self) -> None:
        self.times: dict[str, float] = {}
        self._bars: Any = None

    def __enter__(self) -> Terminal:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars
        from rich.table import Column

        console = Console()
        if console.is_terminal:
            self._bars = Bars(
                BarColumn(16, table_column=Column(no_wrap=True, width=16)),
                TextColumn("{task.percentage:>3.0f} %", table_column=Column(no_wrap=True, width=5)),
                TimeElapsedColumn(table_column=Column(no_wrap=True, width=7)),
                TextColumn("{task.description} [dim]{task.fields[step]}", table_column=Column(no_wrap=True, ratio=1)),
                console=console, expand=True,
            )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    @contextlib.contextmanager
    def step(self, sentence: str) -> Iterator[OnProgress]:
        """A step; the block is handed a function that takes `Progress`."""
        started = time.monotonic()
        bar = self._bars.add_task(sentence, total=1.0, step="") if self._bars is not None else None

        def report(progress: Progress) -> None:
            if bar is not None:
                self._bars.update(bar, completed=progress.fraction, step=progress.step)

        yield report
        seconds = time.monotonic() - started
        self.times[sentence] = self.times.get(sentence, 0.0) + seconds
        if bar is not None:
            self._bars.update(bar, completed=1.0, step="")
            self._bars.stop_task(bar)
        else:
            print(f"{seconds:6.1f} s  {sentence}", flush=True)
