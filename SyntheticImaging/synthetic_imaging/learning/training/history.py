"""Curves: rows in memory, ``history.csv`` for a spreadsheet, and a TensorBoard log."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from synthetic_imaging.learning.training.checkpoints import unwritable

MOST_ROWS = 1000


class History:
    """Values by step, as means over ``every`` steps so that at most about `MOST_ROWS` rows are kept.

    Only the first process writes; in others this does nothing.
    """

    def __init__(self, folder: Path, steps: int, *, write: bool = True) -> None:
        self.every = max(1, math.ceil(steps / MOST_ROWS))
        self.rows: list[dict[str, float]] = []
        self.notes: list[str] = []
        self._path, self._log_folder, self._write = folder / "history.csv", folder / "log", write
        self._columns = ["step"]
        self._sums: dict[str, list[float]] = {}
        self._log: Any = None
        self._file: IO[str] | None = None

    def open(self, step: int, kept: Mapping[str, Any] | None) -> None:
        """Begin, or go on from a checkpoint at ``step``: later rows are dropped.

        Raises:
            FileError: if the folder cannot be written.
        """
        if kept is not None:
            self.rows = [{k: float(v) for k, v in row.items()} for row in kept["rows"]]
            self._sums = {name: list(pair) for name, pair in kept["sums"].items()}
            self.every = int(kept["every"])
        if not self._write:
            return
        self._columns = ["step", *dict.fromkeys(k for row in self.rows for k in row if k != "step")]
        self._rewrite()
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.notes.append("TensorBoard is not installed: the curves are in history.csv only.")
        else:
            self._log = SummaryWriter(str(self._log_folder), purge_step=step + 1 if step else None)

    def kept(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"rows": self.rows, "sums": self._sums, "every": self.every}

    def take(self, step: int, values: Mapping[str, float]) -> None:
        """The values of a step."""
        for name, value in values.items():
            pair = self._sums.setdefault(name, [0.0, 0])
            pair[0] += value
            pair[1] += 1
        if step % self.every == 0:
            self._row(step, {name: total / count for name, (total, count) in self._sums.items()})
            self._sums = {}

    def validated(self, step: int, values: Mapping[str, float], pictures: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """The values and pictures of a validation, (rows, columns) in 0..1."""
        self._row(step, {f"validation.{name}": value for name, value in values.items()})
        if self._log is not None:
            for name, picture in pictures.items():
                self._log.add_image(name, np.clip(np.asarray(picture, dtype=np.float32), 0, 1), step, dataformats="HW")
            self._log.flush()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Finish writing."""
        self._close_file()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _row(self, step: int, values: Mapping[str, float]) -> None:
        last = self.rows[-1] if self.rows and self.rows[-1]["step"] == step else None
        row: dict[str, float] = last if last is not None else {"step": float(step)}
        row.update(values)
        if last is None:
            self.rows.append(row)
        if not self._write:
            return
        new = [name for name in values if name not in self._columns]
        if new or last is not None:
            self._columns += new
            self._rewrite()
        else:
            self._append(row)
        if self._log is not None:
            from tensorboard.compat.proto.summary_pb2 import Summary

            # All of a row at once: five times as fast as one by one.
            scalars = [Summary.Value(tag=name.replace(".", "/"), simple_value=value) for name, value in values.items()]
            self._log.file_writer.add_summary(Summary(value=scalars), step)

    def _line(self, row: Mapping[str, float]) -> str:
        text = io.StringIO()
        cells = [f"{row[c]:.0f}" if c == "step" else f"{row[c]:.9g}" if c in row else "" for c in self._columns]
        csv.writer(text, lineterminator="\n").writerow(cells)
        return text.getvalue()

    def _append(self, row: Mapping[str, float]) -> None:
        try:
            if self._file is None:
                self._file = self._path.open("a", encoding="utf-8", newline="")
            self._file.write(self._line(row))
            self._file.flush()
        except OSError as error:
            raise unwritable(error, self._path) from error

    def _rewrite(self) -> None:
        part = self._path.with_name(".history.csv.part")
        self._close_file()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(self._columns)
                file.writelines(self._line(row) for row in self.rows)
            part.replace(self._path)
        except OSError as error:
            raise unwritable(error, self._path) from error
