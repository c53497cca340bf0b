"""``python -m synthetic_imaging_web.page``: the process of one session; started by the server in front."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> int:
    """Start the page and serve it until the process is ended."""
    options = _options()
    # trame reads sys.argv too; what it must not see is gone by then. wslink's own message would spoil the first line.
    sys.argv = sys.argv[:1]
    os.environ["WSLINK_READY_MSG"] = ""
    from synthetic_imaging_web.page.guard import SECRET_VARIABLE, only_with, take_secret

    secret = take_secret()
    if not secret:
        print(f"The page starts only with a secret in {SECRET_VARIABLE}.", file=sys.stderr)
        return 2
    from SyntheticImagingLib.rendering import NO_RENDERING, can_render

    if not can_render():
        print(NO_RENDERING, file=sys.stderr)
        return 3
    _quiet_warnings()
    from trame.app import get_server

    from synthetic_imaging_web.page.app import PageApp

    for name in ("incoming", "outgoing"):
        (options.folder / name).mkdir(parents=True, exist_ok=True)
    server = get_server("synthetic-imaging", client_type="vue3")
    app = PageApp(server, options.folder, options.sample, in_front=not options.stand_alone)

    def bind(web_server: Any) -> None:
        web_server.app.middlewares.append(only_with(secret))
        app.routes.add_to(web_server.app, options.stand_alone)

    server.controller.on_server_bind.add(bind)

    def ready(**_: Any) -> None:
        print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
        sys.stdout = sys.stderr  # the one line was for the server in front; what libraries print is for the log

    server.controller.on_server_ready.add(ready)
    _end_when_told(app, options.with_parent)
    server.start(
        port=options.port, host=options.host, open_browser=False, show_connection_info=False, timeout=0,
    )
    return 0


def _end_when_told(app: Any, with_parent: bool) -> None:
    """End jobs and process on SIGTERM, and when the server in front is gone."""

    def end(*_: object) -> None:
        app.close()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)

    def wait_for_parent() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    if with_parent:
        threading.Thread(target=wait_for_parent, daemon=True).start()


def _quiet_warnings() -> None:
    """VTK warns on every window of trame-slicer's; errors are still heard."""
    from vtkmodules.vtkCommonCore import vtkLogger, vtkObject

    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    vtkObject.GlobalWarningDisplayOff()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="synthetic_imaging_web.page", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="the session's folder")
    parser.add_argument("--sample", default="auto", help="what to open with: auto, chest-ct, small-ct, phantom, none")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    parser.add_argument("--stand-alone", action="store_true", help="serve uploads and downloads too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
