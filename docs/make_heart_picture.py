"""Make docs/pictures/hearts.jpg: phantom hearts in CT and 3-D echo, with outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from synthetic_imaging.evidence.figures import tile
from synthetic_imaging.phantoms.heart.ct import ct_case
from synthetic_imaging.phantoms.heart.echo import echo_case

TARGET = Path(__file__).parent / "pictures" / "hearts.jpg"
SIDE = 220


def main() -> None:
    """Draw three hearts in each kind."""
    rows = []
    for make, window, cuts, size in (
        (ct_case, (-150.0, 550.0), ((0, 0.5), (1, 0.5)), {"shape_kji": (110, 110, 110), "spacing_mm": 1.55}),
        (echo_case, (110.0, 255.0), ((2, 0.5), (0, 0.5)), {"shape_kji": (110, 110, 88)}),
    ):
        tiles = []
        for seed in (3, 11, 4):
            volume, segments, _ = make(np.random.default_rng(seed), **size)
            for axis, place in cuts:
                index = int(volume.voxels.shape[axis] * place)
                one = tile(volume.voxels, np.asarray(segments.layers[0]), window, (axis, index), SIDE)
                tiles.append(one[::-1] if make is ct_case and axis == 1 else one)
        rows.append(np.concatenate(tiles, axis=1))
    Image.fromarray(np.concatenate(rows)).save(TARGET, quality=82, optimize=True)
    print(TARGET, TARGET.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    main()
