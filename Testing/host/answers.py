"""What the user of a test answers to dialogs, and what he was asked. Knows no Qt: the real program uses it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class UnexpectedDialog(AssertionError):
    """A dialog opened for which the test has no answer."""


@dataclass(frozen=True)
class Asked:
    """One dialog that was opened: ``kind`` is message, open, save, folder, dialog, menu or install."""

    kind: str
    title: str
    text: str
    details: str = ""
    answer: Any = None


@dataclass
class Answers:
    """What the user will answer, and what he was asked.

    ``add("message", "Yes")``, ``add("folder", "/some/folder")``, ``add("save", "/some/file.nrrd")``,
    ``add("open", [files])``, ``add("menu", "Text of the action")``, ``add("install", True)``. An empty text is
    Cancel. A callable gets the dialog (or the `Asked`) and returns the answer.
    """

    asked: list[Asked] = field(default_factory=list)
    opened_urls: list[str] = field(default_factory=list)
    _waiting: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, kind: str, *answers: Any) -> None:
        """Put answers in the queue of one kind of dialog."""
        if kind not in ("message", "open", "save", "folder", "dialog", "menu", "install"):
            raise ValueError(f"there is no kind of dialog named '{kind}'")
        self._waiting.setdefault(kind, []).extend(answers)

    def take(self, kind: str, title: str, text: str, details: str = "", subject: Any = None) -> Any:
        """The next answer for this kind; records the question."""
        queue = self._waiting.get(kind, [])
        question = Asked(kind, title.strip(), text, details)
        if not queue:
            self.asked.append(question)
            raise UnexpectedDialog(f"unexpected {kind} dialog: {title.strip()!r}: {text!r}")
        answer = queue.pop(0)
        if callable(answer):
            answer = answer(question if subject is None else subject)
        self.asked.append(Asked(kind, title.strip(), text, details, answer))
        return answer

    @property
    def left(self) -> dict[str, list[Any]]:
        """Answers that nobody asked for."""
        return {kind: answers for kind, answers in self._waiting.items() if answers}

    def texts(self, kind: str = "message") -> list[str]:
        """The texts of all dialogs of one kind so far."""
        return [a.text for a in self.asked if a.kind == kind]
