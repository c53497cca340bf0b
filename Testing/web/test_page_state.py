"""The parts of the page without a browser: forms, inputs, reading, surfaces, scenes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from Testing.web.conftest import missing_packages

import synthetic_imaging as si
from synthetic_imaging.catalogue import tools

pytest.importorskip("slicer")
if missing_packages():
    pytest.skip(missing_packages(), allow_module_level=True)

from synthetic_imaging_web.page import loading
from synthetic_imaging_web.page.bundles import pack, write_content
from synthetic_imaging_web.page.forms import AUTOMATIC, Forms, seed_key, state_key
from synthetic_imaging_web.page.inputs import Inputs, input_key
from synthetic_imaging_web.page.keys import KEYS
from synthetic_imaging_web.page.layouts import layout_from_xml, own_layouts
from synthetic_imaging_web.page.look import Look
from synthetic_imaging_web.page.marks import marks, plain
from synthetic_imaging_web.page.organ_surfaces import put_into, surfaces_of
from SyntheticImagingLib.headless import HeadlessSlicer, open_scene
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.segmentations import SURFACE, add_segmentation
from SyntheticImagingLib.show.layouts import side_by_side_xml
from SyntheticImagingLib.task.origins import SOURCE_ROLE


class State(dict[str, Any]):
    """trame's state without a server: changes are told when asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["listeners"] = []

    def __getattr__(self, name: str) -> Any:
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def change(self, *names: str) -> Callable[[Any], Any]:
        def listen(function: Any) -> Any:
            self.listeners.append((names, function))
            return function

        return listen

    def edit(self, **values: Any) -> None:
        """As the browser changes it."""
        self.update(values)
        for names, function in self.listeners:
            if set(names) & set(values):
                function(**self)


class Scene:
    def __init__(self, host: HeadlessSlicer) -> None:
        self.scene = host.scene

    def nodes(self, class_name: str) -> list[Any]:
        found = self.scene.GetNodesByClass(class_name)
        return [found.GetItemAsObject(n) for n in range(found.GetNumberOfItems())]

    def node(self, identifier: str | None) -> Any:
        return self.scene.GetNodeByID(identifier) if identifier else None


@pytest.fixture
def session() -> Iterator[Any]:
    with HeadlessSlicer() as host:
        state = State()
        yield SimpleNamespace(
            state=state, scene=Scene(host), changed=[], views=None, push=lambda **values: state.edit(**values)
        )


@pytest.fixture
def inputs(session: Any) -> Inputs:
    placing = SimpleNamespace(node=lambda key: None, changed=[])
    return Inputs(session, placing)  # type: ignore[arg-type]


def key_of(forms: Forms, tool: str, name: str) -> str:
    return state_key(forms.models[tool][name])


def test_every_tool_of_the_catalogue_has_a_form(session: Any):
    forms = Forms(session)
    assert set(forms.models) == set(tools())
    for model in forms.models.values():
        session.state.edit(tool=model.tool.id)
        made = forms.values()
        assert set(made) == {field.name for field in model.fields}


def test_values_of_the_page_reach_the_tool(session: Any):
    forms = Forms(session)
    tool = "lesions.handcrafted"
    contrast = key_of(forms, tool, "contrast_hu")
    assert forms.values()["contrast_hu"] is None, "automatic until it is set"
    session.state.edit(**{contrast: -42.0, f"{contrast}_auto": False})
    assert forms.values()["contrast_hu"] == -42.0
    session.state.edit(**{f"{contrast}_auto": True})
    assert forms.values()["contrast_hu"] is None
    size = key_of(forms, tool, "size")
    session.state.edit(**{size: "large"})
    assert forms.values()["size"] == "large"


def test_a_number_that_does_not_fit_is_a_sentence_at_the_field(session: Any):
    forms = Forms(session)
    key = key_of(forms, "lesions.handcrafted", "diameter_mm")
    session.state.edit(**{key: 4000.0})
    assert "Diameter" in session.state[f"{key}_wrong"]
    with pytest.raises(si.SyntheticImagingError, match="Diameter"):
        forms.values()
    session.state.edit(**{key: ""})
    assert "needs a number" in session.state[f"{key}_wrong"]
    session.state.edit(**{key: 20})
    assert forms.values()["diameter_mm"] == 20.0


