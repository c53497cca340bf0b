"""Panels keep to what PythonQt and the host understand alike; what only shows in 3D Slicer is found in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "SyntheticImaging"


def qt_users() -> list[Path]:
    """Source files that import ``qt`` or ``ctk``."""
    files = [*SOURCES.glob("*/*.py"), *(SOURCES / "SyntheticImagingLib").rglob("*.py")]
    return sorted(f for f in set(files) if any(name in ("qt", "ctk") for name in imported(f)))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def dotted(node: ast.AST) -> str:
    """"qt.Qt.AlignLeft" for that expression, "" for others."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def faults(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Call) and dotted(node.func).startswith(("qt.", "ctk.")) and node.keywords:
            yield f"{line}: keyword arguments to {dotted(node.func)}"
        if isinstance(node, ast.Attribute):
            name = dotted(node).split(".")
            if len(name) >= 4 and name[0] in ("qt", "ctk") and name[2][0].isupper():
                yield f"{line}: {'.'.join(name)}: enumerations are named without their type"
        if isinstance(node, ast.ClassDef):
            bases = [dotted(b) for b in node.bases if dotted(b).startswith(("qt.", "ctk."))]
            if bases and (len(node.bases) > 1 or bases != ["qt.QObject"]):
                yield f"{line}: class {node.name} inherits from {', '.join(bases)}"
        if isinstance(node, ast.ImportFrom) and node.module in ("qt", "ctk"):
            yield f"{line}: from {node.module} import: write {node.module}.X, as Slicer's modules do"
        if isinstance(node, ast.Attribute) and node.attr in ("exec", "print_") and isinstance(node.ctx, ast.Load):
            yield f"{line}: .{node.attr}: PythonQt calls it exec_"


@pytest.mark.parametrize("file", qt_users(), ids=lambda f: str(f.relative_to(SOURCES)))
def test_the_source_keeps_to_the_common_dialect(file: Path) -> None:
    assert list(faults(ast.parse(file.read_text(encoding="utf-8")))) == []


def test_there_are_panels_to_look_at() -> None:
    assert len(qt_users()) > 5


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import qt\nqt.QLabel(text='x')", "keyword"),
        ("import qt\na = qt.Qt.AlignmentFlag.AlignLeft", "without their type"),
        ("import qt\nclass A(qt.QWidget): pass", "inherits"),
        ("import qt\nclass A(qt.QObject, B): pass", "inherits"),
        ("from qt import QLabel", "write qt.X"),
        ("dialog.exec()", "exec_"),
    ],
)
def test_it_would_be_found(source: str, said: str) -> None:
    assert any(said in fault for fault in faults(ast.parse(source)))
    assert not list(faults(ast.parse("import qt\nqt.QLabel('x')\nclass A(qt.QObject): pass\nb = qt.Qt.AlignLeft")))
