"""Running a tool: estimate before, progress and cancel meanwhile, what happened afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging_web.page.forms import Forms
from synthetic_imaging_web.page.inputs import Inputs
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.task import SceneTask, TaskState, estimate
from SyntheticImagingLib.task.graphics_look import SENTENCE, look, looked

_POLL_SECONDS = 0.07
_ESTIMATE_AFTER_SECONDS = 0.35
# Cancel takes the place of the button that was pressed: a double click must not end what it began.
_NO_CANCEL_SECONDS = 0.6


class Running:
    """One task at a time, polled on the server's loop: the views go on answering.

    The state ``running`` says so; ``progress`` (0 to 100), ``step`` and ``left`` tell how far; ``estimate`` stands
    above the button, ``estimate_ok`` is false where the tool cannot be started.
    """

    def __init__(self, session: Session, forms: Forms, inputs: Inputs) -> None:
        self._session, self._forms, self._inputs = session, forms, inputs
        self.task: Any = None
        self.on_done: Callable[[SceneTask], None] = lambda task: None
        # Tool id -> what starts it (values, seed), and what says or refuses beforehand: for tools that fill a folder.
        self.starts: dict[str, Callable[[Mapping[str, Any], int | None], None]] = {}
        self.checks: dict[str, Callable[[Mapping[str, Any]], str]] = {}
        self._estimate_later: asyncio.TimerHandle | None = None
        session.state.update(
            {"running": False, "stopping": False, "progress": 0.0, "step": "", "left": "", "estimate": "",
             "estimate_ok": False, "running_title": "", "just_started": False}
        )
        forms.changed.append(self.estimate_soon)
        inputs.changed.append(self.estimate_soon)
        inputs.placing.changed.append(self.estimate_soon)

    def estimate_soon(self) -> None:
        """Say what a run would need, once the user pauses."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # the server does not run yet
        if self._estimate_later is not None:
            self._estimate_later.cancel()
        self._estimate_later = loop.call_later(_ESTIMATE_AFTER_SECONDS, self._estimate)

    def start(self) -> None:
        """Run the tool that is shown with what is chosen."""
        if self.task is not None:
            return
        self._inputs.placing.stop()
        self._session.note("")
        try:
            tool = self._forms.tool
            nodes = self._inputs.nodes(tool)
            values = self._forms.values(self._points_in(nodes))
            if tool.id in self.starts:
                self.starts[tool.id](values, self._forms.seed())
                return
            task = SceneTask(self._session.scene.scene, tool, nodes, values, self._forms.seed())
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        self.run(task, tool.title, self._done)

    def again(self, task: SceneTask) -> None:
        """The same once more, with a new seed."""
        if self.task is not None:
            return
        try:
            following = task.again()
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        self.run(following, following.tool.title, self._done)

    def run(self, task: Any, title: str, done: Callable[[Any], None]) -> None:
        """Start any task and watch it; ``done`` is called when it succeeded."""
        try:
            task.start()
        except SyntheticImagingError as error:
            task.close()
            self._session.fail(error)
            return
        self.task = task
        self._session.push(
            running=True, stopping=False, progress=0.0, step="starting", left="", running_title=title, message="",
            just_started=True,
        )
        asyncio.get_running_loop().call_later(_NO_CANCEL_SECONDS, lambda: self._session.push(just_started=False))
        self._session.spawn(self._watch(task, done))

    def cancel(self) -> None:
        """Ask the task to stop."""
        if self.task is not None and hasattr(self.task, "cancel"):
            self.task.cancel()
            self._session.push(stopping=True)

    def close(self) -> None:
        """End what runs; when the session ends."""
        if self.task is not None:
            self.task.close()
            self.task = None

    async def _watch(self, task: Any, done: Callable[[Any], None]) -> None:
        shown = None
        try:
            while not task.finished:
                await asyncio.sleep(_POLL_SECONDS)
                task.poll()
                told = (round(task.progress.fraction, 2), task.progress.step, _left(task))
                if told != shown and not task.finished:
                    shown = told
                    self._session.push(progress=100 * told[0], step=told[1], left=told[2])
        finally:
            self.task = None
            self._session.push(running=False, stopping=False, step="", left="")
        if task.state is TaskState.DONE:
            done(task)
        elif task.state is TaskState.CANCELLED:
            self._session.note("Cancelled. Nothing was changed.")
        elif task.error is not None:
            self._session.fail(task.error)
        self.estimate_soon()

    def _done(self, task: SceneTask) -> None:
        self.on_done(task)

    def _estimate(self) -> None:
        self._estimate_later = None
        tool = self._forms.tool
        try:
            nodes = self._inputs.nodes(tool)
            values = self._forms.values(self._points_in(nodes))
            if tool.id in self.checks:
                sentence = self.checks[tool.id](values)
            elif tool.accelerated and not looked():
                self._session.push(estimate=SENTENCE, estimate_ok=False)
                self._session.spawn(self._look())
                return
            else:
                sentence = estimate(tool, nodes, values).sentence
            self._session.push(estimate=sentence, estimate_ok=True)
        except SyntheticImagingError as error:
            self._session.push(estimate=str(error), estimate_ok=False)

    async def _look(self) -> None:
        await asyncio.to_thread(look)
        self.estimate_soon()

    def _points_in(self, nodes: dict[str, Any]) -> bool:
        return any(hasattr(node, "GetNumberOfDefinedControlPoints") for node in nodes.values())


def _left(task: Any) -> str:
    seconds = task.progress.seconds_left
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{max(1, round(seconds))} s left"
    return f"{round(seconds / 60)} min left"
