"""CTK's widgets for numbers. What is no slot and no property there cannot be called from Python: it is not here."""

# ruff: noqa: N801  (the names of what is imitated)
from __future__ import annotations

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget
from Testing.host.pythonqt import make_pythonqt, seal, signal_names

make_pythonqt()
_TICKS = 10_000


class _Number(QWidget):
    """A value between a minimum and a maximum, by slider and by spin box."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._minimum, self._maximum, self._value, self._page = 0.0, 100.0, 0.0, 10.0
        self._moving = False
        self._spin = QDoubleSpinBox()
        self._slider = QSlider(Qt.Horizontal)
        self._slider.setRange(0, _TICKS)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider, 1)
        row.addWidget(self._spin)
        self._spin.setRange(0.0, 100.0)
        self._spin.valueChanged.connect(self.setValue)
        self._slider.valueChanged.connect(self._slid)

    def _slid(self, tick: int) -> None:
        if not self._moving:
            span = self._maximum - self._minimum
            step = self._spin.singleStep or 1.0
            value = self._minimum + round(span * tick / _TICKS / step) * step
            self.valueIsChanging.emit(value)
            self.setValue(value)

    def _show(self) -> None:
        self._moving = True
        self._spin.setRange(self._minimum, self._maximum)
        self._spin.setValue(self._value)
        span = self._maximum - self._minimum
        self._slider.setValue(round((self._value - self._minimum) / span * _TICKS) if span else 0)
        self._moving = False

    def _get_value(self) -> float:
        return self._value

    def setValue(self, value: float) -> None:
        value = min(max(round(float(value), self._spin.decimals), self._minimum), self._maximum)
        if self._moving or value == self._value:
            return
        self._value = value
        self._show()
        self.valueChanged.emit(value)

    def _set_range(self, minimum: float, maximum: float) -> None:
        self._minimum, self._maximum = float(minimum), max(float(minimum), float(maximum))
        value = min(max(self._value, self._minimum), self._maximum)
        changed, self._value = value != self._value, value
        self._show()
        if changed:
            self.valueChanged.emit(value)

    def _get_minimum(self) -> float:
        return self._minimum

    def _set_minimum(self, minimum: float) -> None:
        self._set_range(minimum, max(self._maximum, minimum))

    def _get_maximum(self) -> float:
        return self._maximum

    def _set_maximum(self, maximum: float) -> None:
        self._set_range(min(self._minimum, maximum), maximum)

    def _get_decimals(self) -> int:
        return int(self._spin.decimals)

    def _set_decimals(self, decimals: int) -> None:
        self._spin.setDecimals(decimals)
        self._show()

    def _get_step(self) -> float:
        return float(self._spin.singleStep)

    def _set_single_step(self, step: float) -> None:
        self._spin.setSingleStep(step)

    def _get_page(self) -> float:
        return self._page

    def _set_page_step(self, step: float) -> None:
        self._page = step

    def _get_suffix(self) -> str:
        return str(self._spin.suffix)

    def _set_suffix(self, text: str) -> None:
        self._spin.setSuffix(text)

    def _get_prefix(self) -> str:
        return str(self._spin.prefix)

    def _set_prefix(self, text: str) -> None:
        self._spin.setPrefix(text)

    def _get_spin_visible(self) -> bool:
        return not self._spin.isHidden()

    def reset(self) -> None:
        self.setValue(0.0)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._spin.setVisible(visible)

    def _get_tracking(self) -> bool:
        return bool(self._slider.hasTracking())

    def _set_tracking(self, on: bool) -> None:
        self._slider.setTracking(on)

    value = Property(float, _get_value, setValue)
    minimum = Property(float, _get_minimum, _set_minimum)
    maximum = Property(float, _get_maximum, _set_maximum)
    decimals = Property(int, _get_decimals, _set_decimals)
    singleStep = Property(float, _get_step, _set_single_step)
    pageStep = Property(float, _get_page, _set_page_step)
    suffix = Property(str, _get_suffix, _set_suffix)
    prefix = Property(str, _get_prefix, _set_prefix)
    spinBoxVisible = Property(bool, _get_spin_visible, setSpinBoxVisible)
    tracking = Property(bool, _get_tracking, _set_tracking)


@seal
@signal_names(valueChanged="double", valueIsChanging="double")
class ctkSliderWidget(_Number):
    """A slider with its number beside it."""

@seal
@signal_names(valuesChanged="double,double", minimumValueChanged="double", maximumValueChanged="double")
class ctkRangeWidget(QWidget):
    """Two numbers: from and to."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = QDoubleSpinBox(), QDoubleSpinBox()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._low)
        row.addWidget(self._high)
        self._high.setValue(99.0)
        self._low.valueChanged.connect(lambda value: self._changed(value, True))
        self._high.valueChanged.connect(lambda value: self._changed(value, False))

    def _changed(self, value: float, low: bool) -> None:
        if self._low.value > self._high.value:
            (self._high if low else self._low).setValue(value)
        (self.minimumValueChanged if low else self.maximumValueChanged).emit(value)
        self.valuesChanged.emit(self._low.value, self._high.value)

    def _get_low(self) -> float:
        return float(self._low.value)

    def setMinimumValue(self, value: float) -> None:
        self._low.setValue(value)

    def _get_high(self) -> float:
        return float(self._high.value)

    def setMaximumValue(self, value: float) -> None:
        self._high.setValue(value)

    def setValues(self, low: float, high: float) -> None:
        self._low.setValue(low)
        self._high.setValue(high)

    def _set_range(self, minimum: float, maximum: float) -> None:
        self._low.setRange(minimum, maximum)
        self._high.setRange(minimum, maximum)

    def _get_minimum(self) -> float:
        return float(self._low.minimum)

    def _get_maximum(self) -> float:
        return float(self._low.maximum)

    def _set_minimum(self, value: float) -> None:
        self._set_range(value, self._low.maximum)

    def _set_maximum(self, value: float) -> None:
        self._set_range(self._low.minimum, value)

    def _get_decimals(self) -> int:
        return int(self._low.decimals)

    def _set_decimals(self, decimals: int) -> None:
        self._low.setDecimals(decimals)
        self._high.setDecimals(decimals)

    def _get_step(self) -> float:
        return float(self._low.singleStep)

    def _set_single_step(self, step: float) -> None:
        self._low.setSingleStep(step)
        self._high.setSingleStep(step)

    def _get_suffix(self) -> str:
        return str(self._low.suffix)

    def _set_suffix(self, text: str) -> None:
        self._low.setSuffix(text)
        self._high.setSuffix(text)

    minimumValue = Property(float, _get_low, setMinimumValue)
    maximumValue = Property(float, _get_high, setMaximumValue)
    minimum = Property(float, _get_minimum, _set_minimum)
    maximum = Property(float, _get_maximum, _set_maximum)
    decimals = Property(int, _get_decimals, _set_decimals)
    singleStep = Property(float, _get_step, _set_single_step)
    suffix = Property(str, _get_suffix, _set_suffix)


NUMBERS: tuple[type, ...] = (ctkSliderWidget, ctkRangeWidget)
