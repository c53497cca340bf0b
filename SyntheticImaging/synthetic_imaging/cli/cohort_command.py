"""`cohort`: many synthetic cases into a folder; the same command goes on where it stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthetic_imaging.errors import Cancelled, ParameterError

if TYPE_CHECKING:
    from synthetic_imaging.cohorts.folder import CohortFolder
    from synthetic_imaging.cohorts.making import Pace

_LAYOUTS = "nrrd|nifti|dicom|nnunet|monai"
_WHAT, _WHERE, _LOOK = "What", "Where", "Looking at it"


def cohort(
    model: Annotated[str | None, typer.Argument(help="Id of a model; without one the models are listed.")] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="How many cases.", rich_help_panel=_WHAT)] = 4,
    seed: Annotated[int, typer.Option(
        "--seed", help="The same seed gives the same cases, however they are made.", rich_help_panel=_WHAT)] = 0,
    ranges: Annotated[list[str] | None, typer.Option(
        "--range", metavar="NAME=LOW..HIGH", rich_help_panel=_WHAT, show_default=False,
        help="Range that a measurement keeps (lv_volume_ml=90..140); may be given several times.")] = None,
    settings: Annotated[list[str] | None, typer.Option(
        "--set", metavar="NAME=VALUE", rich_help_panel=_WHAT, show_default=False,
        help="Setting of the model; may be given several times.")] = None,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", rich_help_panel=_WHERE, show_default=False,
        help="Folder: new, empty, or of the same cohort, which is then gone on with.")] = None,
    layout: Annotated[str, typer.Option("--layout", metavar=_LAYOUTS, help="How the files are laid out.",
                                        rich_help_panel=_WHERE)] = "nrrd",
    workers: Annotated[int, typer.Option(
        "--workers", help="Make it with so many processes of this computer.", rich_help_panel=_WHERE)] = 0,
    scheduler: Annotated[str, typer.Option(
        "--scheduler", metavar="tcp://HOST:PORT", rich_help_panel=_WHERE, show_default=False,
        help="Make it on the Dask cluster of this scheduler. It runs code: use one that you trust.")] = "",
    device: Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where a model computes.",
                                        rich_help_panel=_WHERE)] = "auto",
    sheet: Annotated[int, typer.Option(
        "--sheet", help="Draw a contact sheet of the first so many cases; 0 for none.", rich_help_panel=_LOOK)] = 12,
    reject: Annotated[str, typer.Option(
        "--reject", metavar="N,N,...", rich_help_panel=_LOOK, show_default=False,
        help="Cases that are not wanted: others take their places.")] = "",
    keep: Annotated[str, typer.Option(
        "--keep", metavar="N,N,...", rich_help_panel=_LOOK, show_default=False,
        help="Cases whose rejection is taken back.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False,
) -> None:
    """Make a cohort: synthetic cases, image and segments, with a manifest, in a folder.

    May be stopped, even killed, at any time: the same command goes on. With another number it makes more.
    """
    if model is None:
        _list_models(as_json)
        return
    if out is None:
        raise ParameterError("Name a folder for the cohort with --out.")
    from synthetic_imaging.cli.progress_bar import progress_bar
    from synthetic_imaging.cohorts import making
    from synthetic_imaging.cohorts.cluster import Cluster
    from synthetic_imaging.cohorts.contact_sheet import write_contact_sheet
    from synthetic_imaging.cohorts.folder import PLAN, CohortFolder
    from synthetic_imaging.cohorts.generate import generate
    from synthetic_imaging.cohorts.generator import weights_of
    from synthetic_imaging.cohorts.plan import CohortPlan
    from synthetic_imaging.cohorts.ranges import parse_ranges, parse_settings
    from synthetic_imaging.context import Progress, Run
    from synthetic_imaging.jobs.device import choose_device

    plan = CohortPlan(model, number, seed, parse_ranges(ranges or ()), parse_settings(settings or ()), layout)
    generator = plan.make_generator()
    cluster = Cluster(scheduler, workers) if scheduler or workers else None
    # A phantom is drawn on the CPU: looking for a GPU would only take time.
    chosen_device = choose_device(generate, device if weights_of(generator) or device != "auto" else "cpu")
    unwanted, wanted = _numbers(reject, "--reject"), _numbers(keep, "--keep")
    if unwanted or wanted:
        # Before anything is decided: the folder must hold this very cohort.
        CohortFolder.at(out)
        CohortFolder.opened(out, plan, generator)
        if unwanted:
            making.reject(out, unwanted)
        if wanted:
            making.keep(out, wanted)
    last: list[Pace] = []
    try:
        with progress_bar(generator.title) as report:
            run = Run(plan.seed, chosen_device)
            run.report = lambda progress: report(progress)
            folder = making.make_cohort(plan, out, run, cluster=cluster, on_case=lambda _, pace: last.append(pace))
            pictured = None
            if sheet > 0 and (last or unwanted or wanted or not (out / "contact_sheet.png").exists()):
                report(Progress(1.0, "contact sheet"))
                pictured = write_contact_sheet(folder, generator, out / "contact_sheet.png", most=sheet)
    except KeyboardInterrupt:
        sentence = making.stays(CohortFolder.at(out)) if (out / PLAN).exists() else "Nothing was made."
        raise Cancelled(f"Stopped. {sentence}") from None
    _tell(folder, last[-1] if last else None, pictured, as_json)


def _tell(folder: CohortFolder, pace: Pace | None, sheet: Path | None, as_json: bool) -> None:
    from synthetic_imaging.cohorts.making import acceptance

    rate = acceptance(folder.records.values())
    if as_json:
        print(json.dumps({
            "ok": True, "folder": str(folder.path), "model": folder.plan.generator, "seed": folder.plan.seed,
            "cases": len(folder.kept), "made_now": pace.done if pace else 0, "acceptance": round(rate, 6),
            "cases_per_minute": round(pace.per_minute, 3) if pace else None,
            "worker_seconds_per_case": round(pace.worker_seconds_per_case, 4) if pace else None,
            "rejected": sorted([n, a] for n, a in folder.rejected),
            "manifest": str(folder.path / "manifest.csv"), "contact_sheet": str(sheet) if sheet else None,
        }))
        return
    print(f"{len(folder.kept)} cases in {folder.path}, layout {folder.plan.layout}, seed {folder.plan.seed}")
    if pace is None:
        print("  all were there already")
    else:
        by = f" by {pace.workers} workers" if pace.workers > 1 else ""
        print(f"  {pace.done} made in {pace.seconds:.1f} s{by}: {pace.per_minute:.3g} cases a minute, "
              f"{pace.worker_seconds_per_case:.3g} s of a worker each")
    if folder.plan.ranges:
        print(f"  {100 * rate:.3g} % of the attempts lay in the ranges")
    if folder.rejected:
        print(f"  {len(folder.rejected)} rejected by hand and replaced")
    print(f"  {folder.path / 'manifest.csv'}")
    if sheet is not None:
        print(f"  {sheet}")


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise ParameterError(f"'{option} {text}' cannot be read. Write numbers of cases with commas: 3,17.") from None


def _list_models(as_json: bool) -> None:
    from synthetic_imaging.cohorts.generator import generator_class, known_generators
    from synthetic_imaging.parameters import fields_of

    listed: list[dict[str, Any]] = []
    for name in sorted(known_generators()):
        try:
            kind = generator_class(name)
        except ParameterError as error:
            listed.append({"id": name, "problem": str(error)})
            continue
        listed.append({
            "id": name, "title": kind.title, "sentence": kind.sentence, "reference": kind.reference,
            "modality": kind.modality, "structures": list(kind.structures),
            "measurements": [{"name": m.name, "title": m.title, "unit": m.unit, "typical": list(m.typical)}
                             for m in kind.measurements],
            "settings": [{"name": f.name, "label": f.label, "default": f.in_words(f.default),
                          "choices": list(f.choices)} for f in fields_of(kind)],
        })
    if as_json:
        print(json.dumps(listed))
        return
    for one in listed:
        if "problem" in one:
            print(f"{one['id']}\n  {one['problem']}\n")
            continue
        print(f"{one['id']}  {one['title']}: {one['sentence']}")
        print("  --range  " + ", ".join(_range(m) for m in one["measurements"]))
        print("  --set    " + "; ".join(
            f"{s['name']} ({'|'.join(s['choices']) + '; ' if s['choices'] else ''}{s['default']})"
            for s in one["settings"]) + "\n")


def _range(measurement: dict[str, Any]) -> str:
    low, high = measurement["typical"]
    between = "" if math.isinf(low) or math.isinf(high) else f" {low:g}..{high:g} {measurement['unit']}"
    return f"{measurement['name']}{between}"
