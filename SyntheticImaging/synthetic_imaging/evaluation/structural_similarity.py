"""Structural similarity (SSIM), at one scale and at several, and the diversity of a set by it.

The local means, variances and the covariance of two images under a window (Wang et al. 2004,
doi:10.1109/TIP.2003.819861, equations 6, 9, 12, 13):

    SSIM = (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))

with C1 = (0.01 L)^2, C2 = (0.03 L)^2 and L the range of the data. The mean is over voxels whose whole window lies in
the image, as in scikit-image and MONAI. What is filtered is a = x + y, b = x - y and their squares: four moments
instead of five, since s_x^2 + s_y^2 = (s_a^2 + s_b^2) / 2 and s_xy = (s_a^2 - s_b^2) / 4. The three passes of the
separable window are fused row by row, so that nothing of the volume's size is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import Array, FloatArray, IndexArray, above_zero, image_pair, region_of, times
from synthetic_imaging.kernels import REORDERED, kernel, prange

# Wang, Simoncelli, Bovik 2003 (doi:10.1109/ACSSC.2003.1292216), section 3.2: fine to coarse.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@dataclass(frozen=True)
class Window:
    """The window under which two images are compared.

    Attributes:
        size: voxels along each axis; odd, 3 or more.
        sigma: of a Gaussian window, in voxels; None for a uniform one.
        sample_covariance: divide variances by N - 1 instead of N (scikit-image's default for its uniform window of 7).
    """

    size: int = 11
    sigma: float | None = 1.5
    sample_covariance: bool = False

    def __post_init__(self) -> None:
        if self.size < 3 or self.size % 2 == 0:
            raise ParameterError(f"The window of SSIM must be an odd number of voxels, 3 or more, not {self.size}.")
        if self.sigma is not None:
            above_zero(self.sigma, "The window's sigma")

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """The window along one axis, (size,), summing to 1."""
        if self.sigma is None:
            return np.full(self.size, 1.0 / self.size, dtype=np.float32)
        at = np.arange(self.size) - self.size // 2
        weights = np.exp(-0.5 * (at / self.sigma) ** 2)
        return np.asarray(weights / weights.sum(), dtype=np.float32)


GAUSSIAN = Window()
UNIFORM = Window(7, None, True)


def ssim(
    image: npt.ArrayLike,
    reference: npt.ArrayLike,
    data_range: float | None = None,
    window: Window = GAUSSIAN,
    mask: npt.ArrayLike | None = None,
) -> float:
    """Mean structural similarity of two images, at most 1.

    Args:
        image: (K, J, I) or (J, I).
        reference: of the same shape. SSIM is symmetric but for the default of ``data_range``.
        data_range: span of the values that can occur, above 0; None takes the reference's largest minus smallest.
        window: `GAUSSIAN` (11 voxels, sigma 1.5) or `UNIFORM` (7), or another.
        mask: average only where this is not zero and the whole window lies in the image.

    Raises:
        InputError: for images of different shapes, smaller than the window, not finite, or constant without a range.
    """
    one, other = image_pair(image, reference)
    span = _span(other, data_range)
    return _similarity(one, other, span, window, region_of(mask, one.shape))[0]


def ssim_map(
    image: npt.ArrayLike, reference: npt.ArrayLike, data_range: float | None = None, window: Window = GAUSSIAN
) -> npt.NDArray[np.float32]:
    """SSIM at each voxel; NaN where the window leaves the image. Arguments and errors as `ssim`."""
    one, other = image_pair(image, reference)
    made = np.full(one.shape, np.nan, dtype=np.float32)
    _similarity(one, other, _span(other, data_range), window, None, made)
    return made


def scale_weights(shape: Sequence[int], window: Window = GAUSSIAN) -> tuple[float, ...]:
    """Weights of the scales of MS-SSIM that an image of this shape has room for, fine to coarse, summing to 1.

    Each scale halves the image; a scale counts while its smallest side still holds the window. The five weights of
    Wang et al. 2003 are cut to that number and divided by their sum. A side of 176 voxels has all five with a window of
    11, 88 four, 44 three, 22 two, 11 one (which is SSIM).

    Raises:
        InputError: if not even the first scale fits.
    """
    _check_size(tuple(shape), window)
    side, count = min(shape), 0
    while side >= window.size and count < len(SCALE_WEIGHTS):
        side //= 2
        count += 1
    total = sum(SCALE_WEIGHTS[:count])
    return tuple(weight / total for weight in SCALE_WEIGHTS[:count])


def ms_ssim(
    image: npt.ArrayLike,
    reference: npt.ArrayLike,
    data_range: float | None = None,
    window: Window = GAUSSIAN,
    weights: Sequence[float] | None = None,
) -> float:
    """Multi-scale structural similarity, between 0 and 1 (Wang et al. 2003, equation 7).

    The product over scales of the mean contrast-and-structure term, at the coarsest scale of the mean SSIM, each to the
    power of its weight. Means below 0 count as 0. Between scales, blocks of 2 x 2 x 2 voxels are averaged, and an odd
    last plane is left out, as in MONAI and torchmetrics.

    Args:
        image: (K, J, I) or (J, I).
        reference: of the same shape.
        data_range: as in `ssim`.
        window: as in `ssim`.
        weights: of the scales, fine to coarse; None takes `scale_weights` for the shape. **Values are comparable only
            between images with the same weights.**

    Raises:
        InputError: as `ssim`, or if the coarsest scale is smaller than the window.
    """
    one, other = image_pair(image, reference)
    span = _span(other, data_range)
    chosen = scale_weights(one.shape, window) if weights is None else tuple(weights)
    if not chosen or not all(np.isfinite(w) and w >= 0 for w in chosen):
        raise ParameterError("The weights of MS-SSIM must be numbers of 0 or more, one for each scale.")
    product = 1.0
    for scale, weight in enumerate(chosen):
        if scale:
            one, other = _halved(one), _halved(other)
        whole, contrast = _similarity(one, other, span, window, None)
        product *= max(whole if scale == len(chosen) - 1 else contrast, 0.0) ** weight
    return product


@dataclass(frozen=True, eq=False)
class WithinSet:
    """How alike the images of one set are; a set that has collapsed to one image has 1.

    Attributes:
        mean: MS-SSIM, mean over pairs; lower is more diverse.
        sd: standard deviation over pairs (divisor n - 1; 0 for a single pair).
        pairs: indices (P, 2) of the compared images.
        values: MS-SSIM of each pair, (P,).
        weights: of the scales.
    """

    mean: float
    sd: float
    pairs: IndexArray
    values: FloatArray
    weights: tuple[float, ...]

    @property
    def text(self) -> str:
        """For a table."""
        scales = "1 scale" if len(self.weights) == 1 else f"{len(self.weights)} scales"
        return f"{self.mean:.3f} (SD {self.sd:.3f}, {len(self.values)} pairs, {scales})"


def within_set_ms_ssim(
    images: Sequence[npt.ArrayLike] | Array,
    rng: np.random.Generator | None = None,
    pairs: int | None = None,
    data_range: float = 1.0,
    window: Window = GAUSSIAN,
) -> WithinSet:
    """Mean MS-SSIM between pairs of one set: the lower, the more diverse.

    Args:
        images: N arrays (K, J, I) or (J, I) of one shape, 2 or more.
        rng: draws the pairs; needed when ``pairs`` is given and smaller than all N (N - 1) / 2.
        pairs: how many different pairs to draw; None takes all.
        data_range: span of the values, the same for all pairs.
        window: as in `ssim`.

    Raises:
        InputError: for fewer than two images, or images of different shapes.
        ParameterError: if pairs are to be drawn and there is no generator.
    """
    if len(images) < 2:
        raise InputError(f"Diversity needs at least two images, not {len(images)}.")
    chosen = _pairs(len(images), pairs, rng)
    weights = scale_weights(np.shape(images[0]), window)
    values = np.array([ms_ssim(images[a], images[b], data_range, window, weights) for a, b in chosen])
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return WithinSet(float(values.mean()), spread, chosen, values, weights)


def _pairs(count: int, wanted: int | None, rng: np.random.Generator | None) -> IndexArray:
    total = count * (count - 1) // 2
    if wanted is not None and wanted < 1:
        raise ParameterError(f"The number of pairs must be 1 or more, not {wanted}.")
    if wanted is None or wanted >= total:
        return np.stack(np.triu_indices(count, 1), axis=1).astype(np.int64)
    if rng is None:
        raise ParameterError("Give a random generator to draw pairs, or ask for all pairs.")
    first, second = np.triu_indices(count, 1)
    drawn = np.sort(rng.choice(total, size=wanted, replace=False))
    return np.stack([first[drawn], second[drawn]], axis=1).astype(np.int64)


def _span(reference: Array, data_range: float | None) -> float:
    if data_range is not None:
        return above_zero(data_range, "The range of the data")
    low, high = float(reference.min()), float(reference.max())
    if low == high:
        raise InputError(f"The reference is constant ({low:g}), so it has no range: give data_range.")
    return high - low


def _check_size(shape: tuple[int, ...], window: Window) -> None:
    if len(shape) not in (2, 3):
        raise InputError(f"SSIM compares slices (J, I) or volumes (K, J, I), not arrays of {times(shape)}.")
    if min(shape) < window.size:
        raise InputError(
            f"The image is {times(shape)}; SSIM's window of {window.size} does not fit in. Take a smaller window."
        )


def _halved(image: Array) -> Array:
    """Mean of blocks of two voxels along each axis; an odd last plane is left out."""
    for axis in range(image.ndim):
        even = image.shape[axis] // 2 * 2
        cut = np.moveaxis(image, axis, 0)[:even]
        image = np.moveaxis((cut[0::2].astype(np.float32) + cut[1::2]) * np.float32(0.5), 0, axis)
    return np.ascontiguousarray(image)


def _similarity(
    one: Array, other: Array, span: float, window: Window, region: Array | None, into: Array | None = None
) -> tuple[float, float]:
    """Mean SSIM and mean contrast-and-structure term; the map of SSIM into ``into``."""
    _check_size(one.shape, window)
    # Variances of numbers far from 0 drown in rounding: the middle is taken off, and added to the means afterwards.
    middle = 0.5 * (float(one.min()) + float(one.max()))
    x, y = _single(one, middle), _single(other, middle)
    flat = one.ndim == 2
    if flat:
        x, y = x[None], y[None]
    weights = window.weights
    along_k = np.ones(1, dtype=np.float32) if flat else weights
    reach = window.size // 2
    inner = (slice(None) if flat else slice(reach, -reach), slice(reach, -reach), slice(reach, -reach))
    use_region = region is not None
    inside = np.zeros((1, 1, 1), dtype=np.bool_)
    if region is not None:
        inside = np.ascontiguousarray((region[None] if flat else region)[inner])
    made = np.empty((1, 1, 1) if into is None else x[inner].shape, dtype=np.float32)
    samples = window.size**one.ndim
    sample = samples / (samples - 1) if window.sample_covariance else 1.0
    constants = np.array([(0.01 * span) ** 2, (0.03 * span) ** 2, 2 * middle, sample], dtype=np.float32)
    sums = _sums(x, y, along_k, weights, constants, inside, use_region, made, into is not None)
    count, whole, contrast = sums.sum(axis=0)
    if count == 0:
        raise InputError("The region lies where SSIM's window leaves the image. Take a smaller window.")
    if into is not None:
        (into[None] if flat else into)[inner] = made
    return float(whole / count), float(contrast / count)


def _single(image: Array, middle: float) -> npt.NDArray[np.float32]:
    if image.dtype == np.float32:
        return np.ascontiguousarray(image - np.float32(middle))
    return np.ascontiguousarray(image.astype(np.float64) - middle, dtype=np.float32)


@kernel(parallel=True, fastmath=REORDERED)
def _sums(x, y, along_k, weights, constants, inside, use_region, made, keep):  # type: ignore[no-untyped-def]
    """For each chunk of K: voxels counted, sum of SSIM, sum of contrast and structure."""
    taps_k, taps = along_k.size, weights.size
    reach_k, reach = taps_k // 2, taps // 2
    planes, rows, width = x.shape
    out_k, out_i = planes - 2 * reach_k, width - 2 * reach
    c1, c2, twice_middle, sample = constants[0], constants[1], constants[2], constants[3]
    half = np.float32(0.5)
    sums = np.zeros((out_k, 3))
    for k in prange(out_k):
        ring = np.empty((taps, 4, width), np.float32)
        row = np.empty((4, width), np.float32)
        ma, mb = np.empty(out_i, np.float32), np.empty(out_i, np.float32)
        maa, mbb = np.empty(out_i, np.float32), np.empty(out_i, np.float32)
        count, whole, contrast = 0, 0.0, 0.0
        for j in range(rows):
            slot = ring[j % taps]
            _moments_along_k(x, y, k, j, along_k, slot)
            if j < taps - 1:
                continue
            _along_j(ring, j, weights, row)
            _along_i(row[0], weights, ma)
            _along_i(row[1], weights, mb)
            _along_i(row[2], weights, maa)
            _along_i(row[3], weights, mbb)
            at_j = j - taps + 1
            row_whole, row_contrast = np.float32(0), np.float32(0)
            if use_region or keep:
                for i in range(out_i):
                    a, b = ma[i], mb[i]
                    va, vb = (maa[i] - a * a) * sample, (mbb[i] - b * b) * sample
                    a += twice_middle
                    cs = ((va - vb) * half + c2) / ((va + vb) * half + c2)
                    s = cs * ((a * a - b * b) * half + c1) / ((a * a + b * b) * half + c1)
                    if keep:
                        made[k, at_j, i] = s
                    if not use_region or inside[k, at_j, i]:
                        row_whole += s
                        row_contrast += cs
                        count += 1
            else:
                for i in range(out_i):
                    a, b = ma[i], mb[i]
                    va, vb = (maa[i] - a * a) * sample, (mbb[i] - b * b) * sample
                    a += twice_middle
                    cs = ((va - vb) * half + c2) / ((va + vb) * half + c2)
                    row_whole += cs * ((a * a - b * b) * half + c1) / ((a * a + b * b) * half + c1)
                    row_contrast += cs
                count += out_i
            whole += float(row_whole)
            contrast += float(row_contrast)
        sums[k, 0], sums[k, 1], sums[k, 2] = count, whole, contrast
    return sums


@kernel(fastmath=REORDERED)
def _moments_along_k(x, y, k, j, weights, out):  # type: ignore[no-untyped-def]
    """Window along K over a row: of x + y, x - y and their squares."""
    for i in range(out.shape[1]):
        out[0, i], out[1, i], out[2, i], out[3, i] = 0, 0, 0, 0
    for t in range(weights.size):
        w, xs, ys = weights[t], x[k + t, j], y[k + t, j]
        for i in range(out.shape[1]):
            a, b = xs[i] + ys[i], xs[i] - ys[i]
            wa, wb = w * a, w * b
            out[0, i] += wa
            out[1, i] += wb
            out[2, i] += wa * a
            out[3, i] += wb * b


@kernel(fastmath=REORDERED)
def _along_j(ring, j, weights, out):  # type: ignore[no-untyped-def]
    """Window along J over the rows in the ring, of which row ``j`` came last."""
    taps, last = weights.size, weights.size - 1
    for m in range(4):
        made, middle, w = out[m], ring[(j - last // 2) % taps, m], weights[last // 2]
        for i in range(made.size):
            made[i] = w * middle[i]
        for t in range(last // 2):
            w, one, other = weights[t], ring[(j - last + t) % taps, m], ring[(j - t) % taps, m]
            for i in range(made.size):
                made[i] += w * (one[i] + other[i])


@kernel(fastmath=REORDERED)
def _along_i(row, weights, out):  # type: ignore[no-untyped-def]
    """Window along I."""
    last = weights.size - 1
    w = weights[last // 2]
    for i in range(out.size):
        out[i] = w * row[i + last // 2]
    for t in range(last // 2):
        w = weights[t]
        for i in range(out.size):
            out[i] += w * (row[i + t] + row[i + last - t])
