"""Write a volume, a mask or a sequence; the ending of the name chooses the format."""

from __future__ import annotations

import json
import os
from pathlib import Path

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.formats import KNOWN, ending_of
from synthetic_imaging.files.meaning import Meaning, sidecar_of
from synthetic_imaging.files.staging import Staging, staged
from synthetic_imaging.files.voxel_types import storable
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume, Voxels


def write_volume(
    volume: Volume, path: str | os.PathLike[str], overwrite: bool = False, compress: bool = True
) -> Path:
    """Write a volume as .nrrd, .mha, .mhd, .nii or .nii.gz.

    What the numbers mean goes into the header (NRRD, MetaImage); what is synthetic, or whose format has no place for
    it (NIfTI), also gets a JSON file beside it, named like the file with ".provenance.json" added.

    Args:
        volume: what to write.
        path: the file; its ending chooses the format.
        overwrite: whether a file of that name may be replaced.
        compress: False for fast raw NRRD and MetaImage files.

    Returns:
        The path.

    Raises:
        FileError: if the format cannot hold it (a sheared grid in NIfTI), the file exists, or writing fails.
    """
    path = Path(path)
    ending = _ending(path, volume.name, {".nrrd", ".mha", ".mhd", ".nii", ".nii.gz"}, "A volume")
    return _write_image(path, ending, storable(volume.voxels, volume.name), volume, overwrite, compress, {})


def write_mask(mask: Mask, path: str | os.PathLike[str], overwrite: bool = False, compress: bool = True) -> Path:
    """Write a segmentation as .seg.nrrd, or its label map as .nrrd, .mha, .mhd, .nii or .nii.gz.

    Raises:
        FileError: as `write_volume`; also when segments overlap and the format holds one label map only.
    """
    path = Path(path)
    ending = _ending(path, mask.name, {".seg.nrrd", ".nrrd", ".mha", ".mhd", ".nii", ".nii.gz"}, "A segmentation")
    from synthetic_imaging.files.segment_keys import segment_keys

    keys = segment_keys(mask)
    if ending != ".seg.nrrd":
        if mask.layers.shape[0] > 1:
            raise FileError(
                f"'{mask.name}' has overlapping segments. Save it as .seg.nrrd, the format that holds them."
            )
        return _write_image(path, ending, storable(mask.layers[0], mask.name), mask, overwrite, compress, keys)
    from synthetic_imaging.files.nrrd_format import write_nrrd

    layers = storable(mask.layers, mask.name)
    with staged(path, overwrite) as stage:
        temporary = stage.beside(path)
        several = layers.shape[0] > 1
        with temporary.open("wb") as file:
            write_nrrd(
                file, _last_axis(layers) if several else layers[0], mask.geometry, {**keys, **Meaning.of(mask).keys()},
                compress, 0 if several else None,
            )
        _write_sidecar(stage, path, temporary, mask, {})
    return path


def write_sequence(
    sequence: Sequence, path: str | os.PathLike[str], overwrite: bool = False, compress: bool = True
) -> Path:
    """Write a sequence of volumes or masks as .seq.nrrd, which 3D Slicer opens as a sequence.

    Raises:
        FileError: as `write_volume`.
    """
    path = Path(path)
    _ending(path, sequence.name, {".seq.nrrd"}, "A sequence")
    from synthetic_imaging.files.nrrd_format import write_nrrd
    from synthetic_imaging.files.sequence_keys import sequence_array_and_keys

    with staged(path, overwrite) as stage:
        temporary = stage.beside(path)
        array, keys = sequence_array_and_keys(sequence)
        with temporary.open("wb") as file:
            write_nrrd(
                file, array, sequence[0].geometry, keys, compress, 3, (sequence.index_name, sequence.index_unit)
            )
        _write_sidecar(stage, path, temporary, sequence, {})
    return path


def _write_image(
    path: Path, ending: str, voxels: Voxels, item: Volume | Mask, overwrite: bool, compress: bool,
    segments: dict[str, str],
) -> Path:
    geometry: Geometry = item.geometry
    meaning = Meaning.of(item)
    with staged(path, overwrite) as stage:
        if ending == ".nrrd":
            from synthetic_imaging.files.nrrd_format import write_nrrd

            temporary = stage.beside(path)
            with temporary.open("wb") as file:
                write_nrrd(file, voxels, geometry, {**segments, **meaning.keys()}, compress)
            segments = {}
        elif ending in (".mha", ".mhd"):
            from synthetic_imaging.files.metaimage import write_metaimage

            temporary = write_metaimage(stage, path, voxels, geometry, meaning.keys(with_provenance=False), compress)
        else:
            from synthetic_imaging.files.nifti import write_nifti

            temporary = stage.beside(path)
            description = "SYNTHETIC, not for diagnosis (SyntheticImaging)" if item.synthetic else ""
            write_nifti(temporary, path, voxels, geometry, item.name, description)
            meaning = Meaning()
        _write_sidecar(stage, path, temporary, item, segments, always=bool(segments) or meaning == Meaning())
    return path


def _write_sidecar(
    stage: Staging, path: Path, written: Path, item: Volume | Mask | Sequence, segments: dict[str, str],
    always: bool = False,
) -> None:
    sidecar = sidecar_of(path)
    if not (always or item.synthetic):
        stage.obsolete(sidecar)
        return
    text = Meaning.of(item).to_json(written.stat().st_size)
    if segments:
        text = json.dumps({**json.loads(text), "segments": segments}, indent=2) + "\n"
    stage.beside(sidecar).write_text(text, encoding="utf-8")


def _ending(path: Path, name: str, allowed: set[str], what: str) -> str:
    ending = ending_of(path)
    if ending in allowed:
        return ending
    if ending is None:
        if path.is_dir():
            raise FileError(f"'{path}' is a folder. Give the name of a file in it.")
        raise FileError(f"'{path.name}' has no known ending, so the format of '{name}' is unknown. Known: {KNOWN}.")
    kind = "Only segmentations are" if ending == ".seg.nrrd" else "Only sequences are"
    if ending in (".seg.nrrd", ".seq.nrrd"):
        raise FileError(f"{kind} saved as {ending}. {what} is saved as {', '.join(sorted(allowed))}.")
    raise FileError(f"{what} is saved as {', '.join(sorted(allowed))}, not as {ending}.")


def _last_axis(layers: Voxels) -> Voxels:
    import numpy as np

    return np.ascontiguousarray(np.moveaxis(layers, 0, -1))
