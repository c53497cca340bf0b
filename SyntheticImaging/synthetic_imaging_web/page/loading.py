"""What comes into the session: the sample at the start, uploaded files, DICOM folders."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthetic_imaging import samples
from synthetic_imaging.errors import FileError, SyntheticImagingError
from synthetic_imaging.mask import Mask
from synthetic_imaging.sequence import Sequence
from synthetic_imaging.volume import Volume
from synthetic_imaging_web.page.organ_surfaces import put_into, surfaces_of
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.headless import one_batch
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.segmentations import add_segmentation
from SyntheticImagingLib.sequences import add_browser, add_sequence
from SyntheticImagingLib.task.origins import remember_origin

_IN_3D = ("liver", "spleen", "kidney", "pancreas", "aorta", "portal_vein", "inferior_vena_cava", "vertebrae",
          "right lung", "left lung", "vertebral column", "ribs", "lesion", "tumour", "matter")  # fmt: skip
# Few: software rendering draws what is seen through several times.
_SEE_THROUGH = {"lung": 0.2, "liver": 0.35, "matter": 0.3}
_MOST_SURFACES = 40
# What lies before others in the list of organs to work on.
_USUAL = ("liver", "pancreas", "kidney_left", "kidney_right", "spleen", "right lung", "left lung")


@dataclass
class Arrival:
    """What was read from files, not yet in the scene."""

    volumes: list[Volume] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.volumes or self.masks or self.sequences)


class Loading:
    """Brings images into the scene and shows them. Files are read in a thread; nodes are made on the main thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.on_arrival: Callable[[Any, Any], None] = lambda volume, segmentation: None
        self.on_sequence: Callable[[Any], None] = lambda browser: None
        session.state.update({"busy": "", "loading": False})

    async def open_sample(self, name: str) -> None:
        """Open a sample by name; "auto" is the best there is, "none" nothing."""
        if name == "none":
            return
        with self._busy("Opening the sample CT"):
            arrival = await asyncio.to_thread(read_sample, name)
            self._put(arrival)

    async def take_in(self, folder: Path, title: str, kind: str = "") -> str:
        """Read what lies in an upload's folder into the scene; the sentence says what came.

        Raises:
            SyntheticImagingError: with a sentence; the scene is then as it was.
        """
        with self._busy(f"Reading {title}"):
            try:
                arrival = await asyncio.to_thread(read_folder, folder, kind)
                self._put(arrival)
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, True)
        return told(arrival)

    def _busy(self, words: str) -> Any:
        return _Busy(self._session, words)

    def _put(self, arrival: Arrival) -> None:
        session, scene = self._session, self._session.scene.scene
        made: list[tuple[Any, Mask]] = []
        with one_batch(scene):
            volumes = [add_volume(scene, volume) for volume in arrival.volumes]
            for node, volume in zip(volumes, arrival.volumes, strict=True):
                remember_origin(node, volume.dicom)  # what is made from it joins the patient's study
            reference = volumes[0] if volumes else session.scene.node(session.state.in_volume)
            for mask in arrival.masks:
                node = add_segmentation(scene, mask, reference)
                _quiet_in_slices(node)
                made.append((node, mask))
        # Outside the batch: the nodes that show frames are made when a batch ends.
        browsers = [add_browser(scene, [add_sequence(scene, s)], name=s.name, selected=0) for s in arrival.sequences]
        session.announce()
        self.on_arrival(volumes[0] if volumes else None, made[0][0] if made else None)
        if volumes:
            session.views.show_volume(volumes[0])
            _look_at_organ(session, arrival.masks)
        for browser in browsers:
            self.on_sequence(browser)
        for node, mask in made:
            session.spawn(self._add_surfaces(node, mask, fit=bool(volumes)))

    async def _add_surfaces(self, node: Any, mask: Mask, fit: bool) -> None:
        names = [n for n in mask.names if any(word in n.lower() for word in _IN_3D)][:_MOST_SURFACES]
        names = names or list(mask.names[:_MOST_SURFACES])
        surfaces = await asyncio.to_thread(surfaces_of, mask, names)
        if node.GetScene() is None:
            return
        display = node.GetDisplayNode()
        shown = {surface.segment for surface in surfaces}
        with one_batch(self._session.scene.scene):
            put_into(node, surfaces)
            for segment in mask.segments:
                identifier = node.GetSegmentation().GetSegmentIdBySegmentName(segment.name)
                opacity = next((value for word, value in _SEE_THROUGH.items() if word in segment.name), 1.0)
                display.SetSegmentVisibility3D(identifier, segment.name in shown)
                display.SetSegmentOpacity3D(identifier, opacity)
            display.SetVisibility3D(True)
        if fit:
            for view in self._session.views.all_spaces():
                view.reset_view()


