"""From the command to a front that listens, and to an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import webbrowser

from synthetic_imaging.errors import FileError, SyntheticImagingError
from synthetic_imaging.jobs.scratch import sweep
from synthetic_imaging_web.front.log import RequestLines, quiet_aiohttp, say
from synthetic_imaging_web.front.server import Front
from synthetic_imaging_web.front.settings import FrontSettings

OPEN_TO_OTHERS = """
WARNING: this program listens on the network, and what it sends is not encrypted.
Who shares the network can read the images and the token on their way. Use it only on a network
that you trust, or leave --host out and come through an encrypted tunnel (see docs/browser.md).
"""


def run(settings: FrontSettings) -> int:
    """Serve until Ctrl-C or a signal; the exit code."""
    quiet_aiohttp()
    try:
        settings.check()
        asyncio.run(_serve(settings))
    except KeyboardInterrupt:
        return 130
    except SyntheticImagingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def _serve(settings: FrontSettings) -> None:
    # Sessions of a front that was killed: their processes end by themselves, their folders are removed here.
    threading.Thread(target=sweep, daemon=True).start()
    front = Front(settings)
    stop = asyncio.Event()
    _on_signals(stop)
    try:
        runner = await front.listen(RequestLines if settings.verbose else None)
    except OSError as error:
        raise FileError(
            f"Nothing can listen on {settings.host}, port {settings.port}: {os.strerror(error.errno or 0)}. "
            "Choose another --port, or leave it out."
        ) from None
    try:
        _tell(front)
        if settings.open_browser and _has_screen():
            address = front.address(front.tokens.once())
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        await stop.wait()
        say("stopping: ending all sessions")
    finally:
        await runner.cleanup()


def _has_screen() -> bool:
    # Without one a browser of the terminal would be opened, in the window that shows the address.
    return not sys.platform.startswith("linux") or any(os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY"))


def _tell(front: Front) -> None:
    if not front.settings.loopback:
        print(OPEN_TO_OTHERS, file=sys.stderr, flush=True)
    address = front.address()
    if front.settings.host in ("0.0.0.0", "::"):
        # Every address of this computer answers; the name is the one that others are most likely to know.
        address = f"http://{socket.gethostname().lower()}:{front.port}/?{address.partition('?')[2]}"
    whom = "Only this computer can reach it." if front.settings.loopback else "Whoever has the address can use it."
    print(
        "Synthetic Imaging, research use, not for diagnosis. Open this address in a browser:\n\n"
        f"    {address}\n\n{whom} Ctrl-C ends the program and deletes all its sessions.",
        flush=True,
    )


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except (NotImplementedError, RuntimeError):
            # Windows: the loop must wake up to see it.
            with contextlib.suppress(ValueError, OSError):
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
