"""Write docs/tools/: one page per tool of the catalogue, and an index. `make docs`.

The pages come from the tools' declarations alone; a test compares them with what this would write.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from synthetic_imaging.catalogue import tools
from synthetic_imaging.parameters import Field, fields_of
from synthetic_imaging.tool import Input, Kind, Output, Tool

TOOLS = Path(__file__).parent / "tools"
MARK = "<!-- Written by `make docs` from the tool's declaration: change that, not this page. -->"


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    known = {name: item for name, item in tools().items() if item.distribution == "synthetic-imaging"}
    made = {f"{name}.md": page(item) for name, item in known.items()}
    rows = [f"| [{item.title}]({name}.md) | `{name}` | {item.sentence} |" for name, item in known.items()]
    made["README.md"] = "\n".join([MARK, "# Tools", "", "| tool | id | what it does |", "|---|---|---|", *rows, ""])
    return made


def page(tool: Tool) -> str:
    """The page of one tool."""
    return "\n".join([*_lines(tool), ""])


def _lines(tool: Tool) -> Iterator[str]:
    yield from (MARK, f"# {tool.title}", "", f"`{tool.id}`", "", tool.sentence, "")
    yield from ("Research use only, not for diagnosis.", "", "## Inputs", "")
    if tool.inputs:
        yield from ("| name | what | kind | required | notes |", "|---|---|---|---|---|")
    else:
        yield "None."
    for item in tool.inputs:
        yield _row(f"`{item.name}`", item.label, _kind(item), "yes" if item.required else "no", _notes(tool, item))
    yield from ("", "## Parameters", "")
    fields = fields_of(tool.parameters)
    if fields:
        yield from ("| name | label | values | default | notes |", "|---|---|---|---|---|")
        for field in fields:
            notes = " ".join(filter(None, (field.help, "(Advanced.)" if field.advanced else "")))
            yield _row(f"`{field.name}`", field.label, _values(field), field.in_words(field.default), notes)
        yield from ("", "And `seed`, a whole number: the same seed, inputs and parameters give the same result.")
    else:
        yield "None."
    yield from ("", "## Outputs", "", "| name | what | kind | notes |", "|---|---|---|---|")
    for output in tool.outputs:
        yield _row(f"`{output.name}`", output.label or output.name, output.kind.value, _output_notes(tool, output))
    yield from ("", "## Python", "", "```python", *_python(tool), "```")
    yield from ("", "## Shell", "", "```sh", *_shell(tool), "```")
    if tool.limits:
        yield from ("", "## Limits", "", tool.limits)
    yield from ("", "## Reference", "", tool.reference)


def _row(*cells: str) -> str:
    return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"


def _kind(item: Input) -> str:
    if item.kind is Kind.VOLUME:
        return " ".join(filter(None, (item.modality, "volume", f"in {item.unit}" if item.unit else "")))
    return "points, RAS mm" if item.kind is Kind.POINTS else item.kind.value


def _notes(tool: Tool, item: Input) -> str:
    grid = f"On the voxel grid of `{item.same_grid_as}`." if item.same_grid_as else ""
    return " ".join(filter(None, (item.help, grid)))


def _values(field: Field) -> str:
    if field.choices:
        return ", ".join(f"`{c}`" for c in field.choices)
    if field.type is bool:
        return "yes, no"
    unit = f" {field.unit}" if field.unit else ""
    if field.within:
        return f"{field.within[0]:g} to {field.within[1]:g}{unit}"
    return {int: "whole number", float: "number"}.get(field.type, "text") + unit


def _output_notes(tool: Tool, output: Output) -> str:
    said = []
    if output.edits:
        said.append(f"Outside the edited region every voxel of `{output.like}` is unchanged.")
    elif output.like:
        said.append(f"On the voxel grid of `{output.like}`.")
    if output.optional:
        said.append("Only where it applies.")
    return " ".join(said)


_SEGMENTS = {"organ": "liver", "lesion": "lesion 1", "vessels": "aorta"}


def _shown(tool: Tool) -> list[Input]:
    # Nearly every call names the organ, and some need it as soon as no place is clicked.
    # Where all may be left out, one must be there all the same: the first two show how.
    needed = [item for item in tool.inputs if item.required or item.name == "organ"]
    return needed or list(tool.inputs[:2])


def _python(tool: Tool) -> Iterator[str]:
    yield from ("import synthetic_imaging as si", "")
    for item in _shown(tool):
        if item.kind is Kind.VOLUME:
            yield f'{item.name} = si.read_volume("{item.name}.nrrd")'
        elif item.kind is Kind.MASK:
            only = f'.only("{_SEGMENTS[item.name]}")' if item.name in _SEGMENTS else ""
            yield f'{item.name} = si.read_mask("{_file(item)}"){only}'
        elif item.kind is Kind.POINTS:
            yield f"{item.name} = [[-60.0, 20.0, 1100.0]]  # right, anterior, superior, in mm"
    arguments = ", ".join([f'"{tool.id}"', *(f"{i.name}={i.name}" for i in _shown(tool)), "seed=7"])
    yield f"result = si.run({arguments})"
    yield f"result.{tool.outputs[0].name}"


def _shell(tool: Tool) -> Iterator[str]:
    parts = [f"synthetic-imaging run {tool.id}"]
    for item in _shown(tool):
        flag = f"--{item.name.replace('_', '-')}"
        if item.kind is Kind.VOLUME:
            parts.append(f"{flag} {item.name}.nrrd")
        elif item.kind is Kind.MASK:
            segment = f":{_SEGMENTS[item.name]}" if item.name in _SEGMENTS else ""
            parts.append(f'{flag} "{_file(item)}{segment}"' if " " in segment else f"{flag} {_file(item)}{segment}")
        elif item.kind is Kind.POINTS:
            parts.append(f"{flag} -60,20,1100")
    yield " ".join([*parts, "--seed 7", "--out result"])


def _file(item: Input) -> str:
    return "organs.seg.nrrd" if item.name in ("organ", "vessels") else "lesions.seg.nrrd"


def main() -> int:
    """Write the pages, or with --check say which are out of date."""
    parser = argparse.ArgumentParser(prog="make docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    given = parser.parse_args()
    wanted = pages()
    there = {p.name: p.read_text(encoding="utf-8") for p in TOOLS.glob("*.md")} if TOOLS.exists() else {}
    stale = sorted(n for n in {*wanted, *there} if wanted.get(n) != there.get(n))
    if given.check:
        print("\n".join(f"out of date: docs/tools/{n}" for n in stale) or "docs/tools is up to date")
        return 1 if stale else 0
    TOOLS.mkdir(exist_ok=True)
    for name in stale:
        if name in wanted:
            (TOOLS / name).write_text(wanted[name], encoding="utf-8")
        else:
            (TOOLS / name).unlink()
    print(f"docs/tools: {len(wanted)} pages, {len(stale)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