def test_clicked_points_say_how_many_lesions_there_are(session: Any):
    forms = Forms(session)
    assert forms.values()["count"] == 1
    assert forms.values(points_given=True)["count"] is None


def test_a_seed_is_kept_and_reset_forgets_it(session: Any):
    forms = Forms(session)
    key = seed_key(forms.tool)
    session.state.edit(**{key: "12"})
    assert forms.seed() == 12
    session.state.edit(**{key: "twelve"})
    assert forms.seed() is None
    session.state.edit(**{key: "7"})
    forms.reset()
    assert forms.seed() is None
    assert session.state[key] == ""
    assert forms.values() == forms.models[forms.tool.id].defaults()


def test_a_choice_can_be_left_to_the_tool(session: Any):
    forms = Forms(session)
    session.state.edit(tool="lesions.automaton")
    key = key_of(forms, "lesions.automaton", "satellites")
    assert session.state[key] == AUTOMATIC
    session.state.edit(**{key: True})
    assert forms.values()["satellites"] is True
    session.state.edit(**{key: AUTOMATIC})
    assert forms.values()["satellites"] is None


def test_inputs_are_chosen_so_that_a_tool_can_start(session: Any, inputs: Inputs, abdomen: Any):
    scene = session.scene.scene
    volume = add_volume(scene, abdomen.ct)
    organs = add_segmentation(scene, abdomen.liver, volume)
    inputs.refresh()
    nodes = inputs.nodes(tools()["lesions.handcrafted"])
    assert nodes["ct"] is volume
    assert nodes["organ"].node is organs
    assert len(nodes["organ"].ids) == 1
    assert set(nodes) == {"ct", "organ"}, "what is optional is left out"


def test_a_choice_that_is_gone_is_replaced(session: Any, inputs: Inputs, abdomen: Any):
    scene = session.scene.scene
    first, second = add_volume(scene, abdomen.ct, "first"), add_volume(scene, abdomen.ct, "second")
    inputs.refresh()
    session.state.edit(in_volume=second.GetID())
    scene.RemoveNode(second)
    inputs.refresh()
    assert session.state.in_volume == first.GetID()
    scene.RemoveNode(first)
    inputs.refresh()
    assert session.state.in_volume is None


def test_an_organ_belongs_to_the_patient_whose_image_is_chosen(session: Any, inputs: Inputs, abdomen: Any):
    scene = session.scene.scene
    first, second = add_volume(scene, abdomen.ct, "first patient"), add_volume(scene, abdomen.ct, "second patient")
    organs = add_segmentation(scene, abdomen.liver, first)
    session.state.edit(in_volume=first.GetID())
    inputs.refresh()
    assert session.state.in_organ.startswith(organs.GetID())
    inputs.choose(second, None)
    assert session.state.in_organ is None
    inputs.refresh()
    assert session.state.in_organ is None, "nor later"
    own = add_segmentation(scene, abdomen.lesion, second)
    inputs.choose(None, own)
    assert session.state.in_organ.startswith(own.GetID())
    session.state.edit(in_volume=first.GetID())
    inputs.fit_organ()
    assert session.state.in_organ.startswith(organs.GetID())


def test_in_3d_no_organs_of_another_patient_are_shown(session: Any, inputs: Inputs, abdomen: Any):
    scene = session.scene.scene
    first, second = add_volume(scene, abdomen.ct, "first patient"), add_volume(scene, abdomen.ct, "second patient")
    made = add_volume(scene, abdomen.ct, "made from the first")
    made.SetNodeReferenceID(SOURCE_ROLE, first.GetID())
    displays = [add_segmentation(scene, abdomen.liver, node).GetDisplayNode() for node in (first, second, made)]
    for volume, shown in ((first, [1, 0, 1]), (second, [0, 1, 0]), (made, [1, 0, 1])):
        inputs.show_own_surfaces(volume)
        assert [display.GetVisibility3D() for display in displays] == shown


