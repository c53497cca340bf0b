"""Which files of a folder are images, which labels, and which belong together.

Layouts: nnU-Net (``imagesTr``, ``labelsTr``, ``imagesTs``, ``dataset.json``); a MONAI datalist (a JSON file with
"training", "validation" and "test" lists of {"image", "label", numbers}); folders ``images`` and ``labels``, also once
more inside ``training``, ``validation`` and ``test``; one folder for each case; files side by side, where the label's
name is the image's with "seg", "label" or "mask" in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import FileError
from synthetic_imaging.files.staging import why

ENDINGS = (".seg.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd", ".nii.gz", ".nii")
SPLITS = {"training": ("training", "train", "tr"), "validation": ("validation", "val", "valid"),
          "test": ("test", "testing", "ts")}
_LABEL = re.compile(r"(?:^|[._-])(seg|segmentation|segments|label|labels|mask|gt|labelmap)(?=$|[._-])", re.IGNORECASE)
_IMAGE = re.compile(r"(?:^|[._-])(image|img|volume|ct|mr|us|echo)(?=$|[._-])", re.IGNORECASE)
_CHANNEL = re.compile(r"_0000$")
_LISTS = ("datalist.json", "dataset.json")


@dataclass(frozen=True)
class Entry:
    """One case of a listing.

    Attributes:
        name: what sentences call it: the image's file name without ending.
        image: file or DICOM folder.
        label: its label file, or None.
        split: "training", "validation", "test", or "" where the layout does not say.
        patient: the patient as the list names them, or "" to find it out.
        numbers: other numbers of the case, such as an age.
    """

    name: str
    image: Path
    label: Path | None
    split: str = ""
    patient: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """All cases of a folder.

    Attributes:
        entries: the cases, by name.
        labels: label value -> structure name, where the layout says so.
        lonely: label files that no image belongs to.
    """

    entries: tuple[Entry, ...]
    labels: Mapping[int, str] = field(default_factory=dict)
    lonely: tuple[Path, ...] = ()


def list_cases(place: Path) -> Listing:
    """The cases of a folder or of a datalist file.

    Raises:
        FileError: if there is none, or a list is damaged.
    """
    place = place.expanduser()
    try:
        if place.is_file():
            listing = _from_list(place)
        elif not place.exists():
            raise FileError(f"'{place}' does not exist. Check the path.")
        else:
            listing = _from_folder(place)
    except OSError as error:
        raise why(error, place, "read") from None
    if not listing.entries:
        raise FileError(
            f"'{place}' holds no cases: no images ({', '.join(ENDINGS[1:])}, or DICOM folders) were found. "
            "Known layouts: folders 'images' and 'labels'; nnU-Net ('imagesTr', 'labelsTr'); a MONAI datalist (JSON); "
            "NAME.nrrd with NAME.seg.nrrd beside it; one folder for each case."
        )
    return Listing(tuple(sorted(listing.entries, key=lambda e: (e.name, str(e.image)))), listing.labels, listing.lonely)


def stem(path: Path) -> str:
    """A file's name without its ending."""
    for ending in ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.name


def _from_folder(folder: Path) -> Listing:
    for name in _LISTS:
        if (folder / name).is_file() and "training" in (listed := _json(folder / name)):
            if isinstance(listed["training"], list) and listed["training"]:
                return _from_list(folder / name)
            break
    if (folder / "imagesTr").is_dir():
        facts = _json(folder / "dataset.json") if (folder / "dataset.json").is_file() else {}
        training = _paired_folders(folder / "imagesTr", folder / "labelsTr", "")
        # Without labels the test images cannot be measured against anything.
        test = _paired_folders(folder / "imagesTs", folder / "labelsTs", "test")
        return Listing(training[0] + tuple(e for e in test[0] if e.label), _label_names(facts), training[1] + test[1])
    inside = {part: next((folder / n for n in names if (folder / n).is_dir()), None) for part, names in SPLITS.items()}
    if inside["training"] is not None:
        found = [_plain(place, part) for part, place in inside.items() if place is not None]
        lonely = tuple(p for one in found for p in one.lonely)
        return Listing(tuple(e for one in found for e in one.entries), {}, lonely)
    return _plain(folder, "")


def _plain(folder: Path, split: str) -> Listing:
    names = {p.name.lower(): p for p in folder.iterdir() if p.is_dir()}
    images = next((names[n] for n in ("images", "image", "volumes") if n in names), None)
    if images is not None:
        labels = next((names[n] for n in ("labels", "label", "segmentations", "masks") if n in names), None)
        entries, lonely = _paired_folders(images, labels or folder / "labels", split)
        return Listing(entries, {}, lonely)
    entries, lonely = _side_by_side(folder, split)
    found, alone = list(entries), list(lonely)
    for inner in _folders(folder):
        one, rest = _folder_of_a_case(inner, split)
        if not one:
            # One level more, for folders such as "cases/0001".
            deeper = [_folder_of_a_case(place, split) for place in _folders(inner)]
            one = [entry for part, _ in deeper for entry in part]
            rest = [path for _, part in deeper for path in part]
        found += one
        alone += rest
    return Listing(tuple(found), {}, tuple(alone))


