"""The set-up page: what is installed and what is missing, installing it, testing the GPU, deleting weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from synthetic_imaging.errors import Cancelled, SyntheticImagingError
from synthetic_imaging.setup import Report, ReportRun
from synthetic_imaging.setup.gpu_test import GpuTest, Outcome
from synthetic_imaging.setup.installing import Installation, Plan, plan
from synthetic_imaging.setup.weights import WeightsStore
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.panel.program_python import ProgramPython
from SyntheticImagingLib.panel.report_table import ReportTable
from SyntheticImagingLib.panel.weights_list import WeightsList

TICK_MS = 100


class SetupBox:
    """The set-up page: installs and deletes nothing before the user said yes, and waits for nothing but Slicer's pip.

    Attributes:
        widget: to be put into a layout.
        report: the last report; None before the first.
        on_report: called with each new report.
        busy: "" or what is going on: "report", "gpu", "install".
    """

    def __init__(
        self, ask: Callable[[str], bool] | None = None, choose_folder: Callable[[], str] | None = None,
        program: ProgramPython | None = None, store: WeightsStore | None = None,
    ) -> None:
        """Build the page; `look` fills it.

        Args:
            ask: asks the user a question; 3D Slicer's dialog when None.
            choose_folder: lets the user choose a folder, "" for none; Qt's dialog when None.
            program: the program around; looked up when None.
            store: the weights; the user's own when None.
        """
        self._ask = ask or _ask_in_slicer
        self._choose_folder = choose_folder or self._choose_folder_in_qt
        self._program = program or ProgramPython()
        self.report: Report | None = None
        self.on_report: Callable[[Report], None] | None = None
        self.busy = ""
        self._reporting: ReportRun | None = None
        self._testing: GpuTest | None = None
        self._installing: Installation | None = None
        self._build(store)
        self.timer: Any = qt.QTimer()
        self.timer.interval = TICK_MS
        self.timer.connect("timeout()", self._tick)
        self._show_state()

    def look(self) -> None:
        """Look at the computer again, in a child process."""
        if self.busy:
            return
        try:
            self._reporting = ReportRun(self._program.name).start()
        except SyntheticImagingError as error:
            self.messages.error(error)
            return
        self._begin("report", _("Looking at what is installed…"))

    def close(self) -> None:
        """Stop what runs; the page is not used any more."""
        self.on_report = None
        self.timer.stop()
        self._stop()

    def _build(self, store: WeightsStore | None) -> None:
        self.widget: Any = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        self.messages = MessageBar()
        self.sentence: Any = qt.QLabel(_("Not looked at yet."))
        self.sentence.wordWrap = True
        self.sentence.styleSheet = "font-weight: bold"
        self.table = ReportTable()
        self.every_package: Any = qt.QCheckBox(_("Show every package"))
        self.every_package.connect("toggled(bool)", self._show_report)
        self.learned: Any = qt.QCheckBox(_("Also install the packages for learned tools (large; not needed today)"))
        self.learned.connect("toggled(bool)", self._show_state)
        self.install: Any = self._button(_("Install missing…"), self._install_missing)
        self.install_from: Any = self._button(_("Install from a folder…"), self._install_from_folder)
        self.install_from.toolTip = _("For computers without a network: a folder with the packages as .whl files")
        self.test: Any = self._button(_("Test the GPU"), self._test_gpu)
        self.test.toolTip = _("Computes something small on the graphics card and compares it with the processor")
        self.again: Any = self._button(_("Look again"), self._look_clicked)
        self.copy: Any = self._button(_("Copy report"), self._copy)
        self.copy.toolTip = _("Copies the report as text: no user name, no full path, no password, no patient data")
        self.step: Any = qt.QLabel()
        self.step.wordWrap = True
        self.bar: Any = qt.QProgressBar()
        self.bar.minimum, self.bar.maximum = 0, 0
        self.bar.textVisible = False
        self.stop: Any = self._button(_("Stop"), self._stop_clicked)
        self.weights = WeightsList(self._ask, self.messages, store)
        for item in (self.sentence, self.table.widget, self.every_package):
            layout.addWidget(item)
        layout.addWidget(self.learned)
        layout.addLayout(_row(self.install, self.install_from))
        layout.addLayout(_row(self.test, self.again, self.copy))
        for item in (self.step, self.bar, self.stop, self.messages.widget):
            layout.addWidget(item)
        heading = qt.QLabel(_("Downloaded weights"))
        heading.styleSheet = "font-weight: bold"
        layout.addWidget(heading)
        layout.addWidget(self.weights.widget)
        layout.addStretch(1)
        self._kept = (layout, heading)

    def _button(self, text: str, clicked: Callable[..., None]) -> Any:
        button = qt.QPushButton(text)
        button.connect("clicked(bool)", clicked)
        return button

    # What the user clicks

    def _look_clicked(self, *_args: Any) -> None:
        self.messages.clear()
        self.weights.refresh()
        self.look()

    def _copy(self, *_args: Any) -> None:
        if self.report is not None:
            qt.QApplication.clipboard().setText(self.report.text())
            self.messages.note(_("The report is on the clipboard. It holds no user name, no full path, no password and "
                                 "no patient data."))

    def _test_gpu(self, *_args: Any) -> None:
        self.messages.clear()
        try:
            self._testing = GpuTest().start()
        except SyntheticImagingError as error:
            self.messages.error(error)
            return
        self._begin("gpu", _("Testing the GPU…"))

    def _install_missing(self, *_args: Any) -> None:
        self._install_plan(None)

    def _install_from_folder(self, *_args: Any) -> None:
        folder = self._choose_folder()
        if folder:
            self._install_plan(folder)

    def _stop_clicked(self, *_args: Any) -> None:
        what = self.busy
        self._stop()
        if what == "install":
            self.messages.note(_("Stopped. What was complete stays installed."))
            self.look()

    # Installing

    def _wanted(self) -> tuple[str, ...]:
        return ("core", "learn") if self.learned.checked else ("core",)

    def _install_plan(self, folder: str | None) -> None:
        self.messages.clear()
        try:
            made = plan(self._wanted(), folder, torch_by_host=self._program.inside_slicer)
            if made.empty:
                self.messages.note(made.sentence)
            elif self._program.inside_slicer:
                self._install_in_slicer(made)
            else:
                self._installing = Installation(made, self._ask).start()
                self._begin("install", _("Installing…"))
        except Cancelled as refused:
            self.messages.note(str(refused))
        except SyntheticImagingError as error:
            self.messages.error(error)

    def _install_in_slicer(self, made: Plan) -> None:
        if made.requirements and not self._ask(made.sentence):
            raise Cancelled(_("Nothing was installed."))
        self._begin("install", _("Installing… 3D Slicer may not answer for some minutes."))
        slicer.app.processEvents()  # shows the line: what follows may wait
        try:
            if made.requirements:
                self._program.install(made)
            for torch in made.left_to_host:
                self._program.install_torch(torch)
        finally:
            self._end()
        self._installed()

    def _installed(self) -> None:
        importlib.invalidate_caches()
        self.messages.note(_("Installed. If a tool still misses something, restart the program."))
        self.look()

    # While something runs

    def _begin(self, what: str, sentence: str) -> None:
        self.busy = what
        self.step.text = sentence
        self.timer.start()
        self._show_state()

    def _tick(self) -> None:
        if self.busy == "report" and self._reporting is not None:
            report = self._reporting.poll()
            if report is not None:
                self._end()
                self._take(report)
        elif self.busy == "gpu" and self._testing is not None:
            outcome = self._testing.poll()
            if outcome is not None:
                self._end()
                self._tell(outcome)
        elif self.busy == "install" and self._installing is not None:
            self._watch_installation(self._installing)

    def _watch_installation(self, installation: Installation) -> None:
        if not installation.poll():
            self.step.text = _("Installing: {step}").format(step=installation.step)
            return
        self._end()
        if installation.error is None:
            self._installed()
        else:
            self.messages.error(installation.error)
            self.look()

    def _end(self) -> None:
        self.busy = ""
        self._reporting = self._testing = self._installing = None
        self.timer.stop()
        self._show_state()

    def _stop(self) -> None:
        for running in (self._reporting, self._testing, self._installing):
            if running is not None:
                running.cancel()
        self._end()

    def _tell(self, outcome: Outcome) -> None:
        if outcome.ok or outcome.kind in ("no-torch", "no-card"):
            self.messages.note(outcome.sentence)
            return
        error = SyntheticImagingError(outcome.sentence)
        error.details = outcome.details
        self.messages.error(error)

    def _take(self, report: Report) -> None:
        self.report = report
        self.sentence.text = report.sentence
        self._show_report()
        self._show_state()
        if self.on_report is not None:
            self.on_report(report)

    def _show_report(self, *_args: Any) -> None:
        if self.report is not None:
            self.table.show(self.report, self.every_package.checked)

    def _show_state(self, *_args: Any) -> None:
        idle = not self.busy
        for item in (self.step, self.bar):
            item.visible = not idle
        self.stop.visible = self._testing is not None or self._installing is not None
        wanting = not plan(self._wanted()).empty
        self.learned.visible = not plan(("learn",)).empty
        for item in (self.install, self.install_from):
            item.enabled = idle and wanting
        self.install.toolTip = "" if wanting else _("Nothing is missing")
        for item in (self.test, self.again, self.learned):
            item.enabled = idle
        self.copy.enabled = self.report is not None

    def _choose_folder_in_qt(self) -> str:
        return str(qt.QFileDialog.getExistingDirectory(self.widget, _("Folder with packages (.whl files)")) or "")


def _ask_in_slicer(question: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(question, _("Synthetic Imaging")))


def _row(*buttons: Any) -> Any:
    layout = qt.QHBoxLayout()
    for button in buttons:
        layout.addWidget(button)
    return layout
