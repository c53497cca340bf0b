"""Cohorts: cases a minute and what one costs, against the number of workers."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from Testing.benchmarks.report import Section
from Testing.benchmarks.timing import in_own_process

CASES, SPACING_MM = 24, 2.5
WORKERS = (0, 1, 2, 4)


def section(repeats: int) -> Section:
    """Measure and describe."""
    out = Section(
        "Cohorts on several processes",
        f"{CASES} cases of the heart phantom in CT (67 x 67 x 67 voxels of {SPACING_MM} mm), made, written as NIfTI, "
        "on one process and on a Dask cluster of this machine. A case's cost is the time that one worker spends on it; "
        "starting the workers and compiling in them is not counted. Median over runs.",
        ["workers", "cases a minute", "worker-seconds a case", "against one process", "efficiency"],
    )
    runs = max(1, min(3, repeats // 2))
    alone = 0.0
    hashes = set()
    for workers in WORKERS:
        found = [in_own_process("Testing.benchmarks.cohorts", str(workers)) for _ in range(runs)]
        hashes |= {one["hash"] for one in found}
        rate = sorted(one["per_minute"] for one in found)[runs // 2]
        cost = sorted(one["worker_seconds"] for one in found)[runs // 2]
        alone = alone or rate
        gain = rate / alone
        possible = min(max(workers, 1), os.cpu_count() or 1)
        out.row("none: this process" if workers == 0 else str(workers), f"{rate:.3g}", f"{cost:.3g}", f"{gain:.2f} x",
                f"{100 * gain / possible:.0f} % of {possible} cores")
    if len(hashes) != 1:
        raise RuntimeError("the cohorts differ between numbers of workers")
    out.note("All runs made the same cases, voxel by voxel (compared by hash).")
    return out


def _measure(workers: int) -> dict[str, float | str]:
    from synthetic_imaging.cohorts.cluster import Cluster
    from synthetic_imaging.cohorts.making import Pace, make_cohort
    from synthetic_imaging.cohorts.plan import CohortPlan
    from synthetic_imaging.cohorts.records import CaseRecord

    # So many first cases are not timed: workers start and compile, or read what was compiled, with them.
    warm = 2 * max(workers, 1)
    plan = CohortPlan("hearts.phantom-ct", CASES + warm, 1, settings={"spacing_mm": SPACING_MM}, layout="nifti")
    times: list[tuple[float, float]] = []

    def on_case(record: CaseRecord, pace: Pace) -> None:
        del pace
        times.append((time.perf_counter(), record.seconds))

    with tempfile.TemporaryDirectory() as place:
        folder = make_cohort(plan, Path(place) / "out", cluster=Cluster(workers=workers) if workers else None,
                             on_case=on_case)
        counted = times[warm:]
        return {
            "per_minute": 60 * len(counted) / (counted[-1][0] - times[warm - 1][0]),
            "worker_seconds": sum(seconds for _, seconds in counted) / len(counted),
            "hash": "".join(r.image_sha256[:4] for n, r in sorted(folder.records.items()) if n <= CASES),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("workers", type=int)
    print(json.dumps(_measure(parser.parse_args().workers)))
