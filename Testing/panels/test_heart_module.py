"""The module Heart Segmentation: what it offers, refuses and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


class HeartUser:
    """The panel with a phantom heart loaded and, as what a network gave, the phantom's own structures."""

    def __init__(self, host: Any, phantom: bool = True) -> None:
        from synthetic_imaging.phantoms.heart.ct import ct_case
        from SyntheticImagingLib.mrml import add_volume

        self.host = host
        self.node: Any = None
        self.image, self.structures, _ = ct_case(np.random.default_rng(4), shape_kji=(20, 20, 20), spacing_mm=8.0)
        if phantom:
            self.node = add_volume(host.scene, self.image)
        self.widget = host.load("HeartSegmentation")

    @property
    def ui(self) -> Any:
        return self.widget.ui

    @property
    def panel(self) -> Any:
        return self.widget.panel

    def result(self, doubt: bool = True, intensities: float = 0.4) -> Any:
        """What the tool returns, put into the scene as a run would."""
        from synthetic_imaging.running import Result
        from synthetic_imaging.segmentation import apply as tool
        from synthetic_imaging.segmentation.domain import Distances
        from synthetic_imaging.tool import Outputs
        from synthetic_imaging.volume import Volume
        from SyntheticImagingLib.task.remembering import remember
        from SyntheticImagingLib.task.results import add_results

        unsure = np.random.default_rng(0).random(self.image.shape).astype(np.float32) if doubt else None
        outputs: dict[str, Any] = {
            "segments": self.structures, "volumes": tool._volumes(self.structures, unsure),
            "domain": tool._domain_table(Distances(intensities, 0.2, 0.5)),
        }
        if unsure is not None:
            outputs["uncertainty"] = Volume(unsure, self.image.geometry, name="uncertainty", window=(0.3, 0.6))
        made = add_results(
            self.host.scene, tool.apply, Result(tool.apply.id, Outputs(**outputs), 0, 1.0, ()), {"volume": self.node}
        )
        remember(made, {})
        return made

    def layers(self) -> set[tuple[Any, Any]]:
        return {
            (view.composite_node.GetBackgroundVolumeID(), view.composite_node.GetForegroundVolumeID())
            for view in self.panel.results._views.slice_views()
        }


@pytest.fixture
def user(host: Any) -> HeartUser:
    return HeartUser(host)


def test_the_module_tells_what_it_is(host: Any):
    module = host.load("HeartSegmentation", enter=False)
    assert module.title == "Heart Segmentation"
    assert module.categories == ["Image Synthesis"]
    assert "not for diagnosis" in module.helpText


def test_the_image_that_is_open_is_chosen(user: HeartUser):
    assert user.widget._parameterNode.inputVolume is user.node
    assert user.ui.volumeSelector.currentNode() is user.node
    assert not user.ui.resultButton.visible


def test_without_an_image_it_says_so(host: Any, monkeypatch: pytest.MonkeyPatch):
    from SyntheticImagingLib.heart.segmenters import Segmenter
    from SyntheticImagingLib.heart_panel import panel

    monkeypatch.setattr(panel, "segmenters", lambda: [Segmenter("mine", "Mine", "CT", "CT: LV.")])
    monkeypatch.setattr(panel.packages.group("learn").__class__, "wanting", property(lambda self: ()))
    user = HeartUser(host, phantom=False)
    assert "Load an image of a heart" in user.panel.run.estimate.text
    assert not user.panel.run.button.enabled


def test_without_a_model_it_says_so(host: Any, monkeypatch: pytest.MonkeyPatch):
    from SyntheticImagingLib.heart_panel import panel

    monkeypatch.setattr(panel, "segmenters", list)
    monkeypatch.setattr(panel.packages.group("learn").__class__, "wanting", property(lambda self: ()))
    user = HeartUser(host)
    assert "No model is installed" in user.panel.run.estimate.text
    assert not user.ui.modelSelector.enabled


