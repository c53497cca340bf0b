"""`sample`: synthetic cases from a trained model or a phantom, each an image and its segments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from synthetic_imaging.cli.learning_options import assignments, device_of, learning_packages, whole_seed
from synthetic_imaging.cli.progress_bar import progress_bar
from synthetic_imaging.context import Run
from synthetic_imaging.errors import ParameterError


def sample(
    model: Annotated[str, typer.Argument(help="Name of a model, a .safetensors file, or the folder of a training.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the cases; an interrupted run goes on. "
                                             "(required)", show_default=False)] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="How many cases.")] = 1,
    seed: Annotated[str | None, typer.Option("--seed", metavar="WHOLE NUMBER", show_default=False,
                                             help="The same seed gives the same cases; drawn when not given.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Steps of the sampler.", show_default=False)] = None,
    sampler: Annotated[str | None, typer.Option("--sampler", help="Name of the sampler.", show_default=False)] = None,
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", show_default=False,
                       help="Change a setting of the model; may be given several times.")] = None,
    using: Annotated[list[str] | None, typer.Option("--with", metavar="ROLE=MODEL", show_default=False,
                     help="A model that this one builds on, as in autoencoder=FOLDER.")] = None,
    layout: Annotated[str, typer.Option("--layout", metavar="nrrd|nifti|dicom|nnunet|monai", help="Of the files.")]
    = "nrrd",
    device: Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda|mps", help="Where to compute.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
) -> None:
    """Make synthetic cases. They carry a record of how they were made, and say that they are synthetic."""
    if out is None:
        raise ParameterError("Name a folder for the cases with --out.")
    settings: dict[str, str] = {**assignments(changes or (), "--set"), **assignments(using or (), "--with")}
    if steps is not None:
        settings["steps"] = str(steps)
    if sampler is not None:
        settings["sampler"] = sampler
    with learning_packages():
        generator = generator_of(model, settings)
        found = _make(generator, out, number, whole_seed(seed), settings, layout, device)
    if as_json:
        print(json.dumps({"ok": True, **found}))
        return
    print(f"{found['title']}: {found['cases']} cases, seed {found['seed']}, in {out}")


def generator_of(model: str, settings: dict[str, str]) -> str:
    """Id of what makes the cases. A trained model's file becomes the setting "model" of its system's generator.

    The generator of the recipe "diff3.diffusion" is "diff3".

    Raises:
        FileError: if the model cannot be found or read.
        ParameterError: if models of its recipe make no cases.
    """
    from synthetic_imaging.cohorts.generator import all_generators, known_generators

    if model in known_generators():
        return model
    from synthetic_imaging.learning.weights.container import read_header
    from synthetic_imaging.learning.weights.names import find

    header = read_header(find(model))
    generator = header.recipe.split(".")[0]
    known = all_generators()
    if generator not in known or header.recipe.endswith("autoencoder"):
        raise ParameterError(f"A model of '{header.recipe}' makes no cases by itself. These do: "
                             f"{', '.join(sorted(known))}.")
    settings["model"] = str(header.path.absolute())
    return generator


def _make(generator: str, out: Path, number: int, seed: int | None, settings: dict[str, str], layout: str, device: str
          ) -> dict[str, object]:
    from synthetic_imaging.cohorts.folder import CohortFolder
    from synthetic_imaging.cohorts.making import make_cohort
    from synthetic_imaging.cohorts.plan import CohortPlan
    from synthetic_imaging.errors import FileError
    from synthetic_imaging.running import new_seed

    if seed is None:
        try:
            seed = CohortFolder.at(out).plan.seed
        except FileError:  # no cohort there yet
            seed = new_seed()
    plan = CohortPlan(generator, number, seed, settings=settings, layout=layout)
    title = plan.make_generator().title
    with progress_bar(title) as report:
        folder = make_cohort(plan, out, Run(seed, device_of(device), report=report))
    files = [str(folder.path / file) for record in folder.kept for file in record.files.values()]
    return {"generator": generator, "title": title, "seed": seed, "cases": len(folder.kept), "out": str(out),
            "files": files}
