"""The command `synthetic-imaging`.

Exit codes: 0 done, 1 unexpected error, 2 wrong use or parameter, 3 input or file, 4 cancelled, 5 memory,
6 the job died.
"""

from synthetic_imaging.cli.app import main

__all__ = ["main"]
