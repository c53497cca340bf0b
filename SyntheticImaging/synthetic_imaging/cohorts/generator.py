"""What makes the cases of a cohort: a phantom that is drawn, or a trained model that is sampled.

A generator is a frozen dataclass: its fields, all with defaults and `Annotated` like the parameters of a tool, are its
settings (grid, noise, sampler, steps); what it is stands in class attributes.

    @dataclass(frozen=True)
    class PhantomCT:
        id: ClassVar = "hearts.phantom-ct"
        ...
        size: Annotated[int, Label("Voxels along each axis"), Within(32, 256)] = 96

        def make(self, rng: np.random.Generator, run: Run) -> CohortCase: ...

It is registered as "module:name" and imported when it is used. Third parties register theirs by the entry point
`synthetic_imaging.generators` (name: the id; value: "module:Class").
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from synthetic_imaging import parameters
from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError
from synthetic_imaging.mask import Mask
from synthetic_imaging.volume import Volume

ENTRY_POINT = "synthetic_imaging.generators"

# id -> "module:name" of a generator's class.
GENERATORS: dict[str, str] = {
    "hearts.phantom-ct": "synthetic_imaging.cohorts.hearts:PhantomCT",
    "hearts.phantom-echo": "synthetic_imaging.cohorts.hearts:PhantomEcho",
    "diff3": "synthetic_imaging.cohorts.diff3.generator:Echo",
    "ct-cardiac": "synthetic_imaging.cohorts.ct_cardiac.generator:CardiacCT",
}
# Those that sample a trained model; they are offered once weights for them are shipped, and make cases of a user's own
# training before (`synthetic-imaging sample`).
TRAINED: dict[str, str] = {}


@dataclass(frozen=True)
class Measurement:
    """A number that every case has.

    Attributes:
        name: its key, with the unit where there is one ("lv_volume_ml").
        title: what a person reads ("Left ventricle").
        unit: "ml", "%", "mm", "years"; "" for none.
        typical: range in which nearly all cases lie, without constraints.
    """

    name: str
    title: str
    unit: str
    typical: tuple[float, float]


@dataclass(frozen=True, eq=False)
class CohortCase:
    """One case.

    Attributes:
        image: the volume.
        segments: the structures, one label map, on the image's grid; named as in ``structures`` of the generator.
        measurements: one finite number for each measurement of the generator.
    """

    image: Volume
    segments: Mask
    measurements: Mapping[str, float]


class Generator(Protocol):
    """Makes cases.

    Attributes:
        id: "family.name" in the user's words ("hearts.phantom-ct").
        title: two to five words; says "phantom" where a phantom is drawn.
        sentence: what a case is, in one sentence.
        reference: the publication, or what it rests on.
        modality: "CT", "US", "MR".
        structures: names of the segments, in the order of their label values 1, 2, ...
        measurements: the numbers that each case has.

    Two more are optional:
        ``draw(rng) -> Mapping[str, float]``: measurements of the case that ``make`` would give for the same state of
        ``rng``, without making it; the product then finds cases within narrow ranges quickly. It may tell fewer than
        all, and may be a little off.
        ``weights: Mapping[str, str]``: name -> sha256 of the weights it uses.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    sentence: ClassVar[str]
    reference: ClassVar[str]
    modality: ClassVar[str]
    structures: ClassVar[tuple[str, ...]]
    measurements: ClassVar[tuple[Measurement, ...]]

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        """One case, from ``rng`` alone: the same state gives the same voxels.

        Args:
            rng: the only source of randomness (``run.rng`` is not to be used).
            run: device, progress from 0 to 1 and cancel.

        Raises:
            SyntheticImagingError: with a sentence; the cohort stops.
        """
        ...


@runtime_checkable
class Drawing(Protocol):
    """A generator that can tell measurements without making the case."""

    def draw(self, rng: np.random.Generator) -> Mapping[str, float]:
        """Measurements of the case that ``make`` would give."""
        ...


def known_generators() -> dict[str, str]:
    """Id -> "module:name" of the generators that can make cases as they are; nothing is imported."""
    return {**_third_parties(), **GENERATORS}


def all_generators() -> dict[str, str]:
    """Id -> "module:name" of all, those included that need a model of the user's own training."""
    return {**known_generators(), **TRAINED}


@cache
def _third_parties() -> dict[str, str]:
    return {point.name: point.value for point in metadata.entry_points(group=ENTRY_POINT)}


def generator_class(id: str) -> type[Generator]:  # noqa: A002 - the word users see
    """The class of the generator of that id; its fields are the settings.

    Raises:
        ParameterError: if there is none, or it does not load.
    """
    known = all_generators()
    if id not in known:
        there = ", ".join(sorted(known_generators()))
        raise ParameterError(f"There is no model '{id}' that makes cohorts. There are: {there}.")
    module, name = known[id].split(":")
    try:
        found: type[Generator] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ParameterError(f"The model '{id}' cannot be used here: {error}. Look at 'setup' for what is missing.") \
            from None
    return found


def make_generator(id: str, settings: Mapping[str, Any] | None = None) -> Generator:  # noqa: A002
    """The generator of that id.

    Args:
        id: one of `known_generators`.
        settings: settings by name, plain values or text; the others keep their defaults.

    Raises:
        ParameterError: if there is none, or a setting is unknown or out of range.
    """
    found = generator_class(id)
    try:
        made: Generator = parameters.make(found, settings or {})
    except ParameterError as error:
        text = str(error).replace("There is no parameter", f"'{found.title}' has no setting")
        raise ParameterError(text) from None
    return made


def plain_settings(generator: Generator) -> dict[str, Any]:
    """All settings of a generator as plain values."""
    return parameters.plain(generator)


def weights_of(generator: Generator) -> dict[str, str]:
    """Name -> sha256 of the weights that a generator uses; empty for phantoms."""
    return dict(getattr(generator, "weights", {}))


def measurement_of(generator: Generator, name: str) -> Measurement:
    """A measurement by its name.

    Raises:
        ParameterError: naming those there are.
    """
    for measurement in generator.measurements:
        if measurement.name == name:
            return measurement
    known = ", ".join(m.name for m in generator.measurements) or "none"
    raise ParameterError(f"'{generator.title}' measures no '{name}'. It measures: {known}.")
