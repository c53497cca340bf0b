"""Find text that a user reads and that is not marked for translation: in Python files and in .ui files.

Marked is a literal inside ``_("...")`` or ``translate("...", "...")``, which Qt's lupdate can extract; values come in
by ``.format(...)`` afterwards.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

MARKS = {"_", "translate", "tr"}
PROPERTIES = {
    "text", "toolTip", "title", "placeholderText", "windowTitle", "statusTip", "whatsThis", "prefix", "suffix",
    "specialValueText", "html", "plainText", "helpText", "acknowledgementText", "accessibleName",
    "accessibleDescription", "caption", "noneDisplay", "headerText", "collapsedText",
}  # fmt: skip
METHODS = {
    "setText", "setToolTip", "setTitle", "setWindowTitle", "setPlaceholderText", "setPrefix", "setSuffix", "setHtml",
    "setPlainText", "setStatusTip", "setWhatsThis", "setAccessibleName", "setAccessibleDescription",
    "setHorizontalHeaderLabels", "setVerticalHeaderLabels", "setHeaderLabels", "setTabText", "setItemText",
    "setSpecialValueText", "addItem", "addItems", "insertItem", "addTab", "insertTab", "addRow", "addAction",
    "addMenu", "errorDisplay", "infoDisplay", "warningDisplay", "messageBox", "delayDisplay", "showStatusMessage",
    "confirmYesNoDisplay", "confirmOkCancelDisplay", "getOpenFileName", "getSaveFileName", "getExistingDirectory",
    "question", "information", "warning", "critical", "note",
}  # fmt: skip
WIDGETS = re.compile(r"^(qt\.Q|ctk\.ctk|slicer\.q[MS])")
NO_TEXT = {"QSettings", "QUrl", "QKeySequence", "QIcon", "QPixmap", "QFont", "QColor", "QRegularExpression",
           "QFileInfo", "QProcess", "QFile", "QDir", "QByteArray", "QSvgRenderer", "QUiLoader"}  # fmt: skip
"""Classes whose arguments are names and addresses, not words."""
UNITS = {"mm", "cm", "HU", "ml", "s", "ms", "GB", "MB", "RAS", "CT", "MR", "DICOM", "CPU", "GPU", "px", "x"}
"""The same in every language."""
NEVER_TRANSLATED = {
    "nodeTypes", "hideChildNodeTypes", "interactionNodeSingletonTag", "sceneModelType", "levelFilter", "quantity",
    "settingKey", "defaultTerminologyEntrySettingsKey", "includeItemAttributeNamesFilter", "sliceViewName",
    "excludeItemAttributeNamesFilter", "includeNodeAttributeNamesFilter", "excludeNodeAttributeNamesFilter",
    "sliceOrientation", "targetRepresentationName", "defaultPlaceClassName", "SlicerParameterName",
}  # fmt: skip
"""Properties of widgets that hold names of Slicer's: translated, they would break the panel."""


def is_words(text: str) -> bool:
    """Whether a text holds something to translate: letters that are no unit, no markup and no placeholder."""
    plain = re.sub(r"<[^>]*>|&\w+;|\{[^{}]*\}|https?://\S+", " ", text)
    return any(word not in UNITS for word in re.findall(r"[^\W\d_]+", plain))


def is_mark(node: ast.expr) -> bool:
    """Whether a node is a call of one of the marking functions."""
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return name in MARKS


class PythonText(ast.NodeVisitor):
    """Walks one Python file and collects what is not marked."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.known: list[dict[str, list[ast.expr]]] = [{}]
        self.has_marks = False

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """``from slicer.i18n import tr as _``."""
        self.has_marks |= node.module == "slicer.i18n"

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Remember what its local names are set to: ``text = "..."; label.text = text``."""
        known: dict[str, list[ast.expr]] = {}
        for part in ast.walk(node):
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    if isinstance(target, ast.Name):
                        known.setdefault(target.id, []).append(part.value)
        self.known.append(known)
        self.generic_visit(node)
        self.known.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        """``widget.text = ...``."""
        if any(isinstance(t, ast.Attribute) and t.attr in PROPERTIES for t in node.targets):
            self.check(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """``widget.setText(...)``, ``qt.QLabel(...)``, and the marking functions themselves."""
        if is_mark(node):
            for argument in node.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    self.note(argument, "inside _() must stand a plain literal, not")
        elif isinstance(node.func, ast.Attribute):
            first_only = node.func.attr in ("addItem", "addMenu")
            if node.func.attr in METHODS:
                for argument in node.args[:1] if first_only else node.args:
                    self.check(argument)
            elif WIDGETS.match(ast.unparse(node.func)) and node.func.attr not in NO_TEXT:
                for argument in node.args:
                    self.check(argument)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """A sentence that a panel raises is a sentence that the panel shows; files without _() serve scripts too."""
        if self.has_marks and isinstance(node.exc, ast.Call):
            name = ast.unparse(node.exc.func)
            for argument in node.exc.args[:1] if name.endswith(("InputError", "ImagingError")) else []:
                self.check(argument)
        self.generic_visit(node)

    def check(self, node: ast.expr, seen: frozenset[str] = frozenset()) -> None:
        """Note the unmarked literals that an expression can come to."""
        for literal in self.literals(node, seen):
            if is_words(literal.value):
                self.note(literal, "not marked with _():")

    def literals(self, node: ast.expr, seen: frozenset[str]) -> Iterator[ast.Constant]:
        """The string literals that show up in an expression's value, outside marks."""
        parts: list[ast.expr] = []
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        elif isinstance(node, ast.JoinedStr):
            parts = node.values
        elif isinstance(node, ast.FormattedValue):
            parts = [node.value] if isinstance(node.value, ast.Constant | ast.IfExp) else []
        elif isinstance(node, ast.BinOp):
            parts = [node.left, node.right]
        elif isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            parts = node.values
        elif isinstance(node, ast.List | ast.Tuple):
            parts = node.elts
        elif isinstance(node, ast.Starred):
            parts = [node.value]
        elif isinstance(node, ast.Name) and node.id not in seen:
            for value in self.known[-1].get(node.id, []):
                yield from self.literals(value, seen | {node.id})
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not is_mark(node):
            text_method = node.func.attr in ("format", "join", "strip", "capitalize", "upper", "lower", "replace")
            parts = [node.func.value] if text_method else []
            if node.func.attr == "join":
                parts += node.args
        for part in parts:
            yield from self.literals(part, seen)

    def note(self, node: ast.expr, what: str) -> None:
        """Remember one finding."""
        line = f"line {node.lineno}: {what} {ast.unparse(node)[:80]}"
        if line not in self.found:
            self.found.append(line)


def in_python(source: str) -> list[str]:
    """What is not marked in a Python file, one line each."""
    walker = PythonText()
    walker.visit(ast.parse(source))
    return walker.found


def in_ui(path: Path) -> list[str]:
    """What in a .ui file is seen but not translatable, or translatable though it is a name of Slicer's."""
    found = []
    for holder in ElementTree.parse(path).iter():
        if holder.tag not in ("property", "attribute"):
            continue
        name = holder.get("name", "")
        for value in holder:
            texts = [value.text or ""] if value.tag == "string" else [s.text or "" for s in value.iter("string")]
            kept = value.get("notr") == "true"
            for text in texts:
                if name in PROPERTIES and kept and is_words(text):
                    found.append(f"{name} is not translatable: {text[:80]!r}")
                if name in NEVER_TRANSLATED and text and not kept:
                    found.append(f"{name} must be marked notr: {text[:80]!r}")
    return found
