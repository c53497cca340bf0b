"""The run button: becomes Cancel, tells what happens, never blocks, and stays whole whatever the task does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from synthetic_imaging.context import Progress
from synthetic_imaging.errors import Cancelled, InputError, JobFailed


class FakeTask:
    """A task of three polls that ends as it is told."""

    def __init__(self, end: str = "DONE", polls: int = 3, error: Exception | None = None, log: str = "") -> None:
        from SyntheticImagingLib.task import TaskState

        self.states = TaskState
        self.state = TaskState.NEW
        self.end, self.polls, self.error, self.log = end, polls, error, log
        self.title = "Fake lesion"
        self.progress = Progress(0.0, "waiting")
        self.notes = ["The organ touches the edge of the image."]
        self.seed, self.seconds = 4711, 2.13
        self.calls: list[str] = []

    @property
    def finished(self) -> bool:
        return self.state.final

    def start(self) -> None:
        self.calls.append("start")
        self.state = self.states.RUNNING

    def poll(self) -> None:
        self.calls.append("poll")
        done = self.calls.count("poll")
        self.progress = Progress(min(1.0, done / self.polls), f"step {done}", 42.4)
        if self.state is self.states.STOPPING:
            self.state, self.error = self.states.CANCELLED, Cancelled()
        elif done >= self.polls:
            self.state = self.states[self.end]

    def cancel(self) -> None:
        self.calls.append("cancel")
        self.state = self.states.STOPPING

    def close(self) -> None:
        self.calls.append("close")
        self.state = self.states.CANCELLED


@pytest.fixture
def box(host: Any) -> Any:
    from SyntheticImagingLib.panel import RunBox

    made = RunBox()
    made.widget.show()
    yield made
    made.close()


def press(box: Any) -> None:
    box.button.click()


def test_before_a_run_the_box_says_what_will_happen(box: Any) -> None:
    assert not box.button.enabled, "nothing is offered yet"
    box.offer(FakeTask, "Grow a tumour")
    box.show_estimate("CPU, 0.4 GB needed of 11 GB free · about 2 s")
    assert (box.button.text, box.button.enabled) == ("Grow a tumour", True)
    assert box.estimate.visible
    assert not box.bar.visible
    assert not box.log.widget.visible
    box.show_estimate("Organ is missing: choose one.", ok=False)
    assert not box.button.enabled
    assert box.estimate.text == "Organ is missing: choose one."


def test_the_button_becomes_cancel_and_the_bar_tells_step_and_time(host: Any, box: Any) -> None:
    task = FakeTask(polls=4)
    box.offer(lambda: task)
    press(box)
    assert (box.running, box.button.text, box.bar.visible) == (True, "Cancel", True)
    host.spin(lambda: task.calls.count("poll") == 2)
    assert box.step.text == "step 2, 42 s left"
    assert box.bar.value == box.bar.maximum // 2
    host.spin(lambda: not box.running)
    assert (box.button.text, box.bar.visible, box.step.visible) == ("Synthesise", False, False)


def test_after_a_run_the_box_says_what_happened(host: Any, box: Any) -> None:
    ended: list[Any] = []
    box.on_done = ended.append
    task = FakeTask(log="numba compiled a loop")
    box.offer(lambda: task)
    press(box)
    host.spin(lambda: not box.running)
    assert ended == [task]
    assert box.summary.text == "Fake lesion · 2.1 s · seed 4711\n• The organ touches the edge of the image."
    assert box.summary.visible
    for words in ("Fake lesion: started", "step 1", "step 2", "numba compiled a loop"):
        assert words in box.log.text
    assert box.log.widget.visible
    assert box.log.widget.collapsed
    assert box.messages.text == ""


def test_the_timer_rests_when_nothing_runs(host: Any, box: Any) -> None:
    assert not box.timer.active
    box.offer(FakeTask)
    press(box)
    assert box.timer.active
    assert box.timer.interval == 50
    host.spin(lambda: not box.running)
    assert not box.timer.active


def test_cancel_stops_the_task_and_says_so(host: Any, box: Any) -> None:
    done: list[Any] = []
    ended: list[Any] = []
    box.on_done, box.on_ended = done.append, ended.append
    task = FakeTask(polls=1000)
    box.offer(lambda: task)
    press(box)
    host.spin(lambda: "poll" in task.calls)
    press(box)
    assert task.calls.count("cancel") == 1
    assert (box.button.text, box.button.enabled) == ("Stopping…", False)
    host.spin(lambda: not box.running)
    assert (done, ended) == ([], [task])
    assert box.summary.text == "Cancelled. Nothing was changed."
    assert (box.button.text, box.button.enabled, box.messages.text) == ("Synthesise", True, "")


def test_a_cancelled_batch_says_what_it_leaves(host: Any, box: Any) -> None:
    task = FakeTask(polls=1000)
    task.done, task.folder = 3, Path("cohort")  # type: ignore[attr-defined]
    box.run(lambda: task)
    press(box)
    host.spin(lambda: not box.running)
    assert box.summary.text == "Cancelled. 3 finished cases stay in 'cohort'."


def test_what_cannot_be_stopped_says_so_and_goes_on(host: Any, box: Any) -> None:
    task = FakeTask(polls=4)
    task.cancel = lambda: None  # type: ignore[method-assign]
    box.run(lambda: task)
    press(box)
    assert box.messages.text == "This step cannot be stopped. It will end soon."
    assert (box.button.text, box.running) == ("Cancel", True)
    host.spin(lambda: not box.running)
    assert "Fake lesion" in box.summary.text


def test_another_run_cannot_start_meanwhile(host: Any, box: Any) -> None:
    task, other = FakeTask(polls=20), FakeTask()
    assert box.run(lambda: task)
    assert not box.run(lambda: other)
    assert other.calls == []
    assert "Wait until it has ended" in box.messages.text
    host.spin(lambda: not box.running)
    assert box.run(lambda: other)


def test_an_error_stands_in_the_panel_with_details_to_copy(host: Any, box: Any) -> None:
    import qt

    error = JobFailed("The computation ended unexpectedly. Try again.")
    error.details = "Traceback: line 7"
    task = FakeTask("FAILED", error=error)
    box.offer(lambda: task)
    press(box)
    host.spin(lambda: not box.running)
    assert box.messages.widget.visible
    assert box.messages.text == "The computation ended unexpectedly. Try again."
    box.messages.copy_button.click()
    assert qt.QApplication.clipboard().text() == "The computation ended unexpectedly. Try again.\n\nTraceback: line 7"
    box.messages.close_button.click()
    assert not box.messages.widget.visible
    press(box)
    assert box.messages.text == "", "a new run begins without old errors"


def test_what_is_refused_before_the_start_is_said_and_nothing_runs(box: Any) -> None:
    def refuse() -> Any:
        raise InputError("The point lies 31 mm outside the liver.")

    box.offer(refuse)
    press(box)
    assert box.messages.text == "The point lies 31 mm outside the liver."
    assert not box.running
    assert (box.button.text, box.button.enabled) == ("Synthesise", True)


def test_a_fault_of_ours_is_a_sentence_with_the_traceback_as_details(host: Any, box: Any) -> None:
    task = FakeTask()
    task.poll = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    box.offer(lambda: task)
    press(box)
    host.spin(lambda: not box.running)
    assert box.messages.text.startswith("Something unforeseen went wrong.")
    assert "ZeroDivisionError" in box.messages.details
    assert task.calls[-1] == "close"
    assert not box.timer.active


def test_a_fault_in_showing_the_result_leaves_the_box_usable(host: Any, box: Any) -> None:
    def fail(task: Any) -> None:
        raise ValueError("cannot show")

    box.on_done = fail
    box.offer(FakeTask)
    press(box)
    host.spin(lambda: not box.running)
    assert "ValueError: cannot show" in box.messages.details
    box.on_done = None
    press(box)
    host.spin(lambda: not box.running)
    assert box.messages.text == ""


def test_a_tick_inside_a_tick_does_nothing(host: Any, box: Any) -> None:
    import qt

    task = FakeTask(polls=2)
    depth: list[int] = []
    plain = task.poll

    def poll() -> None:
        depth.append(1)
        assert len(depth) == 1, "polled while it was being polled"
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            qt.QApplication.processEvents()
        depth.pop()
        plain()

    task.poll = poll  # type: ignore[method-assign]
    box.run(lambda: task)
    host.spin(lambda: not box.running)
    assert task.calls.count("poll") == 2
    assert box.messages.text == ""


def test_a_measurement_afterwards_leaves_the_line_about_the_synthesis(host: Any, box: Any) -> None:
    box.offer(FakeTask)
    press(box)
    host.spin(lambda: not box.running)
    said, heard = box.summary.text, []
    box.on_done = lambda task: pytest.fail("not the main run")
    measuring = FakeTask()
    measuring.title = "Measure lesions"
    assert box.run(lambda: measuring, heard.append, keep_summary=True)
    host.spin(lambda: not box.running)
    assert heard == [measuring]
    assert box.summary.text == said
    assert "Measure lesions" in box.log.text


def test_closing_the_box_stops_what_runs(host: Any) -> None:
    from SyntheticImagingLib.panel import RunBox

    box, task = RunBox(), FakeTask(polls=1000)
    box.on_ended = lambda task: pytest.fail("nobody is there to hear")
    box.run(lambda: task)
    box.close()
    assert task.calls[-1] == "close"
    assert not box.timer.active
