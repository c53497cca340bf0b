"""Fill a hole in an image as if the tissue around it went on.

Two layers, because tissue has two: what is smooth (shading, slow changes of the tissue) and grain (noise and fine
structure).
- Smooth layer: the surrounding tissue, smoothed, is continued into the hole by solving Laplace's equation there. Only
  the organ's own tissue counts; its neighbours do not bleed in.
- Grain: what is left of the surrounding tissue after smoothing, copied from nearby places. A copied patch has the
  scanner's SD and correlation, whatever the reconstruction kernel. Patches are blended with weights whose squares sum
  to one, which keeps the SD of independent noise; the same blending joins them to the untouched tissue, so no outline
  is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import BoolArray

Floats = npt.NDArray[np.float32]

SMOOTHING_MM = 6.0
_OUTLIER = 3.5
_FEW = 30
_STRUCTURE_MM = 1.2
_TILE_MM = (40.0, 28.0, 20.0, 14.0, 10.0, 7.0)
_CANDIDATES = 60
_CHOICE = 3
# Steps (K, J, I) over which grain is compared: along the axes, and along both diagonals of a slice, because the streaks
# of a CT have a direction that changes over the body.
_LAGS = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (0, 1, -1), (0, 2, 2), (0, 2, -2))


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The tissue around a hole.

    Attributes:
        tissue: voxels that are taken for undisturbed tissue without visible structures, array (K, J, I).
        smooth: the smooth layer: smoothed tissue outside the hole, continued inside it.
        grain: the image less its smooth layer, cut to the range of grain; 0 where no tissue may be.
        grain_sd: SD of the grain close to the hole.
        likeness: correlation of the grain close to the hole over the steps of `_LAGS`.
    """

    tissue: BoolArray
    smooth: Floats
    grain: Floats
    grain_sd: float
    likeness: npt.NDArray[np.float64]


def surroundings_of(
    values: Floats, hole: BoolArray, usable: BoolArray, near: BoolArray, geometry: Geometry, check: Callable[[], None]
) -> Surroundings:
    """Smooth layer (continued into the hole) and grain of the tissue around a hole.

    Args:
        values: the image in a box around the hole, array (K, J, I).
        hole: what is to be filled.
        usable: where tissue of the right kind may be (the organ, without the hole and other lesions).
        near: voxels close to the hole, which tell the tissue's usual values.
        geometry: the box's grid.
        check: called often; may raise to stop.

    Raises:
        InputError: if there is no tissue beside the hole.
    """
    sample = values[usable & near]
    if sample.size < _FEW:
        sample = values[usable]
    if sample.size < _FEW:
        raise InputError(
            "There is no tissue around the lesion to fill it with: it takes up the whole organ. "
            "Choose a smaller lesion, or the whole organ's segment."
        )
    middle = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - middle)))
    # Bright vessels, calcium and gas are no background; they would be smeared into the hole.
    tissue = usable & (np.abs(values - middle) <= max(_OUTLIER * spread, 1e-6 + 1e-4 * abs(middle)))
    check()
    smooth, weight = smoothed_within(values, tissue, geometry, SMOOTHING_MM, check)
    level = np.where(weight > 1e-3, smooth, np.float32(middle))
    smooth = continued(level, hole, usable & (weight > 1e-3), geometry, check)
    rest = np.where(usable, values - smooth, np.float32(0))
    limit = _OUTLIER * 1.4826 * float(np.median(np.abs(rest[tissue])))
    # Cut to the range of grain, but not to nothing: a vessel with an empty core would be seen as an outline.
    grain = np.clip(rest, -limit, limit)
    tissue &= ~_structures(grain, usable, geometry, check)
    close = tissue & near
    if np.count_nonzero(close) < _FEW:
        close = tissue
    return Surroundings(tissue, smooth, grain, float(grain[close].std()), _correlations(grain, close))


def _structures(grain: Floats, usable: BoolArray, geometry: Geometry, check: Callable[[], None]) -> BoolArray:
    """Vessels and the organ's border in the grain: what stands out when noise is smoothed away."""
    calm, _ = smoothed_within(grain, usable, geometry, _STRUCTURE_MM, check)
    spread = 1.4826 * float(np.median(np.abs(calm[usable] - np.median(calm[usable]))))
    return np.asarray(ndimage.binary_dilation(usable & (np.abs(calm) > 3.0 * spread))) if spread > 0 else ~usable


