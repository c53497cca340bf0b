"""Make the README's pictures in docs/pictures/ from a finished demonstration: `make pictures`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).parent / "pictures"
WIDEST = 1400

# Picture of the README -> files of the demonstration, side by side.
MADE_OF = {
    "growth": ["growth_strip"],
    "tumour": ["tumour_axial_before", "tumour_axial_after", "tumour_axial_difference"],
    "drawn": ["liver_lesion_2_axial_before", "liver_lesion_2_axial_after", "liver_lesion_2_axial_overlay"],
    "scene": ["three_d"],
}


def beside(names: list[str], folder: Path) -> Any:
    """The pictures in a row, no wider than the page."""
    from PIL import Image

    parts = [Image.open(folder / f"{name}.png").convert("RGB") for name in names]
    row = Image.new("RGB", (sum(p.width for p in parts), max(p.height for p in parts)))
    x = 0
    for part in parts:
        row.paste(part, (x, 0))
        x += part.width
    row.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
    return row


def main() -> None:
    """Write them; a file of the demonstration that is missing is named."""
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("demo"), help="folder of the demonstration")
    folder = parser.parse_args().demo / "pictures"
    missing = [n for names in MADE_OF.values() for n in names if not (folder / f"{n}.png").is_file()]
    if missing:
        parser.error(f"{folder} has no {missing[0]}.png: run `make demo` first")
    PICTURES.mkdir(exist_ok=True)
    for name, parts in MADE_OF.items():
        beside(parts, folder).save(PICTURES / f"{name}.jpg", quality=88, optimize=True)
        print(f"docs/pictures/{name}.jpg")


if __name__ == "__main__":
    main()
