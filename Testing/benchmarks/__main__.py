"""Measure everything and write the page."""

from __future__ import annotations

import argparse
from pathlib import Path

import psutil
from Testing.benchmarks import (
    cohorts,
    drawn,
    elastic,
    growth,
    hearts,
    image_metrics,
    networks,
    samplers,
    segmentation,
    training_loop,
)
from Testing.benchmarks.report import now, page

SECTIONS = {
    "drawn": drawn.section, "growth": growth.section, "elastic": elastic.section, "metrics": image_metrics.section,
    "samplers": samplers.section, "samplers' errors": samplers.errors, "networks": networks.section,
    "training": training_loop.section, "segmentation": segmentation.section, "hearts": hearts.section,
    "cohorts": cohorts.section,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--out", type=Path, help="the page to write; nothing is written without")
    parser.add_argument("--only", choices=list(SECTIONS), nargs="*", default=list(SECTIONS))
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    if given.out and len(given.only) < len(SECTIONS):
        parser.error("a page needs all measurements: leave out --only or --out")
    busy_percent = psutil.cpu_percent(interval=2)
    sections = []
    for name in given.only:
        print(name, flush=True)
        sections.append((SECTIONS[name](given.repeats), now()))
    if given.out:
        partial = given.out.with_name(given.out.name + ".part")
        partial.write_text(page(sections, given.repeats, busy_percent), encoding="utf-8")
        partial.replace(given.out)
        print(f"Written: {given.out}")


if __name__ == "__main__":
    main()
