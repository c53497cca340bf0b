"""What a tool is: declared once, and from that come the Python call, the shell command, the forms and the pages.

    @tool("lesions.handcrafted", title="Draw a lesion", sentence="...", reference="Hu et al. 2023 ...",
          inputs=[CT("ct", "CT volume"), Segments("organ", "Organ"), At("at", "Where", required=False)],
          outputs=[Made("volume", Kind.VOLUME, like="ct"), Made("lesions", Kind.MASK, like="ct")])
    def handcrafted(ct: Volume, organ: Mask, at: Points | None, parameters: DrawnLesion, run: Run) -> Outputs: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, get_type_hints

from synthetic_imaging.mask import Mask
from synthetic_imaging.points import Points
from synthetic_imaging.sequence import Sequence as FrameSequence
from synthetic_imaging.table import Table
from synthetic_imaging.volume import Volume

Value = Volume | Mask | FrameSequence | Points | Table


class Kind(str, Enum):
    """Kinds of things that go in and out."""

    VOLUME = "volume"
    MASK = "segmentation"
    SEQUENCE = "sequence"
    POINTS = "points"
    TABLE = "table"

    @property
    def type(self) -> type[Any]:
        """The class of a value of this kind."""
        return _TYPES[self]


_TYPES: dict[Kind, type[Any]] = {
    Kind.VOLUME: Volume,
    Kind.MASK: Mask,
    Kind.SEQUENCE: FrameSequence,
    Kind.POINTS: Points,
    Kind.TABLE: Table,
}


@dataclass(frozen=True)
class Input:
    """One input.

    Attributes:
        name: argument name.
        label: what a form shows.
        kind: what it is.
        modality: "CT", "MR", ... when only one fits; "" for any.
        unit: required unit ("HU"), or "".
        required: whether the tool can do without.
        same_grid_as: name of an input on whose voxel grid this one must lie, or "".
        may_be_empty: for masks: whether a mask without a voxel is allowed.
        all_segments: for masks: whether a file given without naming segments means all of them.
        help: one sentence.
    """

    name: str
    label: str
    kind: Kind
    modality: str = ""
    unit: str = ""
    required: bool = True
    same_grid_as: str = ""
    may_be_empty: bool = False
    all_segments: bool = False
    help: str = ""


def CT(name: str, label: str, **more: Any) -> Input:  # noqa: N802 - reads as a type in a declaration
    """A CT in Hounsfield units."""
    return Input(name, label, Kind.VOLUME, modality="CT", unit="HU", **more)


def Image(name: str, label: str, **more: Any) -> Input:  # noqa: N802
    """A volume of any modality, or of the one named by ``modality=``."""
    return Input(name, label, Kind.VOLUME, **more)


def Segments(name: str, label: str, **more: Any) -> Input:  # noqa: N802
    """One or more segments of a segmentation; the tool sees only those that were chosen."""
    return Input(name, label, Kind.MASK, **more)


def At(name: str, label: str, **more: Any) -> Input:  # noqa: N802
    """Points in RAS millimetres."""
    return Input(name, label, Kind.POINTS, **more)


@dataclass(frozen=True)
class Output:
    """One output: its name, kind, the input whose grid it keeps ("" for none), a label for people.

    ``edits`` is true for a volume that is the ``like`` input with a region changed: type and all other
    voxels stay (promise 2 of the contract).
    """

    name: str
    kind: Kind
    label: str = ""
    like: str = ""
    edits: bool = False
    optional: bool = False


class Outputs(Mapping[str, Any]):
    """Named outputs; read as ``outputs["volume"]`` or ``outputs.volume``."""

    def __init__(self, **values: Value) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"no output '{name}'; there are: {', '.join(self._values)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class NoParameters:
    """For tools without parameters."""


@dataclass(frozen=True, eq=False)
class Tool:
    """A tool, as declared. Call `synthetic_imaging.run` to run it."""

    id: str
    title: str
    sentence: str
    reference: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    parameters: type
    function: Callable[..., Outputs]
    memory_bytes: Callable[[Mapping[str, Any], Any], int] | None = None
    limits: str = ""
    distribution: str = "synthetic-imaging"
    accelerated: bool = False

    @property
    def task(self) -> str:
        """The task it belongs to: the part of the id before the dot."""
        return self.id.split(".", 1)[0]

    def input(self, name: str) -> Input:
        """The input of that name.

        Raises:
            KeyError: if there is none.
        """
        return next(i for i in self.inputs if i.name == name) if name in {i.name for i in self.inputs} else _no(name)


def _no(name: str) -> Any:
    raise KeyError(name)


def tool(
    id: str,  # noqa: A002 - the word users see
    *,
    title: str,
    sentence: str,
    reference: str,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    memory_bytes: Callable[[Mapping[str, Any], Any], int] | None = None,
    limits: str = "",
    accelerated: bool = False,
) -> Callable[[Callable[..., Outputs]], Tool]:
    """Declare a function as a tool.

    Args:
        id: "task.name" in the user's words.
        title: two to four words, for buttons and headings.
        sentence: what it does, in one sentence.
        reference: the publication, or what it rests on.
        inputs: what it takes; each is an argument of the function.
        outputs: what it returns.
        memory_bytes: (inputs by name, parameters) -> bytes needed beside the inputs; checked before the start.
        limits: known limits, in a sentence or two, for the page.
        accelerated: whether it can compute on a GPU.

    Raises:
        TypeError: if the function's arguments do not match the declaration.
    """

    def declare(function: Callable[..., Outputs]) -> Tool:
        arguments = list(inspect.signature(function).parameters)
        wanted = [*(i.name for i in inputs), "parameters", "run"]
        if arguments != wanted:
            raise TypeError(f"{id}: the function takes {arguments}, the declaration says {wanted}")
        kind = get_type_hints(function).get("parameters", NoParameters)
        return Tool(id, title, sentence, reference, tuple(inputs), tuple(outputs), kind, function, memory_bytes, limits,
                    accelerated=accelerated)

    return declare
