"""What leaves the session: scene, images, DICOM, tables, as files that the server in front hands to the browser."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import InputError, SyntheticImagingError
from synthetic_imaging_web.page.bundles import pack, write_content
from synthetic_imaging_web.page.cohorts import Cohorts
from synthetic_imaging_web.page.inputs import Inputs
from synthetic_imaging_web.page.results import Results, table_of
from synthetic_imaging_web.page.running import Running
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.mrml import volume_from_node
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import ExportTask

_MOST_KEPT = 6


class Downloads:
    """Writes files into the session's folder ``outgoing`` and tells the browser to fetch them.

    The state ``download`` is the address to fetch; the browser does so whenever it changes.
    """

    def __init__(
        self, session: Session, results: Results, inputs: Inputs, running: Running, cohorts: Cohorts
    ) -> None:
        self._session, self._results, self._inputs, self._running = session, results, inputs, running
        self._cohorts = cohorts
        self._made = 0
        session.state.update({"download": ""})

    @property
    def folder(self) -> Path:
        """Where finished files lie."""
        return self._session.folder / "outgoing"

    def scene(self) -> None:
        """The whole scene as .mrb."""
        self._session.spawn(self._scene())

    def volume(self, of_result: bool = False) -> None:
        """The image as .nrrd: that of the result, or the one that is shown."""
        node = self._volume_node(of_result)
        if node is not None:
            from synthetic_imaging.files import write_volume

            volume = volume_from_node(node)
            name = f"{_plain(volume.name)}.nrrd"
            self._session.spawn(self._written(name, lambda path: write_volume(volume, path)))

    def lesions(self) -> None:
        """The segmentation of the result as .seg.nrrd."""
        made = self._results.current
        if made is not None and made.lesions is not None:
            from synthetic_imaging.files import write_mask

            grid = volume_from_node(made.volume).geometry if made.volume is not None else None
            mask = mask_from_node(made.lesions, grid=grid)
            name = f"{_plain(mask.name)}.seg.nrrd"
            self._session.spawn(self._written(name, lambda path: write_mask(mask, path)))

    def table(self) -> None:
        """The measurements as .csv."""
        made = self._results.current
        node = table_of(made) if made is not None else None
        if node is not None:
            text = table_from_node(node).to_csv()
            self._session.spawn(self._written("measurements.csv", lambda path: path.write_text(text, "utf-8")))

    def record(self) -> None:
        """How the result came to be, as .json."""
        made = self._results.current
        if made is not None and made.record is not None:
            text = made.record.GetText()
            self._session.spawn(self._written("provenance.json", lambda path: path.write_text(text, "utf-8")))

    def cohort(self) -> None:
        """The folder of the shown cohort, zipped: cases that are kept, manifest and plan."""
        review = self._cohorts.review
        if self._running.task is not None:
            self._session.fail("Something is running. Wait until it has ended, or cancel it.")
        elif review is not None and review.rejected:
            self._session.fail("Some cases are rejected. Replace them first, or keep them.")
        elif review is not None:
            folder = review.path
            self._session.spawn(self._written("cohort.zip", lambda path: pack(folder, path, (".lock",))))

    def dicom(self, of_result: bool = False) -> None:
        """DICOM series and segmentation, zipped: of the result, or of what is shown."""
        if self._running.task is not None:
            self._session.fail("Something is running. Wait until it has ended, or cancel it.")
            return
        made, node = self._results.current, self._volume_node(of_result)
        if node is None:
            return
        lesions = made.lesions if made is not None and made.volume is node else None
        scratch = Path(tempfile.mkdtemp(prefix=".dicom-", dir=self.folder))
        try:
            task = ExportTask(node, lesions, scratch / "DICOM")
        except SyntheticImagingError as error:
            shutil.rmtree(scratch, ignore_errors=True)
            self._session.fail(error)
            return
        name = f"{_plain(node.GetName())}-dicom.zip"

        def done(_: Any) -> None:
            self._session.spawn(self._zipped(scratch, name))

        self._running.run(task, "DICOM", done)

    async def _scene(self) -> None:
        self._session.push(busy="Saving the scene")
        await asyncio.sleep(0.1)  # lets the line appear: writing the nodes needs this thread
        with tempfile.TemporaryDirectory(prefix=".scene-", dir=self.folder) as scratch:
            try:
                content = write_content(self._session.scene.scene, Path(scratch) / "synthetic-imaging")
            except SyntheticImagingError as error:
                self._session.push(busy="")
                self._session.fail(error)
                return
            await self._written("synthetic-imaging.mrb", lambda path: pack(content, path))

    async def _written(self, name: str, write: Callable[[Path], Any]) -> None:
        self._session.push(busy=f"Writing {name}")
        scratch = Path(tempfile.mkdtemp(prefix=".part-", dir=self.folder))
        try:
            # Beside the file a record may be written; it stays behind, what it says is in the file too.
            await asyncio.to_thread(write, scratch / name)
            path = self._path(name)
            (scratch / name).rename(path)
            self._offer(path)
        except SyntheticImagingError as error:
            self._session.fail(error)
        except OSError as error:
            self._session.fail(f"'{name}' could not be written: {error.strerror or error}.")
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)
            self._session.push(busy="")

    async def _zipped(self, scratch: Path, name: str) -> None:
        try:
            await self._written(name, lambda path: pack(scratch / "DICOM", path))
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, True)

    def _path(self, name: str) -> Path:
        """A new name in the folder; the oldest files make room."""
        kept = sorted((p for p in self.folder.iterdir() if p.is_file()), key=lambda p: p.stat().st_mtime)
        for old in kept[: max(0, len(kept) - _MOST_KEPT + 1)]:
            old.unlink(missing_ok=True)
        stem, dot, ending = name.partition(".")
        path = self.folder / name
        while path.exists():
            self._made += 1
            path = self.folder / f"{stem}-{self._made}{dot}{ending}"
        return path

    def _offer(self, path: Path) -> None:
        self._session.push(download=f"download/{path.name}", message="")

    def _volume_node(self, of_result: bool) -> Any:
        made = self._results.current
        compared = self._session.state.mode not in ("", "off")
        if made is not None and made.volume is not None and (of_result or compared):
            return made.volume
        node = self._session.scene.node(self._session.state.in_volume)
        if node is None:
            self._session.fail(InputError("No image is loaded."))
        return node


def _plain(name: str) -> str:
    """A name that every file system and every address holds."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "image"
