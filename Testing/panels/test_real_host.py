"""The host over a real 3D Slicer, tried on the imitated one: its calls exist and it puts everything back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from Testing.panels import example_module as example


@pytest.fixture
def real(imitation: Any, tmp_path: Path) -> Iterator[Any]:
    from Testing.slicer.real_host import RealHost

    made = RealHost(tmp_path / "real")
    yield made
    made.close()


def test_it_offers_what_the_imitation_offers(real: Any, imitation: Any) -> None:
    wanted = {n for n in dir(type(imitation)) if not n.startswith("_")}
    internal = {"show_module", "ask_translation", "is_installed"}
    assert wanted - internal <= set(dir(real))
    assert {"scene", "app", "window", "answers", "errors", "translated", "installed", "translation"} <= set(dir(real))


def test_a_module_is_loaded_left_reloaded_and_pictured(real: Any, tmp_path: Path) -> None:
    panel = real.load("Example", file=example.write_example(tmp_path))
    assert panel.calls == ["enter"]
    assert ("Example", "Example") in real.translated
    again = real.reload(panel)
    assert panel.calls == ["enter", "cleanup"]
    assert real.picture(again, tmp_path / "panel.png").is_file()
    fresh = real.load("Example")
    assert fresh is not again, "each test gets a panel of its own"
    real.unload("Example")
    assert fresh.calls[-1] == "cleanup"


def test_dialogs_are_answered(real: Any) -> None:
    import qt
    import slicer

    real.answers.add("message", "Yes", "Cancel", "Ok")
    real.answers.add("folder", "/data")
    real.answers.add("open", ["a", "b"])
    assert slicer.util.confirmYesNoDisplay("Install?") is True
    assert slicer.util.confirmOkCancelDisplay("Really?") is False
    slicer.util.errorDisplay("No.")
    assert qt.QFileDialog.getExistingDirectory(None, "Where") == "/data"
    assert qt.QFileDialog.getOpenFileNames() == ("a", "b")
    qt.QDesktopServices.openUrl(qt.QUrl("https://example.org/page"))
    assert real.answers.opened_urls == ["https://example.org/page"]
    assert real.answers.texts() == ["Install?", "Really?", "No."]


def test_scenes_are_saved_closed_and_opened(real: Any, tmp_path: Path) -> None:
    real.scene.AddNewNodeByClass("vtkMRMLTextNode", "kept").SetText("words")
    assert real.save_scene(tmp_path / "scene.mrb")
    real.close_scene()
    assert real.scene.GetFirstNodeByName("kept") is None
    assert real.open_scene(tmp_path / "scene.mrb")
    assert real.scene.GetFirstNodeByName("kept").GetText() == "words"


def test_time_passes_and_runs_out(real: Any) -> None:
    assert real.spin(lambda: True, 1.0) is True
    with pytest.raises(AssertionError, match="nothing came of it"):
        real.spin(lambda: False, 0.01)


def test_afterwards_everything_is_as_before(imitation: Any, tmp_path: Path) -> None:
    import qt
    import slicer
    from Testing.slicer.real_host import RealHost

    before = (qt.QFileDialog, qt.QDesktopServices, slicer.util.errorDisplay, slicer.i18n.translate)
    RealHost(tmp_path / "real").close()
    assert (qt.QFileDialog, qt.QDesktopServices, slicer.util.errorDisplay, slicer.i18n.translate) == before
