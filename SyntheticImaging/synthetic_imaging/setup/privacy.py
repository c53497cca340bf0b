"""What may leave this computer: no user name, no password, no full path."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import tempfile
from pathlib import Path

_IN_HOMES = re.compile(r"(?i)([\\/](?:users|home)[\\/])[^\\/\s'\"<]+")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]*(?:/[^\s@]*)?@")
_ADDRESS = re.compile(r"[\w.\-]+(?::\d{1,5})?|\[[0-9a-fA-F:.]+\](?::\d{1,5})?")


def anonymous(text: str) -> str:
    """The text with home folders as ~, user names as <user>, and passwords of addresses removed."""
    text = _CREDENTIALS.sub("", text)
    for home in {str(Path.home()), os.path.realpath(Path.home())}:
        if len(home) > 3:
            text = re.sub(re.escape(home) + r"(?=[\\/\s'\":,;.)]|$)", "~", text)
    text = _IN_HOMES.sub(r"\1<user>", text)
    for name in _user_names():
        # Whole words only: a user called "ct" must not turn "direct" into nonsense.
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "<user>", text)
    return text


def shortened(path: str | os.PathLike[str]) -> str:
    """A path for a report: ~ for the home folder, <temp> for the temporary one, else only its end.

    Folders that a user chose may be named after a patient or a study, so that of those only the drive is kept.
    """
    place = Path(path)
    for folder, name in ((Path.home(), "~"), (Path(tempfile.gettempdir()), "<temp>")):
        if place == folder:
            return name
        if folder != Path(folder.anchor) and place.is_relative_to(folder):
            return f"{name}/{place.relative_to(folder).as_posix()}"
    return f"{place.anchor}..." if place.anchor else "..."


def address_of(url: str) -> str:
    """Host and port of a proxy or index address, without user name and password; a sentence if it has none.

    Passwords may hold any character, also unquoted ones: whatever stands before the last @ is dropped.
    """
    rest, hidden = url.strip(), "@" in url
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.\-]*(?=://)", rest)
    rest = rest.rsplit("@", 1)[-1] if hidden else re.sub(r"^[a-zA-Z][a-zA-Z0-9+.\-]*://", "", rest)
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not _ADDRESS.fullmatch(host):
        return "set, but not a readable address"
    prefix = f"{scheme[0].lower()}://" if scheme else ""
    return f"{prefix}{host}{' (with a user name and password, not shown)' if hidden else ''}"


def _user_names() -> set[str]:
    names = {Path.home().name, os.environ.get("USERNAME", "")}
    with contextlib.suppress(Exception):  # no entry for this user: raises differently by version
        names.add(getpass.getuser())
    # These belong to nobody, and occur in file names of the system.
    return {n for n in names if len(n) > 1 and n.lower() not in ("root", "user", "admin", "home", "system")}
