"""Sessions: each browser has one, with a process and a folder of its own, found by its cookie alone."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging.jobs.scratch import make_scratch, remove_scratch
from synthetic_imaging.memory import available_bytes
from synthetic_imaging_web.front.log import say
from synthetic_imaging_web.front.page_process import PageProcess
from synthetic_imaging_web.front.settings import FrontSettings

OPEN_HOURS = 12.0
REMEMBERED = 100
_KILLED = {-9, 137}


class State(str, Enum):
    """Where a session stands."""

    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"


class NoPlace(SyntheticImagingError):
    """All sessions are in use."""


class Session:
    """One user's session.

    Attributes:
        key: the cookie's value.
        number: what it is called in the log.
        state: see `State`.
        sentence, details: why it ended.
        page: its process.
        sockets: open websockets.
        uploading: held while something is uploaded.
    """

    def __init__(self, key: str, number: int) -> None:
        self.key, self.number = key, number
        self.state = State.ENDED
        self.sentence = self.details = ""
        self.page: PageProcess | None = None
        self.folder: Path | None = None
        self.sockets = 0
        self.uploading = asyncio.Lock()
        self.changed = asyncio.Event()
        self.begun = self.seen = time.monotonic()
        self.task: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """The user is there."""
        self.seen = time.monotonic()

    @property
    def living(self) -> bool:
        """Whether it has a process, or is about to have one."""
        return self.state is not State.ENDED

    def idle(self, minutes: float) -> bool:
        """Whether nobody has been there for so long."""
        allowed = OPEN_HOURS * 3600 if self.sockets else minutes * 60
        return self.living and time.monotonic() - self.seen > allowed


class Sessions:
    """All sessions of a front."""

    def __init__(self, settings: FrontSettings) -> None:
        self._settings = settings
        self._sessions: dict[str, Session] = {}
        self._numbers = itertools.count(1)
        self._reaper: asyncio.Task[None] | None = None
        self._clearing: set[asyncio.Task[None]] = set()

    def find(self, key: str | None) -> Session | None:
        """The session of a cookie, ended ones included."""
        # Keys are random and long; a dictionary's timing gives nothing away that could be used.
        return self._sessions.get(key) if key else None

    def new(self) -> Session:
        """A session for a browser that has just come in.

        Raises:
            NoPlace: if all are in use.
        """
        self._check_place()
        session = Session(secrets.token_urlsafe(32), next(self._numbers))
        self._forget_oldest()
        self._sessions[session.key] = session
        self._begin(session)
        return session

    async def again(self, session: Session) -> None:
        """A new process and a new folder for the same browser; what the old one held is deleted.

        Raises:
            NoPlace: if all are in use.
        """
        if not session.living:
            self._check_place()
        await self.end(session, "Starting again.")
        self._begin(session)

    async def end(self, session: Session, sentence: str) -> None:
        """End the process with all it started, and delete the folder."""
        session.sentence, session.details = sentence, ""
        task, session.task = session.task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})
        await self._clear(session)

    async def end_all(self) -> None:
        """End every session; for the end of the front."""
        if self._reaper is not None:
            self._reaper.cancel()
        await asyncio.gather(*(self.end(s, "The program was stopped.") for s in self._sessions.values()))
        await asyncio.gather(*self._clearing)

    @property
    def living(self) -> int:
        """How many have a process."""
        return sum(s.living for s in self._sessions.values())

    def watch(self, every: float = 5.0, until: Callable[[Session], bool] | None = None) -> None:
        """End sessions that nobody uses, from now on."""
        minutes = self._settings.idle_minutes
        idle = until or (lambda session: session.idle(minutes))

        async def reap() -> None:
            while True:
                await asyncio.sleep(every)
                for session in [s for s in self._sessions.values() if idle(s)]:
                    say(f"session {session.number}: nobody was there, ended")
                    await self.end(session, f"This session was not used for {minutes:g} minutes and was ended. "
                                            "Its images are deleted.")

        self._reaper = asyncio.create_task(reap())

    def _check_place(self) -> None:
        if self.living >= self._settings.sessions:
            most = self._settings.sessions
            which = "The only session of this program is" if most == 1 else f"All {most} sessions of this program are"
            raise NoPlace(
                f"{which} in use. End one, or wait until one has not been used for "
                f"{self._settings.idle_minutes:g} minutes."
            )
        if available_bytes() < self._settings.session_bytes:
            raise NoPlace("The computer that runs this program has too little memory left for one more session.")

    def _forget_oldest(self) -> None:
        ended = [key for key, session in self._sessions.items() if not session.living]
        for key in ended[: max(0, len(ended) - REMEMBERED)]:
            del self._sessions[key]

    def _begin(self, session: Session) -> None:
        session.state, session.begun = State.STARTING, time.monotonic()
        session.changed = asyncio.Event()
        session.touch()
        session.task = asyncio.create_task(self._live(session))

    async def _live(self, session: Session) -> None:
        sentence = details = ""
        try:
            session.folder = make_scratch()
            session.page = PageProcess(self._settings.command, session.folder)
            await session.page.start(self._settings.start_seconds)
            session.state = State.READY
            session.touch()
            say(f"session {session.number}: started in {time.monotonic() - session.begun:.1f} s")
            code = await session.page.wait()
            say(f"session {session.number}: its process ended by itself (exit code {code})")
            why = ", most likely because memory ran out" if code in _KILLED else ""
            sentence = (
                f"The viewer has ended unexpectedly{why}. Results that were not downloaded are lost; your own files "
                "are untouched."
            )
            details = session.page.log
        except SyntheticImagingError as error:
            say(f"session {session.number}: could not be started")
            sentence, details = str(error), error.details
        session.sentence, session.details = sentence, details
        await self._clear(session)

    async def _clear(self, session: Session) -> None:
        # Shielded: who waits for it may be cancelled meanwhile, and processes and data must still go.
        task = asyncio.create_task(self._cleared(session))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)
        await asyncio.shield(task)

    @staticmethod
    async def _cleared(session: Session) -> None:
        was = session.state
        session.state = State.ENDED
        session.changed.set()
        page, session.page = session.page, None
        folder, session.folder = session.folder, None
        if page is not None:
            await page.end()
        if folder is not None:
            await asyncio.to_thread(remove_scratch, folder)
        if was is State.READY:
            say(f"session {session.number}: its data are deleted")
