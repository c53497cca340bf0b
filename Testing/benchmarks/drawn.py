"""Hand-crafted lesions: time by size class, memory, and what a larger volume costs."""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from Testing.benchmarks import drawn_peer
from Testing.benchmarks.phantom import abdomen
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import in_own_process, measure_together, peak_mb_above_now, seconds

from synthetic_imaging import Mask, Volume, run
from synthetic_imaging.catalogue import find
from synthetic_imaging.context import Run
from synthetic_imaging.parameters import make

# The middle of the numbers a case receives in the publication.
COUNTS = {"tiny": 6, "small": 6, "medium": 3, "large": 2, "mix": 18}
SIZES = {
    "tiny": ["tiny"] * 6, "small": ["small"] * 6, "medium": ["medium"] * 3, "large": ["large"] * 2,
    "mix": ["large"] * 2 + ["medium"] * 3 + ["small"] * 7 + ["tiny"] * 6,
}  # fmt: skip
TOOL = "lesions.handcrafted"


def fresh(ct: Volume, organ: Mask) -> tuple[Volume, Mask]:
    """The same images without anything remembered from an earlier run (hashes, boxes)."""
    return ct.like(ct.voxels), Mask(organ.layers, organ.geometry, organ.segments, name=organ.name)


def body(ct: Volume, organ: Mask, size: str, seed: int) -> int:
    """The tool's own work; returns how many lesions were drawn."""
    tool = find(TOOL)
    ct, organ = fresh(ct, organ)
    made = tool.function(
        ct=ct, organ=organ, vessels=None, at=None,
        parameters=make(tool.parameters, {"size": size, "count": COUNTS[size]}), run=Run(seed=seed),
    )  # fmt: skip
    return len(made.lesions.segments) - 1


def whole(ct: Volume, organ: Mask, size: str, seed: int) -> None:
    """All of `run`: input checks, memory estimate, hashes, provenance."""
    ct, organ = fresh(ct, organ)
    run(TOOL, ct=ct, organ=organ, size=size, count=COUNTS[size], seed=seed)


def section(repeats: int) -> Section:
    """Measure and describe."""
    ct, organ = abdomen()
    inside = organ.inside()
    rng = np.random.default_rng(1)
    started = time.perf_counter()
    field = drawn_peer.texture_field(rng, 9, 4, drawn_peer.FIELD_SHAPE)
    made_in = time.perf_counter() - started
    out = Section(
        "Hand-crafted lesions",
        "Phantom abdomen of 256 x 256 x 128 voxels, liver of a litre. Peer: the method of Hu et al. 2023, restated "
        "(passes over the organ's box, texture cropped from a field made beforehand; no vessel test, no mass effect, "
        "no provenance). Ours makes the texture in each lesion's box, keeps off vessels and pushes tissue aside.",
        ["size class", "lesions", "tool alone", "whole `run`", "peer", "tool / peer", "run / peer"],
    )
    for size, count in COUNTS.items():
        drawn: list[int] = []
        ours, full, peer = measure_together(
            lambda n, size=size, drawn=drawn: drawn.append(body(ct, organ, size, n)),
            lambda n, size=size: whole(ct, organ, size, n),
            lambda n, size=size: drawn_peer.draw(ct.voxels, inside, field, SIZES[size], np.random.default_rng(n)),
            repeats=repeats,
        )
        placed = f"{count}" if set(drawn) == {count} else f"{min(drawn)} to {max(drawn)} of {count} found room"
        out.row(size, placed, ours.text, full.text, peer.text, ratio(ours, peer), ratio(full, peer))
    out.note(f"The peer's texture field took {seconds(made_in)} to make beforehand and holds {field.nbytes >> 20} MiB; "
             "the publication keeps ten.")
    for size in ("small", "mix"):
        ours_mb = in_own_process("Testing.benchmarks.drawn", "ours", size)["peak_mb"]
        peer_mb = in_own_process("Testing.benchmarks.drawn", "peer", size)["peak_mb"]
        if ours_mb is None or peer_mb is None:
            out.note("Peak memory was not measured: this system does not tell it.")
            break
        out.note(f"Peak memory above the input volume, {size} set, in a process of its own (compiler included): ours "
                 f"{ours_mb:.0f} MiB, peer with one texture field {peer_mb:.0f} MiB, ratio {ours_mb / peer_mb:.2f}.")
    _scaling(out, ct, organ, repeats)
    return out


def _scaling(out: Section, ct: Volume, organ: Mask, repeats: int) -> None:
    try:
        from synthetic_imaging import samples

        big, organs = samples.ct_with_organs()
    except Exception as reason:  # the sample package is optional
        out.note(f"The 512 x 512 x 133 CT was not measured: {reason}")
        return
    liver = organs.only("liver")
    for name, call in (("tool alone", body), ("whole `run`", whole)):
        large, small = measure_together(
            lambda n, call=call: call(big, liver, "small", n),
            lambda n, call=call: call(ct, organ, "small", n),
            repeats=repeats,
        )
        k, j, i = big.shape
        out.note(f"Small set in the real CT of {i} x {j} x {k} voxels against the phantom of 256 x 256 x 128 "
                 f"({big.voxels.size / ct.voxels.size:.1f} times the voxels), {name}: {large.text} against "
                 f"{small.text}, ratio {ratio(large, small)}.")


def _peak(method: str, size: str) -> float | None:
    ct, organ = abdomen()
    inside = organ.inside()
    if method == "ours":
        return peak_mb_above_now(lambda: whole(ct, organ, size, 0))

    # The field is resident for as long as the peer is used; the larger peak while it is made is not counted.
    rng = np.random.default_rng(0)
    field = drawn_peer.texture_field(rng, 9, 4, drawn_peer.FIELD_SHAPE)
    drawing = peak_mb_above_now(lambda: drawn_peer.draw(ct.voxels, inside, field, SIZES[size], rng))
    return None if drawing is None else drawing + field.nbytes / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=["ours", "peer"])
    parser.add_argument("size", choices=list(COUNTS))
    given = parser.parse_args()
    print(json.dumps({"peak_mb": _peak(given.method, given.size)}))
