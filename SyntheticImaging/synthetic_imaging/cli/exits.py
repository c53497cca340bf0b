"""Exit codes and how an error is told, in words or in JSON."""

from __future__ import annotations

import json
import sys

from synthetic_imaging.errors import (
    Cancelled,
    FileError,
    InputError,
    JobFailed,
    MemoryShortage,
    ParameterError,
)

CODES: tuple[tuple[type[BaseException], int], ...] = (
    (ParameterError, 2), (InputError, 3), (FileError, 3), (Cancelled, 4), (KeyboardInterrupt, 4),
    (MemoryShortage, 5), (MemoryError, 5), (JobFailed, 6),
)


def exit_code(error: BaseException) -> int:
    """The exit code for an error."""
    return next((code for kind, code in CODES if isinstance(error, kind)), 1)


def tell(kind: str, sentence: str, code: int, as_json: bool, details: str = "") -> int:
    """Say what went wrong: a sentence on standard error, or one JSON object on standard output. Returns the code."""
    if as_json:
        print(json.dumps({"ok": False, "error": kind, "message": sentence, "exit_code": code, "details": details}))
    else:
        print(f"Error: {sentence}" if code != 4 else sentence, file=sys.stderr)
        if code in (1, 6) and details:
            print(f"\nDetails for a report:\n{details}", file=sys.stderr)
    return code