def _correlations(grain: Floats, within: BoolArray | None = None) -> npt.NDArray[np.float64]:
    """Correlation of neighbouring grain over the steps of `_LAGS`; 0 where there are too few pairs."""
    result = []
    for lag in _LAGS:
        ahead = tuple(slice(s, None) if s > 0 else slice(None, s or None) for s in lag)
        behind = tuple(slice(None, -s) if s > 0 else slice(-s, None) for s in lag)
        a, b = grain[ahead], grain[behind]
        if within is not None:
            pairs = within[ahead] & within[behind]
            a, b = a[pairs], b[pairs]
        power = float((a.astype(np.float64) ** 2).mean() + (b.astype(np.float64) ** 2).mean()) if a.size else 0.0
        result.append(2.0 * float((a * b).mean(dtype=np.float64)) / power if a.size >= 10 and power > 0 else 0.0)
    return np.array(result)


def smoothed_within(
    values: Floats, inside: BoolArray, geometry: Geometry, sigma_mm: float, check: Callable[[], None]
) -> tuple[Floats, Floats]:
    """Gaussian smoothing that sees only ``inside``, and the weight that was found there (0..1)."""
    sigma = [sigma_mm / s for s in geometry.spacing_kji_mm]
    weight = inside.astype(np.float32)
    total = np.where(inside, values, np.float32(0))
    for axis in range(3):
        check()
        weight = ndimage.gaussian_filter1d(weight, sigma[axis], axis=axis, truncate=3.0)
        total = ndimage.gaussian_filter1d(total, sigma[axis], axis=axis, truncate=3.0)
    return np.asarray(total / np.maximum(weight, 1e-6), dtype=np.float32), np.asarray(weight, dtype=np.float32)