def test_all_segments_or_some_of_one_segmentation(session: Any, inputs: Inputs, abdomen: Any):
    scene = session.scene.scene
    volume = add_volume(scene, abdomen.ct)
    both = si.Mask.stacked(
        [(si.Segment("liver"), abdomen.liver.inside()), (si.Segment("vessels"), abdomen.vessels.inside())],
        abdomen.ct.geometry,
    )
    one, other = add_segmentation(scene, both, volume), add_segmentation(scene, abdomen.lesion, volume)
    inputs.refresh()
    measure = tools()["lesions.measure"]
    identifier = other.GetSegmentation().GetNthSegmentID(0)
    session.state.edit(in_lesions=[f"{one.GetID()}|*", f"{other.GetID()}|{identifier}"])
    assert session.state.in_lesions == [f"{other.GetID()}|{identifier}"], "one segmentation at a time"
    assert inputs.nodes(measure)["lesions"].ids == (identifier,)
    session.state.edit(in_lesions=[f"{one.GetID()}|*"])
    assert inputs.nodes(measure)["lesions"].ids == (), "all of them"


def test_tools_share_the_volume_and_masks_of_one_name():
    known = tools()
    for tool in known.values():
        keys = [input_key(tool, i) for i in tool.inputs if i.kind.name == "VOLUME"]
        first = [f"volume_{tool.inputs[0].name}"] if tool.task == "sequences" and keys else ["volume"]
        assert keys[:1] in ([], first) and len(set(keys)) == len(keys)
    organs = {input_key(t, i) for t in known.values() for i in t.inputs if i.name == "organ"}
    assert organs == {"organ"}


def test_a_folder_of_files_is_read_whole(tmp_path: Path, abdomen: Any):
    si.write_volume(abdomen.ct, tmp_path / "ct.nrrd")
    si.write_mask(abdomen.liver, tmp_path / "liver.seg.nrrd")
    (tmp_path / "ct.nrrd.provenance.json").write_text("{}", encoding="utf-8")
    arrival = loading.read_folder(tmp_path, "volume")
    assert len(arrival.volumes) == len(arrival.masks) == 1
    assert "64 x 64 x 48" in loading.told(arrival)
    assert "1 segment" in loading.told(arrival)


def test_a_dicom_folder_is_read_with_its_segmentation(tmp_path: Path, abdomen: Any):
    from synthetic_imaging.dicom.reading import read_series
    from synthetic_imaging.dicom.segmentation import write_segmentation
    from synthetic_imaging.dicom.writing import write_series

    write_series(abdomen.ct, tmp_path / "series")
    write_segmentation(abdomen.liver, read_series(tmp_path / "series"), tmp_path / "seg.dcm")
    arrival = loading.read_folder(tmp_path, "dicom")
    assert arrival.volumes[0].shape == abdomen.ct.shape
    assert arrival.volumes[0].dicom is not None
    assert arrival.masks[0].volume_ml() == pytest.approx(abdomen.liver.volume_ml())


@pytest.mark.parametrize("content", [b"", b"not an image", b"NRRD0005\ntype: short\nsizes: 9\n\n"])
def test_what_cannot_be_read_is_a_sentence_without_a_path(tmp_path: Path, content: bytes):
    (tmp_path / "odd.nrrd").write_bytes(content)
    with pytest.raises(si.SyntheticImagingError) as caught:
        loading.read_folder(tmp_path, "volume")
    assert "odd.nrrd" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_an_empty_upload_is_a_sentence(tmp_path: Path):
    with pytest.raises(si.SyntheticImagingError, match="Nothing arrived"):
        loading.read_folder(tmp_path)


def test_without_the_sample_ct_a_phantom_is_opened(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loading.samples.Sample, "present", property(lambda self: False))
    arrival = loading.read_sample("auto")
    assert arrival.volumes[0].modality == "CT"
    assert "liver" in arrival.masks[0].names


