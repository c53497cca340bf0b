"""A host for the panels' real files without 3D Slicer: PySide6 and slicer-core, with stand-ins written by us.

What it imitates, and what it cannot prove, is in docs/panel-host.md.
"""

from Testing.host.answers import Answers, Asked, UnexpectedDialog
from Testing.host.program import Host

__all__ = ["Answers", "Asked", "Host", "UnexpectedDialog"]
