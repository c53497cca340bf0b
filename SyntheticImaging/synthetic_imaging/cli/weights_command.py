"""`weights`: models on this computer: list, show, import, delete, check."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from synthetic_imaging.cli.learning_options import learning_packages
from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.memory import readable_bytes

_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
_NAME = Annotated[str, typer.Argument(help="Name of a model.")]


def weights_app() -> typer.Typer:
    """The group of commands."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False,
                      help="Trained models on this computer.")
    app.command("list", help="List the models.")(_list)
    app.command("show", help="Show a model's card.")(_show)
    app.command("import", help="Copy a model, or a MONAI bundle, into the weights folder.")(_import)
    app.command("delete", help="Delete a model from the weights folder.")(_delete)
    app.command("check", help="Check that no model is damaged.")(_check)
    return app


def _list(as_json: _JSON = False) -> None:
    from synthetic_imaging.learning.weights.bundles import bundles
    from synthetic_imaging.learning.weights.container import read_header
    from synthetic_imaging.learning.weights.names import shipped, stored

    rows: list[dict[str, str | int]] = []
    for place, models in (("shipped", shipped()), ("imported", stored())):
        for name, path in models.items():
            try:
                card = read_header(path).card
                title, licence = card.title, card.licence
            except FileError as error:
                title, licence = str(error), ""
            rows.append({"name": name, "title": title, "licence": licence, "where": place,
                         "bytes": path.stat().st_size})
    rows += [{"name": name, "title": "MONAI bundle", "licence": "", "where": "imported", "bytes": 0}
             for name in bundles()]
    if as_json:
        print(json.dumps(rows))
        return
    if not rows:
        print("There are no models. Train one (synthetic-imaging train), or import a file.")
    width = max((len(str(row["name"])) for row in rows), default=0)
    for row in rows:
        size = f", {readable_bytes(int(str(row['bytes'])))}" if row["bytes"] else ""
        licence = f" Licence: {row['licence']}." if row["licence"] else ""
        print(f"{row['name']:<{width}}  {row['title']}.{licence} {str(row['where']).capitalize()}{size}.")


def _show(name: _NAME, as_json: _JSON = False) -> None:
    from synthetic_imaging.learning.weights.container import hashes_of, read_header
    from synthetic_imaging.learning.weights.names import find

    path = find(name)
    header = read_header(path)
    sha256 = hashes_of(path, 0)[0]
    if as_json:
        print(json.dumps({"name": name, "sha256": sha256, "recipe": header.recipe, "settings": header.settings,
                          "parts": list(header.parts), "card": json.loads(header.card.to_json())}))
        return
    print(header.card.text())
    print(f"Parts: {', '.join(header.parts)}; {readable_bytes(path.stat().st_size)}; sha256 {sha256}")


def _import(
    file: Annotated[Path, typer.Argument(help="A .safetensors file of a model, or a MONAI bundle (folder, .zip).")],
    name: Annotated[str, typer.Option("--name", help="What to call it.", show_default=False)] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a model of that name.")] = False,
    trusted: Annotated[bool, typer.Option("--trust-source", help="You trust where a MONAI bundle comes from: its "
                                          "configuration may run programs.")] = False,
    as_json: _JSON = False,
) -> None:
    from synthetic_imaging.learning.weights.bundles import import_bundle
    from synthetic_imaging.learning.weights.importing import import_model

    def trust(source: str, why: str) -> bool:
        if trusted:
            return True
        if not sys.stdin.isatty():
            raise InputError(f"{why} Then repeat the command with --trust-source.")
        print(why, file=sys.stderr)
        return typer.confirm(f"Trust {source}?", default=False, err=True)

    with learning_packages():
        if file.is_dir() or file.suffix.lower() == ".zip":
            chosen = import_bundle(file, trust, name, overwrite=force)
        else:
            chosen = import_model(file, name, overwrite=force)
    print(json.dumps({"ok": True, "name": chosen}) if as_json else f"Imported as '{chosen}'.")


def _delete(name: _NAME, as_json: _JSON = False) -> None:
    from synthetic_imaging.learning.weights.bundles import bundles, delete_bundle
    from synthetic_imaging.learning.weights.names import ENDING, shipped, stored
    from synthetic_imaging.learning.weights.store import WeightsStore

    if name in stored():
        freed = WeightsStore().delete(f"{name}{ENDING}")
    elif name in bundles():
        freed = delete_bundle(name)
    elif name in shipped():
        raise FileError(f"'{name}' comes with the package and stays. Only imported models can be deleted.")
    else:
        raise FileError(f"There is no imported model '{name}'. Imported are: "
                        f"{', '.join([*stored(), *bundles()]) or 'none'}.")
    print(json.dumps({"ok": True, "bytes": freed}) if as_json else f"Deleted '{name}', {readable_bytes(freed)}.")


def _check(as_json: _JSON = False) -> None:
    from synthetic_imaging.learning.weights.container import hashes_of
    from synthetic_imaging.learning.weights.importing import check_model
    from synthetic_imaging.learning.weights.names import check_shipped, shipped, stored

    problems = {}
    models = {**stored(), **shipped()}
    with learning_packages():
        for name, path in models.items():
            try:
                check_shipped(path, hashes_of(path, 0)[0])
                check_model(path)
            except FileError as error:
                problems[name] = str(error)
    if as_json:
        print(json.dumps({"ok": not problems, "checked": list(models), "problems": problems}))
    else:
        for name in models:
            print(f"{name}: {problems.get(name, 'ok')}")
        if not models:
            print("There are no models.")
    if problems:
        raise typer.Exit(3)
