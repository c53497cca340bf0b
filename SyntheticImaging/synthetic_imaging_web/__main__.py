"""``python -m synthetic_imaging_web``: the program in a browser."""

from __future__ import annotations

import argparse
import sys

from synthetic_imaging_web.front.settings import FrontSettings
from synthetic_imaging_web.uploads.limits import MB, UploadLimits


def settings_from(arguments: list[str] | None = None) -> FrontSettings:
    """The settings that the command line asks for; ends the program with a sentence where it is wrong."""
    default = FrontSettings()
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_imaging_web",
        description="Synthetic Imaging in a browser. Prints the address to open; only this computer can reach it.",
    )
    parser.add_argument("--open", action="store_true", help="open the browser")
    parser.add_argument("--port", type=int, default=default.port, help="port to listen on (default: any free one)")
    parser.add_argument("--host", default=default.host, metavar="ADDRESS",
                        help="address to listen on, 127.0.0.1 by default; another one needs --allow-network")
    parser.add_argument("--allow-network", action="store_true",
                        help="let other computers in (with the token; traffic is not encrypted)")
    parser.add_argument("--sessions", type=int, default=default.sessions, metavar="N",
                        help="how many users at once, each with a process of its own (default %(default)s)")
    parser.add_argument("--idle-minutes", type=float, default=default.idle_minutes, metavar="MINUTES",
                        help="when a session that nobody uses ends and its images are deleted (default %(default)g)")
    parser.add_argument("--max-upload-mb", type=int, default=default.limits.upload_bytes // MB, metavar="MB",
                        help="the largest upload (default %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="write a line for each request")
    chosen = parser.parse_args(arguments)
    return FrontSettings(
        host=chosen.host, allow_network=chosen.allow_network, port=chosen.port, open_browser=chosen.open,
        sessions=chosen.sessions, idle_minutes=chosen.idle_minutes, verbose=chosen.verbose,
        limits=UploadLimits(upload_bytes=chosen.max_upload_mb * MB),
    )  # fmt: skip


def main() -> int:
    """Run the front."""
    from synthetic_imaging_web.front.running import run

    return run(settings_from())


if __name__ == "__main__":
    sys.exit(main())
