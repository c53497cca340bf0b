"""The computer: Python, memory, disks, proxy, length of paths."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.request import getproxies

from synthetic_imaging.memory import available_bytes, readable_bytes
from synthetic_imaging.setup.privacy import address_of, shortened
from synthetic_imaging.setup.rows import Row, State

LEAST_MEMORY = 4 * 10**9
LEAST_SCRATCH = 5 * 10**9
LEAST_WEIGHTS = 2 * 10**9
# Windows refuses paths of 260 characters; the longest inside the packages' folder is about 160 below it.
LONGEST_INSIDE = 160
_WINDOWS_LIMIT = 259


def python_row() -> Row:
    """Version and word size of the Python that runs the tools."""
    version = f"{platform.python_version()}, {struct.calcsize('P') * 8} bit, {platform.system()} {platform.machine()}"
    if sys.maxsize < 2**32:
        return Row("Python", version, State.MISSING, "A 64-bit Python is needed.")
    return Row("Python", version)


def memory_row(free: int | None = None, total: int | None = None) -> Row:
    """Memory of the computer, free and in total."""
    free = available_bytes() if free is None else free
    total = _total_bytes() if total is None else total
    if free >= sys.maxsize:
        return Row("Memory", "not told by the system")
    value = f"{readable_bytes(free)} free" + (f" of {readable_bytes(total)}" if total else "")
    cores = os.cpu_count()
    value += f", {cores} processor cores" if cores else ""
    if free < LEAST_MEMORY:
        return Row("Memory", value, State.WARNING, "Large volumes may not fit: close other programs, or crop them.")
    return Row("Memory", value)


def scratch_folder() -> Path:
    """Where jobs keep their scratch files."""
    from synthetic_imaging.jobs.scratch import base_folder

    return base_folder()


def scratch_row(folder: Path | None = None) -> Row:
    """Whether the scratch folder can be written, and the room on its disk."""
    folder = scratch_folder() if folder is None else folder
    other = "Set SYNTHETIC_IMAGING_SCRATCH to another folder"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        reason = (error.strerror or "no access").lower()
        return Row("Scratch folder", f"{shortened(folder)}: {reason}", State.MISSING,
                   f"Jobs cannot hand over their images. {other}, or free some space.")
    value = f"{shortened(folder)}, {readable_bytes(free)} free"
    if free < LEAST_SCRATCH:
        return Row("Scratch folder", value, State.WARNING, f"Large volumes may not fit. Free some space. Or: {other}.")
    return Row("Scratch folder", value)


def proxy_rows(environment: Mapping[str, str] | None = None, proxies: Mapping[str, str] | None = None) -> list[Row]:
    """Proxies, the package index if it was changed, and own certificates; never a password."""
    known = os.environ if environment is None else environment
    found = getproxies() if proxies is None else proxies
    kinds = ("http", "https", "all")
    addresses = {kind: address_of(url) for kind, url in sorted(found.items()) if kind in kinds and url}
    if known.get("PIP_PROXY"):
        addresses["pip"] = address_of(known["PIP_PROXY"])
    value = ", ".join(f"{kind}: {address}" for kind, address in addresses.items()) or "none"
    lines = [Row("Proxy", value)]
    if addresses and "https" not in addresses and "all" not in addresses and "pip" not in addresses:
        lines = [Row("Proxy", value, State.WARNING, "Downloads use https: set HTTPS_PROXY too.")]
    index = known.get("PIP_INDEX_URL")
    if index:
        lines.append(Row("Package index", address_of(index)))
    if any(known.get(name) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")):
        lines.append(Row("Certificates", "own file set"))
    return lines


def path_rows(system: str | None = None, prefix: str | None = None, long_paths: bool | None = None) -> list[Row]:
    """Windows: whether the packages' folder leaves room for the long paths inside packages; nothing elsewhere."""
    if (platform.system() if system is None else system) != "Windows":
        return []
    length = len(sysconfig.get_path("purelib") if prefix is None else prefix)
    allowed = _long_paths_allowed() if long_paths is None else long_paths
    value = f"{length} characters to the packages' folder; long paths are {'allowed' if allowed else 'not allowed'}"
    if allowed or length + LONGEST_INSIDE <= _WINDOWS_LIMIT:
        return [Row("Path length", value)]
    return [Row("Path length", value, State.WARNING,
                "Packages may fail to install. Allow long paths in Windows, or install 3D Slicer in a shorter folder.")]


def _total_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        pass
    try:
        import psutil

        return int(psutil.virtual_memory().total)
    except ImportError:
        return 0


def _long_paths_allowed() -> bool:
    try:
        import winreg

        key = r"SYSTEM\CurrentControlSet\Control\FileSystem"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:  # type: ignore[attr-defined,unused-ignore]
            return bool(winreg.QueryValueEx(opened, "LongPathsEnabled")[0])  # type: ignore[attr-defined,unused-ignore]
    except (ImportError, OSError):
        return False
