"""The three ways to a lesion. Loads nothing: the module's file needs it while 3D Slicer starts."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthetic_imaging.tool import Tool


class Method(Enum):
    """How a lesion is made. Parameter nodes keep the *name*: renaming one breaks saved scenes."""

    DRAW = "lesions.handcrafted"
    GROW = "lesions.automaton"
    EDIT = "lesions.edit"

    @property
    def tool(self) -> Tool:
        """The tool that does it."""
        from synthetic_imaging.catalogue import find

        return find(self.value)

    @classmethod
    def of(cls, given: Method | str) -> Method:
        """A method from itself, its tool's id, or its name.

        Raises:
            InputError: naming the methods there are.
        """
        for method in cls:
            if given is method or str(given).lower() in (method.value, method.name.lower()):
                return method
        from synthetic_imaging.errors import InputError

        raise InputError(f"There is no method '{given}'. There are: {', '.join(m.value for m in cls)}.")
