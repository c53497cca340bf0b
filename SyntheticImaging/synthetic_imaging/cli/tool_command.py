"""`synthetic-imaging run TOOL`: one command a tool, its options made from the tool's declaration."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from synthetic_imaging.cli.progress_bar import progress_bar
from synthetic_imaging.cli.reading import read_inputs
from synthetic_imaging.context import Progress
from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.jobs.output_folder import FORMATS, Advice, OutputFolder
from synthetic_imaging.parameters import Field, fields_of
from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging.volume import Volume

_ADVICE = Advice(
    "Name another folder with --out.",
    "Choose another folder with --out, or add --force to replace results in it.",
)

INPUTS, PARAMETERS, ADVANCED, RUNNING = "Inputs", "Parameters", "Advanced parameters", "Running"
_METAVAR = {Kind.VOLUME: "FILE|DICOM-FOLDER", Kind.MASK: "FILE[:SEGMENT,...]", Kind.SEQUENCE: "FILE.seq.nrrd",
            Kind.POINTS: "R,A,S", Kind.TABLE: "FILE"}
_RESERVED = ("out", "seed", "format", "force", "json", "here", "device", "help")


def option_name(name: str) -> str:
    """"size_mm" -> "--size-mm"; a name that the command itself uses gets "tool-" in front."""
    return f"--{'tool-' if name in _RESERVED else ''}{name.replace('_', '-')}"


def command_for(tool: Tool) -> Callable[..., None]:
    """A function with a signature from which typer makes the tool's options and help."""
    arguments: dict[str, Any] = {}
    for declared in tool.inputs:
        arguments[f"input_{declared.name}"] = _input_option(declared)
    fields = fields_of(tool.parameters)
    for advanced in (False, True):
        for field in fields:
            if field.advanced is advanced:
                arguments[f"parameter_{field.name}"] = _parameter_option(field)
    arguments.update(_running_options())

    def command(**given: Any) -> None:
        words = {i.name: given[f"input_{i.name}"] for i in tool.inputs}
        parameters = {f.name: given[f"parameter_{f.name}"] for f in fields}
        running = {name: given[name] for name in ("out", "seed", "form", "force", "as_json", "here", "device")}
        run_tool(tool, words, {k: v for k, v in parameters.items() if v is not None}, **running)

    kinds = {name: annotation for name, (annotation, _) in arguments.items()}
    command.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in arguments.items()
    ])
    command.__annotations__ = kinds
    command.__name__ = tool.id
    command.__doc__ = "\n\n".join(part for part in (f"{tool.title}. {tool.sentence}", tool.limits,
                                                    f"Reference: {tool.reference}") if part)
    return command


def _input_option(declared: Input) -> tuple[Any, Any]:
    help_ = declared.label + (f": {declared.help}" if declared.help else "")
    if declared.kind is Kind.POINTS:
        help_ += " Right, anterior, superior in mm; may be given several times."
    help_ += " (required)" if declared.required else " (optional)"
    option = typer.Option(option_name(declared.name), metavar=_METAVAR[declared.kind], help=help_,
                          rich_help_panel=INPUTS, show_default=False)
    if declared.kind is Kind.POINTS:
        return Annotated[list[str] | None, option], None
    return Annotated[str | None, option], None


def _parameter_option(field: Field) -> tuple[Any, Any]:
    panel = ADVANCED if field.advanced else PARAMETERS
    unit = f" {field.unit}" if field.unit else ""
    within = f" from {field.within[0]:g} to {field.within[1]:g}{unit};" if field.within else ""
    choices = f" one of {', '.join(field.choices)};" if field.choices else ""
    values = f"{choices}{within} default {field.in_words(field.default)}".strip()
    help_ = f"{field.label}{': ' + field.help if field.help else '.'} ({values})"
    name = option_name(field.name)
    if field.type is bool:
        both = f"{name}/--no-{name[2:]}"
        return Annotated[bool | None, typer.Option(both, help=help_, rich_help_panel=panel, show_default=False)], None
    kind = {int: "WHOLE NUMBER", float: "NUMBER", str: "TEXT"}.get(field.type, "|".join(field.choices))
    # Text, so that one place decides what fits a field and says it in one way in every host.
    option = typer.Option(name, metavar=kind, help=help_, rich_help_panel=panel, show_default=False)
    return Annotated[str | None, option], None