def test_a_file_that_is_no_model_gets_a_sentence(user: HeartUser, tmp_path: Path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    user.host.answers.add("open", str(tmp_path / "x.safetensors"))
    user.ui.modelFileButton.click()
    assert "x.safetensors" in user.panel.messages.text
    assert user.widget._parameterNode.model == ""


def test_volumes_are_listed_by_structure(user: HeartUser):
    user.panel.results.add(user.result())
    view = user.panel.results.table.view
    assert view.horizontalHeaderItem(0).text() == "Structure"
    assert [view.item(row, 0).text() for row in range(2)] == ["Left atrium", "Left ventricle"]
    assert float(view.item(1, 1).text()) == pytest.approx(user.structures.volume_ml("LV"), rel=0.01)
    assert user.ui.resultButton.visible
    assert not user.ui.domainLabel.visible


def test_an_image_unlike_the_models_own_is_said_in_colour_and_words(user: HeartUser):
    user.panel.results.add(user.result(intensities=2.3))
    assert "intensities (2.3 times the limit)" in user.ui.domainLabel.text
    assert user.ui.domainLabel.visible
    assert "background-color" in user.ui.domainLabel.styleSheet


def test_uncertainty_is_one_key_away_and_its_limit_moves(user: HeartUser):
    before = user.layers()
    made = user.result()
    user.panel.results.add(made)
    doubt = made.nodes["uncertainty"]
    user.panel.results._shortcuts.keys["U"].activated.emit()
    assert user.layers() == {(user.node.GetID(), doubt.GetID())}
    user.ui.doubtSlider.value = 0.6
    assert doubt.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.6)
    user.panel.results._shortcuts.keys["U"].activated.emit()
    assert {foreground for _, foreground in user.layers()} == {None}
    user.ui.undoButton.click()
    assert not made.alive(user.host.scene)
    assert not user.ui.resultButton.visible
    assert {foreground for _, foreground in user.layers()} == {None}
    assert user.host.scene.IsNodePresent(user.node)
    assert before


def test_without_uncertainty_nothing_is_offered_about_it(user: HeartUser):
    user.panel.results.add(user.result(doubt=False))
    assert not user.ui.doubtFrame.visible


def test_a_result_of_an_earlier_session_is_found_again(host: Any):
    user = HeartUser(host)
    made = user.result()
    user.widget.exit()
    user.widget.enter()
    assert user.panel.results.made.record is made.record
    assert user.ui.resultButton.visible


def test_surfaces_on_request(user: HeartUser):
    made = user.result()
    user.panel.results.add(made)
    user.ui.surfaceButton.click()
    assert made.lesions.GetSegmentation().ContainsRepresentation("Closed surface")


def test_the_scene_is_closed(user: HeartUser):
    user.panel.results.add(user.result())
    user.host.scene.Clear(0)
    assert user.panel.results.made is None
    assert not user.ui.resultButton.visible


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small segmenter that has learned nothing."""
    pytest.importorskip("torch")
    from synthetic_imaging.segmentation.domain import Domain, cumulative_histogram
    from synthetic_imaging.segmentation.recipe import HEARTS_CT
    from synthetic_imaging.segmentation.segmenter_model import save_segmenter
    from synthetic_imaging.segmentation.settings import SegmentationSettings

    settings = SegmentationSettings(widths=(4, 4, 8, 8, 8), shape=(32, 32, 32), spacing_mm=8.0)
    networks: Any = HEARTS_CT.networks(settings)
    curve = cumulative_histogram(np.linspace(0.2, 0.5, 1000))
    networks["domain"].keep(Domain(curve, 0.05, (100.0,) * 3, (140.0,) * 3, 9))
    file = tmp_path_factory.mktemp("models") / "mine.safetensors"
    save_segmenter(file, "segmentation.hearts-ct", settings, networks, training_data="nothing (untrained)", seed=0)
    return file


def test_a_model_from_a_file_is_run_on_the_image(user: HeartUser, untrained: Path):
    from SyntheticImagingLib.mrml import volume_from_node

    before = volume_from_node(user.node).voxels.copy()
    user.host.answers.add("open", str(untrained))
    user.ui.modelFileButton.click()
    assert user.panel.messages.text == ""
    assert "nothing (untrained)" in user.ui.modelFactsLabel.text
    user.panel.form.set_value("uncertainty", True)
    user.panel.form.set_value("copies", 2)
    user.host.spin(lambda: user.panel.run.button.enabled, 60)
    user.panel.run.button.click()
    user.host.spin(lambda: not user.panel.run.running, 120)
    assert user.panel.run.messages.text == ""
    made = user.panel.results.made
    assert set(made.nodes) == {"segments", "volumes", "domain", "uncertainty"}
    assert made.source is user.node
    assert np.array_equal(volume_from_node(user.node).voxels, before), "the input was changed"
    assert user.ui.doubtFrame.visible
    assert user.panel.results.table.table is not None
    user.widget.logic.getParameterNode()
    assert user.widget._parameterNode.model == str(untrained)
