"""CTK's boxes that open and close, and what else of CTK only holds or shows."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QGroupBox,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOption,
    QStyleOptionGroupBox,
    QTextBrowser,
    QWidget,
)
from Testing.host.pythonqt import make_pythonqt, seal

make_pythonqt()

_NO_LIMIT = 16777215  # Qt's QWIDGETSIZE_MAX


class _Folding:
    """What is shown and hidden when a box opens and closes; what the panel hid itself stays hidden."""

    def __init__(self, box: Any) -> None:
        self._box = box
        self._waiting: list[Any] = []
        self._due = False

    def somebody_came(self) -> None:
        """A child is being made: too early to look at it, as it is not yet what it will be."""
        if self._box.collapsed and not self._due:
            self._due = True
            QTimer.singleShot(0, self._box, self._look)

    def _look(self) -> None:
        self._due = False
        if self._box.collapsed:
            self.fold(True)

    def fold(self, collapsed: bool) -> None:
        if collapsed:
            for child in self._box.children():
                self.take(child)
        else:
            waiting, self._waiting = self._waiting, []
            for child in waiting:
                child.show()

    def take(self, child: Any) -> None:
        if not child.isWidgetType() or child.isWindow():
            return
        hidden_by_the_panel = child.isHidden() and child.testAttribute(Qt.WA_WState_ExplicitShowHide)
        if not hidden_by_the_panel and child not in self._waiting:
            self._waiting.append(child)
            child.hide()


@seal
class ctkCollapsibleButton(QAbstractButton):
    """A header with an arrow; what is in it is hidden while it is collapsed."""

    contentsCollapsed = Signal(bool)

    def __init__(self, text: Any = None, parent: QWidget | None = None) -> None:
        super().__init__(text if isinstance(text, QWidget) else parent)
        self._collapsed = False
        self._folding = _Folding(self)
        self._margin = 0
        if isinstance(text, str):
            self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QSizePolicy(QSizePolicy.Preferred, QSizePolicy.Minimum))
        self._leave_room()
        self.toggled.connect(lambda checked: self._set_collapsed(not checked))

    def _header(self) -> int:
        return int(self.fontMetrics().height()) + 8

    def _leave_room(self) -> None:
        self.setContentsMargins(0, self._header(), 0, 0)

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self.setChecked(not collapsed)
        self._folding.fold(collapsed)
        self.updateGeometry()
        self.update()
        self.contentsCollapsed.emit(collapsed)

    collapsed = Property(bool, _get_collapsed, _set_collapsed)

    def _get_height(self) -> int:
        return self._margin

    def _set_collapsed_height(self, height: int) -> None:
        self._margin = height

    collapsedHeight = Property(int, _get_height, _set_collapsed_height)
    contentsFrameShape = Property(int, lambda self: 0, lambda self, value: None)

    def childEvent(self, event: Any) -> None:
        if event.added():
            self._folding.somebody_came()
        super().childEvent(event)

    def sizeHint(self) -> QSize:
        return self._size(QAbstractButton.sizeHint(self))

    def minimumSizeHint(self) -> QSize:
        return self._size(QAbstractButton.minimumSizeHint(self))

    def _size(self, hint: QSize) -> QSize:
        wanted = self.fontMetrics().horizontalAdvance(self.text) + self._header() * 2
        layout = self.layout()
        if self._collapsed or layout is None:
            return QSize(wanted, self._header() + self._margin)
        inner = layout.totalMinimumSize()
        return QSize(max(wanted, inner.width(), hint.width()), inner.height())

    def hitButton(self, position: Any) -> bool:
        return bool(position.y() < self._header())

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        height = self._header()
        palette = self.palette
        painter.fillRect(0, 0, self.width, height, palette.color(QPalette.ColorRole.Midlight))
        if not self._collapsed:
            painter.setPen(palette.color(QPalette.ColorRole.Mid))
            painter.drawRect(QRectF(0.5, height - 0.5, self.width - 1, self.height - height - 0.5))
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = self.rect.adjusted(4, 4, 0, 0)
        arrow.rect.setSize(QSize(height - 8, height - 8))
        primitive = QStyle.PrimitiveElement.PE_IndicatorArrowRight if self._collapsed else (
            QStyle.PrimitiveElement.PE_IndicatorArrowDown
        )  # fmt: skip
        self.style().drawPrimitive(primitive, arrow, painter, self)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        text_box = self.rect.adjusted(height + 2, 0, -4, 0)
        text_box.setHeight(height)
        painter.drawText(text_box, Qt.AlignVCenter | Qt.AlignLeft, self.text)
        painter.end()


@seal
class ctkCollapsibleGroupBox(QGroupBox):
    """A group box with an arrow; while it is collapsed, its title alone is seen."""

    def __init__(self, title: Any = None, parent: QWidget | None = None) -> None:
        super().__init__(title if isinstance(title, QWidget) else parent)
        self._folding = _Folding(self)
        self._height = 14
        if isinstance(title, str):
            self.setTitle(title)
        self.setCheckable(True)
        self.setChecked(True)
        self.toggled.connect(self._fold)

    def _fold(self, checked: bool) -> None:
        self._folding.fold(not checked)
        self.setMaximumHeight(_NO_LIMIT if checked else max(self._height, int(self.fontMetrics().height()) + 6))
        self.updateGeometry()

    def paintEvent(self, event: Any) -> None:
        option = QStyleOptionGroupBox()
        self.initStyleOption(option)
        style, group = self.style(), QStyle.ComplexControl.CC_GroupBox
        arrow = style.subControlRect(group, option, QStyle.SubControl.SC_GroupBoxCheckBox, self)
        option.state |= QStyle.StateFlag.State_Enabled
        if self._get_collapsed():
            option.subControls &= ~QStyle.SubControl.SC_GroupBoxFrame
        painter = QPainter(self)
        style.drawComplexControl(group, option, painter, self)
        painter.fillRect(arrow, self.palette.color(QPalette.ColorRole.Window))
        shown = QStyleOption()
        shown.initFrom(self)
        shown.rect = arrow.adjusted(2, 2, -2, -2)
        kinds = QStyle.PrimitiveElement
        kind = kinds.PE_IndicatorArrowRight if self._get_collapsed() else kinds.PE_IndicatorArrowDown
        style.drawPrimitive(kind, shown, painter, self)
        painter.end()

    def _get_collapsed(self) -> bool:
        return not self.isChecked()

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = Property(bool, _get_collapsed, _set_collapsed)

    def _get_height(self) -> int:
        return self._height

    def _set_collapsed_height(self, height: int) -> None:
        self._height = height

    collapsedHeight = Property(int, _get_height, _set_collapsed_height)

    def childEvent(self, event: Any) -> None:
        if event.added():
            self._folding.somebody_came()
        super().childEvent(event)


@seal
class ctkMessageBox(QMessageBox):
    """A message box that can be asked not to come again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._never_again = ""

    def _get_key(self) -> str:
        return self._never_again

    def _set_dont_show_again_settings_key(self, key: str) -> None:
        self._never_again = key

    dontShowAgainSettingsKey = Property(str, _get_key, _set_dont_show_again_settings_key)


@seal
class ctkComboBox(QComboBox):
    """A combo box with a text for "nothing chosen"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)

    def _get_default(self) -> str:
        return str(self.placeholderText)

    def _set_default_text(self, text: str) -> None:
        self.setPlaceholderText(text)

    defaultText = Property(str, _get_default, _set_default_text)


@seal
class ctkFittedTextBrowser(QTextBrowser):
    """A text browser as high as its text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)


@seal
class ctkSearchBox(QLineEdit):
    """A line to search with."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setClearButtonEnabled(True)


@seal
class ctkPushButton(QPushButton):
    """A push button."""

    def __init__(self, text: Any = None, parent: QWidget | None = None) -> None:
        super().__init__(text if isinstance(text, QWidget) else parent)
        if isinstance(text, str):
            self.setText(text)


BOXES: tuple[type, ...] = (
    ctkCollapsibleButton, ctkCollapsibleGroupBox, ctkMessageBox, ctkComboBox, ctkFittedTextBrowser, ctkSearchBox,
    ctkPushButton,
)  # fmt: skip
