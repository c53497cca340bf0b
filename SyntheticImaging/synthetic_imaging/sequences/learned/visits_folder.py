"""A user's own visits as training cases: one folder a visit, with the sequences by name.

``flair.nii.gz``, ``t1w.nrrd``, ``t2w...``, ``pd...``, ``dir...`` and, where lesions were drawn, ``lesions...``: any of
them, in any format that volumes are read from. What a visit lacks is neither given nor asked for there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import FileError, InputError, SyntheticImagingError
from synthetic_imaging.learning.data.listing import ENDINGS, Entry
from synthetic_imaging.learning.data.patients import patient_of, split_by_patient
from synthetic_imaging.learning.learner import Case
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.sequences.learned.brightness import scaled_by_brain
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE, SynthesisSettings
from synthetic_imaging.sequences.protocols import Contrast

_NAMES: Mapping[Contrast | str, str] = {
    "lesions": r"lesions?|seg|mask", Contrast.DIR: r"dir", Contrast.FLAIR: r"flair", Contrast.T1W: r"t1w?|mprage",
    Contrast.T2W: r"t2w?", Contrast.PD: r"pdw?",
}
_SAMPLE = 3000
Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Visit:
    """One visit on its grid of slices.

    Attributes:
        images: (5, K, J, I) in -1..1, `MADE`; -1 where one is missing.
        present: which are there.
        lesion: (K, J, I), 0 or 1; all 0 where none were drawn.
        brain: flat indices of some voxels of the brain.
    """

    images: Half
    present: tuple[bool, ...]
    lesion: npt.NDArray[np.uint8]
    brain: npt.NDArray[np.int64]


def read_visits(settings: SynthesisSettings, place: Path, seed: int, run: Run) -> Data:
    """All visits of a folder as training cases.

    Args:
        settings: of the recipe.
        place: the folder of the visits' folders.
        seed: of the split.
        run: progress, remarks, cancel.

    Raises:
        FileError, InputError: as `visits_by_split`.
    """
    parts = visits_by_split(place, seed, run)
    sources = {name: VisitCases(settings, chosen) for name, chosen in parts.items()}
    return Data(sources["training"], sources.get("validation"), sources.get("test"),
                f"{sum(map(len, parts.values()))} visits of the user")


def visits_by_split(place: Path, seed: int, run: Run) -> dict[str, list[Visit]]:
    """All visits of a folder, moved onto one grid each, evened out and scaled; whole patients go to one split.

    Args:
        place: the folder of the visits' folders.
        seed: of the split.
        run: progress, remarks, cancel.

    Returns:
        "training", and "validation" and "test" where there are enough patients.

    Raises:
        FileError: if there are no visits.
        InputError: with a sentence for each visit that cannot be used.
    """
    found = _listed(place)
    visits: list[Visit] = []
    problems = []
    for number, (folder, files) in enumerate(found):
        run.progress(number / len(found), f"visit {number + 1} of {len(found)}")
        try:
            visits.append(_read(files))
        except SyntheticImagingError as error:
            problems.append(f"{folder.name}: {error}")
    if problems:
        raise InputError("Some visits cannot be used.\n" + "\n".join(problems))
    entries = [Entry(folder.name, next(iter(files.values())), None) for folder, files in found]
    entries = split_by_patient(entries, [patient_of(entry) for entry in entries], seed)
    parts = {name: [v for v, e in zip(visits, entries, strict=True) if e.split == name]
             for name in ("training", "validation", "test")}
    if not parts["validation"]:
        run.note("There are too few patients for a validation: the last step counts, not the best one.")
    return {name: chosen for name, chosen in parts.items() if chosen}


def _listed(place: Path) -> list[tuple[Path, dict[Contrast | str, Path]]]:
    if not place.is_dir():
        raise FileError(f"'{place.name}' is no folder. Give a folder with one folder for each visit.")
    found = []
    for folder in sorted(p for p in place.iterdir() if p.is_dir()):
        files: dict[Contrast | str, Path] = {}
        for file in sorted(folder.iterdir()):
            ending = next((e for e in ENDINGS if file.name.lower().endswith(e)), None)
            if ending is None:
                continue
            words = re.split(r"[._\- ]+", file.name[: -len(ending)].lower())
            kinds = [kind for kind, pattern in _NAMES.items() if any(re.fullmatch(pattern, word) for word in words)]
            if kinds:
                # Lesions come first: 'flair_lesions' is a drawing, not a FLAIR.
                files[kinds[0]] = file
        if any(kind in GIVEN for kind in files):
            found.append((folder, files))
    if not found:
        raise FileError(f"In '{place.name}' there is no folder with a FLAIR, T1w, T2w or PD. Name the files flair, "
                        "t1w, t2w, pd, dir and lesions, one folder for each visit.")
    return found


def _read(files: Mapping[Contrast | str, Path]) -> Visit:
    from synthetic_imaging.files.reading import read_mask, read_volume
    from synthetic_imaging.sequences.alignment import LEAST_LIKENESS, aligned
    from synthetic_imaging.sequences.brain_mask import brain_mask
    from synthetic_imaging.sequences.learned.grid import slice_grid
    from synthetic_imaging.sequences.shading import evened

    volumes = {kind: read_volume(files[kind]) for kind in MADE if kind in files}
    main = next(kind for kind in GIVEN if kind in volumes)
    target = volumes[main]
    images: dict[Contrast, npt.NDArray[np.float32]] = {}
    for kind, volume in volumes.items():
        if volume is target:
            moved = volume.voxels.astype(np.float32)
        else:
            on_target = aligned(volume, target)
            if on_target.likeness < LEAST_LIKENESS:
                raise InputError(f"its {kind.value} does not fit its {main.value} (likeness {on_target.likeness:.2f}). "
                                 "Are they of one patient?")
            moved = on_target.voxels
        images[kind] = evened(np.maximum(moved, 0), target.geometry)
    brain = brain_mask(images[main], target.geometry)
    placing = slice_grid(target.geometry)
    stack = np.full((len(MADE), *placing.shape_kji), -1, np.float16)
    for at, kind in enumerate(MADE):
        if kind in images:
            scaled = scaled_by_brain(images[kind], brain, kind)
            stack[at] = placing.image(scaled, outside=-1.0)
    lesion = np.zeros(placing.shape_kji, np.uint8)
    if "lesions" in files:
        drawn = read_mask(files["lesions"])
        if drawn.geometry.shape != target.geometry.shape:
            raise InputError(f"its lesions were not drawn on the grid of its {main.value}.")
        lesion = np.asarray(placing.label(drawn.inside().astype(np.uint8)))
    inside = np.flatnonzero(placing.label(brain.astype(np.uint8)))
    chosen = np.random.default_rng(0).choice(inside, min(_SAMPLE, len(inside)), replace=False)
    return Visit(stack, tuple(kind in images for kind in MADE), lesion, chosen)


class VisitCases:
    """A `CaseSource` of patches of visits that were read.

    Args:
        settings: of the recipe.
        visits: the visits.
    """

    def __init__(self, settings: SynthesisSettings, visits: Sequence[Visit]) -> None:
        self.settings, self.visits = settings, visits

    def __len__(self) -> int:
        return len(self.visits)

    @property
    def available(self) -> tuple[bool, ...]:
        """Which sequences of `GIVEN` all visits have."""
        return tuple(all(v.present[MADE.index(c)] for v in self.visits) for c in GIVEN)

    def brain_voxels(self, index: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        """Some voxels of a visit's brain, (voxels, 4) in -1..1."""
        del rng
        visit = self.visits[index]
        flat = visit.images.reshape(len(MADE), -1)[:, visit.brain].astype(np.float32)
        return np.stack([flat[MADE.index(c)] for c in GIVEN], axis=1)

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One patch; keys as of `slabs.SlabCases`, and "wanted": float32 (5,), 1 for sequences that are there."""
        visit = self.visits[index]
        patients, slices = self.settings.patients, self.settings.slices
        images, lesion = patch_of(visit, (slices, patients.side, patients.side), patients.on_lesion, rng)
        here = [at for at, c in enumerate(GIVEN) if visit.present[MADE.index(c)]]
        usual = [at for at in here if GIVEN[at] in (Contrast.FLAIR, Contrast.T1W)]
        if not usual or rng.random() >= patients.usual_inputs:
            usual = [at for at in here if rng.random() < 0.5] or [int(rng.choice(here))]
        present = np.zeros(len(GIVEN), np.float32)
        present[usual] = 1
        given = np.stack([images[MADE.index(c)] if present[at] else np.full_like(images[0], -1)
                          for at, c in enumerate(GIVEN)])
        # Scanners differ by more than one centre's visits show.
        shift = rng.normal(0, 0.03, (len(GIVEN), 1, 1, 1)).astype(np.float32)
        given = np.where(given > -1, np.clip((given + 1) * np.exp(shift) - 1, -1, 1), given).astype(np.float32)
        middle = slice(None) if self.settings.dims == 3 else slice(slices // 2, slices // 2 + 1)
        return {"given": given, "present": present, "image": images[:, middle], "lesion": lesion[middle],
                "wanted": np.array(visit.present, np.float32)}


def patch_of(
    visit: Visit, size_kji: tuple[int, int, int], on_lesion: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A random patch: all sequences, (5, K, J, I) in -1..1, and lesions, (K, J, I), 0 or 1.

    Args:
        visit: where from.
        size_kji: of the patch; -1 beyond the image.
        on_lesion: share of the patches that lie about a lesion, where there is one.
        rng: of the place.
    """
    shape, size = np.array(visit.lesion.shape), np.array(size_kji)
    lesions = np.flatnonzero(visit.lesion)
    about_lesion = len(lesions) and rng.random() < on_lesion
    at = np.array(np.unravel_index(int(rng.choice(lesions if about_lesion else visit.brain)), tuple(shape)))
    jitter = rng.integers(-(size // 3), size // 3 + 1)
    jitter[0] = 0
    low = np.clip(at - size // 2 + jitter, 0, np.maximum(shape - size, 0))
    high = np.minimum(low + size, shape)
    pad = [(0, int(n)) for n in size - (high - low)]
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    images = np.pad(visit.images[(slice(None), *box)].astype(np.float32), ((0, 0), *pad), constant_values=-1)
    return images, np.pad(visit.lesion[box], pad).astype(np.float32)
