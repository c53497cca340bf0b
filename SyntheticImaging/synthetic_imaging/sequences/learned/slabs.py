"""Training cases: a few neighbouring slices of a phantom patient, as another scanner shows them each time.

Anatomy and lesions are drawn once for a patient; relaxation times, field strength, timings, noise, shading and small
misalignments are drawn anew for every case, so that a network learns what follows from the images and not from one
scanner.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.learning.learner import Case
from synthetic_imaging.phantoms.brain import tissues as t
from synthetic_imaging.phantoms.brain.anatomy import draw_anatomy
from synthetic_imaging.phantoms.brain.drawing import draw_brain, head_grid
from synthetic_imaging.phantoms.brain.imaging import Scanned, scanned
from synthetic_imaging.phantoms.brain.lesions import LesionMap, draw_lesions, map_of, with_lesions
from synthetic_imaging.physics.mr.imaging import coil_shading, with_noise
from synthetic_imaging.physics.mr.tissue import Tissue
from synthetic_imaging.sequences.learned.brightness import to_network, typical
from synthetic_imaging.sequences.learned.grid import IN_PLANE_MM
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE, Patients
from synthetic_imaging.sequences.protocols import USUAL_TIMES_MS, Contrast, Timing, sequence_of

Values = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_THICKNESS_MM = (1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0)
# Slices of one patient: thin ones cover a part of the head only.
_MOST_SLICES = 36
_LOWEST_MM, _HIGHEST_MM = -58.0, 88.0
_SAMPLE = 3000
_SPIN_ECHO_T1W = 0.3
_CORONAL, _SAGITTAL = 0.1, 0.1
_NAMES = (*t.TISSUES, t.LESION)


@dataclass(frozen=True)
class Slab:
    """Slices of one phantom patient.

    Attributes:
        fractions: (tissues, K, J, I), 0 to 255; in the order of `tissues.TISSUES`, then lesions.
        severity: (K, J, I), of the lesion that is there, 0 to 255.
        lesion: flat indices of voxels that are lesions.
        brain: flat indices of some voxels of the brain with its CSF.
    """

    fractions: Bytes
    severity: Bytes
    lesion: npt.NDArray[np.int64]
    brain: npt.NDArray[np.int64]

    def head(self, box: tuple[slice, slice, slice], relaxation: Mapping[str, Tissue], field_t: float) -> Scanned:
        """A part of the head, as scanners see it."""
        return _head(self.fractions[(slice(None), *box)], self.severity[box], relaxation, field_t)

    def brain_sample(self, relaxation: Mapping[str, Tissue], field_t: float) -> Scanned:
        """Some voxels of the brain, (voxels,)."""
        flat = self.fractions.reshape(len(self.fractions), -1)[:, self.brain]
        return _head(flat, self.severity.ravel()[self.brain], relaxation, field_t)


def _head(fractions: Bytes, severity: Bytes, relaxation: Mapping[str, Tissue], field_t: float) -> Scanned:
    parts = {name: part.astype(np.float32) / np.float32(255) for name, part in zip(_NAMES, fractions, strict=True)
             if part.any()}
    lesions = LesionMap(np.zeros(0, np.uint16), np.zeros(0, np.float32), severity.astype(np.float32) / np.float32(255))
    return scanned(parts, lesions, relaxation, field_t)


def draw_slab(rng: np.random.Generator) -> Slab:
    """Slices of one new patient; voxels of 0.9 to 1.3 mm in the slice, 1 to 5 mm thick; most axial.

    Axes run to the left, the back and the top of the head as they do on the grid of `grid.slice_grid`.
    """
    in_plane, thick, luck = rng.uniform(*IN_PLANE_MM), float(rng.choice(_THICKNESS_MM)), rng.random()
    height = min(_MOST_SLICES * thick, _HIGHEST_MM - _LOWEST_MM)
    low = rng.uniform(_LOWEST_MM, _HIGHEST_MM - height)
    if thick < 3.0 or luck > _CORONAL + _SAGITTAL:
        axes, grid = (0, 1, 2), head_grid((in_plane, in_plane, thick), (low, low + height))
    elif luck < _CORONAL:
        axes, grid = (1, 0, 2), head_grid((in_plane, thick, in_plane))
    else:
        axes, grid = (2, 0, 1), head_grid((thick, in_plane, in_plane))
    brain = draw_brain(draw_anatomy(rng), grid)
    lesions = map_of(draw_lesions(brain, rng), brain)
    fractions = with_lesions(brain, lesions)

    def laid(volume: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.ascontiguousarray(volume[:, ::-1, ::-1].transpose(axes))

    inside = np.flatnonzero(laid(brain.inside))
    return Slab(
        np.stack([laid(np.rint(255 * fractions[name]).astype(np.uint8)) for name in _NAMES]),
        laid(np.rint(255 * lesions.severity).astype(np.uint8)),
        np.flatnonzero(laid(lesions.numbers)), rng.choice(inside, min(_SAMPLE, len(inside)), replace=False),
    )


class SlabCases:
    """A `CaseSource` of patches.

    Args:
        patients: sizes and spreads.
        slices: neighbouring slices given.
        made: how many of them are wanted back: 1 (the middle one) or all.
        first, count: numbers of the patients.
    """

    def __init__(self, patients: Patients, slices: int, made: int, first: int, count: int) -> None:
        self.patients, self.slices, self.made, self.first, self.count = patients, slices, made, first, count
        self._slabs: dict[int, Slab] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self.count

    def slab(self, index: int) -> Slab:
        """The patient of that number; drawn once."""
        with self._lock:
            if index not in self._slabs:
                self._slabs[index] = draw_slab(np.random.default_rng([self.patients.seed, self.first + index]))
            return self._slabs[index]

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_slabs")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _slabs={}, _lock=threading.Lock())

    def case(self, index: int, rng: np.random.Generator) -> Case:
        """One patch under one scanner.

        Returns:
            "given": float32 (4, K, J, I), sequences of `GIVEN` in -1..1, all -1 where one is missing; "present":
            float32 (4,), 1 or 0; "image": float32 (5, K', J, I), `MADE`, without noise; "lesion": float32
            (K', J, I), 0 or 1; "dir": float32 (K', J, I), a DIR as acquired.
        """
        slab = self.slab(index)
        field_t = float(rng.choice((self.patients.least_field_t, 3.0)))
        relaxation = t.drawn_relaxation(rng, field_t)
        box = self._box(slab, rng)
        head, sample = (slab.head(box, relaxation, field_t), slab.brain_sample(relaxation, field_t))
        present = self._present(rng)
        shape = head.fractions[next(iter(head.fractions))].shape
        given = np.full((len(GIVEN), *shape), -1, np.float32)
        first = True
        for at, contrast in enumerate(GIVEN):
            if present[at]:
                given[at] = self._acquired(head, sample, contrast, field_t, moved=not first, rng=rng)
                first = False
        middle = slice(None) if self.made > 1 else slice(self.slices // 2, self.slices // 2 + 1)
        image = np.stack([_clean(head, sample, contrast, field_t)[middle] for contrast in MADE])
        held = slab.fractions[-1][box][middle]
        shown = self._acquired(head, sample, Contrast.DIR, field_t, moved=False, rng=rng)[middle]
        return {"given": given, "present": present.astype(np.float32), "image": image,
                "lesion": (held > 127).astype(np.float32), "dir": shown}

    def seen(
        self, index: int, contrasts: tuple[Contrast, ...], rng: np.random.Generator
    ) -> tuple[list[Values], Values]:
        """Some sequences of one place of a patient, as acquired by one scanner.

        Returns:
            float32 (K, J, I) in -1..1 for each contrast; and where lesions are, float32 (K, J, I), 0 or 1.
        """
        slab = self.slab(index)
        field_t = float(rng.choice((self.patients.least_field_t, 3.0)))
        relaxation = t.drawn_relaxation(rng, field_t)
        box = self._box(slab, rng)
        head, sample = slab.head(box, relaxation, field_t), slab.brain_sample(relaxation, field_t)
        images = [self._acquired(head, sample, c, field_t, moved=False, rng=rng) for c in contrasts]
        return images, (slab.fractions[-1][box] > 127).astype(np.float32)

    @property
    def available(self) -> tuple[bool, ...]:
        """Which sequences of `GIVEN` all patients have: all."""
        return (True,) * len(GIVEN)

    def brain_voxels(self, index: int, rng: np.random.Generator) -> Values:
        """Some voxels of a patient's brain under one scanner, all sequences there, (voxels, 4) in -1..1."""
        field_t = float(rng.choice((self.patients.least_field_t, 3.0)))
        sample = self.slab(index).brain_sample(t.drawn_relaxation(rng, field_t), field_t)
        return np.stack([self._acquired(sample, sample, contrast, field_t, moved=False, rng=rng)
                         for contrast in GIVEN], axis=1)

    def _present(self, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        if rng.random() < self.patients.usual_inputs:
            return np.array([c in (Contrast.FLAIR, Contrast.T1W) for c in GIVEN])
        number = int(rng.integers(1, 2 ** len(GIVEN)))
        return np.array([bool(number >> at & 1) for at in range(len(GIVEN))])

    def _box(self, slab: Slab, rng: np.random.Generator) -> tuple[slice, slice, slice]:
        shape = slab.severity.shape
        among = slab.lesion if len(slab.lesion) and rng.random() < self.patients.on_lesion else slab.brain
        at = np.array(np.unravel_index(int(rng.choice(among)), shape))
        size = np.minimum((self.slices, self.patients.side, self.patients.side), shape)
        jitter = rng.integers(-(size // 3), size // 3 + 1)
        jitter[0] = 0
        low = np.clip(at - size // 2 + jitter, 0, np.array(shape) - size)
        k, j, i = (slice(int(a), int(a + n)) for a, n in zip(low, size, strict=True))
        return k, j, i

    def _acquired(
        self, head: Scanned, sample: Scanned, contrast: Contrast, field_t: float, *, moved: bool,
        rng: np.random.Generator,
    ) -> Values:
        """One sequence as acquired, and as the tool's own preparation leaves it."""
        kind = contrast
        if contrast is Contrast.T1W and rng.random() < _SPIN_ECHO_T1W:
            kind = Contrast.T1W_SPIN_ECHO
        sequence = sequence_of(kind, _jittered(kind, self.patients.timing_spread, rng), field_t)
        suppressed = bool(rng.random() < 0.5) or contrast is Contrast.DIR
        signal = np.abs(head.signal(sequence, fat_suppressed=suppressed))
        level = typical(np.abs(sample.signal(sequence, fat_suppressed=suppressed)), kind)
        if signal.ndim == 3:
            signal = signal * coil_shading(signal.shape, rng, rng.uniform(0.0, 0.12), 1)
        if moved and rng.random() < 0.5:
            # Left over by the registration.
            signal = _shifted(signal, rng.normal(0, 0.25, 2))
        noisy = with_noise(signal, rng.uniform(0.01, 0.06) * level, rng)
        return to_network(noisy, level * float(np.exp(rng.normal(0, 0.05))), kind)


def _clean(head: Scanned, sample: Scanned, contrast: Contrast, field_t: float) -> Values:
    suppressed = contrast is Contrast.DIR
    sequence = sequence_of(contrast, field_t=field_t)
    level = typical(np.abs(sample.signal(sequence, fat_suppressed=suppressed)), contrast)
    return to_network(np.abs(head.signal(sequence, fat_suppressed=suppressed)), level, contrast)


def _jittered(contrast: Contrast, spread: float, rng: np.random.Generator) -> Timing:
    repetition, echo = USUAL_TIMES_MS[contrast]
    longer = np.exp(np.clip(rng.standard_normal(3), -2, 2) * spread)
    inversion = 900.0 * float(longer[2]) if contrast is Contrast.T1W else None
    return Timing(repetition * float(longer[0]), echo * float(longer[1]), inversion)


def _shifted(image: Values, by_voxels: npt.NDArray[np.float64]) -> Values:
    from scipy import ndimage

    return np.asarray(ndimage.shift(image, (0, *by_voxels), order=1, mode="nearest"), np.float32)