def test_surfaces_lie_where_the_organ_is(session: Any, abdomen_on: Callable[..., Any]):
    from vtkmodules.vtkFiltersCore import vtkMassProperties

    phantom = abdomen_on("left-handed")
    made = surfaces_of(phantom.liver, ["liver"])
    mass = vtkMassProperties()
    mass.SetInputData(made[0].polydata)
    assert mass.GetVolume() / 1000 == pytest.approx(phantom.liver.volume_ml(), rel=0.08)
    middle = np.asarray(made[0].polydata.GetCenter())
    inside = np.argwhere(phantom.liver.inside())
    extent = phantom.ct.geometry.ras_from_kji(inside)
    assert np.abs(middle - (extent.max(axis=0) + extent.min(axis=0)) / 2).max() < 3.0


def test_segments_without_a_surface_do_not_hide_those_with_one(session: Any, abdomen: Any):
    both = si.Mask.stacked(
        [(si.Segment("liver"), abdomen.liver.inside()), (si.Segment("lesion 1"), abdomen.lesion.inside())],
        abdomen.ct.geometry,
    )
    node = add_segmentation(session.scene.scene, both)
    put_into(node, surfaces_of(both, ["lesion 1"]))
    names: list[str] = []
    node.GetSegmentation().GetContainedRepresentationNames(names)
    assert SURFACE in names


@pytest.mark.parametrize(("size_mm", "outside"), [(1.0, False), (2.0, True)])
def test_the_fit_of_model_and_images_is_told_beside_a_computed_sequence(session: Any, size_mm: float, outside: bool):
    from synthetic_imaging.sequences.learned.fit_table import fit_table
    from synthetic_imaging.sequences.learned.knowledge import Fit
    from synthetic_imaging_web.page.sequences import told_of
    from SyntheticImagingLib.tables import add_table

    grid = si.Geometry.from_spacing((9, 9, 9), (size_mm,) * 3)
    node = add_table(session.scene.scene, fit_table(Fit(0.01, 0.03), grid, 8.0))
    told = told_of(SimpleNamespace(nodes={"domain": node}))  # type: ignore[arg-type]
    assert bool(told["warnings"]) == outside
    assert not outside or "(2 mm, usual up to 1.3 mm). Do not trust" in told["warnings"][0]
    assert told["lines"][0].startswith("Fit of model and images")
    assert "Brain voxels unlike all in training: 1 %, usual up to 3 %." in told["lines"]


def test_a_bundle_is_a_scene_that_opens(session: Any, abdomen: Any, tmp_path: Path):
    volume = add_volume(session.scene.scene, abdomen.ct)
    add_segmentation(session.scene.scene, abdomen.liver, volume, "organs: all")
    pack(write_content(session.scene.scene, tmp_path / "scene"), tmp_path / "scene.mrb")
    with open_scene(tmp_path / "scene.mrb") as again:
        node = again.scene.GetFirstNodeByName(abdomen.ct.name)
        from SyntheticImagingLib.mrml import volume_from_node

        assert np.array_equal(volume_from_node(node).voxels, abdomen.ct.voxels)


def test_slicers_layout_xml_becomes_views():
    layout = layout_from_xml(side_by_side_xml())
    assert [view.singleton_tag for view in layout.items] == ["before", "after"]
    assert all(view.properties.orientation == "Axial" for view in layout.items)
    with pytest.raises(ValueError, match="layout"):
        layout_from_xml("<view/>")


def test_own_layouts_use_the_same_four_views():
    tags = {v.singleton_tag for layout in own_layouts().values() for v in layout.get_views(is_recursive=True)}
    assert tags == {"Red", "Green", "Yellow", "ThreeD"}


def test_style_and_script_name_no_other_host():
    folder = Path(next(iter(Look().serve.values())))
    for file in folder.iterdir():
        assert not re.search(r"https?://|//[a-z0-9-]+\.[a-z]{2,}|@import", file.read_text(encoding="utf-8")), file


def test_keys_are_unique_and_explained():
    names = [key.name for key in KEYS]
    assert len(set(names)) == len(names)
    assert all(key.words and key.shown for key in KEYS)


def test_texts_cannot_break_out_of_the_page():
    assert marks(aria_label='say "hi"') == ['aria-label="say &quot;hi&quot;"']
    assert "{{" not in plain("{{ state }} <b>")
    assert "<b>" not in plain("{{ state }} <b>")