def continued(
    smooth: Floats, hole: BoolArray, known: BoolArray, geometry: Geometry, check: Callable[[], None]
) -> Floats:
    """``smooth`` with the hole's voxels replaced by the harmonic continuation of the known voxels around it.

    Where the hole borders on something else than known tissue (another organ, the edge of the image), nothing flows
    across: the continuation meets that border level. Solved by conjugate gradients from a coarse first guess.

    Raises:
        InputError: if a part of the hole has no known voxel beside it, however far one looks in the box.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.linalg import LinearOperator, cg

    if not hole.any():
        return smooth
    unknown = hole & ~known
    number = np.full(hole.shape, -1, dtype=np.int64)
    count = int(np.count_nonzero(unknown))
    number[unknown] = np.arange(count)
    rows, columns, weights = [], [], []
    diagonal = np.zeros(count)
    right = np.zeros(count)
    for axis, spacing in enumerate(geometry.spacing_kji_mm):
        check()
        w = 1.0 / spacing**2
        low: list[slice] = [slice(None)] * 3
        high: list[slice] = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        for a, b in ((tuple(low), tuple(high)), (tuple(high), tuple(low))):
            both = unknown[a] & unknown[b]
            n, m = number[a][both], number[b][both]
            rows.append(n)
            columns.append(m)
            weights.append(np.full(len(n), -w))
            diagonal += w * np.bincount(n, minlength=count)
            border = unknown[a] & known[b]
            n = number[a][border]
            diagonal += w * np.bincount(n, minlength=count)
            right += w * np.bincount(n, weights=smooth[b][border], minlength=count)
    # The first guess: nearest known value, smoothed. It also decides parts of the hole that touch no known voxel.
    guess = _first_guess(smooth, unknown, known, geometry, check)[unknown].astype(np.float64)
    # A trace of the guess keeps parts without a known neighbour solvable; elsewhere it is far too weak to see.
    trace = 1e-7 * max(1.0 / s**2 for s in geometry.spacing_kji_mm)
    diagonal += trace
    right += trace * guess
    index = np.arange(count)
    matrix = coo_matrix(
        (np.concatenate([*weights, diagonal]), (np.concatenate([*rows, index]), np.concatenate([*columns, index]))),
        shape=(count, count),
    ).tocsr()
    inverse = 1.0 / diagonal
    scale = LinearOperator((count, count), matvec=lambda x: inverse * x.ravel(), dtype=np.float64)
    solution, _ = cg(matrix, right, x0=guess, rtol=1e-6, maxiter=600, M=scale, callback=lambda _: check())
    result = smooth.copy()
    result[unknown] = solution
    return result


def _first_guess(
    smooth: Floats, unknown: BoolArray, known: BoolArray, geometry: Geometry, check: Callable[[], None]
) -> Floats:
    if not known.any():
        raise InputError("There is no tissue around the lesion to fill it with. Choose a smaller lesion.")
    check()
    indices = ndimage.distance_transform_edt(
        ~known, sampling=geometry.spacing_kji_mm, return_distances=False, return_indices=True
    )
    filled = np.where(unknown, smooth[tuple(indices)], smooth)
    average, _ = smoothed_within(filled, known | unknown, geometry, SMOOTHING_MM, check)
    return average


def borrowed_grain(
    around: Surroundings, wanted: BoolArray, geometry: Geometry, rng: np.random.Generator, check: Callable[[], None]
) -> tuple[Floats, bool]:
    """Grain for the wanted voxels, copied from the tissue around; and whether true patches were found.

    The largest patches that fit into undisturbed tissue are used: one for the whole hole where it can be, else tiles
    that overlap. Where not even a small tile fits, white noise of the same SD is the last resort.
    """
    grain = np.zeros(wanted.shape, dtype=np.float32)
    if not wanted.any() or around.grain_sd == 0:
        return grain, True
    places = np.argwhere(wanted)
    low, high = places.min(axis=0), places.max(axis=0) + 1
    extent = high - low
    for whole, tile in _tile_sizes(extent, geometry):
        check()
        centres = _places_for(around.tissue, tile, 1.0 if min(tile) < 3 else 0.97)
        if _different(centres, tile) < (1 if whole else _wanted_places(extent, tile)):
            continue
        if whole:
            grain = _one_patch(around, centres, low, tile, grain, rng)
        else:
            grain = _tiled(around, centres, low, high, tile, wanted, rng, check)
        # The level is the smooth layer's business; a patch's own mean would shift a small lesion's place.
        return np.where(wanted, grain - grain[wanted].mean(), np.float32(0)), True
    noise = rng.normal(0.0, around.grain_sd, wanted.shape).astype(np.float32)
    return np.where(wanted, noise, np.float32(0)), False


def _tile_sizes(
    extent: npt.NDArray[np.intp], geometry: Geometry
) -> list[tuple[bool, tuple[int, int, int]]]:
    """The hole's own box, then smaller and smaller tiles, (K, J, I) voxels."""
    spacing = np.array(geometry.spacing_kji_mm)
    sizes = [(True, tuple(int(n) for n in extent))]
    for millimetres in _TILE_MM:
        tile = np.minimum(np.maximum(np.rint(millimetres / spacing), 2).astype(int), extent)
        if (tile < extent).any():
            sizes.append((False, tuple(int(n) for n in tile)))
    return sizes  # type: ignore[return-value]


