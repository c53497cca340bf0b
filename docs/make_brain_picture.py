"""Make docs/pictures/brain.jpg: a phantom brain in FLAIR and T1w, the DIR computed from them, and its truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import synthetic_imaging as si
from synthetic_imaging.evidence.figures import tile

TARGET = Path(__file__).parent / "pictures" / "brain.jpg"
SIDE, BAND = 290, 18


def main() -> None:
    """Draw two patients, a row each."""
    rows = []
    for seed in (3, 12):
        made = si.run("sequences.phantom", seed=seed, spacing_mm=1.5, lesions=24)
        computed = si.run("sequences.fit", seed=1, flair=made.flair, t1w=made.t1w, align=False)
        lesions = np.asarray(made.lesions.layers[0])
        level = int(np.argmax((lesions > 0).sum(axis=(1, 2))))
        tiles = []
        for title, volume, outlined in (
            ("FLAIR", made.flair, False), ("T1w", made.t1w, False), ("DIR, computed from both", computed.volume, False),
            ("DIR, true", made.dir, False), ("DIR, true: lesions", made.dir, True),
        ):
            centre, width = volume.window
            shown = (centre - width / 2, centre + width / 2)
            one = tile(volume.voxels, lesions if outlined else None, shown, (0, level), SIDE)[::-1, 20:-20]
            tiles.append(titled(one, title) if not rows else one)
        rows.append(np.concatenate(tiles, axis=1))
    Image.fromarray(np.concatenate(rows)).save(TARGET, quality=84, optimize=True)
    print(TARGET, TARGET.stat().st_size // 1000, "kB")


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """With a line of text above."""
    band = Image.new("RGB", (picture.shape[1], BAND), "black")
    ImageDraw.Draw(band).text((6, 3), title, fill="white")
    return np.concatenate([np.asarray(band), picture])


if __name__ == "__main__":
    main()
