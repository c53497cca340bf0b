"""What the front is told at its start."""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass, field

from synthetic_imaging.errors import ParameterError
from synthetic_imaging_web.uploads.limits import UploadLimits


def page_command() -> tuple[str, ...]:
    """How a page process is started, without the options that the front adds."""
    return (sys.executable, "-m", "synthetic_imaging_web.page")


@dataclass(frozen=True)
class FrontSettings:
    """Settings of one front.

    Attributes:
        host: address to listen on; only this computer's own by default.
        allow_network: consent to an address that others can reach.
        port: 0 for any free port.
        open_browser: whether the browser is opened at the start.
        sessions: how many users at once, each with a process of its own.
        idle_minutes: after how long without a connection a session ends and its data are deleted.
        verbose: write a line for each request.
        limits: what may be uploaded.
        session_bytes: memory that must be free for one more session.
        command: what starts a page process.
        start_seconds: how long a page process may take to start.
    """

    host: str = "127.0.0.1"
    allow_network: bool = False
    port: int = 0
    open_browser: bool = False
    sessions: int = 4
    idle_minutes: float = 30.0
    verbose: bool = False
    limits: UploadLimits = field(default_factory=UploadLimits)
    session_bytes: int = 1_500_000_000
    command: tuple[str, ...] = field(default_factory=page_command)
    start_seconds: float = 120.0

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ParameterError: with a sentence for the user.
        """
        if not self.loopback and not self.allow_network:
            raise ParameterError(
                f"--host {self.host} lets other computers reach this program, and what they exchange with it is not "
                "encrypted. If that is meant, add --allow-network; otherwise leave --host out."
            )
        if not 0 <= self.port <= 65535:
            raise ParameterError(f"--port {self.port} is no port: choose 1 to 65535, or 0 for any free one.")
        if not 1 <= self.sessions <= 64:
            raise ParameterError(f"--sessions {self.sessions} is out of range: choose 1 to 64.")
        if not 1 <= self.idle_minutes <= 24 * 60:
            raise ParameterError(f"--idle-minutes {self.idle_minutes:g} is out of range: choose 1 to 1440.")
        if not 1 << 20 <= self.limits.upload_bytes <= 1 << 40:
            raise ParameterError("--max-upload-mb is out of range: choose 1 to 1000000.")

    @property
    def loopback(self) -> bool:
        """Whether only this computer can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False
