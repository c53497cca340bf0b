"""Compiled: how deep inside a `Shape` a point lies, and how soft its edge is there."""

from __future__ import annotations

import math

from synthetic_imaging.kernels import kernel, prange


@kernel
def _quadratic(values, x):  # type: ignore[no-untyped-def]
    """Parabola through three values at -1, 0, 1."""
    return values[1] + 0.5 * x * (values[2] - values[0]) + 0.5 * x * x * (values[2] - 2 * values[1] + values[0])


@kernel
def _plane(values, x, y):  # type: ignore[no-untyped-def]
    """Biquadratic surface through 3 x 3 values on [-1, 1] x [-1, 1]."""
    a = _quadratic(values[0], y)
    b = _quadratic(values[1], y)
    c = _quadratic(values[2], y)
    return b + 0.5 * x * (c - a) + 0.5 * x * x * (c - 2 * b + a)


@kernel
def depth_mm(u, v, w, semi_axes, rotation, displacement, waves, lobulation):  # type: ignore[no-untyped-def]
    """Approximate signed distance of a point to the outline, positive inside, and the outward normal (RAS).

    First-order distance of an ellipsoid: rho (1 - rho) / |A^-2 x| with rho = |A^-1 x|; exact on the surface.
    Scalars only: an array made per voxel would cost more than the arithmetic.
    """
    scale = 0.5 / max(semi_axes[0], semi_axes[1], semi_axes[2])
    x, y = min(1.0, max(-1.0, u * scale)), min(1.0, max(-1.0, v * scale))
    du, dv = _plane(displacement[0, 0], x, y), _plane(displacement[0, 1], x, y)
    u, v = u + du, v + dv
    x, y = min(1.0, max(-1.0, v * scale)), min(1.0, max(-1.0, w * scale))
    dv, dw = _plane(displacement[1, 0], x, y), _plane(displacement[1, 1], x, y)
    v, w = v + dv, w + dw
    x, y = min(1.0, max(-1.0, u * scale)), min(1.0, max(-1.0, w * scale))
    du, dw = _plane(displacement[2, 0], x, y), _plane(displacement[2, 1], x, y)
    u, w = u + du, w + dw

    a0 = (rotation[0, 0] * u + rotation[0, 1] * v + rotation[0, 2] * w) / semi_axes[0]
    a1 = (rotation[1, 0] * u + rotation[1, 1] * v + rotation[1, 2] * w) / semi_axes[1]
    a2 = (rotation[2, 0] * u + rotation[2, 1] * v + rotation[2, 2] * w) / semi_axes[2]
    rho = math.sqrt(a0 * a0 + a1 * a1 + a2 * a2)
    if rho < 1e-6:
        return min(semi_axes[0], semi_axes[1], semi_axes[2]), 0.0, 0.0, 0.0
    a0, a1, a2 = a0 / semi_axes[0], a1 / semi_axes[1], a2 / semi_axes[2]
    length = math.sqrt(a0 * a0 + a1 * a1 + a2 * a2)
    edge = 1.0
    # Waves reach 2.5 standard deviations; deeper or further out they cannot move the outline here.
    if lobulation > 0.0 and abs(rho - 1.0) < 3.0 * lobulation + 0.15:
        radius = math.sqrt(u * u + v * v + w * w)
        total = 0.0
        for i in range(waves.shape[0]):
            total += math.sin((waves[i, 0] * u + waves[i, 1] * v + waves[i, 2] * w) / radius + waves[i, 3])
        # Sum of n sines has standard deviation sqrt(n / 2).
        edge += lobulation * total / math.sqrt(waves.shape[0] / 2.0)
    n0 = (rotation[0, 0] * a0 + rotation[1, 0] * a1 + rotation[2, 0] * a2) / length
    n1 = (rotation[0, 1] * a0 + rotation[1, 1] * a1 + rotation[2, 1] * a2) / length
    n2 = (rotation[0, 2] * a0 + rotation[1, 2] * a1 + rotation[2, 2] * a2) / length
    return rho * (edge - rho) / length, n0, n1, n2


@kernel(parallel=True)
def sample_outline(  # type: ignore[no-untyped-def]
    semi_axes, rotation, displacement, waves, lobulation, edge_sigma_mm, steps, spacing, half, outer, depth, sigma
):
    """Depth and softness of the edge on a RAS-aligned lattice around the centre.

    The edge is Gaussian with ``edge_sigma_mm``, widened by the voxel's own extent along the outline's normal: a box of
    length L has variance L^2 / 12 (partial volume in thick slices). ``steps``: (3, 3), columns are the voxel's edge
    vectors in RAS mm; ``spacing``, ``half``, ``outer``: step of the lattice, index of its
    centre, and the distance beyond which nothing of the lesion is left.
    """
    for a in prange(depth.shape[0]):
        for b in range(depth.shape[1]):
            for c in range(depth.shape[2]):
                u, v, w = (a - half) * spacing, (b - half) * spacing, (c - half) * spacing
                distance = math.sqrt(u * u + v * v + w * w)
                if distance > outer + 2.0 * spacing:
                    depth[a, b, c] = -distance
                    sigma[a, b, c] = edge_sigma_mm
                    continue
                d, n0, n1, n2 = depth_mm(
                    u, v, w, semi_axes, rotation, displacement, waves, lobulation,
                )
                variance = edge_sigma_mm * edge_sigma_mm
                for axis in range(3):
                    extent = n0 * steps[0, axis] + n1 * steps[1, axis] + n2 * steps[2, axis]
                    variance += extent * extent / 12.0
                depth[a, b, c] = d
                sigma[a, b, c] = math.sqrt(variance)
