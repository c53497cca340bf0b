"""SyntheticImaging: synthesise medical images, inspect them, prove what they are worth.

    import synthetic_imaging as si
    ct = si.read_volume("ct.nrrd")
    liver = si.read_mask("organs.seg.nrrd").only("liver")
    result = si.run("lesions.automaton", ct=ct, organ=liver, steps=60, seed=7)
    si.write_volume(result.volume, "with_tumour.nrrd")

Research use only, not for diagnosis. Importing this package imports neither torch nor a user interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import (
    Cancelled,
    FileError,
    InputError,
    JobFailed,
    MemoryShortage,
    ParameterError,
    SyntheticImagingError,
)
from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.mask import Code, Mask, Segment, Terminology
from synthetic_imaging.points import Points
from synthetic_imaging.provenance import Provenance
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.table import Column, Table
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.catalogue import tools
    from synthetic_imaging.context import Progress, Run
    from synthetic_imaging.files import (
        read_mask,
        read_sequence,
        read_volume,
        write_mask,
        write_sequence,
        write_volume,
    )
    from synthetic_imaging.running import Result, run

__all__ = [
    "Box", "Cancelled", "Code", "Column", "FileError", "Geometry", "InputError", "JobFailed", "Mask",
    "MemoryShortage", "ParameterError", "Points", "Progress", "Provenance", "Result", "Run", "Segment", "Sequence",
    "SyntheticImagingError", "Table", "Terminology", "Volume", "read_mask", "read_sequence", "read_volume", "run",
    "tools", "write_mask", "write_sequence", "write_volume",
]

# Loaded when first used: they pull in SimpleITK or the tools themselves.
_LATER = {
    "run": "synthetic_imaging.running", "Result": "synthetic_imaging.running",
    "Run": "synthetic_imaging.context", "Progress": "synthetic_imaging.context",
    "tools": "synthetic_imaging.catalogue",
    "read_volume": "synthetic_imaging.files", "read_mask": "synthetic_imaging.files",
    "write_volume": "synthetic_imaging.files", "write_mask": "synthetic_imaging.files",
    "read_sequence": "synthetic_imaging.files", "write_sequence": "synthetic_imaging.files",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        import importlib
        import sys

        value = getattr(importlib.import_module(_LATER[name]), name)
        setattr(sys.modules[__name__], name, value)
        return value
    raise AttributeError(f"module 'synthetic_imaging' has no attribute '{name}'")
