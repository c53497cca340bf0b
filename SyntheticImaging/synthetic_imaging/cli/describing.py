"""`tools` and `show`: what tools there are, and what one takes and returns."""

from __future__ import annotations

from typing import Any

from synthetic_imaging.parameters import Field, fields_of
from synthetic_imaging.tool import Tool


def described(tool: Tool) -> dict[str, Any]:
    """A tool's declaration as plain values, for JSON."""
    return {
        "id": tool.id, "title": tool.title, "sentence": tool.sentence, "reference": tool.reference,
        "limits": tool.limits,
        "inputs": [
            {"name": i.name, "label": i.label, "kind": i.kind.value, "modality": i.modality, "unit": i.unit,
             "required": i.required, "help": i.help}
            for i in tool.inputs
        ],
        "outputs": [{"name": o.name, "kind": o.kind.value, "label": o.label, "optional": o.optional}
                    for o in tool.outputs],
        "parameters": [
            {"name": f.name, "label": f.label, "type": _type(f), "default": getattr(f.default, "value", f.default),
             "unit": f.unit, "within": f.within, "choices": list(f.choices), "optional": f.optional,
             "advanced": f.advanced, "help": f.help}
            for f in fields_of(tool.parameters)
        ],
    }


def print_tools(tools: dict[str, Tool]) -> None:
    """A list of the tools, one a line."""
    width = max((len(name) for name in tools), default=0)
    for name, tool in tools.items():
        print(f"{name:<{width}}  {tool.title}: {tool.sentence}")


def print_tool(tool: Tool) -> None:
    """One tool: inputs, parameters with units and ranges, outputs, publication, limits."""
    print(f"{tool.title}  ({tool.id})\n{tool.sentence}\n")
    print("Inputs")
    for i in tool.inputs:
        what = " ".join(x for x in (i.modality, i.kind.value) if x)
        unit = f" in {i.unit}" if i.unit else ""
        print(f"  {i.name:<22} {i.label}: {what}{unit}{'' if i.required else ', optional'}")
    for heading, advanced in (("Parameters", False), ("Advanced parameters", True)):
        fields = [f for f in fields_of(tool.parameters) if f.advanced is advanced]
        if fields:
            print(f"\n{heading}")
        for f in fields:
            print(f"  {f.name:<22} {f.label}: {_range(f)}")
            if f.help:
                print(f"  {'':<22} {f.help}")
    print("\nOutputs")
    for o in tool.outputs:
        print(f"  {o.name:<22} {o.label or o.kind.value}: {o.kind.value}{', not always' if o.optional else ''}")
    print(f"\nReference: {tool.reference}")
    if tool.limits:
        print(f"Limits: {tool.limits}")


def _type(field: Field) -> str:
    return "choice" if field.choices else {bool: "yes or no", int: "whole number", float: "number"}.get(
        field.type, "text"
    )


def _range(field: Field) -> str:
    unit = f" {field.unit}" if field.unit else ""
    allowed = ", ".join(field.choices) if field.choices else _type(field)
    within = f" from {field.within[0]:g} to {field.within[1]:g}{unit}" if field.within else ""
    return f"{allowed}{within}; default {field.in_words(field.default)}"
