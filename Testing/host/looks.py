"""How the host looks: a style and a font like Slicer's, and pictures of panels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, qInstallMessageHandler
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QWidget

_FONTS = ("DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial", "Helvetica")


def application() -> Any:
    """The application of this process, made when there is none."""
    from Testing.host.application import qSlicerApplication

    found: Any = QApplication.instance()
    if found is not None:
        if not isinstance(found, qSlicerApplication):
            raise RuntimeError("another Qt application is running in this process; the host needs its own")
        return found
    made = qSlicerApplication(["Slicer"])
    made.applicationName = "Slicer"
    made.applicationVersion = "5.12.3"
    made.organizationName = "TestingHost"
    made.setQuitOnLastWindowClosed(False)
    made.setStyle("Fusion")
    families = set(QFontDatabase.families())
    for name in _FONTS:
        if name in families:
            made.setFont(QFont(name, 9))
            break
    made.setPalette(_light())
    return made


def listen(messages: list[str] | None) -> None:
    """Note Qt's own warnings, such as a second layout for a widget; the screenless platform's are left out."""
    if messages is None:
        qInstallMessageHandler(None)
        return

    def note(_kind: Any, _context: Any, text: str) -> None:
        if "propagateSizeHints" not in text:
            messages.append(text)
            print(text, file=sys.stderr)

    qInstallMessageHandler(note)


def _light() -> QPalette:
    palette = QPalette(QColor("#efefef"), QColor("#efefef"))
    palette.setColor(QPalette.ColorRole.Base, QColor("white"))
    palette.setColor(QPalette.ColorRole.Highlight, QColor("#308cc6"))
    palette.setColor(QPalette.ColorRole.Midlight, QColor("#dcdcdc"))
    palette.setColor(QPalette.ColorRole.PlaceholderText, QColor("#808080"))
    palette.setColor(QPalette.ColorRole.ToolTipBase, QColor("#ffffdc"))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#9a9a9a"))
    return palette


def settings_in(folder: str) -> None:
    """Keep what ``QSettings`` writes in a folder, away from the user's own."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    for scope in (QSettings.Scope.UserScope, QSettings.Scope.SystemScope):
        QSettings.setPath(QSettings.Format.IniFormat, scope, folder)


def picture(host: Any, shown: Any, path: Path, size: tuple[int, int]) -> Path:
    """A PNG of a widget at a width; as high as it needs when the height is 0."""
    widget: Any = shown if isinstance(shown, QWidget) else shown.parent
    width, height = size
    area = widget.parent()
    held = host.window.panel_area.widget() is widget
    if held:
        host.window.panel_area.takeWidget()
    widget.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen, False)
    widget.resize(width, height or 400)
    widget.show()
    host.spin(seconds=0.05)
    if not height:
        layout = widget.layout()
        wanted = layout.totalHeightForWidth(width) if layout is not None and layout.hasHeightForWidth() else 0
        height = max(wanted, widget.sizeHint.height(), 60)
    widget.resize(width, height)
    host.spin(seconds=0.05)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not widget.grab().save(str(path)):
        raise OSError(f"{path} cannot be written")
    if held:
        host.window.panel_area.setWidget(widget)
        widget.show()
    elif area is None:
        widget.hide()
    return path
