"""The home page: offers what there is, loads a sample, says what is set up, leads to the set-up page and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "SyntheticImaging" / "SyntheticImaging"


@pytest.fixture
def home(panel_host: Any) -> Any:
    return panel_host.load("SyntheticImaging")


@pytest.fixture
def phantom_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package of the sample CT is not installed; and quick."""
    from synthetic_imaging import samples

    monkeypatch.setattr(samples.Sample, "present", property(lambda self: False))


def test_the_module_says_what_it_is(panel_host: Any) -> None:
    module = panel_host.load("SyntheticImaging", enter=False)
    assert module.title == "Synthetic Imaging"
    assert module.categories == ["Image Synthesis"]
    assert ("qSlicerAbstractCoreModule", "Image Synthesis") in panel_host.translated
    assert module.contributors
    assert "not for diagnosis" in module.helpText
    assert module.acknowledgementText


def test_only_what_exists_is_offered_each_with_a_picture(panel_host: Any, home: Any) -> None:
    tasks = home.logic.tasks()
    assert [t.column for t in tasks] == ["synthesise"] * 3 + ["inspect"] * 4
    for task, button in zip(tasks, home.taskButtons, strict=True):
        assert (FOLDER / "Resources" / "Pictures" / task.picture).is_file()
        assert (FOLDER.parent / task.module / f"{task.module}.py").is_file()
        assert not button.icon.isNull()
        assert button.text == task.title
    assert "No tool yet" in home.logic.columnNote("prove")
    assert home.ui.purposeLabel.text == "Research use, not for diagnosis"


def test_a_picture_leads_to_its_module_or_says_why_not(panel_host: Any, home: Any) -> None:
    home.taskButtons[0].click()
    assert "is not loaded" in home.messages.text
    panel_host.load("LesionSynthesis", enter=False)
    home.taskButtons[0].click()
    assert home.messages.text == ""
    assert panel_host.window.moduleSelector().selectedModule == "LesionSynthesis"


@pytest.mark.usefixtures("phantom_only")
def test_the_sample_is_loaded_by_one_click_and_the_views_keep_answering(panel_host: Any, home: Any) -> None:
    home.ui.sampleLabel.text = home.logic.sampleSentence()
    assert "phantom" in home.ui.sampleLabel.text
    home.ui.sampleButton.click()
    assert not home.ui.sampleButton.enabled
    panel_host.spin(lambda: home.sample is None, 30)
    volumes = panel_host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    segmentations = panel_host.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    assert (volumes, segmentations) == (1, 1)
    assert home.messages.text.startswith("Loaded: ")
    assert home.ui.sampleButton.enabled
    assert not panel_host.errors


def test_the_real_ct_is_the_sample_where_it_is_installed(panel_host: Any, home: Any) -> None:
    from synthetic_imaging import samples

    if not samples.SAMPLES["chest-ct"].present:
        pytest.skip("the sample CT is not installed")
    assert home.ui.sampleLabel.text.startswith("CT of chest")
    volume, organs = home.logic.loadSample()
    assert volume.GetImageData().GetDimensions() == (512, 512, 133)
    assert organs.GetSegmentation().GetNumberOfSegments() > 80


def test_a_sample_that_cannot_be_read_is_told_in_the_panel(panel_host: Any, home: Any, monkeypatch: Any) -> None:
    from synthetic_imaging.errors import FileError

    def broken() -> Any:
        raise FileError("The sample is broken. Install it again.")

    monkeypatch.setattr(home.logic, "readSample", broken)
    home.ui.sampleButton.click()
    panel_host.spin(lambda: home.sample is None, 10)
    assert home.messages.text == "The sample is broken. Install it again."
    assert home.ui.sampleButton.enabled


@pytest.mark.usefixtures("phantom_only")
def test_a_scene_closed_meanwhile_drops_the_sample(panel_host: Any, home: Any) -> None:
    home.ui.sampleButton.click()
    panel_host.close_scene()
    panel_host.spin(seconds=1.0)
    assert panel_host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    assert home.ui.sampleButton.enabled
    home.ui.sampleButton.click()
    panel_host.spin(lambda: home.sample is None, 30)
    assert panel_host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_what_is_set_up_is_said_in_one_line_and_leads_to_the_page(panel_host: Any, home: Any) -> None:
    panel_host.spin(lambda: home.setupBox.report is not None, 20)
    assert home.ui.stateLabel.text == home.setupBox.report.sentence
    assert not home.ui.homePage.isHidden()
    assert home.ui.setupPage.isHidden()
    home.ui.setupButton.click()
    assert not home.ui.setupPage.isHidden()
    assert home.ui.homePage.isHidden()
    home.ui.homeButton.click()
    assert not home.ui.homePage.isHidden()
    assert home.ui.setupPage.isHidden()


def test_the_tutorial_opens_in_the_browser(panel_host: Any, home: Any) -> None:
    home.ui.tutorialButton.click()
    assert len(panel_host.answers.opened_urls) == 1
    assert "tutorials" in panel_host.answers.opened_urls[0]


def test_the_panel_can_be_reloaded_and_left(panel_host: Any, home: Any) -> None:
    again = panel_host.reload(home)
    assert again is not home
    panel_host.spin(lambda: again.setupBox.report is not None, 20)
    again.ui.setupButton.click()
    assert not again.ui.setupPage.isHidden()
    assert not panel_host.errors


@pytest.mark.usefixtures("phantom_only")
def test_the_self_test_of_the_module_passes(panel_host: Any, home: Any) -> None:
    for name in ("LesionSynthesis", "CohortSynthesis", "HeartSegmentation", "SequenceSynthesis"):
        panel_host.load(name, enter=False)
    case = sys.modules["SyntheticImaging"].SyntheticImagingTest()
    case.runTest()
    assert not panel_host.errors


def test_texts_are_marked_for_translation(panel_host: Any, home: Any) -> None:
    told = {text for _, text in panel_host.translated}
    for task in home.logic.tasks():
        assert task.title in told
        assert task.sentence in told


def test_the_home_page_opens_where_packages_are_missing() -> None:
    """A fresh 3D Slicer has numpy, scipy and its own SimpleITK, and little else."""
    code = """
import sys
class Absent:
    names = {"psutil", "numba", "highdicom", "nrrd", "nibabel", "skimage", "pydicom", "typer", "rich", "torch",
             "pylibjpeg", "matplotlib"}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError("absent: " + name)
from Testing.host import Host
with Host() as host:
    sys.meta_path.insert(0, Absent())
    home = host.load("SyntheticImaging")
    home.ui.setupButton.click()
    host.spin(lambda: home.setupBox.report is not None, 30)
    print(home.ui.stateLabel.text)
    assert not host.errors, host.errors
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()
