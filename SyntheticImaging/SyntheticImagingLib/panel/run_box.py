"""The button that starts a computation and becomes Cancel; what will happen, what happens, what happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from synthetic_imaging.errors import SyntheticImagingError
from SyntheticImagingLib.panel import run_words
from SyntheticImagingLib.panel.log_box import FoldedText
from SyntheticImagingLib.panel.message_bar import MessageBar
from SyntheticImagingLib.task import TaskState

TICK_MS = 50
_BUTTON_HEIGHT = 36
_STEPS = 1000


class RunBox:
    """Runs one task at a time, driven by a timer; nothing here waits.

    Attributes:
        widget: to be put into a layout.
        messages: sentences about errors stand here.
        on_done: called with a task that ended well.
        on_ended: called with every task that ended, in whichever way.
        task: the task that runs or ran last.
    """

    def __init__(self, label: str | None = None, *, tell_notes: bool = True) -> None:
        """Build the box.

        Args:
            label: what the button says, "Synthesise" when None.
            tell_notes: whether what a run wants to be known stands here; if not, it is for the panel to show.
        """
        self._tell_notes = tell_notes
        self.label = label if label is not None else _("Synthesise")
        self.on_done: Callable[[Any], None] | None = None
        self.on_ended: Callable[[Any], None] | None = None
        self.task: Any = None
        self._make_task: Callable[[], Any] | None = None
        self._done_of_this_run: Callable[[Any], None] | None = None
        self._keep_summary = False
        self._running = False
        self._polling = False
        self._ready = True
        self._told: list[str] = []
        self._last_step = ""
        self._build()
        self.timer: Any = qt.QTimer()
        self.timer.interval = TICK_MS
        self.timer.connect("timeout()", self._tick)
        self._show_state()

    @property
    def running(self) -> bool:
        """Whether a task runs."""
        return self._running

    def offer(self, make_task: Callable[[], Any] | None, label: str | None = None) -> None:
        """Say what the button starts: a callable that makes a task (and may refuse with a sentence)."""
        self._make_task = make_task
        if label is not None:
            self.label = label
        self._show_state()

    def show_estimate(self, sentence: str, ok: bool = True) -> None:
        """Say what will be needed, or why it cannot start: then the button is off."""
        self._ready = ok
        self.estimate.text = sentence
        self.estimate.visible = bool(sentence)
        self._show_state()

    def run(
        self, make_task: Callable[[], Any], on_done: Callable[[Any], None] | None = None, *, keep_summary: bool = False
    ) -> bool:
        """Start a task now; false if it was refused, or another one runs.

        Args:
            make_task: makes the task.
            on_done: called with it instead of the box's own ``on_done``.
            keep_summary: leave the line about the last run as it is (for a measurement after a synthesis).
        """
        if self._running:
            self.messages.note(_("A computation is running. Wait until it has ended, or cancel it."))
            return False
        self.messages.clear()
        self._keep_summary = keep_summary
        if not keep_summary:
            self._summarise("", ())
            self._told = []
        try:
            task = make_task()
            if task is None:
                return False
            task.start()
        except Exception as error:
            self.messages.error(error)
            return False
        self.task, self._done_of_this_run, self._running, self._last_step = task, on_done, True, ""
        self._tell(run_words.started(task))
        self._show_progress()
        self._show_state()
        self.timer.start()
        return True

    def cancel(self) -> None:
        """Ask the running task to stop; the button stays off until it has."""
        if self._running:
            self.task.cancel()
            if self.task.state is TaskState.RUNNING:
                self.messages.note(_("This step cannot be stopped. It will end soon."))
            self._show_state()

    def close(self) -> None:
        """Stop what runs, at once; the box is not used any more."""
        self.on_done = self.on_ended = self._done_of_this_run = self._make_task = None
        self.timer.stop()
        if self._running:
            self._running = False
            self.task.close()
        self.task = None

    def _build(self) -> None:
        self.widget: Any = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.estimate: Any = qt.QLabel()
        self.estimate.wordWrap = True
        self.estimate.visible = False
        self.button: Any = qt.QPushButton(self.label)
        self.button.minimumHeight = _BUTTON_HEIGHT
        self.button.connect("clicked(bool)", self._clicked)
        self.bar: Any = qt.QProgressBar()
        self.bar.minimum, self.bar.maximum = 0, _STEPS
        self.bar.textVisible = False
        self.step: Any = qt.QLabel()
        self.step.wordWrap = True
        self.messages = MessageBar()
        self.summary: Any = qt.QLabel()
        self.summary.wordWrap = True
        self.summary.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self.summary.visible = False
        self.log = FoldedText(_("Log"))
        for item in (self.estimate, self.button, self.bar, self.step, self.messages.widget, self.summary,
                     self.log.widget):
            layout.addWidget(item)
        self._layout = layout

    def _clicked(self, *_args: Any) -> None:
        if self._running:
            self.cancel()
        elif self._make_task is not None:
            self.run(self._make_task)

    def _tick(self) -> None:
        # Putting results into a scene may let the event loop turn: a tick inside a tick does nothing.
        if not self._running or self._polling:
            return
        self._polling = True
        try:
            self.task.poll()
        except Exception as error:
            self._broken(error)
            return
        finally:
            self._polling = False
        if not self._running:  # closed meanwhile
            return
        if self.task.finished:
            self._end()
        else:
            self._show_progress()

    def _broken(self, error: Exception) -> None:
        task = self.task
        self._stop()
        task.close()
        self.messages.error(error)
        self._tell(_("ended by an error"))
        self._call(self.on_ended, task)

    def _end(self) -> None:
        task, done = self.task, self._done_of_this_run or self.on_done
        self._stop()
        state = task.state
        if state is TaskState.DONE:
            if not self._keep_summary:
                self._summarise(run_words.summary(task), run_words.notes_of(task) if self._tell_notes else ())
            self._tell(_("done: {summary}").format(summary=run_words.summary(task)), *run_words.notes_of(task))
        elif state is TaskState.CANCELLED:
            self._tell(_("cancelled"))
            self._summarise(run_words.cancelled(task), ())
        elif state is TaskState.DROPPED:
            self._tell(_("dropped: the scene was closed"))
            self._summarise(_("The scene was closed, so the computation was stopped and its result dropped."), ())
        else:
            error = task.error or SyntheticImagingError(_("The computation ended without a result."))
            self._tell(str(error))
            self.messages.error(error)
        self._show_log(task)
        if state is TaskState.DONE:
            self._call(done, task)
        self._call(self.on_ended, task)

    def _stop(self) -> None:
        self._running = False
        self.timer.stop()
        self._show_state()

    def _call(self, told: Callable[[Any], None] | None, task: Any) -> None:
        if told is None:
            return
        try:
            told(task)
        except Exception as error:  # a fault in what shows the result must not leave a half-dead panel
            self.messages.error(error)

    def _show_state(self) -> None:
        stopping = self._running and self.task.state is TaskState.STOPPING
        self.button.text = _("Stopping…") if stopping else _("Cancel") if self._running else self.label
        self.button.enabled = not stopping if self._running else self._ready and self._make_task is not None
        self.bar.visible = self._running
        self.step.visible = self._running

    def _show_progress(self) -> None:
        progress = self.task.progress
        self.bar.value = round(_STEPS * progress.fraction)
        self.step.text = run_words.step_line(progress)
        if progress.step != self._last_step:
            self._last_step = progress.step
            self._tell(f"{progress.fraction:4.0%}  {progress.step}")
        if self.task.state is TaskState.STOPPING:
            self._show_state()

    def _summarise(self, line: str, notes: tuple[str, ...]) -> None:
        self.summary.text = "\n".join((line, *(f"• {note}" for note in notes))) if line else ""
        self.summary.visible = bool(line)

    def _tell(self, *lines: str) -> None:
        now = time.strftime("%H:%M:%S")
        self._told += [f"{now}  {line}" for line in lines]
        self.log.set_text("\n".join(self._told))

    def _show_log(self, task: Any) -> None:
        printed = str(getattr(task, "log", "") or "").strip()
        if printed:
            self._told += ["", printed]
            self.log.set_text("\n".join(self._told))
