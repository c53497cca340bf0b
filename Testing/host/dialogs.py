"""Dialogs that nobody sees: each is recorded and gets the answer that the test gave beforehand.

A dialog without an answer is an error of the panel under test: it would have blocked, or surprised the user.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtGui, QtWidgets
from Testing.host.answers import Answers, UnexpectedDialog

Box = QtWidgets.QMessageBox


_current: list[Answers] = [Answers()]


def answers_of_now() -> Answers:
    """The answers of the host that is installed."""
    return _current[-1]


def use(answers: Answers) -> None:
    """From now on dialogs are answered from here."""
    _current[:] = [answers]


def _button(answer: Any) -> Any:
    if isinstance(answer, str):
        found = getattr(Box, answer.capitalize() if answer.islower() else answer, None)
        if found is None:
            raise UnexpectedDialog(f"there is no button '{answer}' in a message box")
        return found
    return Box.Ok if answer is True else Box.Cancel if answer is False else answer


def _run_message_box(self: Any) -> Any:
    answer = answers_of_now().take("message", self.windowTitle, self.text, self.detailedText or "", self)
    if isinstance(answer, str) and not hasattr(Box, answer):
        for button in self.buttons():
            if button.text.replace("&", "") == answer:
                button.click()
                return 0
    wanted = _button(answer)
    button = self.button(wanted)
    if button is None:
        raise UnexpectedDialog(f"the message box {self.text!r} has no button {answer!r}")
    button.click()
    return wanted


def _static_message(parent: Any, title: str, text: str, *_: Any) -> Any:
    return _button(answers_of_now().take("message", title, text))


def _path(kind: str) -> Callable[..., Any]:
    def ask(parent: Any = None, caption: str = "", directory: str = "", filters: str = "", *_: Any) -> Any:
        answer = answers_of_now().take(kind, caption, filters or directory)
        return str(answer) if answer else ""

    return ask


def _paths(parent: Any = None, caption: str = "", directory: str = "", filters: str = "", *_: Any) -> Any:
    answer = answers_of_now().take("open", caption, filters or directory)
    if not answer:
        return ()
    return tuple(str(a) for a in ([answer] if isinstance(answer, str) else answer))


def _run_dialog(self: Any) -> int:
    answer = answers_of_now().take("dialog", self.windowTitle, type(self).__name__, subject=self)
    return int(bool(answer))


def _run_menu(self: Any, *_: Any) -> Any:
    texts = [a.text for a in self.actions()]
    answer = answers_of_now().take("menu", self.title, " | ".join(texts), subject=self)
    for action in self.actions():
        if answer and action.text.replace("&", "") == answer:
            action.trigger()
            return action
    if answer:
        raise UnexpectedDialog(f"the menu has no action {answer!r}, it has {texts}")
    return None


def _open_url(url: Any) -> bool:
    answers_of_now().opened_urls.append(url.toString() if hasattr(url, "toString") else str(url))
    return True


def _no_input(*_: Any) -> Any:
    raise UnexpectedDialog("input dialogs are not imitated; a panel asks in its own fields")


def replace_dialogs() -> None:
    """Put the recorders into PySide6's dialog classes, for this process."""
    box: Any = QtWidgets.QMessageBox
    box.exec = box.exec_ = _run_message_box
    for name in ("question", "warning", "information", "critical", "about"):
        setattr(box, name, staticmethod(_static_message))
    files: Any = QtWidgets.QFileDialog
    files.getExistingDirectory = staticmethod(_path("folder"))
    files.getOpenFileName = staticmethod(_path("open"))
    files.getSaveFileName = staticmethod(_path("save"))
    files.getOpenFileNames = staticmethod(_paths)
    dialog: Any = QtWidgets.QDialog
    dialog.exec = dialog.exec_ = _run_dialog
    for other in (QtWidgets.QFileDialog, QtWidgets.QInputDialog, QtWidgets.QProgressDialog, QtWidgets.QColorDialog):
        if "exec" in other.__dict__:
            setattr(other, "exec", _run_dialog)  # noqa: B010  (mypy knows the method)
    menu: Any = QtWidgets.QMenu
    menu.exec = menu.exec_ = _run_menu
    for name in ("getText", "getInt", "getDouble", "getItem", "getMultiLineText"):
        setattr(QtWidgets.QInputDialog, name, staticmethod(_no_input))
    services: Any = QtGui.QDesktopServices
    services.openUrl = staticmethod(_open_url)
