"""Sentences that several places say."""

from __future__ import annotations

from synthetic_imaging_web.uploads.limits import MB, UploadLimits

TAKEN = (
    "NRRD (.nrrd, .seg.nrrd, .seq.nrrd), MetaImage (.mha), NIfTI (.nii, .nii.gz), DICOM files or folders, or a .zip "
    "of these"
)


def too_large(limits: UploadLimits) -> str:
    """The files are larger than may be sent."""
    return f"These files are too large: at most {limits.upload_bytes // MB} MB can be sent at once. Crop the image."


def too_many(limits: UploadLimits) -> str:
    """There are more files than may be sent."""
    return f"These are too many files: at most {limits.files} can be sent at once. Send one series at a time."


def no_room() -> str:
    """The disk is full."""
    return "The disk of the computer that runs this program has too little room for these files."


def broken(name: str, why: str) -> str:
    """A file is not what it should be."""
    return f"'{name}' is damaged or cut off: {why}. Copy or export it again."


def left_out(count: int) -> str:
    """Files that are no images were passed over."""
    return "1 file that is no image was left out." if count == 1 else f"{count} files that are no images were left out."
