"""Make pictures of the Slicer tutorials: `make docs`, or ``python docs/make_screenshots.py [folder] [--only part]``.

The panels are the extension's own files, run in the test host (Testing/host) and worked by pressing their buttons; the
views beside them are drawn by Slicer's own view code without a screen. The desktop program frames both with its menus
and tool bars, which are not here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

PICTURES = ROOT / "docs" / "pictures"
PANEL_WIDTH, VIEWS = 450, (840, 700)
GAP = 4
QUALITY = 78
SEED = 7
FIELD_MM, CLOSE_MM, HEAD_MM = 150.0, 110.0, 190.0
LIVER_WINDOW = (170.0, 75.0)  # width and level in HU
PLACE_RAS = (76.0, 20.0, -250.0)  # in the right lobe of the sample's liver, between its larger vessels
PATIENCE_S = 900.0


class Desk:
    """The imitated program with the sample CT loaded, and its views.

    Args:
        folder: where single pictures are put together.
    """

    def __init__(self, folder: Path) -> None:
        from Testing.host import Host

        from SyntheticImagingLib.show import host as views_of_slicer
        from SyntheticImagingLib.show.headless_host import HeadlessViewHost

        self.folder = folder
        self.host = Host()
        self.loaded: list[str] = []
        self.views = HeadlessViewHost(self.host.headless, VIEWS)
        # The panel asks Slicer for its views: it gets those that can be drawn here.
        views_of_slicer.SlicerViewHost = lambda: self.views  # type: ignore[assignment,misc]

    def load(self, name: str) -> Any:
        """The panel of a module."""
        self.loaded.append(name)
        return self.host.load(name)

    def load_sample(self) -> Any:
        """The sample CT with its organs in all views; returns its node."""
        from SyntheticImagingLib.lesion_panel.sample_scenes import load_ct

        volume, _organs = load_ct(self.host.scene)
        volume.GetDisplayNode().SetAutoWindowLevel(False)
        volume.GetDisplayNode().SetWindowLevel(*LIVER_WINDOW)
        for view in self.views.slice_views():
            view.composite_node.SetBackgroundVolumeID(volume.GetID())
        self.views.fit(volume)
        return volume

    def look_at(self, ras: Any, field_mm: float = FIELD_MM) -> None:
        """Centre every slice view on a place, zoomed in."""
        for view in self.views.slice_views():
            width, height, _depth = view.slice_node.GetDimensions()
            view.slice_node.SetFieldOfView(field_mm, field_mm * height / max(width, 1), 1.0)
            view.slice_node.JumpSliceByCentering(*ras)

    def wait(self, panel: Any) -> None:
        """Until a computation has ended, and the measuring after it."""
        for _twice in range(2):
            self.host.spin(lambda: not panel.run.running, PATIENCE_S)
            self.host.spin(seconds=0.4)

    def panel_picture(self, widget: Any, top: Any = None) -> Any:
        """The panel as wide as Slicer's usual one, cut to the height of the views from a part of it downwards."""
        from PIL import Image
        from PySide6.QtCore import QPoint
        from PySide6.QtWidgets import QWidget

        file = self.host.picture(widget, self.folder / "panel.png", (PANEL_WIDTH, 0))
        picture = Image.open(file).convert("RGB")
        parent = widget if isinstance(widget, QWidget) else widget.parent
        begin = QWidget.mapTo(top, parent, QPoint(0, 0)).y() - 8 if top is not None else 0
        begin = max(0, min(begin, picture.height - VIEWS[1]))
        sheet = Image.new("RGB", (PANEL_WIDTH, VIEWS[1]), picture.getpixel((2, 2)))
        sheet.paste(picture.crop((0, begin, PANEL_WIDTH, min(picture.height, begin + VIEWS[1]))), (0, 0))
        return sheet

    def save(self, name: str, widget: Any, top: Any = None) -> None:
        """A picture of panel and views side by side."""
        from PIL import Image

        self.host.spin(seconds=0.2)
        panel = self.panel_picture(widget, top)
        shown = Image.open(self.views.save(self.folder / "views.png")).convert("RGB")
        whole = Image.new("RGB", (panel.width + GAP + shown.width, VIEWS[1]), "#2c3036")
        whole.paste(panel, (0, 0))
        whole.paste(shown, (panel.width + GAP, 0))
        write(whole, name)

    def close(self) -> None:
        """Take it all down; an error that a panel swallowed is an error here."""
        errors = list(self.host.errors)
        for name in self.loaded:
            self.host.widget(name).cleanup()  # a panel looks at the views until it is taken down
        self.views.close()
        if errors:
            raise SystemExit(errors[0])


def write(picture: Any, name: str) -> None:
    """A JPEG in docs/pictures, or where the command line says."""
    path = PICTURES / f"{name}.jpg"
    picture.save(path, quality=QUALITY, optimize=True)
    print(path.name)


def keep_seed(panel: Any) -> None:
    """What the user does under Advanced, so that the pictures show the same lesion each time."""
    panel.form.seed_row.new.checked = False
    panel.form.seed_row.number.text = str(SEED)
    panel.form.seed_row.number.editingFinished.emit()


def home(desk: Desk) -> None:
    """The home page."""
    from PIL import Image

    page = desk.load("SyntheticImaging")
    desk.host.spin(lambda: page.setupBox.report is not None, 60)
    desk.host.spin(seconds=0.3)
    write(Image.open(desk.host.picture(page, desk.folder / "home.png", (560, 0))).convert("RGB"), "slicer-home")


