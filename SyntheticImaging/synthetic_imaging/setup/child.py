"""A short-lived child process with a time limit: polled, never waited for, with the standard library alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import synthetic_imaging
from synthetic_imaging.errors import JobFailed

_SHOWN_BYTES = 65536


class SetupChild:
    """A Python module run as a program by the Python of the tools.

    A timer calls `poll` until `finished`; then `code`, `output` and `timed_out` tell how it ended.
    """

    def __init__(self, module: str, arguments: Sequence[str] = (), *, seconds: float,
                 environment: Mapping[str, str] | None = None) -> None:
        """Prepare; nothing is started.

        Args:
            module: run with ``python -m``.
            arguments: words after it.
            seconds: it is ended after that time.
            environment: additions to this process's variables.
        """
        self._module, self._arguments, self._limit = module, tuple(arguments), seconds
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._since = 0.0
        self._kept: dict[str, str] = {"out": "", "err": ""}
        self.code: int | None = None
        self.timed_out = False
        self.cancelled = False

    @property
    def finished(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self.code is not None

    @property
    def output(self) -> str:
        """What it wrote on standard output so far."""
        return self._text("out")

    @property
    def log(self) -> str:
        """What it wrote on standard error so far, the end of it."""
        return self._text("err")

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._since if self._since else 0.0

    def start(self) -> SetupChild:
        """Start it.

        Raises:
            JobFailed: if that is impossible.
        """
        from synthetic_imaging.jobs.process import job_environment, python_executable

        python = python_executable()
        environment = {**job_environment(), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **self._environment}
        root = str(Path(synthetic_imaging.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (root, environment.get("PYTHONPATH")) if p)
        options: dict[str, Any] = (
            {"creationflags": 0x08000000 | 0x00000200} if os.name == "nt" else {"start_new_session": True}
        )
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="synthetic-imaging-setup-", ignore_cleanup_errors=True)
            with self._file("out").open("wb") as out, self._file("err").open("wb") as err:
                self._process = subprocess.Popen(
                    [python, "-m", self._module, *self._arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    env=environment, **options,
                )
        except OSError as error:
            self.code = -1
            self._drop()
            raise JobFailed(
                f"The Python of the tools could not be started ({error.strerror or error}). Install the program again, "
                "or set SYNTHETIC_IMAGING_PYTHON to a Python."
            ) from None
        self._since = time.monotonic()
        return self

    def poll(self) -> bool:
        """Look after it; returns `finished`."""
        if self._process is None or self.finished:
            return self.finished
        code = self._process.poll()
        if code is not None:
            self._end(code)
        elif self.seconds > self._limit:
            self.timed_out = True
            self._kill()
        return self.finished

    def cancel(self) -> None:
        """End it and what it started, at once."""
        if self._process is not None and not self.finished:
            self.cancelled = True
            self._kill()

    def wait(self) -> SetupChild:
        """For the shell: until it has ended."""
        while not self.poll():
            time.sleep(0.02)
        return self

    def _kill(self) -> None:
        process = self._process
        assert process is not None
        if os.name == "nt":
            # What is started inside 3D Slicer is a launcher: the Python is its child.
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False,
                           creationflags=0x08000000)
        else:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        self._end(process.returncode if process.returncode is not None else -9)

    def _end(self, code: int) -> None:
        self._kept = {name: self._text(name) for name in self._kept}
        self.code = code
        self._drop()

    def _drop(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _file(self, name: str) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / name

    def _text(self, name: str) -> str:
        if self._folder is None:
            return self._kept[name]
        with contextlib.suppress(OSError), self._file(name).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _SHOWN_BYTES))
            return file.read().decode("utf-8", errors="replace")
        return ""
