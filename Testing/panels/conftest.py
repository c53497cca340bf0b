"""The fixtures of the panels' tests: a host, imitated here, or the real 3D Slicer inside it (`make test-slicer`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
IN_SLICER = "slicer" in sys.modules and hasattr(sys.modules["slicer"], "app") and "qt" in sys.modules
if not IN_SLICER:  # there the modules' folder comes first, and it is on the path already
    for folder in (ROOT, ROOT / "SyntheticImaging"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Any]:
    """A fresh program. The test fails if a slot or an observer raised, or an answer to a dialog was never asked for."""
    if IN_SLICER:
        from Testing.slicer.real_host import RealHost as Host
    else:
        try:  # Qt's own libraries may be missing (libegl1, libfontconfig1), not only the packages
            import slicer  # noqa: F401
            from PySide6 import QtWidgets  # noqa: F401
        except ImportError as error:
            pytest.skip(f"panels need PySide6 and slicer-core to be tested without 3D Slicer: {error}")
        from Testing.host import Host

    program: Any = Host(tmp_path / "host")
    try:
        yield program
        errors = list(program.errors)
        left = program.answers.left
        told = [m for m in getattr(program, "qt_messages", ()) if m.startswith(("QLayout", "QWidget", "QObject"))]
    finally:
        program.close()
    assert not errors, "exceptions in slots or observers:\n" + "\n".join(errors)
    assert not program.errors, "exceptions while closing:\n" + "\n".join(program.errors)
    assert not told, f"Qt warns: {told}"
    assert not left, f"answers that no dialog asked for: {left}"


@pytest.fixture
def imitation(host: Any) -> Any:
    """The host, for tests that are about the imitation alone: skipped in the real program."""
    if host.real:
        pytest.skip("about the imitation of 3D Slicer")
    return host


@pytest.fixture
def panel_host(host: Any) -> Any:
    """The same under another name."""
    return host


class Ticks:
    """Counts a timer while something runs: what never blocks lets it tick."""

    def __init__(self, program: Any, milliseconds: int = 20) -> None:
        import qt

        self._program = program
        self._timer = qt.QTimer()
        self._timer.setInterval(milliseconds)
        self._timer.connect("timeout()", self._tick)
        self.milliseconds = milliseconds
        self.count = 0
        self.longest_gap = 0.0
        self._last = 0.0

    def _tick(self) -> None:
        now = time.monotonic()
        self.count += 1
        self.longest_gap = max(self.longest_gap, now - self._last)
        self._last = now

    def during(self, until: Callable[[], Any], seconds: float = 60.0) -> Ticks:
        """Spin until it is so, and count; ``longest_gap``: for how many seconds the interface stood still at most."""
        self._last = time.monotonic()
        self._timer.start()
        try:
            self._program.spin(until, seconds)
        finally:
            self._timer.stop()
        return self


@pytest.fixture
def ticks(host: Any) -> Ticks:
    """``ticks.during(lambda: not box.running)`` then ``ticks.count`` and ``ticks.longest_gap``."""
    return Ticks(host)


@pytest.fixture
def library_comes_back() -> Iterator[None]:
    """For tests that reload a panel: other tests hold on to the modules as they were."""
    kept = {name: module for name, module in sys.modules.items() if name.startswith("SyntheticImagingLib")}
    yield
    for name in [n for n in sys.modules if n.startswith("SyntheticImagingLib")]:
        del sys.modules[name]
    sys.modules.update(kept)
