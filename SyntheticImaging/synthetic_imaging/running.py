"""Run a tool in this process: check, estimate, compute, stamp. Every host ends up here."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from numbers import Integral
from typing import Any

from synthetic_imaging import parameters as parameter_forms
from synthetic_imaging.catalogue import find
from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError, MemoryShortage
from synthetic_imaging.input_checks import check_inputs
from synthetic_imaging.mask import Mask
from synthetic_imaging.memory import available_bytes, needed_bytes, readable_bytes
from synthetic_imaging.points import Points
from synthetic_imaging.provenance import Provenance, distribution_version, library_versions
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.tool import Outputs, Tool
from synthetic_imaging.volume import Volume


@dataclass(frozen=True, eq=False)
class Result:
    """What a run returned. Outputs are attributes: ``result.volume``, ``result.lesions``.

    Attributes:
        tool: id of the tool.
        outputs: the named outputs, each with its provenance record.
        seed: the seed used; the same seed, inputs and parameters give the same result.
        seconds: how long it took.
        notes: what the run had to say.
    """

    tool: str
    outputs: Outputs
    seed: int
    seconds: float
    notes: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "outputs":
            raise AttributeError(name)
        return getattr(self.outputs, name)


def new_seed() -> int:
    """A fresh seed, small enough to be read out and typed in again."""
    return secrets.randbelow(1_000_000)


def run(tool_id: str | Tool, *, seed: int | None = None, context: Run | None = None, **given: Any) -> Result:
    """Run a tool here and now.

    Inputs and parameters are given by name. Example:
    ``run("lesions.automaton", ct=ct, organ=liver, steps=60, seed=7).volume``

    Args:
        tool_id: id of a tool, or the tool.
        seed: for the run's only random generator; drawn and reported when None.
        context: progress, cancel, device; made when None. Its seed wins over ``seed``.
        **given: inputs (`Volume`, `Mask`, `Points` or an (N, 3) array) and parameters.

    Raises:
        InputError, ParameterError, MemoryShortage, Cancelled: each with a sentence for the user.
    """
    tool = tool_id if isinstance(tool_id, Tool) else find(tool_id)
    names = {i.name for i in tool.inputs}
    parameters, inputs = prepare(tool, {k: v for k, v in given.items() if k in names},
                                 {k: v for k, v in given.items() if k not in names})
    context = context or Run(seed=new_seed() if seed is None else check_seed(seed))
    started = time.monotonic()
    context.progress(0.0, "start")
    try:
        outputs = tool.function(**inputs, parameters=parameters, run=context)
    except MemoryError:
        raise MemoryShortage(
            f"'{tool.title}' ran out of memory. Close other volumes, or choose a smaller region."
        ) from None
    context.progress(1.0, "done")
    seconds = time.monotonic() - started
    stamped = stamp(tool, inputs, parameters, context, outputs, seconds)
    return Result(tool.id, stamped, context.seed, seconds, tuple(context.notes))


def check_seed(seed: Any) -> int:
    """A whole number from 0 to 2**63 - 1.

    Raises:
        InputError: if it is not.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) < 2**63:
        raise InputError(f"The seed is {seed!r}; it must be a whole number from 0 up.")
    return int(seed)


def prepare(tool: Tool, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Checked parameter object and inputs; everything that can be refused is refused here, before the start.

    Raises:
        InputError, ParameterError, MemoryShortage: with a sentence.
    """
    made = parameter_forms.make(tool.parameters, parameters)
    checked = check_inputs(tool, inputs)
    needed, available = needed_bytes(tool, checked, made), available_bytes()
    if needed > available:
        raise MemoryShortage(
            f"'{tool.title}' needs about {readable_bytes(needed)} of memory and {readable_bytes(available)} are free. "
            "Close other volumes or programs, or crop the volume."
        )
    return made, checked


def stamp(
    tool: Tool, inputs: Mapping[str, Any], parameters: Any, context: Run, outputs: Outputs, seconds: float
) -> Outputs:
    """The outputs, each with its provenance record; checks that the tool returned what it declared.

    Raises:
        TypeError: if it did not (a mistake of the tool's author).
    """
    declared = {o.name: o for o in tool.outputs}
    for name in outputs:
        if name not in declared or not isinstance(outputs[name], declared[name].kind.type):
            raise TypeError(f"{tool.id} returned '{name}' of type {type(outputs[name]).__name__}, not as declared")
    for name, output in declared.items():
        if name not in outputs and not output.optional:
            raise TypeError(f"{tool.id} did not return '{name}'")
    used = {k: v for k, v in inputs.items() if v is not None}
    record = Provenance(
        tool=tool.id,
        tool_title=tool.title,
        tool_version=distribution_version(tool.distribution),
        output="",
        parameters=parameter_forms.recorded(parameters),
        seed=context.seed,
        device=context.device,
        created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        inputs={name: _describe(value) for name, value in used.items()},
        reference=tool.reference,
        weights=dict(context.weights),
        libraries=library_versions(),
        notes=tuple(context.notes),
        history=tuple(v.provenance for v in used.values() if getattr(v, "provenance", None) is not None),
    )
    return Outputs(**{name: _with_record(outputs[name], replace(record, output=name)) for name in outputs})


def _with_record(value: Any, record: Provenance) -> Any:
    if isinstance(value, Sequence):
        return replace(
            value, provenance=record, frames=tuple(replace(frame, provenance=record) for frame in value.frames)
        )
    return replace(value, provenance=record) if hasattr(value, "provenance") else value


def _describe(value: Any) -> dict[str, Any]:
    if isinstance(value, (Volume, Mask)):
        return {"kind": type(value).__name__, "sha256": value.sha256, "synthetic": value.synthetic}
    if isinstance(value, Points):
        return {"kind": "Points", "ras_mm": [[round(float(x), 3) for x in p] for p in value.ras_mm]}
    return {"kind": type(value).__name__}
