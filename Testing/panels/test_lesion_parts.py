"""The parts of the panel Lesion Synthesis that need no Qt: choices, places, the circle, a run from a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")

from synthetic_imaging.errors import Cancelled, InputError


@pytest.fixture
def headless() -> Iterator[Any]:
    from SyntheticImagingLib.headless import HeadlessSlicer

    with HeadlessSlicer() as made:
        yield made


@pytest.fixture
def scene(headless: Any) -> Any:
    return headless.scene


@pytest.fixture
def patient(scene: Any) -> tuple[Any, Any]:
    from SyntheticImagingLib.lesion_panel.sample_scenes import load_phantom

    volume, organs = load_phantom(scene, 4.0)
    return volume, organs


def place_in_liver(organs: Any) -> tuple[float, float, float]:
    from SyntheticImagingLib.lesion_panel.segment_facts import inner_place

    place = inner_place(organs, "liver")
    assert place is not None
    return place


def add_volume(scene: Any, values: Any, **more: Any) -> Any:
    import synthetic_imaging as si
    from SyntheticImagingLib.mrml import add_volume as add

    voxels = np.asarray(values)
    return add(scene, si.Volume(voxels, si.Geometry.from_spacing(voxels.shape, (2.0, 2.0, 2.0)), **more))


class TestFirstChoice:
    def test_the_ct_is_chosen_before_an_mr(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.first_choice import first_volume

        add_volume(scene, np.arange(1000, dtype=np.int16).reshape(10, 10, 10), modality="MR", name="T1")
        ct = add_volume(scene, np.full((8, 8, 8), 40, np.int16), modality="CT", unit="HU", name="CT")
        assert first_volume(scene) is ct

    def test_a_ct_that_says_nothing_of_itself_is_known_by_its_numbers(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.first_choice import first_volume

        add_volume(scene, np.arange(1000, dtype=np.int16).reshape(10, 10, 10), name="signal")
        ct = add_volume(scene, np.linspace(-1000, 800, 1000).astype(np.int16).reshape(10, 10, 10), name="file")
        assert first_volume(scene) is ct

    def test_the_image_in_the_views_comes_first(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.first_choice import first_volume

        for name in ("one", "two"):
            ct = add_volume(scene, np.full((8, 8, 8), 40, np.int16), modality="CT", unit="HU", name=name)
        scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").SetActiveVolumeID(ct.GetID())
        assert first_volume(scene) is ct

    def test_a_synthetic_result_is_not_what_one_begins_with(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib import attributes
        from SyntheticImagingLib.lesion_panel.first_choice import first_volume

        made = add_volume(scene, np.full((8, 8, 8), 40, np.int16), modality="CT", unit="HU", name="made")
        made.SetAttribute(attributes.SYNTHETIC, "yes")
        scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").SetActiveVolumeID(made.GetID())
        assert first_volume(scene) is patient[0]

    def test_the_liver_is_chosen_among_many_organs(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel.first_choice import first_organ

        assert first_organ(scene, patient[0]) == (patient[1], "liver")

    def test_vessels_and_lesions_are_no_organs(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel.first_choice import first_organ

        segmentation = patient[1].GetSegmentation()
        for name in ("liver", "pancreas", "kidney_left", "kidney_right", "spleen"):
            segmentation.RemoveSegment(name)
        segmentation.GetSegment("stomach").SetName("liver tumour")
        found = first_organ(scene, patient[0])
        assert found is not None
        assert found[1] == "gallbladder"

    def test_an_empty_scene_has_nothing_to_choose(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.first_choice import first_lesion, first_organ, first_volume

        assert first_volume(scene) is None
        assert first_organ(scene, None) is None
        assert first_lesion(scene, None) is None


class TestSegmentFacts:
    def test_volume_size_and_place(self, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel import segment_facts

        _, organs = patient
        from SyntheticImagingLib.segmentations import mask_from_node

        assert segment_facts.volume_ml(organs, "liver") == pytest.approx(mask_from_node(organs).volume_ml("liver"))
        place = place_in_liver(organs)
        assert segment_facts.holds(organs, "liver", place) is True
        assert segment_facts.holds(organs, "spleen", place) is False
        assert segment_facts.holds(organs, "liver", (900.0, 0.0, 0.0)) is False
        assert segment_facts.volume_ml(organs, "nothing") is None
        assert segment_facts.volume_ml(None, "") is None

    def test_a_transform_moves_the_segment_with_it(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel import segment_facts
        from SyntheticImagingLib.mrml import matrix_to_vtk

        _, organs = patient
        place = np.array(place_in_liver(organs))
        transform = scene.AddNewNodeByClass("vtkMRMLTransformNode", "moved")
        matrix = np.eye(4)
        matrix[:3, 3] = (300.0, 0.0, 0.0)
        transform.SetMatrixTransformToParent(matrix_to_vtk(matrix))
        organs.SetAndObserveTransformNodeID(transform.GetID())
        assert segment_facts.holds(organs, "liver", place) is False
        assert segment_facts.holds(organs, "liver", place + np.array([300.0, 0.0, 0.0])) is True

    def test_an_empty_segment_has_no_volume_and_no_place(self, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel import segment_facts

        _, organs = patient
        organs.GetSegmentation().AddEmptySegment("empty", "empty")
        assert not segment_facts.volume_ml(organs, "empty")
        assert segment_facts.diameter_mm(organs, "empty") is None
        assert segment_facts.inner_place(organs, "empty") is None


class TestPlaces:
    def test_one_click_and_the_mode_ends(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.placing import new_places
        from SyntheticImagingLib.show.place_mode import PlaceMode, placed_points

        told: list[bool] = []
        mode = PlaceMode(scene, lambda: told.append(mode.active))
        places = new_places(scene)
        mode.start(places)
        mouse = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        assert mode.active
        assert mouse.GetPlaceModePersistence() == 0
        assert selection.GetActivePlaceNodeClassName() == "vtkMRMLMarkupsFiducialNode"
        places.AddControlPoint(1.0, 2.0, 3.0)
        mouse.SetCurrentInteractionMode(mouse.ViewTransform)  # what the views do after a click
        assert not mode.active
        assert told[-1] is False
        assert placed_points(places) == [(1.0, 2.0, 3.0)]

    def test_another_modules_place_mode_is_not_ours(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.placing import new_places
        from SyntheticImagingLib.show.place_mode import PlaceMode

        mode = PlaceMode(scene)
        mode.start(new_places(scene))
        other = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "ruler")
        scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").SetReferenceActivePlaceNodeID(other.GetID())
        assert not mode.active
        mode.stop()
        mouse = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        assert mouse.GetCurrentInteractionMode() == mouse.Place, "the ruler's mode was ended"

    def test_closing_leaves_no_observer(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.placing import new_places
        from SyntheticImagingLib.show.place_mode import PlaceMode

        told: list[int] = []
        mode = PlaceMode(scene, lambda: told.append(1))
        mode.start(new_places(scene))
        mode.close()
        number = len(told)
        mouse = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        mouse.SetCurrentInteractionMode(mouse.Place)
        assert len(told) == number

    def test_the_circle_is_to_scale_and_leaves_no_trace(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.size_outline import SizeOutline

        before = scene.GetNumberOfNodes()
        outline = SizeOutline(scene)
        outline.show([(10.0, 20.0, 30.0), (50.0, 20.0, 30.0)], 15.0)
        bounds = outline.node.GetPolyData().GetBounds()
        assert bounds == pytest.approx((2.5, 57.5, 12.5, 27.5, 22.5, 37.5), abs=0.1)
        assert outline.node.GetHideFromEditors()
        assert not outline.node.GetSaveWithScene()
        outline.show([], 15.0)
        assert not outline.node.GetDisplayNode().GetVisibility()
        outline.close()
        assert scene.GetNumberOfNodes() == before


class TestMethods:
    def test_how_large_the_lesion_will_be(self):
        from SyntheticImagingLib.lesion_panel.method import Method
        from SyntheticImagingLib.lesion_panel.methods import diameter_mm

        assert diameter_mm(Method.DRAW, {}) == 16.0
        assert diameter_mm(Method.DRAW, {"size": "medium", "diameter_mm": None}) == 32.0
        assert diameter_mm(Method.DRAW, {"size": "medium", "diameter_mm": 9.0}) == 9.0
        assert diameter_mm(Method.DRAW, {"size": "mix"}) is None
        assert diameter_mm(Method.GROW, {"steps": 50}) == pytest.approx(20.0)
        assert diameter_mm(Method.EDIT, {"scale": 2.0}, 10.0) == 20.0
        assert diameter_mm(Method.EDIT, {}) is None

    def test_a_removed_lesion_goes_nowhere(self):
        from SyntheticImagingLib.lesion_panel.method import Method
        from SyntheticImagingLib.lesion_panel.methods import needs_place

        assert not needs_place(Method.EDIT, {"action": "remove"})
        assert not needs_place(Method.EDIT, {"action": "change in place"})
        assert needs_place(Method.EDIT, {"action": "copy"})
        assert needs_place(Method.DRAW, {})

    def test_a_method_is_known_by_its_tool_and_by_its_name(self):
        from SyntheticImagingLib.lesion_panel.method import Method

        assert Method.of("lesions.edit") is Method.of("edit") is Method.of(Method.EDIT) is Method.EDIT
        with pytest.raises(InputError, match="no method 'paint'"):
            Method.of("paint")

    def test_clicked_places_decide_how_many(self, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel.method import Method
        from SyntheticImagingLib.lesion_panel.methods import Request
        from SyntheticImagingLib.lesion_panel.placing import loose_places

        request = Request(Method.DRAW, patient[0], None, loose_places([(0, 0, 0), (1, 1, 1)]))
        assert request.parameters({"count": 5, "diameter_mm": 9.0}) == {"diameter_mm": 9.0}
        anywhere = Request(Method.DRAW, patient[0], None, None)
        assert anywhere.parameters({"count": 5}) == {"count": 5}


class TestProcessing:
    def task(self, scene: Any, patient: tuple[Any, Any], **more: Any) -> Any:
        from SyntheticImagingLib.lesion_panel.method import Method
        from SyntheticImagingLib.lesion_panel.methods import Request
        from SyntheticImagingLib.lesion_panel.processing import as_choice, as_places, lesion_task

        volume, organs = patient
        points = more.pop("points", [place_in_liver(organs)])
        request = Request(Method.DRAW, volume, as_choice(organs, "liver"), as_places(points))
        return lesion_task(scene, request, {"diameter_mm": 20.0}, seed=1, **more)

    def test_a_run_and_its_table_lie_in_one_folder(self, scene: Any, patient: tuple[Any, Any]):
        import slicer

        from SyntheticImagingLib.lesion_panel.processing import measure_now, wait_for
        from SyntheticImagingLib.tables import table_from_node
        from SyntheticImagingLib.task import remove

        heard: list[Any] = []
        made = wait_for(self.task(scene, patient), heard.append)
        table = measure_now(scene, made)
        assert heard[-1].fraction > heard[0].fraction
        tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        parents = {tree.GetItemParent(tree.GetItemByDataNode(n)) for n in (made.volume, made.lesions, table)}
        assert parents == {made.folder}
        texts = scene.GetNodesByClass("vtkMRMLTextNode")
        assert texts.GetNumberOfItems() == 1, "one record a run"
        row = next(iter(table_from_node(table)))
        assert row["lesion"] == "lesion 1"
        assert row["volume_ml"] == pytest.approx(4 / 3 * np.pi, rel=0.5)
        remove(scene, made)
        assert not scene.IsNodePresent(table)

    def test_nothing_chosen_gives_sentences(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel.method import Method
        from SyntheticImagingLib.lesion_panel.methods import Request
        from SyntheticImagingLib.lesion_panel.processing import lesion_task

        with pytest.raises(InputError, match="no volume"):
            lesion_task(scene, Request(Method.DRAW, None))
        with pytest.raises(InputError, match="Choose the organ"):
            lesion_task(scene, Request(Method.GROW, patient[0]))
        with pytest.raises(InputError, match="Choose the lesion"):
            lesion_task(scene, Request(Method.EDIT, patient[0]))

    def test_a_place_outside_gives_a_sentence_and_leaves_nothing(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel.processing import wait_for

        before = scene.GetNumberOfNodes()
        with pytest.raises(InputError, match="outside the liver"):
            wait_for(self.task(scene, patient, points=[(0.0, -110.0, 0.0)]))
        assert scene.GetNumberOfNodes() == before

    def test_a_closed_scene_ends_the_waiting(self, scene: Any, patient: tuple[Any, Any]):
        from SyntheticImagingLib.lesion_panel.processing import wait_for

        with pytest.raises(Cancelled):
            wait_for(self.task(scene, patient), lambda _: scene.Clear(False))
        assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0

    def test_the_self_test_passes(self, scene: Any):
        from SyntheticImagingLib.lesion_panel.method import Method
        from SyntheticImagingLib.lesion_panel.methods import Request
        from SyntheticImagingLib.lesion_panel.processing import as_choice, as_places, lesion_task, wait_for
        from SyntheticImagingLib.lesion_panel.self_test import SelfTest

        def process(
            volume: Any, organs: Any, organ: str, method: str = "lesions.handcrafted", points: Any = None,
            parameters: Any = None, seed: int | None = None, lesion: Any = None, lesionId: str = "",  # noqa: N803
        ) -> Any:
            request = Request(Method.of(method), volume, as_choice(organs, organ), as_places(points), None,
                              as_choice(lesion, lesionId))
            return wait_for(lesion_task(scene, request, parameters, seed))

        checks = SelfTest(scene, process)
        checks.check_drawing_and_growing()
        checks.check_editing()
        checks.check_undo()
        checks.check_refusals()


class TestSamples:
    def test_only_the_organ_for_a_first_lesion_is_shown(self, patient: tuple[Any, Any]):
        _, organs = patient
        display, segmentation = organs.GetDisplayNode(), organs.GetSegmentation()
        ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
        assert [i for i in ids if display.GetSegmentVisibility(i)] == ["liver"]

    def test_the_phantom_stands_in_for_a_ct_that_is_not_installed(self, scene: Any, monkeypatch: pytest.MonkeyPatch):
        from SyntheticImagingLib.lesion_panel import sample_scenes

        monkeypatch.setattr(sample_scenes.samples, "_folder", lambda package: None)
        volume, _ = sample_scenes.load_ct(scene)
        assert volume.GetName() == "abdomen phantom"


RELOAD = """
import sys
import SyntheticImagingLib.lesion_panel.processing as old
from SyntheticImagingLib.lesion_panel.reloading import reload_library
done = reload_library()
import SyntheticImagingLib.lesion_panel.processing as new
from SyntheticImagingLib.task import SceneTask
assert "SyntheticImagingLib.task.scene_task" in done
assert new is not old and new.SceneTask is SceneTask and old.SceneTask is not SceneTask
assert old.lesion_task.__globals__["SceneTask"] is old.SceneTask, "what is held of the old ones goes on working"
sys.modules["SyntheticImagingLib.no_such_module"] = sys  # a file that was deleted, or does not compile
try:
    reload_library()
except ImportError:
    assert sys.modules["SyntheticImagingLib.lesion_panel.processing"] is new
    print("good")
"""


def test_reloading_makes_the_modules_anew_or_leaves_them():
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", RELOAD], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "good", done.stderr
