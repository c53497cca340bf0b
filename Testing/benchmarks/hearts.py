"""Phantom hearts: labelled volumes, CT and echo cases, and the labelled volume by plain array passes as a peer."""

from __future__ import annotations

import numpy as np
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import in_own_process, measure, measure_together, seconds

from synthetic_imaging.phantoms.heart import surfaces
from synthetic_imaging.phantoms.heart.calibration import heart_form
from synthetic_imaging.phantoms.heart.drawing import draw_anatomy
from synthetic_imaging.phantoms.heart.echo import FULL, echo_case
from synthetic_imaging.phantoms.heart.form import HeartForm
from synthetic_imaging.phantoms.heart.labels import ct_grid, evaluated
from synthetic_imaging.phantoms.heart.stream import HeartCtCases, HeartEchoCases

SIZES = ((48, 3.5), (64, 2.6), (128, 1.3))


def passes(form: HeartForm, edge: int, spacing_mm: float) -> np.ndarray:
    """The peer: one numpy pass over the grid for every shape, nearest structure wins, no walls kept apart."""
    grid = ct_grid((edge,) * 3, spacing_mm)
    k, j, i = np.meshgrid(*(np.arange(edge),) * 3, indexing="ij")
    r, a, s = (
        grid.ijk_to_ras[axis, 3] + sum(grid.ijk_to_ras[axis, n] * index for n, index in enumerate((i, j, k)))
        for axis in range(3)
    )
    best = np.zeros(grid.shape, dtype=np.float32)
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for row in form.shapes[form.shapes[:, 1] < surfaces.LABELS]:
        x, y, z = r - row[7], a - row[8], s - row[9]
        if row[0] == surfaces.CAPSULE:
            t = np.clip((x * row[10] + y * row[11] + z * row[12]) * row[15], 0, 1)
            apart = (x - t * row[10]) ** 2 + (y - t * row[11]) ** 2 + (z - t * row[12]) ** 2
            found = np.sqrt(apart) - (row[13] + t * row[14])
        else:
            turned = [x * row[n] + y * row[n + 1] + z * row[n + 2] for n in (10, 13, 16)]
            scaled = np.sqrt(sum((axis / half) ** 2 for axis, half in zip(turned, row[19:22], strict=True)))
            found = (scaled - 1) * row[19:22].min()
        nearer = found < best
        best[nearer] = found[nearer]
        labels[nearer] = int(row[1]) + 1
    return labels


def first() -> dict[str, float]:
    """Seconds of the first case in a new process, compiled code taken from the cache."""
    import time

    started = time.perf_counter()
    HeartCtCases(1, 1).case(0)
    return {"seconds": time.perf_counter() - started}


def section(repeats: int) -> Section:
    """Measure and describe."""
    out = Section(
        "Phantom hearts",
        "A parametric heart of eight structures. Peer: the same ellipsoids and tubes by one numpy pass each over the "
        "grid, without the left ventricle's wall, without walls between neighbours and without partial volume.",
        ["what", "time", "peer", "ours / peer"],
    )
    form = heart_form(draw_anatomy(np.random.default_rng(1)).at(0.75))
    for edge, spacing in SIZES:
        ours, peer = measure_together(
            lambda _, edge=edge, spacing=spacing: evaluated(form, ct_grid((edge,) * 3, spacing)),
            lambda _, edge=edge, spacing=spacing: passes(form, edge, spacing),
            repeats=repeats if edge < 100 else min(repeats, 3),
        )
        out.row(f"labels {edge}^3", ours.text, peer.text, ratio(ours, peer))
    many = 1000
    ct, echo = HeartCtCases(3, many), HeartEchoCases(3, many)
    out.row("CT case 48^3, new anatomy, with grain", measure(lambda n: ct.case(n), repeats).text, "", "")
    out.row("echo case 40 x 40 x 32, new anatomy", measure(lambda n: echo.case(n), repeats).text, "", "")
    full = measure(lambda n: echo_case(np.random.default_rng(n), shape_kji=FULL), min(repeats, 3))
    out.row("echo case 160 x 160 x 128", full.text, "", "")
    start = in_own_process("Testing.benchmarks.hearts", "first")["seconds"]
    out.note(f"The first CT case of a new process takes {seconds(start)} (compiled code from the cache).")
    return out


if __name__ == "__main__":
    import json

    print(json.dumps(first()))
