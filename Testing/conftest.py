"""What many tests share: a small abdomen with known truth on any grid, and the real CT round its liver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

import synthetic_imaging as si
from synthetic_imaging.tool import Input, Tool

SHAPE = (48, 64, 64)
SPACING_IJK_MM = (1.5, 1.5, 2.0)
GRIDS = ("straight", "oblique", "anisotropic", "left-handed", "sheared")
# Inputs that are sequences of a head -> which one they get.
OF_HEADS = {"flair": "FLAIR", "before": "FLAIR", "after": "FLAIR", "t1w": "T1w (MPRAGE)", "t2w": "T2w", "pd": "PD",
            "dir": "DIR"}


@dataclass(frozen=True, eq=False)
class Abdomen:
    """A CT of fat with an ellipsoid liver (about 220 ml) with grain, a vessel and a dark lesion; and their masks."""

    ct: si.Volume
    liver: si.Mask
    lesion: si.Mask
    vessels: si.Mask
    aside_ras_mm: tuple[float, float, float]  # in the liver, off every axis of symmetry, clear of vessel and lesion
    lesion_ras_mm: tuple[float, float, float]
    kind: str = "straight"

    def volume_for(self, declared: Input) -> si.Volume:
        """The CT, a head where an input is a sequence of one, or the CT as the modality that an input declares.

        MR has no values below 0.
        """
        if declared.modality in ("", "CT"):
            return self.ct
        if declared.name in OF_HEADS:
            shown = make_head(self.kind)[0][OF_HEADS[declared.name]]
            return shown.like(shown.voxels.astype(self.ct.voxels.dtype), name=self.ct.name)
        voxels = self.ct.voxels + self.ct.voxels.dtype.type(1025)
        return replace(self.ct, voxels=voxels, modality=declared.modality, unit=declared.unit)

    def mask_for(self, tool: Tool, declared: Input) -> si.Mask:
        """The liver, or the lesion or the vessels where an input's name says so; in a head, its lesions."""
        if "lesion" in declared.name and any(i.name in OF_HEADS for i in tool.inputs):
            return make_head(self.kind)[1]
        by_name = {"lesion": self.lesion, "vessel": self.vessels}
        return next((m for word, m in by_name.items() if word in declared.name), self.liver)


def directions_of(kind: str) -> np.ndarray:
    """Directions of the axes of a grid of `GRIDS`, one a column."""
    directions = np.eye(3)
    if kind in ("oblique", "sheared", "left-handed"):
        a, b = np.deg2rad(17.0), np.deg2rad(-11.0)
        about_s = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        about_r = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        directions = about_r @ about_s
    if kind == "left-handed":
        directions = directions * np.array([-1.0, -1.0, -1.0])
    if kind == "sheared":
        # A gantry tilted by twelve degrees: the slice axis leans, the slices do not.
        lean = directions @ np.array([0.0, np.sin(np.deg2rad(12)), np.cos(np.deg2rad(12))])
        directions = np.column_stack([directions[:, 0], directions[:, 1], lean])
    return directions


def grid_of(kind: str, shape: tuple[int, int, int] = SHAPE) -> si.Geometry:
    """A grid of one of `GRIDS`, away from the origin."""
    spacing = (0.9, 1.8, 3.0) if kind == "anisotropic" else SPACING_IJK_MM
    return si.Geometry.from_spacing(shape, spacing, (-31.0, 52.5, -410.25), directions_of(kind))


@cache
def make_head(kind: str = "straight") -> tuple[dict[str, si.Volume], si.Mask]:
    """A phantom head with lesions as every sequence of `OF_HEADS` shows it, on coarse voxels of a grid of `GRIDS`."""
    from synthetic_imaging.phantoms.brain import tissues
    from synthetic_imaging.phantoms.brain.anatomy import BrainAnatomy
    from synthetic_imaging.phantoms.brain.drawing import draw_brain
    from synthetic_imaging.phantoms.brain.imaging import scanned
    from synthetic_imaging.phantoms.brain.lesions import draw_lesions, map_of, with_lesions
    from synthetic_imaging.sequences.protocols import Contrast, sequence_of

    spacing = (3.0, 3.6, 4.5) if kind == "anisotropic" else (3.2, 3.2, 4.2)
    axes = directions_of(kind)
    middle = (np.array(SHAPE[::-1]) - 1) / 2 * spacing
    centre = np.array([0.0, -14.0, 13.0])
    grid = si.Geometry.from_spacing(SHAPE, spacing, tuple((centre - axes @ middle).tolist()), axes)
    rng = np.random.default_rng(12)
    brain = draw_brain(BrainAnatomy(seed=12, head_scale=0.95), grid)
    where = map_of(draw_lesions(brain, rng, 12), brain)
    head = scanned(with_lesions(brain, where), where, tissues.mean_relaxation())
    shown = {}
    for name in sorted(set(OF_HEADS.values())):
        image = head.image(sequence_of(Contrast(name)), rng, noise=0.02, fat_suppressed=name in ("FLAIR", "DIR"))
        shown[name] = si.Volume(np.rint(1000 * image / image.max()).astype(np.int16), grid, modality="MR")
    return shown, si.Mask.single(where.numbers > 0, grid, "lesion 1")


