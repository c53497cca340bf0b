"""The log of the front: plain lines without file names, addresses of pages or anything of a patient."""

from __future__ import annotations

import logging
import sys
import time
import traceback
from pathlib import PurePath
from types import TracebackType

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger


def say(line: str) -> None:
    """Write a line with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", file=sys.stderr, flush=True)


def where(trace: TracebackType | None) -> str:
    """Where an error arose, as "file.py:12": its text may hold a file's name and is left out."""
    frames = reversed(traceback.extract_tb(trace)[-4:])
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)


class RequestLines(AbstractAccessLogger):
    """One line for each request: no query, no file name, no address of the user."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write it."""
        if request.path == "/front/state":  # asked every few seconds by every open page
            return
        say(f"{request.method} {plain_path(request.path)} {response.status} {time * 1000:.0f} ms")


def plain_path(path: str) -> str:
    """The part of a path that says nothing about the data."""
    if path.startswith("/download/"):
        return "/download/..."
    return path if path in ("/", "/ws", "/upload", "/index.html") or path.startswith("/front/") else "/..."


class ErrorLines(logging.Handler):
    """Errors of the web server's own making, as kind and place."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write it."""
        kind, _, trace = record.exc_info or (None, None, None)
        if kind is not None:
            say(f"error: {kind.__name__} at {where(trace)}")


def quiet_aiohttp() -> None:
    """Let the web server's own loggers write nothing but what `ErrorLines` writes."""
    for name in ("aiohttp.server", "aiohttp.web", "aiohttp.access", "aiohttp.client", "aiohttp.websocket", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [ErrorLines()] if name in ("aiohttp.server", "asyncio") else [logging.NullHandler()]
        logger.propagate = False
