"""Every word that a user reads in Slicer can be translated."""

from __future__ import annotations

from pathlib import Path

import marked_text
import pytest

SOURCE = Path(__file__).parents[2] / "SyntheticImaging"
MODULES = ("SyntheticImaging", "LesionSynthesis", "CohortSynthesis", "HeartSegmentation", "SequenceSynthesis")
PANELS = sorted(
    path
    for folder in (*MODULES, *(f"SyntheticImagingLib/{name}" for name in ("panel", "lesion_panel", "mr_panel")))
    for path in (SOURCE / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
FORMS = sorted(path for name in MODULES for path in (SOURCE / name).rglob("*.ui"))


@pytest.mark.parametrize("path", PANELS, ids=lambda p: str(p.relative_to(SOURCE)))
def test_the_text_of_a_panel_is_marked_for_translation(path: Path):
    assert marked_text.in_python(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FORMS, ids=lambda p: p.name)
def test_the_text_of_a_form_can_be_translated(path: Path):
    assert marked_text.in_ui(path) == []


def test_there_is_something_to_check():
    assert {p.stem for p in PANELS} >= set(MODULES)
    assert {p.stem for p in FORMS} >= set(MODULES)


GOOD = [
    'label.text = _("Organ")',
    'label.text = _("{n} lesions").format(n=3)',
    'label.text = ""',
    'label.text = "15 mm"',
    'label.text = f"{size:.1f} mm"',
    'button.setToolTip(_("Place") + "\\n" + _("Cancel"))',
    'box.addItem(_("Liver"), "liver")',
    'box.setCurrentText("liver")',
    'w = qt.QLabel(_("Size"))',
    'w = qt.QKeySequence("F")',
    'label.text = self.sentence("organ")',
    'self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]',
    'def f():\n    text = _("a")\n    label.text = text',
    'widget.objectName = "organSelector"',
    'node.SetName("lesion")',
    'from slicer.i18n import tr as _\nraise InputError(_("Choose an organ."))',
    'raise InputError("There is no such method.")',
    'label.text = ", ".join(names)',
    'label.text = "<b>{}</b>".format(_("Result"))',
]
BAD = [
    'label.text = "Organ"',
    'label.text = f"{n} lesions"',
    'label.text = f"{\'one\' if n == 1 else n}"',
    'label.toolTip = "Place" if ready else _("Wait")',
    'button.setToolTip("Place here")',
    'box.addItem("Liver", "liver")',
    'w = qt.QLabel("Size")',
    'w = ctk.ctkCollapsibleButton("Advanced")',
    'table.setHorizontalHeaderLabels([_("Name"), "Volume"])',
    'slicer.util.errorDisplay("It failed")',
    'label.text = _(f"{n} lesions")',
    'label.text = _("{n} lesions".format(n=3))',
    'label.text = _("a " + name)',
    'label.text = _(name)',
    'def f():\n    text = "a word"\n    label.text = text',
    'label.text = "{} lesions".format(3)',
    'label.text = "Size: %d" % 3',
    'from slicer.i18n import tr as _\nraise InputError("Choose an organ.")',
    'self.parent.helpText = "Research use only"',
    'label.text = ", ".join(["one", name])',
]


@pytest.mark.parametrize("code", GOOD)
def test_marked_text_is_accepted(code: str):
    assert marked_text.in_python(code) == []


@pytest.mark.parametrize("code", BAD)
def test_unmarked_text_is_found(code: str):
    assert len(marked_text.in_python(code)) == 1


def test_a_form_is_read_both_ways(tmp_path: Path):
    form = tmp_path / "form.ui"
    form.write_text(
        '<ui><widget><property name="text"><string notr="true">Organ</string></property>'
        '<property name="suffix"><string notr="true"> mm</string></property>'
        '<property name="toolTip"><string>Where the lesion goes</string></property>'
        '<property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>'
        '<property name="nodeTypes"><stringlist notr="true"><string>vtkMRMLTextNode</string></stringlist></property>'
        "</widget></ui>",
        encoding="utf-8",
    )
    said = marked_text.in_ui(form)
    assert len(said) == 2
    assert "Organ" in said[0]
    assert "vtkMRMLScalarVolumeNode" in said[1]