def _different(starts: npt.NDArray[np.intp], tile: tuple[int, int, int]) -> int:
    """How many clearly different places there are: those that share half a tile count once."""
    halves = np.maximum(1, np.array(tile) // 2)
    return len(np.unique(starts // halves, axis=0)) if len(starts) else 0


def _wanted_places(extent: npt.NDArray[np.intp], tile: tuple[int, int, int]) -> int:
    """Different places needed so that no motif is seen again and again; smaller tiles need not have more than 40."""
    tiles = float(np.prod(np.ceil(extent / (0.75 * np.array(tile)))))
    return int(np.clip(tiles / 3.0, 4, 40))


def _places_for(tissue: BoolArray, tile: tuple[int, int, int], share: float) -> npt.NDArray[np.intp]:
    """Starts (K, J, I) of all boxes of the tile's size with at least ``share`` of their voxels in tissue."""
    if any(t > n for t, n in zip(tile, tissue.shape, strict=True)):
        return np.zeros((0, 3), dtype=np.intp)
    sums = np.zeros(tuple(n + 1 for n in tissue.shape), dtype=np.int32)
    sums[1:, 1:, 1:] = tissue.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32).cumsum(axis=2)
    for axis, length in enumerate(tile):
        ahead: list[slice] = [slice(None)] * 3
        behind: list[slice] = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(length, None), slice(None, -length)
        sums = sums[tuple(ahead)] - sums[tuple(behind)]
    return np.argwhere(sums >= share * float(np.prod(tile)))


def _pick(
    around: Surroundings,
    starts: npt.NDArray[np.intp],
    target: npt.NDArray[np.intp],
    tile: tuple[int, int, int],
    rng: np.random.Generator,
    used: list[npt.NDArray[np.intp]],
) -> Floats:
    """Grain of one of the places where it is most like the grain beside the hole; near and new ones first."""
    chosen = starts[rng.integers(0, len(starts), size=min(_CANDIDATES, len(starts)))]
    patches = [around.grain[tuple(slice(a, a + n) for a, n in zip(s, tile, strict=True))] for s in chosen]
    reach = np.linalg.norm((chosen - target) / np.array(tile), axis=1)
    spread = np.array([abs(float(p.std()) / around.grain_sd - 1.0) for p in patches])
    pattern = np.array([np.abs(_correlations(p) - around.likeness).mean() for p in patches])
    misfit = spread + 2.0 * pattern + 0.02 * reach
    for earlier in used:
        misfit += np.maximum(0.0, 1.0 - np.linalg.norm((chosen - earlier) / np.array(tile), axis=1))
    best = np.argsort(misfit, kind="stable")[:_CHOICE]
    index = int(best[rng.integers(0, len(best))])
    used.append(chosen[index])
    # Turned by half a circle, or upside down, grain has the same correlation and the same streaks, but a motif is not
    # known again.
    patch = patches[index]
    if rng.random() < 0.5:
        patch = patch[:, ::-1, ::-1]
    return patch[::-1] if rng.random() < 0.5 else patch


def _one_patch(
    around: Surroundings,
    starts: npt.NDArray[np.intp],
    low: npt.NDArray[np.intp],
    tile: tuple[int, int, int],
    grain: Floats,
    rng: np.random.Generator,
) -> Floats:
    patch = _pick(around, starts, low, tile, rng, [])
    grain[tuple(slice(a, a + n) for a, n in zip(low, tile, strict=True))] = patch
    return grain


def _tiled(
    around: Surroundings,
    starts: npt.NDArray[np.intp],
    low: npt.NDArray[np.intp],
    high: npt.NDArray[np.intp],
    tile: tuple[int, int, int],
    wanted: BoolArray,
    rng: np.random.Generator,
    check: Callable[[], None],
) -> Floats:
    """Overlapping tiles, each from another place; the squares of their weights sum to one."""
    shape = wanted.shape
    total = np.zeros(shape, dtype=np.float32)
    power = np.zeros(shape, dtype=np.float32)
    used: list[npt.NDArray[np.intp]] = []
    # Tiles overlap by a quarter only: where two patches mix, fine structure is blurred into plain noise.
    axes = []
    for n in tile:
        ramp = max(1, n // 4)
        edge = np.sin(0.5 * np.pi * (np.arange(ramp) + 0.5) / ramp)
        axes.append((np.concatenate([edge, np.ones(n - 2 * ramp), edge[::-1]]) if n > 2 * ramp else np.ones(n), ramp))
    window = (axes[0][0][:, None, None] * axes[1][0][None, :, None] * axes[2][0][None, None]).astype(np.float32)
    steps = [max(1, n - a[1]) for n, a in zip(tile, axes, strict=True)]
    for k in range(int(low[0]) - axes[0][1], int(high[0]), steps[0]):
        for j in range(int(low[1]) - axes[1][1], int(high[1]), steps[1]):
            for i in range(int(low[2]) - axes[2][1], int(high[2]), steps[2]):
                check()
                corner = np.array((k, j, i))
                first = np.maximum(corner, 0)
                last = np.minimum(corner + tile, shape)
                if (last <= first).any():
                    continue
                place = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
                if not wanted[place].any():
                    continue
                part = tuple(slice(a - c, b - c) for a, b, c in zip(first, last, corner, strict=True))
                patch = _pick(around, starts, corner, tile, rng, used)
                total[place] += (window * patch)[part]
                power[place] += (window**2)[part]
    return np.where(power > 0, total / np.sqrt(np.maximum(power, 1e-6)), np.float32(0))
