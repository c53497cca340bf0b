"""Volumes or masks along an index: days of growth, phases of a heart beat."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.provenance import Provenance


@dataclass(frozen=True, eq=False)
class Sequence:
    """Frames of one kind, all on one grid.

    Attributes:
        frames: `Volume` items or `Mask` items, never mixed.
        index: one number per frame, rising.
        index_name: what the index is ("step", "time").
        index_unit: its unit ("", "day", "ms").
        name: what the viewer shows.

    Raises:
        InputError: if there is no frame, kinds or grids differ, or the index does not rise.
    """

    frames: tuple[Volume | Mask, ...]
    index: tuple[float, ...]
    index_name: str = "frame"
    index_unit: str = ""
    name: str = "sequence"
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        frames, index = tuple(self.frames), tuple(float(x) for x in self.index)
        if not frames or len(frames) != len(index):
            raise InputError(f"'{self.name}': {len(frames)} frames and {len(index)} index values do not fit together.")
        if any(type(f) is not type(frames[0]) for f in frames):
            raise InputError(f"'{self.name}' mixes volumes and segmentations.")
        if any(not f.geometry.same_grid(frames[0].geometry) for f in frames):
            raise InputError(f"'{self.name}': its frames are on different grids.")
        if any(b <= a for a, b in itertools.pairwise(index)):
            raise InputError(f"'{self.name}': its index does not rise.")
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "index", index)

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Volume | Mask]:
        return iter(self.frames)

    def __getitem__(self, position: int) -> Volume | Mask:
        return self.frames[position]

    @property
    def synthetic(self) -> bool:
        """Whether a tool of this product made it."""
        return self.provenance is not None