class _Busy:
    """A line that says what is being done, as long as it is."""

    def __init__(self, session: Session, words: str) -> None:
        self._session, self._words = session, words

    def __enter__(self) -> None:
        self._session.push(busy=self._words)

    def __exit__(self, *_: object) -> None:
        self._session.push(busy="")


def read_sample(name: str) -> Arrival:
    """The parts of a sample; "auto" is the CT with organs where it is installed, else the phantom.

    Raises:
        InputError: for a sample that is not installed.
    """
    if name == "phantom" or (name == "auto" and not samples.SAMPLES["chest-ct"].present):
        from synthetic_imaging.phantoms.abdomen import abdomen

        volume, organs = abdomen(spacing_mm=3.0)
        return Arrival([volume], [organs])
    parts = samples.load("chest-ct" if name == "auto" else name)
    return Arrival(
        [p for p in parts.values() if isinstance(p, Volume)], [p for p in parts.values() if isinstance(p, Mask)]
    )


def read_folder(folder: Path, kind: str = "") -> Arrival:
    """Everything that lies in an upload's folder: images, segmentations, sequences, DICOM series.

    Raises:
        FileError: if anything in it cannot be read, or nothing is there.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    if not files:
        raise FileError("Nothing arrived. Choose a file or a folder with images.")
    arrival = Arrival()
    if kind == "dicom" or (kind == "" and _looks_like_dicom(files[0])):
        _read_dicom(folder, files, arrival)
    else:
        for file in files:
            if file.suffix != ".json":
                _read_file(file, arrival)
    if not arrival:
        raise FileError("No image was found in what was uploaded. NRRD, MetaImage, NIfTI and DICOM can be read.")
    return arrival


def told(arrival: Arrival) -> str:
    """What came, in a sentence."""
    parts = []
    for volume in arrival.volumes:
        k, j, i = volume.shape
        parts.append(f"{volume.modality or 'volume'} '{volume.name}', {i} x {j} x {k} voxels")
    for mask in arrival.masks:
        count = len(mask.segments)
        parts.append(f"segmentation '{mask.name}', {count} segment{'' if count == 1 else 's'}")
    parts += [f"sequence '{s.name}', {len(s.frames)} frames" for s in arrival.sequences]
    return f"Loaded {'; '.join(parts)}."


def _read_dicom(folder: Path, files: list[Path], arrival: Arrival) -> None:
    from synthetic_imaging.dicom.reading import list_series, read_series
    from synthetic_imaging.dicom.scanning import header_of, is_segmentation
    from synthetic_imaging.dicom.segmentation import read_segmentation

    problem: SyntheticImagingError | None = None
    for series in list_series(folder):
        try:
            arrival.volumes.append(read_series(folder, series.series_uid))
        except SyntheticImagingError as error:  # one broken localiser must not hide the series beside it
            problem = problem or error
    for file in files:
        header = header_of(file)
        if header is not None and is_segmentation(header):
            arrival.masks.append(read_segmentation(file))
    arrival.volumes.sort(key=lambda v: -v.voxels.size)
    if not arrival and problem is not None:
        raise problem


def _read_file(file: Path, arrival: Arrival) -> None:
    from synthetic_imaging.files import read_mask, read_sequence, read_volume

    name = file.name.lower()
    try:
        if name.endswith(".seq.nrrd"):
            arrival.sequences.append(read_sequence(file))
        elif name.endswith(".seg.nrrd") or "label" in name or "mask" in name or "seg" in name.split(".")[0].split("-"):
            arrival.masks.append(read_mask(file))
        else:
            arrival.volumes.append(read_volume(file))
    except SyntheticImagingError as error:
        # Sentences name the path where the file lies here; the user knows it by its name only.
        kind = type(error)
        told_again = kind(str(error).replace(f"{file}", file.name))
        told_again.details = error.details
        raise told_again from None


def _looks_like_dicom(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _look_at_organ(session: Session, masks: list[Mask]) -> None:
    """Begin at the organ that the form begins with, not somewhere in the middle of the chest."""
    for mask in masks:
        name = usual_first([n for n in mask.names if n in _USUAL])
        if name is not None:
            box = mask.only(name).box
            middle = [(a + b - 1) / 2 for a, b in zip(box.start, box.stop, strict=True)]
            right, anterior, superior = (float(x) for x in mask.geometry.ras_from_kji(middle))
            session.views.show_slices_at((right, anterior, superior))
            return


def _quiet_in_slices(node: Any) -> None:
    """No outlines of eighty structures over the image: those that are chosen are shown."""
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(1)
    display.SetVisibility3D(False)
    segmentation = node.GetSegmentation()
    if segmentation.GetNumberOfSegments() > 1:
        for position in range(segmentation.GetNumberOfSegments()):
            display.SetSegmentVisibility2DOutline(segmentation.GetNthSegmentID(position), False)


def usual_first(names: list[str]) -> str | None:
    """The organ that a form starts with, among those there are."""
    return next((name for name in _USUAL if name in names), names[0] if names else None)
