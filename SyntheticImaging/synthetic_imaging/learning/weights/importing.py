"""A model file that the user has, checked from front to back and copied into the user's store."""

from __future__ import annotations

import shutil
from pathlib import Path

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import staged
from synthetic_imaging.learning.weights.container import Header, hashes_of, read_header
from synthetic_imaging.learning.weights.models import check_fits, read_tensors, recipe_of
from synthetic_imaging.learning.weights.names import ENDING, check_name, name_of, shipped
from synthetic_imaging.learning.weights.store import WeightsStore


def check_model(path: Path) -> Header:
    """Everything that can be said about a model file without using it: header, checksum, recipe, tensors.

    Raises:
        FileError: with what is wrong.
    """
    header = read_header(path)
    if hashes_of(path, header.data_start)[1] != header.data_sha256:
        raise FileError(f"'{path.name}' is damaged: its checksum is wrong. Copy or download it again.")
    recipe, settings = recipe_of(header)
    check_fits(header, recipe, settings)
    read_tensors(header)
    return header


def import_model(path: Path, name: str = "", store: WeightsStore | None = None, *, overwrite: bool = False) -> str:
    """Copy a model file into the store.

    Args:
        path: a .safetensors file made by this product.
        name: what to call it; its file name when empty.
        store: the store; the user's when None.
        overwrite: whether a model of that name is replaced.

    Returns:
        The name by which it is found.

    Raises:
        FileError: if it is not what it should be, or the name is taken.
    """
    place = WeightsStore() if store is None else store
    header = check_model(path)
    chosen = check_name(name or name_of(path))
    if chosen in shipped():
        raise FileError(f"A model that comes with the package is called '{chosen}'. Choose another name with --name.")
    target = place.prepare() / f"{chosen}{ENDING}"
    with staged(target, overwrite) as stage:
        temporary = stage.beside(target)
        shutil.copyfile(path, temporary)
        # What lies in the store is what was checked, also if the source changed meanwhile.
        if hashes_of(temporary, header.data_start)[1] != header.data_sha256:
            raise FileError(f"'{path.name}' changed while it was copied. Try again.")
    return chosen

