"""One page process: the state of one user, reached by nobody but the front."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import synthetic_imaging
from synthetic_imaging.errors import JobFailed
from synthetic_imaging.jobs.ending import with_details
from synthetic_imaging.jobs.scratch import VARIABLE
from synthetic_imaging_web.front.process_tree import end_tree

SECRET_VARIABLE = "SYNTHETIC_IMAGING_PAGE_SECRET"
SECRET_HEADER = "X-Page-Secret"
_LOG_LINES = 200
_LINE_BYTES = 1 << 16


class PageProcess:
    """A page process on a free port of 127.0.0.1, with a secret that every request to it must carry.

    Attributes:
        folder: the folder of the session, with ``incoming``, ``outgoing`` and ``scratch``.
        secret: what requests carry in the header `SECRET_HEADER`; no browser sees it.
        port: its port, once it has started.
    """

    def __init__(self, command: tuple[str, ...], folder: Path) -> None:
        self.folder = folder
        self.secret = secrets.token_urlsafe(32)
        self.port = 0
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._readers: list[asyncio.Task[None]] = []
        self._ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def start(self, seconds: float) -> None:
        """Start it and wait until it can be reached.

        Raises:
            JobFailed: if it cannot be started, ends, or takes too long; ``details`` hold the end of its log.
        """
        for name in ("incoming", "outgoing", "scratch"):
            (self.folder / name).mkdir(mode=0o700)
        options = {"creationflags": 0x08000200} if os.name == "nt" else {"start_new_session": True}
        arguments = ("--port", "0", "--host", "127.0.0.1", "--folder", str(self.folder), "--with-parent")
        pipe = asyncio.subprocess.PIPE
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=self._environment(),
                limit=_LINE_BYTES, **options,
            )
        except OSError as error:
            raise JobFailed(f"The viewer could not be started: {error.strerror or type(error).__name__}.") from None
        assert self._process.stdout is not None and self._process.stderr is not None
        self._readers = [
            asyncio.create_task(self._listen(self._process.stdout)),
            asyncio.create_task(self._keep_log(self._process.stderr)),
        ]
        ended = asyncio.create_task(self._exit_code())
        await asyncio.wait({self._ready, ended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            how = f"ended at once (exit code {ended.result()})" if ended.done() else f"took over {seconds:g} seconds"
            ended.cancel()
            await self._drained()
            raise with_details(JobFailed(f"The viewer could not be started: its process {how}. Try again."), self.log)
        ended.cancel()
        self.port = self._ready.result()

    @property
    def log(self) -> str:
        """The end of what it printed: for its own user, as details to copy; nowhere else."""
        return "\n".join(self._log)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    async def wait(self) -> int:
        """Wait until it has ended, in whichever way; its exit code."""
        code = await self._exit_code()
        await self._drained()
        return code

    async def end(self) -> None:
        """End it with everything it has started; nothing happens when it never ran."""
        if self._process is not None:
            await asyncio.to_thread(end_tree, self._process.pid, self.folder / "scratch")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._exit_code(), 5)
            if self._process.stdin is not None:
                self._process.stdin.close()
        for reader in self._readers:
            reader.cancel()

    async def _exit_code(self) -> int:
        # asyncio's own wait lasts until all have let go of the pipes, those too that the process has started.
        assert self._process is not None
        while self._process.returncode is None:
            await asyncio.sleep(0.1)
        return self._process.returncode

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ)
        # Whatever it and its jobs write goes with the folder of the session.
        scratch = str(self.folder / "scratch")
        environment |= {VARIABLE: scratch, "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch}
        environment[SECRET_VARIABLE] = self.secret
        environment["PYTHONUNBUFFERED"] = "1"
        # On this computer compression costs time and saves nothing; images are compressed already.
        environment["WSLINK_WS_COMPRESS"] = "0"
        root = str(Path(synthetic_imaging.__file__).parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(p for p in (root, environment.get("PYTHONPATH")) if p)
        return environment

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                if not self._ready.done():
                    self._ready.set_result(int(json.loads(line)["port"]))
                    continue
            self._log.append(line)

    async def _keep_log(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            self._log.append(line)

    async def _drained(self) -> None:
        # A job that outlives it for a moment may hold the pipes open: that is not waited for.
        if self._readers:
            await asyncio.wait(self._readers, timeout=0.5)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines as text; one that is too long is left out."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip()
