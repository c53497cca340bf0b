"""The demonstration's report: one page, no script, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthetic_imaging.catalogue import find
from synthetic_imaging.parameters import fields_of
from synthetic_imaging.provenance import STATEMENT
from synthetic_imaging.table import Table
from SyntheticImagingLib.demo.gallery import ORIENTATIONS, SOFT_TISSUE, Gallery
from SyntheticImagingLib.demo.recipe import Made, Step

# What the page's table shows; all columns are in measurements.csv. Key (with or without unit tail) -> heading, digits.
_SHOWN = {
    "volume_ml": ("Volume", 2), "axial_long_mm": ("Long axis", 1), "axial_short_mm": ("Short axis", 1),
    "mean": ("Mean", 0), "sd": ("SD", 0), "contrast": ("Contrast to organ", 0),
    "to_organ_surface_mm": ("To organ surface", 1), "necrotic_percent": ("Dead core", 0),
}
_KINDS = {
    "before": "Before", "after": "After", "overlay": "Outlines", "difference": "Difference", "narrow": "Narrow window",
}
_FILES = {
    "scene": "Slicer scene: all of this, with the growth to play",
    "source": "CT as it was",
    "synthetic": "CT with synthetic lesions",
    "lesions": "organs, lesions, tumour and its dead core",
    "organs": "all labelled organs of the CT",
    "growth": "growing tumour, images",
    "growth_lesions": "growing tumour, segmentations",
    "measurements": "all measurements",
    "provenance": "how everything was made",
    "dicom": "DICOM folder",
    "dicom_segmentation": "DICOM segmentation",
}


def write(folder: Path, made: Made, gallery: Gallery, files: Mapping[str, Path], dicom_images: int) -> Path:
    """Write ``report.html`` into the demonstration's folder."""
    import jinja2

    place = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(place), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    record = made.synthetic.provenance
    assert record is not None
    page = environment.get_template("report.html.jinja").render(
        statement=STATEMENT, made=made, gallery=gallery, orientations=ORIENTATIONS, kinds=_KINDS, record=record,
        table=shown_table(made.measurements), swatches=swatches(made), steps=[_described(s) for s in made.steps],
        python=repeat_in_python(made.steps), shell=repeat_in_shell(made.steps),
        files=[(p.as_posix(), _FILES[k], _size(folder / p)) for k, p in files.items()], dicom_images=dicom_images,
        soft=SOFT_TISSUE,
        limit=f"{_limit(made):g}",
        lesion_count=len(made.measurements),
    )
    target = folder / "report.html"
    target.write_text(page, encoding="utf-8")
    return target


def shown_table(table: Table) -> dict[str, Any]:
    """Headings with units and rows of texts for the page."""
    keys = []
    for key, (heading, digits) in _SHOWN.items():
        column = next((c for c in table.columns if c.key in (key, f"{key}_hu")), None)
        if column is not None:
            keys.append((column.key, heading, column.unit, digits))
    rows = []
    for row in table:
        cells = [_number(row[key], digits) for key, _, _, digits in keys]
        rows.append((str(row["lesion"]), cells))
    return {"headings": [(heading, unit) for _, heading, unit, _ in keys], "rows": rows}


def swatches(made: Made) -> dict[str, str]:
    """Segment -> CSS colour."""
    return {s.name: "rgb({:.0f} {:.0f} {:.0f})".format(*(255 * c for c in s.colour)) for s in made.lesions.segments}


def repeat_in_python(steps: tuple[Step, ...]) -> str:
    """Lines of Python that make the same volume again."""
    lines = ["import synthetic_imaging as si", "from synthetic_imaging import samples", "",
             "ct, organs = samples.ct_with_organs()"]
    for step in steps:
        given = [f'"{step.tool}"', "ct=ct", f'organ=organs.only("{step.organ}")']
        given.append(f"at={[list(point) for point in step.at]}")
        given += [f"{k}={_python(v)}" for k, v in step.parameters.items()]
        given.append(f"seed={step.seed}")
        lines += [f"ct = si.run({', '.join(given[:3])},", f"            {', '.join(given[3:])}).volume"]
    lines.append('si.write_volume(ct, "synthetic.nrrd")')
    return "\n".join(lines)


def repeat_in_shell(steps: tuple[Step, ...]) -> str:
    """Shell commands that make the same volume again from the files of the demonstration."""
    lines = []
    source = "nrrd/source.nrrd"
    for number, step in enumerate(steps, start=1):
        parts = [f"synthetic-imaging run {step.tool} --ct {source} --organ nrrd/organs.seg.nrrd:{step.organ}"]
        parts += ["--at=" + ",".join(f"{x:.10g}" for x in point) for point in step.at]
        parts += [f"--{k.replace('_', '-')} {v}" for k, v in step.parameters.items()]
        parts.append(f"--seed {step.seed} --out step{number}")
        lines.append(" \\\n    ".join([parts[0], " ".join(parts[1:])]))
        source = f"step{number}/volume.nrrd"
    return "\n".join(lines)


def _described(step: Step) -> dict[str, Any]:
    fields = {f.name: f for f in fields_of(find(step.tool).parameters)}
    given = ((fields[name], value) for name, value in step.parameters.items())
    settings = ", ".join(f"{field.label}: {field.in_words(value)}" for field, value in given).replace(" -", " −")
    return {"sentence": step.sentence, "tool": step.tool, "organ": step.organ.replace("_", " "), "settings": settings,
            "seed": step.seed, "seconds": f"{step.seconds:.1f}", "notes": step.notes,
            "at": "; ".join(", ".join(f"{x:.10g}".replace("-", "−") for x in point) for point in step.at)}


def _limit(made: Made) -> float:
    from SyntheticImagingLib.display import signed_difference

    window = signed_difference(made.source, made.synthetic).window
    return window[1] / 2 if window else 0.0


def _number(value: Any, digits: int) -> str:
    if value is None:
        return "–"
    return f"{float(value):.{digits}f}".replace("-", "−") if isinstance(value, (int, float)) else str(value)


def _python(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _size(path: Path) -> str:
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) if path.is_dir() else path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
