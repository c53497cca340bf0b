"""Named segments on a voxel grid, overlapping or not, with terminology and colour."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.volume import Voxels, content_hash, read_only

if TYPE_CHECKING:
    from synthetic_imaging.dicom.origin import DicomOrigin
    from synthetic_imaging.provenance import Provenance

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Code:
    """A coded term: scheme ("SCT"), value ("10200004"), meaning ("Liver")."""

    scheme: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Terminology:
    """What a segment is, as DICOM SEG and Slicer say it: category, type, optional modifier and region."""

    category: Code
    type: Code
    type_modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None


@dataclass(frozen=True)
class Segment:
    """One structure.

    Attributes:
        name: what the user reads ("liver").
        label: value of its voxels in its layer, 1 or more.
        layer: index of the label map that holds it; segments in different layers may overlap.
        colour: red, green, blue in 0..1.
        terminology: coded meaning, or None.
        id: Slicer's segment id; made from the name when empty.
    """

    name: str
    label: int = 1
    layer: int = 0
    colour: tuple[float, float, float] = (0.5, 0.68, 0.5)
    terminology: Terminology | None = None
    id: str = ""

    def __post_init__(self) -> None:
        # Plain numbers: a label from `np.unique` must not break what writes it as JSON.
        red, green, blue = (float(x) for x in self.colour)
        object.__setattr__(self, "label", int(self.label))
        object.__setattr__(self, "layer", int(self.layer))
        object.__setattr__(self, "colour", (red, green, blue))


@dataclass(frozen=True, eq=False)
class Mask:
    """A segmentation: one or more label maps ("layers") and the segments in them.

    Attributes:
        layers: integer array (L, K, J, I); a three-dimensional array is taken as one layer. Kept read-only.
        geometry: where the voxels sit.
        segments: the structures; (layer, label) pairs and names are unique.
        name: what the viewer shows.
        provenance, dicom: as in `Volume`.

    Raises:
        InputError: if array, geometry and segments do not fit together.
    """

    layers: Voxels
    geometry: Geometry
    segments: tuple[Segment, ...]
    name: str = "segmentation"
    provenance: Provenance | None = None
    dicom: DicomOrigin | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        layers = np.asarray(self.layers)
        layers = read_only(layers[None] if layers.ndim == 3 else layers)
        if layers.dtype == np.bool_:
            layers = read_only(layers.view(np.uint8))
        if layers.ndim != 4 or layers.shape[1:] != self.geometry.shape:
            raise InputError(f"'{self.name}': label map {layers.shape} does not fit a grid of {self.geometry.shape}.")
        if layers.dtype.kind not in "iu":
            raise InputError(f"'{self.name}' holds {layers.dtype} values; a segmentation needs whole numbers.")
        segments = tuple(self.segments)
        names = [s.name for s in segments]
        if len(set(names)) != len(names):
            raise InputError(f"'{self.name}' has two segments with one name: {', '.join(sorted(names))}.")
        if len({(s.layer, s.label) for s in segments}) != len(segments):
            raise InputError(f"'{self.name}' has two segments with the same label in the same layer.")
        for segment in segments:
            if not 0 <= segment.layer < max(1, layers.shape[0]) or segment.label < 1:
                raise InputError(f"'{self.name}': segment '{segment.name}' points outside the label maps.")
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "segments", segments)

    @classmethod
    def single(cls, inside: npt.ArrayLike, geometry: Geometry, segment: Segment | str, **more: Any) -> Mask:
        """A mask of one segment from a true/false array (K, J, I)."""
        if isinstance(segment, str):
            segment = Segment(segment)
        voxels = np.asarray(inside, dtype=np.bool_).astype(np.uint8) * np.uint8(1)
        return cls(voxels, geometry, (replace(segment, label=1, layer=0),), name=more.pop("name", segment.name), **more)

    @classmethod
    def stacked(
        cls, parts: Iterable[tuple[Segment, npt.ArrayLike]], geometry: Geometry, name: str = "segmentation", **more: Any
    ) -> Mask:
        """A mask of several, possibly overlapping, segments; as few layers as first-fit finds."""
        layers: list[npt.NDArray[np.uint16]] = []
        counts: list[int] = []
        segments: list[Segment] = []
        for segment, array in parts:
            inside = np.asarray(array, dtype=np.bool_)
            for index, layer in enumerate(layers):  # noqa: B007 - used after the loop
                if not layer[inside].any():
                    break
            else:
                index = len(layers)
                layers.append(np.zeros(geometry.shape, dtype=np.uint16))
                counts.append(0)
            counts[index] += 1
            layers[index][inside] = counts[index]
            segments.append(replace(segment, layer=index, label=counts[index]))
        stack = np.stack(layers) if layers else np.zeros((1, *geometry.shape), dtype=np.uint16)
        if max(counts, default=0) < 256:
            stack = stack.astype(np.uint8)
        return cls(stack, geometry, tuple(segments), name=name, **more)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (K, J, I)."""
        return self.geometry.shape

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the segments, in order."""
        return tuple(s.name for s in self.segments)

    @property
    def synthetic(self) -> bool:
        """Whether a tool of this product made it."""
        return self.provenance is not None

    @cached_property
    def sha256(self) -> str:
        """Hash of label maps and geometry, without names."""
        return content_hash(self.layers, self.geometry)

    def segment(self, name: str) -> Segment:
        """The segment of that name (case does not matter).

        Raises:
            InputError: naming the segments that exist.
        """
        for segment in self.segments:
            if segment.name == name or segment.id == name:
                return segment
        for segment in self.segments:
            if segment.name.casefold() == name.casefold():
                return segment
        near = difflib.get_close_matches(name.casefold(), [n.casefold() for n in self.names], 1, 0.6)
        meant = next((f" Did you mean '{n}'?" for n in self.names if near and n.casefold() == near[0]), "")
        raise InputError(f"'{self.name}' has no segment '{name}'.{meant} It has: {_listed(self.names)}.")

    def inside(self, name: str | None = None, box: Box | None = None) -> BoolArray:
        """True where the named segment is, or where any segment is; array (K, J, I).

        With a ``box`` (within the grid) only there: reading an organ then does not cost the whole volume.
        """
        slices = box.slices if box is not None else (slice(None),) * 3
        if name is not None or len(self.segments) == 1:
            segment = self.segment(name) if name is not None else self.segments[0]
            return np.asarray(self.layers[(segment.layer, *slices)] == segment.label)
        result = np.zeros(box.shape if box is not None else self.shape, dtype=np.bool_)
        for index in range(self.layers.shape[0]):
            labels = [s.label for s in self.segments if s.layer == index]
            if labels:
                layer = self.layers[(index, *slices)]
                table = np.zeros(int(max(int(layer.max(initial=0)), *labels)) + 1, dtype=np.bool_)
                table[labels] = True
                # A negative number is no label; as an index it would count from the end.
                result |= table[np.maximum(layer, 0) if layer.dtype.kind == "i" else layer]
        return result

    @cached_property
    def box(self) -> Box:
        """Smallest box around all segments together; empty when there is no voxel."""
        # The labelled box first, cheaply; then the segments' own box within it.
        around = Box((0, 0, 0), (0, 0, 0))
        for index in sorted({s.layer for s in self.segments}):
            around = around.joined(bounding_box(self.layers[index]))
        return bounding_box(self.inside(box=around)).shifted(around.start)

    def only(self, *names: str) -> Mask:
        """The mask reduced to the named segments; label maps are renumbered from 1."""
        chosen = [self.segment(name) for name in names]
        if len(chosen) == 1:
            return Mask.single(
                self.inside(chosen[0].name), self.geometry, chosen[0], name=self.name, provenance=self.provenance
            )
        return Mask.stacked(
            ((s, self.inside(s.name)) for s in chosen), self.geometry, name=self.name, provenance=self.provenance
        )

    def turned_onto(self, grid: Geometry) -> Mask | None:
        """The same voxels on a grid whose axes run the other way or in another order; None if it is not that.

        A file format may turn axes round (a left-handed image comes back from DICOM right-handed). Exact: voxels are
        renumbered, never resampled.
        """
        step = grid.ras_to_ijk @ self.geometry.ijk_to_ras
        axes = np.rint(step[:3, :3])
        if not (np.abs(axes).sum(axis=0) == 1).all() or not (np.abs(axes).sum(axis=1) == 1).all():
            return None
        order = [2 - int(np.flatnonzero(axes[2 - target])[0]) for target in range(3)]
        turned = self.layers.transpose(0, *(1 + axis for axis in order))
        flipped = tuple(1 + t for t, source in enumerate(order) if axes[2 - t, 2 - source] < 0)
        turned = np.ascontiguousarray(np.flip(turned, flipped))
        corner = np.array([self.geometry.shape[::-1][a] - 1 if axes[:, a].sum() < 0 else 0 for a in range(3)])
        matrix = self.geometry.ijk_to_ras @ _homogeneous(axes.T, corner)
        if turned.shape[1:] != grid.shape or not Geometry(matrix, grid.shape).same_grid(grid, 0.01):
            return None
        return replace(self, layers=turned, geometry=grid)

    def volume_ml(self, name: str | None = None) -> float:
        """Volume of a segment, or of all together, in millilitres."""
        return float(np.count_nonzero(self.inside(name)) * self.geometry.voxel_volume_mm3 / 1000.0)

    def cropped(self, box: Box) -> Mask:
        """The voxels in ``box``, at the same place in the patient."""
        clipped = box.clipped(self.shape)
        return replace(
            self,
            layers=self.layers[(slice(None), *clipped.slices)],
            geometry=self.geometry.cropped(clipped),
            dicom=None,
        )


def _homogeneous(linear: npt.ArrayLike, offset: npt.ArrayLike) -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, offset
    return matrix


def bounding_box(inside: npt.NDArray[Any]) -> Box:
    """Smallest box around the true (or non-zero) voxels of a (K, J, I) array; an empty box when there are none."""
    start: list[int] = []
    stop: list[int] = []
    view = inside
    along_k = np.flatnonzero(view.any(axis=(1, 2)))
    if along_k.size == 0:
        return Box((0, 0, 0), (0, 0, 0))
    slab: BoolArray = np.asarray(view[int(along_k[0]) : int(along_k[-1]) + 1].any(axis=0))
    for places in (along_k, np.flatnonzero(slab.any(axis=1)), np.flatnonzero(slab.any(axis=0))):
        start.append(int(places[0]))
        stop.append(int(places[-1]) + 1)
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _listed(names: Sequence[str], most: int = 12) -> str:
    if not names:
        return "none"
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
