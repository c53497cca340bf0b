"""The tests' `host` over a real, running 3D Slicer: the same calls, the real program.

Dialogs are answered by replacing what opens them in ``slicer.util`` and ``qt``. Never run in this repository's own
tests, for want of a Slicer; keep it small.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import qt
import slicer
from Testing.host.answers import Answers

_DISPLAYS = {"infoDisplay": None, "warningDisplay": None, "errorDisplay": None, "messageBox": None}
_QUESTIONS = ("confirmOkCancelDisplay", "confirmYesNoDisplay", "confirmRetryCloseDisplay")
_YES = ("Yes", "Ok", "Retry", True)


class _Standing:
    """Stands for a class of ``qt``: some static functions are answered by the test, the rest is the class's own."""

    def __init__(self, original: Any, **functions: Any) -> None:
        self._original = original
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __call__(self, *arguments: Any) -> Any:
        return self._original(*arguments)


class RealHost:
    """See `Testing.host.Host`; what only the imitation can do skips the test."""

    real = True
    _seen: ClassVar[set[str]] = set()

    def __init__(self, folder: Any = None) -> None:
        self.app, self.scene, self.window = slicer.app, slicer.mrmlScene, slicer.util.mainWindow()
        self.layout_manager = slicer.app.layoutManager()
        self.modules = slicer.modules
        self.temporary_path = str(folder or slicer.app.temporaryPath)
        Path(self.temporary_path).mkdir(parents=True, exist_ok=True)
        self.answers = Answers()
        self.errors: list[str] = []
        self.translated: list[tuple[str, str]] = []
        self.installed: list[Any] = []
        self.translation: Callable[[str, str], str] = lambda context, text: text
        self._put_back: list[tuple[Any, str, Any]] = []
        self._replace_dialogs()
        self._record()
        self.close_scene()

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._put_back.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def _replace_dialogs(self) -> None:
        take = self.answers.take

        def path(kind: str) -> Any:
            return lambda parent=None, caption="", *_: str(take(kind, caption, "") or "")

        for name in _DISPLAYS:
            self._replace(slicer.util, name, lambda text, *a, **k: take("message", k.get("windowTitle") or "", text))
        for name in _QUESTIONS:
            self._replace(
                slicer.util, name, lambda text, *a, **k: take("message", k.get("windowTitle") or "", text) in _YES
            )
        files = _Standing(
            qt.QFileDialog, getExistingDirectory=path("folder"), getSaveFileName=path("save"),
            getOpenFileName=path("open"), getOpenFileNames=lambda *_: tuple(take("open", "", "") or ()),
        )  # fmt: skip
        self._replace(qt, "QFileDialog", files)
        services = _Standing(
            qt.QDesktopServices, openUrl=lambda url: self.answers.opened_urls.append(str(url.toString())) or True
        )
        self._replace(qt, "QDesktopServices", services)

    def _record(self) -> None:
        plain_hook = sys.excepthook

        def note(kind: Any, value: Any, trace: Any) -> None:
            self.errors.append("".join(traceback.format_exception(kind, value, trace)))
            plain_hook(kind, value, trace)

        def translate(context: str, text: str) -> str:
            self.translated.append((context, text))
            return self.translation(context, text)

        def install(requirements: Any, *_: Any, **options: Any) -> None:
            self.installed.append((requirements, options))

        self._replace(sys, "excepthook", note)
        self._replace(slicer.i18n, "translate", translate)
        self._replace(slicer.util, "pip_install", install)
        if hasattr(slicer, "packaging"):
            self._replace(slicer.packaging, "pip_install", install)
            self._replace(slicer.packaging, "pip_ensure", install)

    @property
    def sample_sources(self) -> list[dict[str, Any]]:
        """What modules registered with Sample Data."""
        sources = getattr(slicer.modules, "sampleDataSources", {})
        return [
            {"category": category, "sampleName": s.sampleName, "checksums": s.checksums, "uris": s.uris}
            for category, group in sources.items()
            for s in group
        ]

    def load(self, name: str, *, file: Any = None, enter: bool = True) -> Any:
        """Show a module, loaded at the program's start or now from its file; its panel is made anew in each test."""
        if not hasattr(slicer.modules, name.lower()):
            factory = slicer.app.moduleManager().factoryManager()
            factory.registerModule(qt.QFileInfo(str(file)))
            if file is None or not factory.loadModules([name]):
                raise RuntimeError(f"the program has no module {name}")
        if not enter:
            return getattr(slicer.modules, name.lower())
        if name in self._seen:
            slicer.util.reloadScriptedModule(name)
        self._seen.add(name)
        self.select(name)
        return self.widget(name)

    def select(self, name: str) -> None:
        """What the user does in the list of modules."""
        slicer.util.selectModule(name)
        self.spin(seconds=0)

    def widget(self, name: str) -> Any:
        """The Python object of a module's panel."""
        return getattr(slicer.modules, f"{name}Widget")

    def reload(self, widget: Any) -> Any:
        """Press Reload; gives the new Python object."""
        name = widget.moduleName
        widget.onReload()
        return self.widget(name)

    def close_scene(self) -> None:
        """File > Close Scene."""
        slicer.mrmlScene.Clear(False)
        self.spin(seconds=0)

    def save_scene(self, path: Any) -> bool:
        """Save the scene."""
        return bool(slicer.util.saveScene(str(path)))

    def open_scene(self, path: Any) -> bool:
        """Open a saved scene in place of what is there."""
        slicer.mrmlScene.Clear(False)
        slicer.util.loadScene(str(path))
        return True

    def place(self, ras: Any) -> None:
        """See `Testing.host.Host.place`."""
        from Testing.host.placing import place

        place(slicer.mrmlScene, ras)
        self.spin(seconds=0)

    def unload(self, name: str) -> None:
        """Take a module's panel down as the end of the program does."""
        self.widget(name).cleanup()

    def spin(self, until: Callable[[], Any] | None = None, seconds: float = 10.0) -> bool:
        """See `Testing.host.Host.spin`."""
        end = time.monotonic() + seconds
        while True:
            slicer.app.processEvents()
            if until is not None and until():
                return True
            if time.monotonic() >= end:
                break
            time.sleep(0.002)
        if until is not None:
            raise AssertionError(f"nothing came of it in {seconds} s" + "".join(f"\n{e}" for e in self.errors[-1:]))
        return False

    def picture(self, widget: Any, path: Any, size: tuple[int, int] = (460, 0)) -> Path:
        """Save a picture of a panel as it stands in the window."""
        shown = widget if hasattr(widget, "grab") else widget.parent
        self.spin(seconds=0.2)
        shown.grab().save(str(path))
        return Path(path)

    def close(self) -> None:
        """Leave the panel, empty the scene, put everything back."""
        slicer.util.selectModule("Data")
        self.close_scene()
        for owner, name, value in reversed(self._put_back):
            setattr(owner, name, value)
        self._put_back.clear()
