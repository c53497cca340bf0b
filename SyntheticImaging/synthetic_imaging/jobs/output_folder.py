"""The folder of results: all of them or nothing, and nothing that was there is lost."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import why
from synthetic_imaging.mask import Mask
from synthetic_imaging.running import Result
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.table import Table
from synthetic_imaging.volume import Volume

FORMATS = ("nrrd", "nifti", "mha", "dicom")
_VOLUME_ENDINGS = {"nrrd": ".nrrd", "nifti": ".nii.gz", "mha": ".mha"}
RECORD = "provenance.json"


@dataclass(frozen=True)
class Advice:
    """Sentences about what to do, in the words of the host (a shell has options, a panel has a folder field)."""

    name_folder: str = "Choose another folder."
    not_empty: str = "Choose an empty folder."


class OutputFolder:
    """A target folder, checked before the run, filled after it."""

    def __init__(self, target: Path, force: bool = False, advice: Advice | None = None) -> None:
        """Check that results could be written, and make a hidden folder beside the target for them.

        Args:
            target: the folder; made when missing.
            force: whether results in it may be replaced.
            advice: what the user can do in this host about a target that cannot be used.

        Raises:
            FileError: if the target holds files and ``force`` is false, is a file, or cannot be written.
        """
        self.target, self.force, self._advice = target, force, advice or Advice()
        self._staging = target.parent / f".{target.name}.{secrets.token_hex(4)}.part"
        self._made: list[Path] = []
        if target.exists() and not target.is_dir():
            raise FileError(f"'{target}' is a file. {self._advice.name_folder}")
        try:
            if target.is_dir() and not os.access(target, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
            if target.is_dir() and any(target.iterdir()) and not force:
                raise FileError(
                    f"The folder '{target}' is not empty, and nothing is overwritten unasked. {self._advice.not_empty}"
                )
            missing = [p for p in target.absolute().parents if not p.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made = missing
            self._staging.mkdir()
        except OSError as error:
            self.close()
            raise why(error, target) from None

    def fill(self, result: Result, form: str, origin_of: Callable[[str], Volume | None]) -> dict[str, Path]:
        """Write all outputs and the provenance record; they appear together.

        Args:
            result: the finished run.
            form: one of `FORMATS`.
            origin_of: output name -> the volume whose DICOM series a segmentation refers to.

        Returns:
            output name -> file (or DICOM folder) in the target; also "provenance".

        Raises:
            FileError: if something cannot be written; then the target is as it was.
        """
        try:
            names = {name: self._write(name, value, form, origin_of) for name, value in result.outputs.items()}
            (self._staging / RECORD).write_text(_record(result, names), encoding="utf-8")
            names["provenance"] = RECORD
            self._publish()
        except OSError as error:
            raise why(error, self.target) from None
        self._made = []
        return {name: self.target / file for name, file in names.items()}

    def close(self) -> None:
        """Remove what was not published."""
        shutil.rmtree(self._staging, ignore_errors=True)
        for folder in self._made:
            try:
                folder.rmdir()
            except OSError:
                break

    def _write(self, name: str, value: Any, form: str, origin_of: Callable[[str], Volume | None]) -> str:
        from synthetic_imaging.files import write_mask, write_sequence, write_volume

        if isinstance(value, Volume):
            if form == "dicom":
                from synthetic_imaging.dicom.writing import write_series

                write_series(value, self._staging / name)
                return name
            return write_volume(value, self._staging / f"{name}{_VOLUME_ENDINGS[form]}").name
        if isinstance(value, Mask):
            origin = (origin_of(name) or self._series()) if form == "dicom" else None
            if origin is not None:
                from synthetic_imaging.dicom.segmentation import write_segmentation

                return write_segmentation(value, origin, self._staging / f"{name}.dcm").name
            single = form in ("nifti", "mha") and value.layers.shape[0] == 1
            return write_mask(value, self._staging / f"{name}{_VOLUME_ENDINGS[form] if single else '.seg.nrrd'}").name
        if isinstance(value, Sequence):
            return write_sequence(value, self._staging / f"{name}.seq.nrrd").name
        assert isinstance(value, Table)
        (self._staging / f"{name}.csv").write_text(value.to_csv(), encoding="utf-8", newline="")
        return f"{name}.csv"

    def _series(self) -> Volume | None:
        """The DICOM series just written, for a segmentation whose image came from no DICOM series."""
        from synthetic_imaging.dicom.reading import read_series

        written = next((folder for folder in self._staging.iterdir() if folder.is_dir()), None)
        return read_series(written) if written is not None else None

    def _publish(self) -> None:
        if not self.target.exists():
            self._staging.replace(self.target)
            return
        if not any(self.target.iterdir()):
            self.target.rmdir()
            self._staging.replace(self.target)
            return
        if not self.force:
            raise FileError(f"Files have appeared in '{self.target}' meanwhile. {self._advice.name_folder}")
        # The old results step aside and come back if a new one cannot take its place.
        aside = self._staging.with_suffix(".old")
        aside.mkdir()
        moved: list[tuple[Path, Path]] = []
        placed: list[Path] = []
        try:
            for new in sorted(self._staging.iterdir()):
                place = self.target / new.name
                if place.exists():
                    place.replace(aside / new.name)
                    moved.append((aside / new.name, place))
                new.replace(place)
                placed.append(place)
        except OSError:
            for place in placed:
                shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
            for old, place in moved:
                old.replace(place)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _record(result: Result, names: dict[str, str]) -> str:
    records = {
        name: value.provenance.to_dict()
        for name, value in result.outputs.items()
        if getattr(value, "provenance", None) is not None
    }
    return json.dumps({"tool": result.tool, "seed": result.seed, "seconds": round(result.seconds, 3),
                       "notes": list(result.notes), "files": names, "outputs": records}, indent=2)
