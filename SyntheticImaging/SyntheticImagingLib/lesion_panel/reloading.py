"""Taking up changed source files without restarting the program, for developers."""

from __future__ import annotations

import importlib
import sys

LIBRARY = "SyntheticImagingLib"


def reload_library() -> list[str]:
    """Import every module of the panel side that is loaded once more, from its file as it is now; returns their names.

    The modules are made anew instead of being filled again in place: what other panels hold of the old ones goes on
    working. The engine is left alone: computations run in a process of their own, which reads the files anew.

    Raises:
        Exception: what importing raised, with the old modules back in place.
    """
    old = {name: module for name, module in sys.modules.items() if name == LIBRARY or name.startswith(f"{LIBRARY}.")}
    for name in old:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        for name in old:
            importlib.import_module(name)
    except BaseException:
        for name in [n for n in sys.modules if n == LIBRARY or n.startswith(f"{LIBRARY}.")]:
            del sys.modules[name]
        sys.modules.update(old)
        raise
    return list(old)