def _running_options() -> dict[str, tuple[Any, Any]]:
    def option(*names: str, help_: str, **more: Any) -> Any:
        return typer.Option(*names, help=help_, rich_help_panel=RUNNING, **more)

    return {
        "out": (Annotated[Path | None, option("--out", "-o", help_="Folder for the results; made if it does not exist. "
                                              "(required)", show_default=False)], None),
        "seed": (Annotated[str | None, option(
            "--seed", metavar="WHOLE NUMBER", show_default=False,
            help_="The same seed gives the same result; drawn when not given.")], None),
        "form": (Annotated[str, option("--format", metavar="|".join(FORMATS), help_="Of what is written.")], "nrrd"),
        "force": (Annotated[bool, option("--force", help_="Replace results in a folder that is not empty.")], False),
        "as_json": (Annotated[bool, option("--json", help_="Print one JSON object instead of words.")], False),
        "here": (Annotated[bool, option("--here", help_="Run in this process, not in a child.")], False),
        "device": (Annotated[str, option("--device", metavar="auto|cpu|cuda|mps", help_="Where to compute.")], "auto"),
    }


def run_tool(
    tool: Tool, words: dict[str, Any], parameters: dict[str, Any], *, out: Path | None, seed: str | None, form: str,
    force: bool, as_json: bool, here: bool, device: str,
) -> None:
    """Read, run, write, and say what was done.

    Raises:
        SyntheticImagingError: with a sentence; then nothing was written.
    """
    from synthetic_imaging import jobs
    from synthetic_imaging.jobs.here import plain_parameters

    if form not in FORMATS:
        raise ParameterError(f"There is no format '{form}'. There are: {', '.join(FORMATS)}.")
    if out is None:
        raise ParameterError("Name a folder for the results with --out.")
    plain_parameters(tool, parameters)
    number = _seed(seed)
    for declared in tool.inputs:
        if declared.required and not words.get(declared.name):
            raise ParameterError(f"{declared.label} is missing: give it with {option_name(declared.name)}.")
    folder = OutputFolder(out, force, _ADVICE)
    try:
        with progress_bar(tool.title) as report:
            report(Progress(0.0, "reading"))
            inputs = read_inputs(tool, words)
            _check_format(tool, inputs, form)
            runner = jobs.run_here if here else jobs.run_in_child
            result = runner(tool.id, inputs, parameters, number, report, device=device)
            report(Progress(1.0, "writing"))
            written = folder.fill(result, form, lambda name: _origin(tool, inputs, name))
    finally:
        folder.close()
    if as_json:
        print(json.dumps({"ok": True, "tool": result.tool, "seed": result.seed, "seconds": round(result.seconds, 3),
                          "notes": list(result.notes), "outputs": {n: str(p) for n, p in written.items()}}))
        return
    print(f"{tool.title}: done in {result.seconds:.1f} s, seed {result.seed}")
    for note in result.notes:
        print(f"  note: {note}")
    for path in written.values():
        print(f"  {path}")


def _seed(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise ParameterError(f"The seed is '{text}'; it must be a whole number from 0 up.")
    return int(text)


def _check_format(tool: Tool, inputs: dict[str, Any], form: str) -> None:
    """What the chosen format cannot hold is refused before the run, not after it."""
    if form == "nifti":
        for output in tool.outputs:
            source = inputs.get(output.like)
            if source is not None and output.kind is Kind.VOLUME and source.geometry.sheared:
                raise InputError(f"'{source.name}' has a tilted (sheared) grid, which NIfTI cannot hold. "
                                 "Use --format nrrd.")


def _origin(tool: Tool, inputs: dict[str, Any], name: str) -> Volume | None:
    like = next((o.like for o in tool.outputs if o.name == name), "")
    source = inputs.get(like)
    return source if isinstance(source, Volume) and source.dicom is not None else None
