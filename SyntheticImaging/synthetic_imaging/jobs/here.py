"""Run a tool in this process, with a scratch folder, progress and cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from synthetic_imaging import parameters as parameter_forms
from synthetic_imaging.catalogue import find
from synthetic_imaging.context import Progress, Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.jobs.device import choose_device
from synthetic_imaging.jobs.scratch import scratch
from synthetic_imaging.running import Result, check_seed, new_seed, run
from synthetic_imaging.tool import Tool


def run_here(
    tool_id: str | Tool,
    inputs: Mapping[str, Any],
    parameters: Any = None,
    seed: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    device: str = "auto",
) -> Result:
    """Run a tool in this process and wait for it.

    Args:
        tool_id: id of a tool, or the tool.
        inputs: values by input name; missing or None for optional ones.
        parameters: values by name (plain or text), or the tool's parameter object; None for the defaults.
        seed: drawn when None, and reported in the result.
        on_progress: called with each `Progress`, in this thread.
        cancelled: asked at each step of progress; true stops the run.
        device: "auto", "cpu", "cuda", "mps".

    Raises:
        InputError, ParameterError, MemoryShortage, FileError, Cancelled: each with a sentence for the user.
    """
    tool = tool_id if isinstance(tool_id, Tool) else find(tool_id)
    given = plain_parameters(tool, parameters)
    check_input_names(tool, inputs)
    context = Run(
        seed=new_seed() if seed is None else check_seed(seed),
        device=choose_device(tool, device),
        cancelled=cancelled or _never,
    )
    if on_progress is not None:
        report = on_progress
        context.report = lambda progress: report(progress)
    with scratch() as folder:
        context.scratch = folder
        return run(tool, context=context, **inputs, **given)


def plain_parameters(tool: Tool, parameters: Any) -> dict[str, Any]:
    """Parameters as plain values, from a mapping or from the tool's parameter object.

    Raises:
        ParameterError: if one is unknown, of the wrong type or out of range.
    """
    if parameters is None:
        return {}
    if isinstance(parameters, tool.parameters):
        parameter_forms.check(parameters)
        return parameter_forms.plain(parameters)
    given = {name: value.value if isinstance(value, Enum) else value for name, value in dict(parameters).items()}
    parameter_forms.make(tool.parameters, given)
    return given


def check_input_names(tool: Tool, inputs: Mapping[str, Any]) -> None:
    """Refuse an input that the tool does not take.

    Raises:
        InputError: naming those it takes.
    """
    known = [i.name for i in tool.inputs]
    for name in inputs:
        if name not in known:
            raise InputError(f"'{tool.title}' takes no input '{name}'. It takes: {', '.join(known) or 'none'}.")


def _never() -> bool:
    return False
