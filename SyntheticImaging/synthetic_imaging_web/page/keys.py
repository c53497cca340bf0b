"""Keys of the page, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from SyntheticImagingLib.show import Mode

if TYPE_CHECKING:
    from synthetic_imaging_web.page.app import PageApp


@dataclass(frozen=True)
class Key:
    """A key: what the browser calls it, how it is shown, what it does in words."""

    name: str
    shown: str
    words: str


KEYS = (
    Key("x", "X", "flicker: before, after, before…"),
    Key("d", "D", "difference, and back"),
    Key("o", "O", "overlay, and back"),
    Key("s", "S", "side by side, or beside its inputs, and back"),
    Key("c", "C", "checkerboard, and back"),
    Key("b", "B", "before"),
    Key("a", "A", "after"),
    Key("l", "L", "outlines of the lesions"),
    Key("n", "N or ]", "next lesion, or case of a cohort"),
    Key("p", "P or [", "lesion or case before"),
    Key("u", "U", "where a result is unsure, and back"),
    Key("g", "G", "play the growth, pause"),
    Key("r", "R", "fit all views"),
    Key("Escape", "Esc", "wait for no click; close this"),
    Key("?", "?", "this list"),
)


class Keys:
    """Answers keys that the browser passes on (those typed into a field it keeps)."""

    def __init__(self, app: PageApp) -> None:
        comparing, results = app.comparing, app.results
        toggle = comparing.toggle

        def step(by: int) -> None:
            if not app.cohorts.step(by):
                results.next_lesion(by)

        def beside() -> None:
            if not app.sequences.toggle():
                toggle(Mode.SIDE_BY_SIDE)

        self._actions = {
            "x": comparing.flicker, "d": lambda: toggle(Mode.DIFFERENCE), "o": lambda: toggle(Mode.OVERLAY),
            "s": beside, "c": lambda: toggle(Mode.CHECKERBOARD),
            "b": lambda: comparing.show(Mode.BEFORE), "a": lambda: comparing.show(Mode.AFTER),
            "l": comparing.toggle_outlines, "n": lambda: step(1), "]": lambda: step(1),
            "p": lambda: step(-1), "[": lambda: step(-1), "g": app.growth.toggle, "u": app.doubt.toggle,
            "r": app.session.views.fit, "Escape": self._escape, "?": self._help,
        }  # fmt: skip
        self._app = app
        app.session.server.trigger("key")(self.press)

    def press(self, name: str) -> None:
        """A key was pressed."""
        action = self._actions.get(name if len(name) > 1 else name.lower())
        if action is not None:
            action()

    def _escape(self) -> None:
        self._app.placing.stop()
        self._app.session.push(help=False)

    def _help(self) -> None:
        self._app.session.push(help=not self._app.session.state.help)
