"""Which kinds of files are taken, by their names and by how they begin."""

from __future__ import annotations

from enum import Enum

from synthetic_imaging_web.uploads import sentences
from synthetic_imaging_web.uploads.names import suffix_of
from synthetic_imaging_web.uploads.refusal import WRONG_KIND, UploadRefused

# Enough to see NIfTI's magic number at byte 344 and DICOM's at 128.
HEAD_BYTES = 544


class Kind(str, Enum):
    """What the viewer is told that has arrived."""

    VOLUME = "volume"
    SEGMENTATION = "segmentation"
    SEQUENCE = "sequence"
    DICOM = "dicom"


class Container(Enum):
    """How a file is built."""

    NRRD = "NRRD"
    METAIMAGE = "MetaImage"
    NIFTI = "NIfTI"
    NIFTI_GZ = "compressed NIfTI"
    DICOM = "DICOM"
    ZIP = "zip"


_BY_SUFFIX = {
    ".nrrd": Container.NRRD, ".seg.nrrd": Container.NRRD, ".seq.nrrd": Container.NRRD, ".mha": Container.METAIMAGE,
    ".nii": Container.NIFTI, ".nii.gz": Container.NIFTI_GZ, ".dcm": Container.DICOM, ".ima": Container.DICOM,
    ".dicom": Container.DICOM, ".zip": Container.ZIP,
}  # fmt: skip
ENDINGS = tuple(_BY_SUFFIX)
_ADVICE = {
    ".nhdr": "An .nhdr keeps its voxels in a second file: save it as .nrrd.",
    ".mhd": "An .mhd keeps its voxels in a second file: save it as .mha.",
    ".hdr": "An .hdr keeps its voxels in a second file: save it as .nii.gz.",
    ".img": "An .img keeps its header in a second file: save it as .nii.gz.",
    ".mrb": "Scenes are not taken: send their volumes and segmentations.",
    ".mrml": "Scenes are not taken: send their volumes and segmentations.",
    ".gz": "Unpack it first, or send a .nii.gz or .zip.",
    ".tar": "Send a .zip instead.", ".tgz": "Send a .zip instead.", ".7z": "Send a .zip instead.",
    ".rar": "Send a .zip instead.", ".bz2": "Send a .zip instead.", ".xz": "Send a .zip instead.",
}  # fmt: skip
_GROUPS = (b"\x02\x00", b"\x08\x00")
_FOREIGN = {"thumbs.db", "desktop.ini", "dicomdir", "lockfile", "version"}


def is_clutter(parts: list[str] | tuple[str, ...]) -> bool:
    """Files that systems lay beside images; never worth a sentence. The parts are those before cleaning."""
    hidden = any(p == "__MACOSX" or (p.startswith(".") and p not in (".", "..")) for p in parts)
    return hidden or (bool(parts) and parts[-1].lower() in _FOREIGN)


def container_of(name: str, head: bytes) -> Container:
    """How a file is built, by its first `HEAD_BYTES` bytes (or all it has), in accord with its name.

    Raises:
        UploadRefused: if it is of no kind that is taken, or not what its name says.
    """
    suffix = suffix_of(name)
    if suffix in _ADVICE:
        raise UploadRefused(f"'{name}' is of a kind that is not taken. {_ADVICE[suffix]}", WRONG_KIND)
    if not head:
        raise UploadRefused(f"'{name}' is empty (0 bytes). Copy or export it again.", foreign=suffix not in _BY_SUFFIX)
    expected = _BY_SUFFIX.get(suffix)
    found = _by_content(head, named=expected is Container.DICOM)
    if expected is None:
        # Scanners write DICOM files without an ending, or with a UID as their name.
        if found is Container.DICOM:
            return found
        raise UploadRefused(
            f"'{name}' is of a kind that is not taken. What is: {sentences.TAKEN}.", WRONG_KIND, foreign=True
        )
    if expected is Container.NIFTI_GZ and head.startswith(b"\x1f\x8b"):
        return expected
    if found is not expected:
        raise UploadRefused(
            f"'{name}' is damaged, or not what its name says: it does not begin as {expected.value} files do.",
            WRONG_KIND,
        )
    return expected


def _by_content(head: bytes, named: bool) -> Container | None:
    if head.startswith(b"NRRD0"):
        return Container.NRRD
    if head[128:132] == b"DICM":
        return Container.DICOM
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0"):
        return Container.NIFTI
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Container.ZIP
    if b"ObjectType" in head[:200] or b"NDims" in head[:200]:
        return Container.METAIMAGE
    # Old files begin with their first element at once; that is too little to go by without the name.
    if named and head[:2] in _GROUPS and head[3:4] == b"\0" and len(head) > 132:
        return Container.DICOM
    return None
