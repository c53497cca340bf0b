"""How much memory a run needs, and how much there is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthetic_imaging.mask import Mask
from synthetic_imaging.tool import Tool
from synthetic_imaging.volume import Volume


def needed_bytes(tool: Tool, inputs: Mapping[str, Any], parameters: Any) -> int:
    """Bytes a run needs beside its inputs: the tool's own estimate, else three times the volumes that go in."""
    if tool.memory_bytes is not None:
        return int(tool.memory_bytes(inputs, parameters))
    return 3 * sum(input_bytes(v) for v in inputs.values())


def input_bytes(value: Any) -> int:
    """Bytes of a volume's or mask's voxels; 0 for other things."""
    if isinstance(value, Volume):
        return int(value.voxels.nbytes)
    return int(value.layers.nbytes) if isinstance(value, Mask) else 0


def available_bytes() -> int:
    """Memory that a process can still take, as the system tells it, within the container's limit if there is one.

    Where the system does not tell, a very large number: then nothing is refused beforehand.
    """
    free = _system_available()
    limit = _container_available()
    return min(free, limit) if limit is not None else free


def _system_available() -> int:
    if sys.platform.startswith("linux"):
        try:
            for line in Path("/proc/meminfo").read_text().splitlines():
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        except (OSError, ValueError, IndexError):
            pass
    try:
        import psutil

        return int(psutil.virtual_memory().available)
    except ImportError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return sys.maxsize


def _container_available() -> int | None:
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return max(0, int(limit) - used)
    except (OSError, ValueError):
        return None


def readable_bytes(count: int) -> str:
    """"1.5 GB", "320 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