def draw(desk: Desk) -> Any:
    """A place, a lesion drawn there, before and after."""
    from SyntheticImagingLib.show import Mode

    lesions = desk.load("LesionSynthesis")
    panel = lesions.panel
    desk.look_at(PLACE_RAS)
    panel.ui.placeButton.click()
    places = lesions.logic.getParameterNode().places
    places.AddControlPoint(*PLACE_RAS)  # what Slicer does with the click
    panel.place.mode.stop()
    keep_seed(panel)
    desk.host.spin(seconds=0.3)
    desk.save("slicer-place", lesions)
    panel.run.button.click()
    desk.wait(panel)
    box = panel.results.box
    box.views.buttons[Mode.SIDE_BY_SIDE].click()
    desk.look_at(PLACE_RAS, CLOSE_MM)
    desk.save("slicer-result", lesions, panel.ui.resultButton)
    box.views.buttons[Mode.DIFFERENCE].click()
    box.buttons["surface"].click()
    desk.look_at(PLACE_RAS, CLOSE_MM)
    desk.save("slicer-difference", lesions, panel.ui.resultButton)
    return lesions


def grow(desk: Desk, lesions: Any) -> None:
    """A tumour grown at the same place, in the middle of its growth."""
    panel = lesions.panel
    panel.results.box.buttons["undo"].click()
    panel.ui.growRadio.click()
    keep_seed(panel)
    panel.run.button.click()
    desk.wait(panel)
    growth = panel.results.box.growth
    panel.results.box.buttons["surface"].click()
    growth.slider.value = round(0.75 * growth.play.frames)
    desk.look_at(PLACE_RAS, CLOSE_MM)
    desk.save("slicer-growth", lesions, panel.ui.resultButton)


def cohort(desk: Desk) -> None:
    """A range over a histogram; a preview with one case rejected, beside the case that is looked at."""
    from PIL import Image

    desk.host.scene.Clear(0)
    module = desk.load("CohortSynthesis")
    panel, ui = module.panel, module.ui
    panel.form.set_value("spacing_mm", 2.0)
    panel.form.set_value("contrast", "arterial")
    ui.seedSpinBox.value = SEED
    desk.host.spin(lambda: panel._draws.done, PATIENCE_S)
    ui.rangeWidget.setValues(90.0, 140.0)
    desk.host.spin(seconds=0.3)
    shown = Image.open(desk.host.picture(module, desk.folder / "panel.png", (PANEL_WIDTH, 0))).convert("RGB")
    end = ui.lookSectionButton.pos.y() + ui.lookSectionButton.height
    write(shown.crop((0, 0, PANEL_WIDTH, end + 8)), "cohort-ranges")
    panel.preview.button.click()
    desk.host.spin(lambda: not panel.preview.running, PATIENCE_S)
    desk.host.spin(lambda: not panel.sheet.busy and not panel.case.busy, PATIENCE_S)
    panel.sheet.choose(3)
    panel.sheet.reject()
    desk.host.spin(lambda: not panel.sheet.busy and not panel.case.busy, PATIENCE_S)
    desk.save("cohort-look", module, ui.lookSectionButton)


def sequence(desk: Desk) -> None:
    """A phantom's DIR from its FLAIR and T1w, beside them; what has changed at its second visit."""
    desk.host.scene.Clear(0)
    module = desk.load("SequenceSynthesis")
    panel, ui = module.panel, module.ui
    ui.phantomButton.click()
    desk.host.spin(lambda: not panel.run.running and panel._looking is None, PATIENCE_S)
    keep_seed(panel.method)
    desk.save("sequence-inputs", module)
    panel.run.button.click()
    desk.host.spin(lambda: not panel.run.running, PATIENCE_S)
    ui.doubtCheckBox.checked = True
    desk.save("sequence-result", module, ui.resultButton)
    ui.methodSelector.currentIndex = ui.methodSelector.findText("Learned")
    desk.host.spin(lambda: panel._looking is None, PATIENCE_S)
    keep_seed(panel.method)
    panel.run.button.click()
    desk.host.spin(lambda: not panel.run.running, PATIENCE_S)
    desk.save("sequence-learned", module, ui.resultButton)
    ui.visitsButton.collapsed = False
    ui.secondPhantomButton.click()
    desk.host.spin(lambda: not panel.visits.run.running, PATIENCE_S)
    panel.visits.run.button.click()
    desk.host.spin(lambda: not panel.visits.run.running, PATIENCE_S)
    panel.visits.table.choose(0)
    desk.look_at(panel.visits.table.rows[0].ras, HEAD_MM)
    desk.save("sequence-visits", module, ui.visitsButton)


def lesions(desk: Desk) -> None:
    """A lesion drawn and a tumour grown in the sample CT."""
    desk.load_sample()
    grow(desk, draw(desk))


PARTS = {"home": home, "lesions": lesions, "cohort": cohort, "sequence": sequence}


def main() -> None:
    """Make them all, or those of some parts."""
    global PICTURES
    parser = argparse.ArgumentParser(prog="make docs", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=PICTURES, help="where they go")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="parts to make; all if left out")
    wanted = parser.parse_args()
    PICTURES = wanted.folder
    from SyntheticImagingLib.rendering import NO_RENDERING, can_render

    if not can_render():
        raise SystemExit(NO_RENDERING)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="synthetic-imaging-pictures-") as folder:
        desk = Desk(Path(folder))
        for name in wanted.only:
            PARTS[name](desk)
        desk.close()


if __name__ == "__main__":
    main()
