"""Models by name: those in the package first, then those of the user's store."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from synthetic_imaging.errors import FileError
from synthetic_imaging.learning.weights.store import WeightsStore

SHIPPED = Path(__file__).parents[2] / "shipped_models"
CHECKSUMS = "checksums.json"
ENDING = ".safetensors"
# What a training writes into its folder.
MODEL_FILE = f"model{ENDING}"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(name: str) -> str:
    """A name that a model may have.

    Raises:
        FileError: if it holds other things than letters, digits, dot, dash and underscore.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise FileError(f"'{name}' cannot be the name of a model: use letters, digits, '.', '-' and '_'.")
    return name


def name_of(path: Path) -> str:
    """What a model in that file is called."""
    return path.parent.name if path.name == MODEL_FILE and path.parent.name else path.name.removesuffix(ENDING)


def shipped() -> dict[str, Path]:
    """The models in the package, by name."""
    return {name_of(path): path for path in sorted(SHIPPED.glob(f"*{ENDING}"))}


def stored(store: WeightsStore | None = None) -> dict[str, Path]:
    """The models of the user's store, by name."""
    place = WeightsStore() if store is None else store
    return {name_of(Path(f.name)): place.folder / f.name for f in place.files()
            if f.name.endswith(ENDING) and "/" not in f.name}


def find(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a model: a path, a name, or the folder that a training wrote.

    Raises:
        FileError: if there is none, naming the models that there are.
    """
    text, path = str(name_or_path), Path(name_or_path).expanduser()
    if path.is_file():
        return path
    wanted = text.removesuffix(ENDING)
    if wanted in shipped():
        return shipped()[wanted]
    if wanted in stored():
        return WeightsStore().use(f"{wanted}{ENDING}")
    if (path / MODEL_FILE).is_file():
        return path / MODEL_FILE
    known = [*shipped(), *stored()]
    raise FileError(f"There is no model '{text}'. {'Models: ' + ', '.join(known) if known else 'None is installed'}; "
                    "or give the path of a .safetensors file.")


def check_shipped(path: Path, sha256: str) -> None:
    """Compare a model of the package with the list of checksums; other files pass.

    Raises:
        FileError: if it is not the file that was shipped.
    """
    if path.parent != SHIPPED:
        return
    if checksums().get(path.name) != sha256:
        raise FileError(f"The shipped model '{path.name}' is not the one of this version (its checksum is wrong). "
                        "Install SyntheticImaging again.")


def checksums() -> dict[str, str]:
    """File name -> sha256 of the models in the package."""
    try:
        found = json.loads((SHIPPED / CHECKSUMS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def ship(path: Path, name: str) -> Path:
    """Put a model into the package (when a shipped model is trained anew) and note its checksum.

    Raises:
        FileError: if it is no model file.
    """
    from synthetic_imaging.learning.weights.container import hashes_of, read_header

    read_header(path)
    SHIPPED.mkdir(exist_ok=True)
    target = SHIPPED / f"{check_name(name)}{ENDING}"
    shutil.copyfile(path, target)
    listed = {**checksums(), target.name: hashes_of(target, 0)[0]}
    (SHIPPED / CHECKSUMS).write_text(json.dumps(dict(sorted(listed.items())), indent=2) + "\n", encoding="utf-8")
    return target