def _folder_of_a_case(folder: Path, split: str) -> tuple[list[Entry], list[Path]]:
    """The image and label of a folder of their own; as files, or as a DICOM folder beside a label file."""
    entries, lonely = _side_by_side(folder, split)
    if entries:
        return _named_after(folder, entries), list(lonely)
    series = [p for p in _folders(folder) if _is_dicom(p)]
    if _is_dicom(folder) and not series:
        return [Entry(folder.name, folder, None, split)], []
    labels = [*_files(folder), *sorted(folder.glob("*.dcm"))]
    if len(series) == 1 and len(labels) <= 1:
        return [Entry(folder.name, series[0], labels[0] if labels else None, split)], []
    return [], []


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _named_after(folder: Path, entries: Iterable[Entry]) -> list[Entry]:
    """In folders of one case all images may have the same name: the folder names the case then, and the patient."""
    listed = list(entries)
    if len(listed) == 1:
        return [Entry(folder.name, e.image, e.label, e.split) for e in listed]
    return [Entry(f"{folder.name}/{e.name}", e.image, e.label, e.split, patient=folder.name) for e in listed]


def _paired_folders(images: Path, labels: Path, split: str) -> tuple[tuple[Entry, ...], tuple[Path, ...]]:
    if not images.is_dir():
        return (), ()
    of_case = {_case_name(p): p for p in _files(labels)} if labels.is_dir() else {}
    entries = []
    for path in [*_files(images), *(p for p in images.iterdir() if p.is_dir() and _is_dicom(p))]:
        name = _CHANNEL.sub("", stem(path))
        if re.search(r"_000[1-9]$", name) and name == stem(path) and (images / _first_channel(path)).is_file():
            continue  # a further channel of an nnU-Net case: one channel is read
        entries.append(Entry(name, path, of_case.pop(_case_name(path), None), split))
    return tuple(entries), tuple(of_case.values())


def _first_channel(path: Path) -> str:
    name = stem(path)
    return f"{name[:-1]}0{path.name[len(name):]}"


def _side_by_side(folder: Path, split: str) -> tuple[tuple[Entry, ...], tuple[Path, ...]]:
    files = _files(folder)
    labels = {p for p in files if p.name.lower().endswith(".seg.nrrd") or _LABEL.search(stem(p))}
    of_case: dict[str, Path] = {_case_name(p): p for p in sorted(labels)}
    images = [p for p in files if p not in labels]
    if len(images) == 1 and len(of_case) == 1:
        return (Entry(stem(images[0]), images[0], next(iter(of_case.values())), split),), ()
    entries = tuple(Entry(stem(p), p, of_case.pop(_case_name(p), None), split) for p in images)
    return entries, tuple(of_case.values())


def _case_name(path: Path) -> str:
    name = _CHANNEL.sub("", stem(path))
    bare = _IMAGE.sub("", _LABEL.sub("", name)).strip("._-")
    return (bare or "case").casefold()


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir()
                  if p.is_file() and not p.name.startswith(".") and p.name.lower().endswith(ENDINGS))


def _is_dicom(folder: Path) -> bool:
    for path in sorted(folder.iterdir())[:5]:
        if path.is_file():
            if path.suffix.lower() in (".dcm", ".ima"):
                return True
            with path.open("rb") as file:
                return file.read(132)[128:] == b"DICM"
    return False


def _json(path: Path) -> dict[str, Any]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"'{path.name}' is no JSON: {error}. Write or export it again.") from None
    if not isinstance(listed, dict):
        raise FileError(f"'{path.name}' is no datalist: it must hold a list 'training' of images and labels.")
    return listed


def _from_list(path: Path) -> Listing:
    listed, entries = _json(path), []
    for split, names in SPLITS.items():
        for key in names:
            items = listed.get(key, [])
            if not isinstance(items, list):
                raise FileError(f"'{path.name}': '{key}' must be a list of images and labels.")
            for number, item in enumerate(items, 1):
                entry = _listed_entry(path, split, key, number, item)
                # As in folders: test images without labels measure nothing, and lists of challenges have them.
                if entry is not None:
                    entries.append(entry)
    if not entries:
        raise FileError(f"'{path.name}' lists no cases. A datalist has a list 'training' of "
                        '{"image": "...", "label": "..."}, and may have "validation" and "test".')
    if not any(e.split != "training" for e in entries):
        # Nothing but a training list: the split is made here.
        entries = [Entry(e.name, e.image, e.label, "", e.patient, e.numbers) for e in entries]
    return Listing(tuple(entries), _label_names(listed))


def _listed_entry(path: Path, split: str, key: str, number: int, item: Any) -> Entry | None:
    if isinstance(item, str):
        return None if split == "test" else Entry(_CHANNEL.sub("", stem(Path(item))), path.parent / item, None, split)
    if not isinstance(item, dict) or not isinstance(item.get("image"), str):
        raise FileError(f"'{path.name}': entry {number} of '{key}' has no 'image' with the path of one file.")
    image = path.parent / item["image"]
    label = path.parent / item["label"] if isinstance(item.get("label"), str) else None
    patient = next((str(item[name]) for name in ("patient", "subject", "patient_id", "subject_id") if name in item), "")
    numbers = {str(k): float(v) for k, v in item.items() if isinstance(v, (int, float)) and not isinstance(v, bool)
               and k not in ("patient", "subject", "patient_id", "subject_id", "fold", "image", "label")}
    return Entry(_CHANNEL.sub("", stem(image)), image, label, split, patient, numbers)


def _label_names(facts: Mapping[str, Any]) -> dict[int, str]:
    """Names of label values from a dataset.json, in both ways of writing: {"liver": 1} and {"1": "liver"}."""
    names: dict[int, str] = {}
    labels = facts.get("labels", {})
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if isinstance(value, int):
            names[value] = str(key)
        elif str(key).isdigit() and isinstance(value, str):
            names[int(key)] = value
    names.pop(0, None)
    return names
