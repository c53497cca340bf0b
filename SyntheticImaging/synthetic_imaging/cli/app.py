"""The command line: tools, show, run, samples, setup; recipes, train, sample, counts, reproduce, weights."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from synthetic_imaging.cli.cohort_command import cohort
from synthetic_imaging.cli.counts_command import counts
from synthetic_imaging.cli.exits import exit_code, tell
from synthetic_imaging.cli.reproduce_command import reproduce
from synthetic_imaging.cli.sample_command import sample
from synthetic_imaging.cli.setup_command import setup
from synthetic_imaging.cli.train_command import recipes, train
from synthetic_imaging.cli.weights_command import weights_app
from synthetic_imaging.errors import InputError, SyntheticImagingError

# typer brings click with it, or depends on it, by version: its exception is found without naming the package.
_UsageError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")
_INTERRUPTED = 130
_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit with its code."""
    words = sys.argv[1:] if arguments is None else arguments
    sys.exit(_guarded(words))


def _guarded(words: list[str]) -> int:
    as_json = "--json" in words
    _terminate_politely()
    try:
        code = _app(words)(args=words, prog_name="synthetic-imaging", standalone_mode=False)
        sys.stdout.flush()
        if code == _INTERRUPTED:
            return tell("Cancelled", "Cancelled. Nothing was changed.", 4, as_json)
        return code if isinstance(code, int) else 0
    except SyntheticImagingError as error:
        return tell(type(error).__name__, str(error), exit_code(error), as_json, error.details)
    except (typer.Abort, KeyboardInterrupt):
        return tell("Cancelled", "Cancelled. Nothing was changed.", 4, as_json)
    except typer.Exit as error:
        # typer turns Ctrl-C into this code.
        if error.exit_code == _INTERRUPTED:
            return tell("Cancelled", "Cancelled. Nothing was changed.", 4, as_json)
        return int(error.exit_code)
    except _UsageError as error:
        return _usage(error, as_json)
    except MemoryError:
        return tell("MemoryShortage", "Memory ran out. Close other programs, or crop the volume.", 5, as_json)
    except BrokenPipeError:
        return 1
    except Exception as error:
        sentence = f"Something unexpected happened ({type(error).__name__}: {error}). Please report it."
        return tell("Unexpected", sentence, 1, as_json, traceback.format_exc())


def _usage(error: Any, as_json: bool) -> int:
    sentence = error.format_message()
    if not sentence:  # "no arguments is help": the help has been printed
        return 2
    if as_json:
        return tell("Usage", sentence, 2, True)
    error.show()
    return 2


def _terminate_politely() -> None:
    # A batch system ends a job with SIGTERM: nothing may stay behind then either.
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # Outside the main thread the host decides.
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGTERM, interrupt)


def _app(words: list[str]) -> typer.Typer:
    app = typer.Typer(
        name="synthetic-imaging", no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        help="Synthesise medical images. Research use only, not for diagnosis.",
    )
    app.callback()(_root)
    app.command("tools", help="List the tools.")(_tools)
    app.command("show", help="Show what a tool takes and returns.")(_show)
    app.add_typer(_samples_app(), name="samples")
    app.command("setup", help="Say what is installed and what is missing; test the GPU.")(setup)
    app.add_typer(_run_app(words), name="run")
    app.command("cohort", help="Make a cohort of synthetic cases in a folder, here or on a cluster.")(cohort)
    app.command("recipes", help="List what can be trained.")(recipes)
    app.command("train", help="Train a model on a folder of images and labels, or on phantoms.")(train)
    app.command("sample", help="Make synthetic cases with a model.")(sample)
    app.command("counts", help="Tables and tests from what readers have counted.")(counts)
    app.command("reproduce", help="Make the evidence page of a published system anew.")(reproduce)
    app.add_typer(weights_app(), name="weights")
    return app


def _run_app(words: list[str]) -> typer.Typer:
    runs = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
                       help="Run a tool. `run TOOL --help` shows its inputs and parameters.")
    runs.callback()(lambda: None)
    # The tools import compilers: only where one is run.
    if "run" in words:
        from synthetic_imaging.catalogue import tools
        from synthetic_imaging.cli.tool_command import command_for

        wanted = words[words.index("run") + 1 :]
        for name, tool in tools().items():
            runs.command(name, short_help=f"{tool.title}: {tool.sentence}")(command_for(tool))
        given = next((w for w in wanted if not w.startswith("-")), None)
        if given is not None and given not in tools():
            from synthetic_imaging.catalogue import find

            find(given)
    return runs


def _print_version(asked: bool) -> None:
    if asked:
        from synthetic_imaging.provenance import distribution_version

        print(distribution_version())
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Synthesise medical images. Research use only, not for diagnosis."""
    del version


def _tools(as_json: _JSON = False) -> None:
    from synthetic_imaging.catalogue import tools
    from synthetic_imaging.cli.describing import described, print_tools

    if as_json:
        print(json.dumps([described(tool) for tool in tools().values()]))
    else:
        print_tools(tools())


def _show(tool: Annotated[str, typer.Argument(help="Id of a tool.")], as_json: _JSON = False) -> None:
    from synthetic_imaging.catalogue import find
    from synthetic_imaging.cli.describing import described, print_tool

    found = find(tool)
    if as_json:
        print(json.dumps(described(found)))
    else:
        print_tool(found)


def _samples_app() -> typer.Typer:
    listed = typer.Typer(help="Real images to try tools on.", invoke_without_command=True)

    @listed.callback()
    def list_samples(context: typer.Context, as_json: _JSON = False) -> None:
        """List the samples: installed ones, and how to get the others."""
        if context.invoked_subcommand is not None:
            return
        from synthetic_imaging.samples import SAMPLES

        if as_json:
            print(json.dumps([{"name": s.name, "title": s.title, "present": s.present, "licence": s.licence,
                               "get": s.get} for s in SAMPLES.values()]))
            return
        width = max(len(name) for name in SAMPLES)
        for s in SAMPLES.values():
            print(f"{s.name:<{width}}  {s.title}. Licence: {s.licence}.{'' if s.present else f'  Get it: {s.get}'}")

    @listed.command("export")
    def export(
        name: Annotated[str, typer.Argument(help="Name of a sample.")],
        folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
        force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
        as_json: _JSON = False,
    ) -> None:
        """Write a sample as .nrrd and .seg.nrrd files."""
        from synthetic_imaging import samples

        if not name:
            raise InputError("Name a sample.")
        written = samples.export(name, folder, overwrite=force)
        print(json.dumps({"ok": True, "files": [str(p) for p in written]}) if as_json
              else "\n".join(str(p) for p in written))

    return listed
