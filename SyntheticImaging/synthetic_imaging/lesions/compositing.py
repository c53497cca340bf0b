"""Putting a drawn lesion into the image: a change of HU in the lesion's box, nothing else.

``CT' = CT - contrast * T * D`` (Hu et al. 2023) with the texture T and the soft mask D of the lesion, plus, ours:
the organ's own low-frequency structure can be evened out inside (``suppress_structure``), so that vessels, cortex or
fat lobules do not shine through; the grain of the CT (what an edge-preserving mean leaves over) always stays.

Mass effect: content moves outward along ``k(d) = 1 - (1 - d/R)^2 * percent/100``, R = 1.3 r, for lesion and
surroundings alike; only the smooth part of the image is moved, so the grain is not blurred by interpolation, and the
movement fades towards the organ's surface, so nothing outside the organ moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_imaging.geometry import Box, Geometry
from synthetic_imaging.kernels import kernel, prange
from synthetic_imaging.lesions.outline import Outline
from synthetic_imaging.lesions.placement import OrganSurvey
from synthetic_imaging.lesions.texture import Texture

Array = npt.NDArray[np.float64]
FAR = -1.0e6  # depth of voxels outside the organ, or too far away
NEAR = -1.0e3  # depth of organ voxels that surround the lesion
SHELL_MM = 4.0


@dataclass(frozen=True)
class Look:
    """How one lesion is rendered.

    Attributes:
        shift: change of the core's mean, in the image's unit; negative is darker.
        suppress_structure: 0..1, see the module.
        core_base: value the structure is evened out to; None takes the median of the surroundings.
        edge_sigma_mm: softness of the edge.
        capsule: brightness of a capsule in the image's unit; 0 for none.
        mass_effect_percent: I of the formula; 0 for none.
    """

    shift: float
    suppress_structure: float
    core_base: float | None
    edge_sigma_mm: float
    capsule: float
    mass_effect_percent: float


@kernel
def trilinear(array, k, j, i):  # type: ignore[no-untyped-def]
    """Value of an array between its points; outside, that of the nearest edge."""
    k = min(max(k, 0.0), array.shape[0] - 1.000001)
    j = min(max(j, 0.0), array.shape[1] - 1.000001)
    i = min(max(i, 0.0), array.shape[2] - 1.000001)
    k0, j0, i0 = int(k), int(j), int(i)
    k1, j1, i1 = min(k0 + 1, array.shape[0] - 1), min(j0 + 1, array.shape[1] - 1), min(i0 + 1, array.shape[2] - 1)
    dk, dj, di = k - k0, j - j0, i - i0
    a = array[k0, j0, i0] * (1 - di) + array[k0, j0, i1] * di
    b = array[k0, j1, i0] * (1 - di) + array[k0, j1, i1] * di
    c = array[k1, j0, i0] * (1 - di) + array[k1, j0, i1] * di
    d = array[k1, j1, i0] * (1 - di) + array[k1, j1, i1] * di
    return (a * (1 - dj) + b * dj) * (1 - dk) + (c * (1 - dj) + d * dj) * dk


@kernel
def _between(array, k, j, i):  # type: ignore[no-untyped-def]
    """`trilinear` for points known to lie inside: no clamping."""
    k0, j0, i0 = int(k), int(j), int(i)
    dk, dj, di = k - k0, j - j0, i - i0
    a = array[k0, j0, i0] + di * (array[k0, j0, i0 + 1] - array[k0, j0, i0])
    b = array[k0, j0 + 1, i0] + di * (array[k0, j0 + 1, i0 + 1] - array[k0, j0 + 1, i0])
    c = array[k0 + 1, j0, i0] + di * (array[k0 + 1, j0, i0 + 1] - array[k0 + 1, j0, i0])
    d = array[k0 + 1, j0 + 1, i0] + di * (array[k0 + 1, j0 + 1, i0 + 1] - array[k0 + 1, j0 + 1, i0])
    front, back = a + dj * (b - a), c + dj * (d - c)
    return front + dk * (back - front)


@kernel(parallel=True)
def _measure(  # type: ignore[no-untyped-def]
    inside, matrix, first, centre, lattice_depth, lattice_sigma, spacing, half, percent, radius,
    taper, taper_scale, taper_offset, outer, reach, widest, depth, cover, squeeze,
):
    """Per organ voxel: depth below the outline (mm), covered fraction, factor k of the mass effect."""
    m = matrix
    pushed = 1.3 * radius
    for k in prange(inside.shape[0]):
        for j in range(inside.shape[1]):
            fk, fj = k + first[0], j + first[1]
            u0 = m[0, 1] * fj + m[0, 2] * fk + m[0, 3] - centre[0]
            v0 = m[1, 1] * fj + m[1, 2] * fk + m[1, 3] - centre[1]
            w0 = m[2, 1] * fj + m[2, 2] * fk + m[2, 3] - centre[2]
            for i in range(inside.shape[2]):
                if not inside[k, j, i]:
                    continue
                fi = i + first[2]
                u, v, w = u0 + m[0, 0] * fi, v0 + m[1, 0] * fi, w0 + m[2, 0] * fi
                square = u * u + v * v + w * w
                if square > reach * reach:
                    continue
                factor = 1.0
                if percent > 0.0 and square < pushed * pushed:
                    t = trilinear(
                        taper, fk * taper_scale[0] + taper_offset[0], fj * taper_scale[1] + taper_offset[1],
                        fi * taper_scale[2] + taper_offset[2],
                    )
                    fall = 1.0 - math.sqrt(square) / pushed
                    factor = 1.0 - t * fall * fall * percent / 100.0
                squeeze[k, j, i] = factor
                if square * factor * factor > outer * outer:
                    depth[k, j, i] = NEAR
                    continue
                scale = factor / spacing
                a, b, c = u * scale + half, v * scale + half, w * scale + half
                d = _between(lattice_depth, a, b, c)
                depth[k, j, i] = d
                if d > 4.0 * widest:
                    cover[k, j, i] = 1.0
                elif d > -4.0 * widest:
                    sigma = _between(lattice_sigma, a, b, c)
                    cover[k, j, i] = 0.5 * math.erfc(-d / (1.4142135623730951 * sigma))


@kernel(parallel=True)
def _even_out(part, inside, cover, squeeze, tolerance, out):  # type: ignore[no-untyped-def]
    """Edge-preserving mean over 5 x 5 organ voxels in the slice: neighbours within ``tolerance`` of the voxel."""
    for k in prange(part.shape[0]):
        for j in range(part.shape[1]):
            for i in range(part.shape[2]):
                value = part[k, j, i]
                out[k, j, i] = value
                if cover[k, j, i] <= 0.0 and squeeze[k, j, i] == 1.0:
                    continue
                total = 0.0
                number = 0
                for b in range(max(0, j - 2), min(part.shape[1], j + 3)):
                    for a in range(max(0, i - 2), min(part.shape[2], i + 3)):
                        if inside[k, b, a] and abs(part[k, b, a] - value) <= tolerance:
                            total += part[k, b, a]
                            number += 1
                if number > 0:
                    out[k, j, i] = total / number


@kernel(parallel=True)
def _compose(  # type: ignore[no-untyped-def]
    inside, labels, smooth, depth, cover, squeeze, matrix, inverse, first, centre,
    texture, texture_origin, texture_step, texture_mean, shift, suppress, base, capsule, capsule_sigma, sigma, change,
):
    """The change per voxel."""
    steps = matrix[:3, :3]
    for k in prange(inside.shape[0]):
        for j in range(inside.shape[1]):
            for i in range(inside.shape[2]):
                d = depth[k, j, i]
                if d == FAR:
                    continue
                factor = squeeze[k, j, i]
                covered = cover[k, j, i]
                if labels[k, j, i] != 0:
                    continue  # another lesion is here already: lesions merge, they do not add up
                if factor == 1.0 and covered < 0.002 and (capsule == 0.0 or d < -6.0 * sigma):
                    continue
                fi, fj, fk = i + first[2], j + first[1], k + first[0]
                u = steps[0, 0] * fi + steps[0, 1] * fj + steps[0, 2] * fk + matrix[0, 3] - centre[0]
                v = steps[1, 0] * fi + steps[1, 1] * fj + steps[1, 2] * fk + matrix[1, 3] - centre[1]
                w = steps[2, 0] * fi + steps[2, 1] * fj + steps[2, 2] * fk + matrix[2, 3] - centre[2]
                here = smooth[k, j, i]
                delta = 0.0
                if factor != 1.0:
                    du, dv, dw = u * (factor - 1.0), v * (factor - 1.0), w * (factor - 1.0)
                    moved = trilinear(
                        smooth,
                        k + inverse[2, 0] * du + inverse[2, 1] * dv + inverse[2, 2] * dw,
                        j + inverse[1, 0] * du + inverse[1, 1] * dv + inverse[1, 2] * dw,
                        i + inverse[0, 0] * du + inverse[0, 1] * dv + inverse[0, 2] * dw,
                    )
                    delta += moved - here
                    here = moved
                # Towards the organ's surface the lesion fades within a voxel: no cut-out edge.
                share = 0
                for c in range(max(0, k - 1), min(inside.shape[0], k + 2)):
                    for b in range(max(0, j - 1), min(inside.shape[1], j + 2)):
                        for a in range(max(0, i - 1), min(inside.shape[2], i + 2)):
                            if inside[c, b, a]:
                                share += 1
                weight = min(1.0, max(0.35, (share - 6.0) / 15.0))
                if covered > 0.002:
                    t = trilinear(
                        texture,
                        (u * factor + centre[0] - texture_origin[0]) / texture_step,
                        (v * factor + centre[1] - texture_origin[1]) / texture_step,
                        (w * factor + centre[2] - texture_origin[2]) / texture_step,
                    )
                    delta += weight * covered * (suppress * (base - here) + shift * t / texture_mean)
                if capsule != 0.0:
                    near = math.erfc(-(d + 0.25 * sigma) / (math.sqrt(2.0) * capsule_sigma))
                    far = math.erfc(-(d - 0.52 * sigma) / (math.sqrt(2.0) * capsule_sigma))
                    delta += weight * capsule * 0.5 * (near - far)
                change[k, j, i] = delta


def compose(
    voxels: npt.NDArray[np.generic], labels: npt.NDArray[np.uint8], survey: OrganSurvey, taper: npt.NDArray[np.float32],
    outline: Outline, centre_ras_mm: Array, texture: Texture, look: Look,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], Box]:
    """Change and mask of one lesion.

    Args:
        voxels: the whole image (K, J, I), read only.
        labels: lesions so far in the organ's box; their voxels are left alone.
        survey: the organ.
        taper: from `OrganSurvey.movement_taper`.
        outline, centre_ras_mm, texture, look: the lesion.

    Returns:
        change in the image's unit (float32) and lesion voxels, both in the returned box of the whole grid.
    """
    geometry: Geometry = survey.geometry
    radius = outline.shape.nominal_radius_mm
    low, high = outline.low_mm - SHELL_MM, outline.high_mm + SHELL_MM
    reach = outline.outer_mm + SHELL_MM
    if look.mass_effect_percent > 0:
        # What is pushed lies within 1.3 r; the lesion itself is magnified by a few percent.
        low, high = np.minimum(1.06 * low, -1.3 * radius), np.maximum(1.06 * high, 1.3 * radius)
        reach = max(1.06 * reach, 1.3 * radius)
    box = geometry.box_around_ras(centre_ras_mm + low, centre_ras_mm + high)
    start = tuple(max(a, b) for a, b in zip(box.start, survey.box.start, strict=True))
    stop = tuple(min(a, b) for a, b in zip(box.stop, survey.box.stop, strict=True))
    box = Box(start, stop)  # type: ignore[arg-type]
    inner = tuple(slice(a - o, b - o) for a, b, o in zip(box.start, box.stop, survey.box.start, strict=True))
    inside = np.ascontiguousarray(survey.inside[inner])
    part = voxels[box.slices].astype(np.float32)
    matrix, centre = np.ascontiguousarray(geometry.ijk_to_ras), np.ascontiguousarray(centre_ras_mm)
    depth, cover, squeeze = (np.full(box.shape, value, dtype=np.float32) for value in (FAR, 0.0, 1.0))
    first = np.array(box.start, dtype=np.float64)
    scale = 1.0 / survey.block_step.astype(np.float64)
    _measure(
        inside, matrix, first, centre, outline.depth_mm, outline.sigma_mm, outline.spacing_mm, outline.half,
        look.mass_effect_percent, radius, taper, scale, (0.5 - np.array(survey.box.start)) * scale - 0.5,
        outline.outer_mm, reach, outline.widest_mm, depth, cover, squeeze,
    )
    own_labels = labels[inner]
    lesion = (depth > 0) & (own_labels == 0)
    smooth = part
    if look.suppress_structure > 0 or look.mass_effect_percent > 0:
        smooth = np.empty_like(part)
        _even_out(part, inside, cover, squeeze, 3.0 * survey.noise + 1e-6, smooth)
    base = look.core_base
    if base is None:
        shell = part[(depth > FAR) & (depth < -2.0) & (own_labels == 0)]
        base = float(np.median(shell[:: max(1, shell.size // 4000)])) if shell.size > 30 else survey.median
    change = np.zeros(box.shape, dtype=np.float32)
    _compose(
        inside, own_labels, smooth, depth, cover, squeeze, matrix, np.ascontiguousarray(geometry.ras_to_ijk), first,
        centre, texture.values, texture.origin_ras_mm, texture.spacing_mm, texture.mean, look.shift,
        look.suppress_structure, base, look.capsule, math.hypot(0.8, geometry.spacing_ijk_mm[0] / 3.5),
        look.edge_sigma_mm, change,
    )
    return change, lesion, box
