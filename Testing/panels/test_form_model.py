"""What a form shows, and how its values live in a parameter node. No Qt here."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest

from synthetic_imaging import parameters as declared
from synthetic_imaging.catalogue import find, tools
from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.parameters import Advanced, Help, Label, Unit, Within
from synthetic_imaging.provenance import Provenance
from synthetic_imaging.tool import Outputs, tool
from SyntheticImagingLib.form import FormModel, readable_record


class Nodeless(dict[str, str]):
    """The four methods of a parameter node that the model uses, and how often something was written."""

    written = 0

    def GetParameter(self, name: str) -> str:  # noqa: N802
        return self.get(name, "")

    def SetParameter(self, name: str, value: str) -> None:  # noqa: N802
        self.written += 1
        self[name] = value

    def HasParameter(self, name: str) -> bool:  # noqa: N802
        return name in self

    def UnsetParameter(self, name: str) -> None:  # noqa: N802
        del self[name]


class Side(str, Enum):
    LEFT = "left side"
    RIGHT = "right side"


@dataclass(frozen=True)
class Everything:
    """One of each."""

    on: Annotated[bool, Label("Switch")] = True
    maybe: Annotated[bool | None, Help("Automatic: in one of three.")] = None
    side: Side = Side.LEFT
    any_side: Annotated[Side | None, Help("Which one. Automatic takes the larger.")] = None
    whole: Annotated[int, Within(1, 9)] = 3
    seedling: int = 7
    size: Annotated[float, Label("Size"), Unit("mm"), Within(2.0, 150.0), Help("Across.")] = 12.25
    contrast: Annotated[float | None, Unit("HU"), Within(-400.0, 1200.0), Help("Automatic: -55 HU as a rule.")] = None
    plain: Annotated[float, Advanced] = 0.5
    words: str = ""
    maybe_words: str | None = None


@tool("standin.form", title="Stand-in", sentence="None.", reference="none", inputs=[], outputs=[])
def standin(parameters: Everything, run: Any) -> Outputs:
    raise NotImplementedError


@pytest.fixture
def model() -> FormModel:
    return FormModel(standin)


@pytest.fixture
def node() -> Nodeless:
    return Nodeless()


def test_each_type_has_its_widget(model: FormModel):
    assert {f.name: f.widget for f in model.fields} == {
        "on": "check", "maybe": "choice", "side": "choice", "any_side": "choice", "whole": "slider",
        "seedling": "number", "size": "slider", "contrast": "slider", "plain": "number", "words": "text",
        "maybe_words": "text",
    }  # fmt: skip


def test_advanced_rows_are_apart(model: FormModel):
    assert [f.name for f in model.advanced] == ["plain"]
    assert "plain" not in [f.name for f in model.basic]
    assert len(model.basic) + len(model.advanced) == len(model.fields)


def test_choices_speak_in_words_and_begin_with_automatic(model: FormModel):
    assert model["side"].choices == (("left side", "Left side"), ("right side", "Right side"))
    assert model["any_side"].choices[0] == (None, "Automatic")
    assert model["maybe"].choices == ((None, "Automatic"), (True, "Yes"), (False, "No"))


def test_what_automatic_means_is_taken_from_the_help(model: FormModel):
    assert model["any_side"].meaning_of_automatic == "takes the larger"
    assert model["maybe"].meaning_of_automatic == "in one of three"
    assert model["size"].meaning_of_automatic == ""
    drawn = FormModel(find("lesions.handcrafted"))
    assert drawn["organ_preset"].meaning_of_automatic == "goes by the segment's name"


def test_leaving_automatic_starts_near_what_automatic_does(model: FormModel):
    assert model["contrast"].start == -55.0
    assert model["size"].start == 12.25  # its default


def test_decimals_show_the_default_exactly(model: FormModel):
    assert model["size"].decimals == 2
    assert model["contrast"].decimals == 0
    assert model["whole"].step == 1.0


def test_tool_tips_tell_help_range_and_default(model: FormModel):
    assert model["size"].tip == "Across.\n2 to 150 mm\nDefault: 12.25 mm"
    assert "Default: automatic" in model["contrast"].tip


@pytest.mark.parametrize("name", list(tools()))
def test_every_tool_makes_a_form_whose_defaults_are_the_tools(name: str):
    found = find(name)
    model = FormModel(found)
    assert [f.name for f in model.fields] == [f.name for f in declared.fields_of(found.parameters)]
    assert declared.plain(declared.make(found.parameters, model.defaults())) == declared.plain(found.parameters())
    for field in model.fields:
        assert field.key == f"{name}.{field.name}"
        assert " " not in field.key, "the node's file format parts key and value at a blank"
        if field.widget == "slider":
            assert field.low < field.high
            assert 0 < field.step <= field.high - field.low
            assert field.low <= field.start <= field.high
            for value in (field.low, field.high, field.start, *([] if field.default is None else [field.default])):
                assert round(value, field.decimals) == pytest.approx(value), "the widget would change it"


@pytest.mark.parametrize("name", list(tools()))
def test_every_value_a_form_can_give_comes_back_and_suits_the_tool(name: str, node: Nodeless):
    model = FormModel(find(name))
    for field in model.fields:
        given = {"slider": [field.low, field.high], "number": [1.0], "check": [True, False], "text": ["a b", ""],
                 "choice": [value for value, _ in field.choices]}[field.widget]  # fmt: skip
        for value in [*given, *([None] if field.optional else [])]:
            model.write(node, field.name, value)
            assert model.read(node)[field.name] == value
            declared.make(find(name).parameters, model.read(node))


def test_nothing_kept_means_the_defaults(model: FormModel, node: Nodeless):
    assert model.read(node) == model.defaults()
    assert model.at_defaults(node)
    assert node.written == 0


def test_values_are_kept_as_text_under_the_tools_name(model: FormModel, node: Nodeless):
    model.write(node, "side", Side.RIGHT)
    model.write(node, "size", "33.5")
    model.write(node, "contrast", None)
    model.write(node, "on", False)
    assert node == {"standin.form.side": "right side", "standin.form.size": "33.5", "standin.form.contrast": "",
                    "standin.form.on": "false"}  # fmt: skip
    assert model.read(node)["side"] == "right side"
    assert model.read(node)["on"] is False


def test_a_value_that_is_there_already_is_not_written_again(model: FormModel, node: Nodeless):
    model.write(node, "size", 20.0)
    model.write(node, "size", 20.0)
    model.write(node, "size", "20")
    assert node.written == 1


def test_floats_survive_to_the_last_bit(model: FormModel, node: Nodeless):
    model.write(node, "size", 0.1 + 2.2)
    assert model.read(node)["size"] == 0.1 + 2.2


@pytest.mark.parametrize(
    ("name", "text"),
    [("size", "900"), ("size", "wide"), ("size", "nan"), ("side", "middle"), ("on", "perhaps"), ("whole", "2.5"),
     ("size", ""), ("contrast", "1e9")],
)  # fmt: skip
def test_what_an_old_scene_holds_and_does_not_fit_becomes_the_default(
    model: FormModel, node: Nodeless, name: str, text: str
):
    node[model[name].key] = text
    assert model.read(node) == model.defaults()


def test_unknown_keys_of_another_version_are_left_alone(model: FormModel, node: Nodeless):
    node["standin.form.gone"] = "1"
    assert model.read(node) == model.defaults()
    model.reset(node)
    assert node == {"standin.form.gone": "1"}


def test_a_wrong_value_is_refused_with_a_sentence(model: FormModel, node: Nodeless):
    with pytest.raises(ParameterError, match="'Size' is 900 mm; it must be from 2 to 150 mm"):
        model.write(node, "size", 900)
    assert node.written == 0


def test_reset_brings_the_defaults_back_and_a_new_seed(model: FormModel, node: Nodeless):
    model.write(node, "size", 20.0)
    model.write_seed(node, 5)
    assert not model.at_defaults(node)
    model.reset(node)
    assert model.at_defaults(node)
    assert model.read_seed(node) is None


def test_the_seed_is_kept_or_new_each_time(model: FormModel, node: Nodeless):
    assert model.read_seed(node) is None
    model.write_seed(node, 123456)
    assert (model.read_seed(node), node["standin.form.seed"]) == (123456, "123456")
    model.write_seed(node, None)
    assert (model.read_seed(node), node["standin.form.seed"]) == (None, "")
    node["standin.form.seed"] = "-4"
    assert model.read_seed(node) is None
    with pytest.raises(InputError):
        model.write_seed(node, -1)


def test_a_panel_may_hide_rows_and_set_its_own_defaults(node: Nodeless):
    model = FormModel(find("lesions.handcrafted"), hidden=["count"], defaults={"diameter_mm": 15})
    assert "count" not in [f.name for f in (*model.basic, *model.advanced)]
    assert model.read(node)["count"] is None
    assert model.read(node)["diameter_mm"] == 15.0
    model.write(node, "diameter_mm", None)
    assert model.read(node)["diameter_mm"] is None, "automatic can still be chosen"
    with pytest.raises(ParameterError, match="has no parameter 'girth'"):
        FormModel(find("lesions.handcrafted"), defaults={"girth": 1})


def test_a_saved_scene_brings_the_values_back(tmp_path: Any):
    slicer = pytest.importorskip("slicer")
    from SyntheticImagingLib.headless import HeadlessSlicer, open_scene

    model = FormModel(find("lesions.handcrafted"), defaults={"diameter_mm": 15.0})
    file = tmp_path / "panel.mrml"
    with HeadlessSlicer() as host:
        node = host.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
        node.SetModuleName("LesionSynthesis")
        model.write(node, "organ_preset", "lung nodule")
        model.write(node, "diameter_mm", None)
        model.write(node, "contrast_hu", -61.5)
        model.write_seed(node, 4711)
        before = model.read(node)
        host.scene.SetURL(str(file))
        assert host.scene.Commit(str(file))
    with open_scene(file) as host:
        node = host.scene.GetFirstNodeByClass("vtkMRMLScriptedModuleNode")
        assert isinstance(node, slicer.vtkMRMLScriptedModuleNode)
        assert model.read(node) == before
        assert before["diameter_mm"] is None
        assert model.read_seed(node) == 4711


def test_the_form_loads_without_qt_or_anything_heavy():
    code = (
        "import sys, SyntheticImagingLib.form;"
        "print([m for m in ('qt', 'ctk', 'PySide6', 'slicer', 'vtk', 'torch', 'numba', 'psutil') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def record() -> Provenance:
    return Provenance(
        tool="lesions.handcrafted", tool_title="Draw a lesion", tool_version="0.1.0", output="volume",
        parameters={"size": "small", "diameter_mm": 15.0, "count": None, "capsule": False, "older": 1}, seed=7,
        device="cpu", created_utc="2026-11-21T07:30:00+00:00", seconds=2.14,
        inputs={"ct": {"kind": "Volume", "sha256": "ab" * 32, "synthetic": False},
                "at": {"kind": "Points", "ras_mm": [[1.0, -2.5, 3.25]]}},
        reference="Hu et al. 2023", notes=("The organ touches the edge of the image.",), libraries={"numpy": "2.0"},
    )  # fmt: skip


def test_a_record_reads_as_sentences_with_units():
    text = readable_record(record())
    assert "not for diagnosis" in text.splitlines()[0]
    for line in ("Made by: Draw a lesion (lesions.handcrafted 0.1.0)", "When: 2026-11-21 07:30 UTC", "Seed: 7",
                 "Computed on: CPU, 2.1 s", "  Diameter: 15 mm", "  Number of lesions: automatic",
                 "  Bright capsule: no", "  older: 1", "  at: RAS mm (1.0, -2.5, 3.2)",
                 "  The organ touches the edge of the image.", "  ct: volume abababababababab"):  # fmt: skip
        assert line in text.splitlines(), text


def test_the_record_of_a_run_in_the_scene_reads_the_same():
    import json

    both = json.dumps({"tool": "lesions.handcrafted", "seed": 7, "seconds": 2.14, "notes": [],
                       "outputs": {"volume": record().to_dict(), "lesions": record().to_dict()}})  # fmt: skip
    assert "Results: volume, lesions" in readable_record(both)
    assert readable_record(record().to_json()) == readable_record(record())
    assert readable_record("no record") == "no record"
    assert readable_record('{"a": 1}') == '{"a": 1}'