def make_abdomen(kind: str = "straight", dtype: type = np.int16) -> Abdomen:
    """The phantom on a grid of `GRIDS`, in voxels of ``dtype``."""
    grid = grid_of(kind)
    rng = np.random.default_rng(20)
    ras = grid.ras_from_kji(np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1))
    aside = grid.ras_from_kji((np.array(SHAPE) - 1) / 2 + np.array([-6.0, 4.0, 10.0]))
    half_kji = np.array(SHAPE) / 2 * 0.78
    index = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in SHAPE), indexing="ij"), axis=-1)
    liver = np.linalg.norm(index / half_kji, axis=-1) <= 1
    lesion_centre = grid.ras_from_kji((np.array(SHAPE) - 1) / 2 + np.array([0.0, 8.0, -8.0]))
    from_lesion = np.linalg.norm(ras - lesion_centre, axis=-1)
    vessel = liver & (np.hypot(index[..., 0], index[..., 1] + 14) * 1.7 <= 3.5)
    grain = ndimage.gaussian_filter(rng.standard_normal(SHAPE), (0.3, 0.7, 0.7))
    voxels = np.where(liver, 110.0, -95.0) + 70.0 * vessel + 9.0 * grain / grain.std()
    voxels -= 45.0 * liver / (1.0 + np.exp(np.clip(2.0 * (from_lesion - 6.0), -30, 30)))
    voxels = np.rint(voxels).astype(dtype) if np.dtype(dtype).kind in "iu" else voxels.astype(dtype)
    return Abdomen(
        ct=si.Volume.ct(voxels, grid, name="name of a patient"),
        liver=si.Mask.single(liver, grid, "liver"),
        lesion=si.Mask.single(liver & (from_lesion <= 6.0), grid, "lesion 1"),
        vessels=si.Mask.single(vessel, grid, "vessels"),
        aside_ras_mm=tuple(aside.tolist()),
        lesion_ras_mm=tuple(lesion_centre.tolist()),
        kind=kind,
    )


@pytest.fixture(scope="session")
def abdomen_on() -> Callable[..., Abdomen]:
    """``abdomen_on(grid, dtype)``: the phantom, made once for each grid and type."""
    made: dict[tuple[str, str], Abdomen] = {}

    def get(kind: str = "straight", dtype: type = np.int16) -> Abdomen:
        key = (kind, np.dtype(dtype).str)
        if key not in made:
            made[key] = make_abdomen(kind, dtype)
        return made[key]

    return get


@pytest.fixture(scope="session")
def abdomen(abdomen_on: Callable[..., Abdomen]) -> Abdomen:
    """The phantom on a straight grid, int16."""
    return abdomen_on()


@pytest.fixture(scope="session")
def sample_ct() -> tuple[si.Volume, si.Mask]:
    """The whole real CT and its organs; skips where the package that carries it is not installed."""
    from synthetic_imaging import samples

    try:
        return samples.ct_with_organs()
    except si.SyntheticImagingError as error:
        pytest.skip(f"no real CT: {error}")


@pytest.fixture(scope="session")
def real_liver(sample_ct: tuple[si.Volume, si.Mask]) -> tuple[si.Volume, si.Mask]:
    """The real CT cropped to its liver with a margin of about a centimetre, and the liver."""
    ct, organs = sample_ct
    liver = organs.only("liver")
    margin = [int(np.ceil(10.0 / mm)) for mm in ct.geometry.spacing_kji_mm]
    box = liver.box.grown(margin).clipped(ct.shape)
    return ct.cropped(box), liver.cropped(box)
