"""A file that has arrived whole: does it hold what its header announces, and not more than there is room for."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from synthetic_imaging.memory import readable_bytes
from synthetic_imaging_web.uploads import image_headers, sentences
from synthetic_imaging_web.uploads.image_headers import Announced, Unreadable
from synthetic_imaging_web.uploads.inflating import Damaged, TooMuch, check_inflated
from synthetic_imaging_web.uploads.kinds import Container, Kind
from synthetic_imaging_web.uploads.limits import UploadLimits
from synthetic_imaging_web.uploads.refusal import BROKEN, TOO_LARGE, WRONG_KIND, UploadRefused

_DEFLATED = b"1.2.840.10008.1.2.1.99"


def check_image(path: Path, name: str, container: Container, limits: UploadLimits) -> Kind:
    """What the file holds.

    Args:
        path: the file.
        name: what the user calls it.
        container: how it begins.
        limits: what one image may hold.

    Raises:
        UploadRefused: if it is damaged, cut off, holds more than announced or too much, or points to other files.
    """
    with path.open("rb") as file:
        if container is Container.DICOM:
            if _DEFLATED in file.read(2048):
                raise UploadRefused(
                    f"'{name}' is a deflated DICOM file, which is not taken. Export it uncompressed.", WRONG_KIND
                )
            return Kind.DICOM
        try:
            announced = _announced(file, name, container)
            if announced.voxels > limits.most_voxels:
                raise UploadRefused(
                    f"'{name}' holds {readable_bytes(announced.voxels)} of voxels when unpacked; at most "
                    f"{readable_bytes(limits.most_voxels)} are taken. Crop or resample it first.", TOO_LARGE)
            _check_voxels(file, path.stat().st_size, container, announced)
        except Unreadable as error:
            raise UploadRefused(sentences.broken(name, str(error)), BROKEN) from None
        except Damaged:
            raise UploadRefused(sentences.broken(name, "voxels are missing"), BROKEN) from None
        except TooMuch:
            raise UploadRefused(
                f"'{name}' is damaged: it holds more than its header announces. Copy or export it again.", BROKEN
            ) from None
        return announced.kind


def _announced(file: BinaryIO, name: str, container: Container) -> Announced:
    if container is Container.NRRD:
        return image_headers.nrrd(name, file)
    if container is Container.METAIMAGE:
        return image_headers.metaimage(name, file)
    return image_headers.nifti(name, file, packed=container is Container.NIFTI_GZ)


def _check_voxels(file: BinaryIO, size: int, container: Container, announced: Announced) -> None:
    if announced.form is None:
        if size - announced.start < announced.voxels:
            raise Damaged
    elif container is Container.NIFTI_GZ:
        file.seek(0)
        check_inflated(file, announced.start + announced.voxels, announced.form)
    else:
        file.seek(announced.start)
        check_inflated(file, announced.voxels, announced.form)
