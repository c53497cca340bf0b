"""A tool's form in the panel: every tool has one, bound both ways to a parameter node that is saved with the scene."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from synthetic_imaging.catalogue import tools
from synthetic_imaging.errors import ParameterError

NARROW = 400  # a module panel of 420 pixels, less its margins
DRAW, GROW, EDIT = "lesions.handcrafted", "lesions.automaton", "lesions.edit"


@pytest.fixture
def node(host: Any) -> Any:
    return host.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "form of the test")


@pytest.fixture
def form_of(host: Any) -> Any:
    """``form_of(tool id, node)``: a form, unfolded; closed at the end of the test."""
    from SyntheticImagingLib.panel import ToolForm

    made = []

    def make(tool_id: str, node: Any = None, folded: bool = False, **more: Any) -> Any:
        form = ToolForm(tool_id, **more)
        made.append(form)
        if node is not None:
            form.set_node(node)
        form.widget.show()
        if not folded:
            form.advanced.collapsed = False
        return form

    yield make
    for form in made:
        form.close()


def type_into(line: Any, text: str) -> None:
    """Write and press Return."""
    import qt

    line.text = text
    for kind in (qt.QEvent.KeyPress, qt.QEvent.KeyRelease):
        qt.QApplication.sendEvent(line, qt.QKeyEvent(kind, qt.Qt.Key_Return, qt.Qt.NoModifier))


@pytest.mark.parametrize("tool_id", list(tools()))
def test_every_tool_of_the_catalogue_makes_a_form(form_of: Any, node: Any, tool_id: str) -> None:
    form = form_of(tool_id, node)
    assert form.values() == form.model.defaults()
    assert list(form.rows) == [f.name for f in (*form.model.basic, *form.model.advanced)]
    for name, row in form.rows.items():
        field = form.model[name]
        assert row.label.text == field.label
        assert row.widget.toolTip == field.tip
        if field.widget in ("slider", "number"):
            assert row.editor.suffix == field.suffix
            assert (row.editor.minimum, row.editor.maximum) == (field.low, field.high)
            assert row.editor.singleStep == pytest.approx(field.step)
            if field.default is not None:
                assert row.editor.value == pytest.approx(field.default), "the widget changed the default"
    assert node.GetParameterNames() == (), "looking at a form changes nothing"


@pytest.mark.parametrize("tool_id", list(tools()))
def test_nothing_is_cut_off_in_a_narrow_panel(host: Any, form_of: Any, node: Any, tool_id: str) -> None:
    form = form_of(tool_id, node)
    for row in form.rows.values():  # as wide as it gets: no row automatic
        if row.automatic is not None:
            row.automatic.click()
    form.widget.resize(NARROW, 900)
    host.spin(seconds=0.02)
    assert form.widget.minimumSizeHint.width() <= NARROW
    for row in form.rows.values():
        for part in (row.label, row.editor):
            assert part.width >= part.minimumSizeHint.width(), row.field.name
            assert part.height >= part.minimumSizeHint.height(), row.field.name


@pytest.mark.parametrize("tool_id", list(tools()))
def test_what_the_user_changes_arrives_in_the_node_and_suits_the_tool(form_of: Any, node: Any, tool_id: str) -> None:
    from synthetic_imaging import parameters

    form = form_of(tool_id, node)
    for name, row in form.rows.items():
        before = form.values()[name]
        if row.automatic is not None and row.automatic.checked:
            row.automatic.click()
        elif row.field.widget in ("slider", "number"):
            row.editor.value = row.field.low if before != row.field.low else row.field.high
        elif row.field.widget == "choice":
            row.editor.currentIndex = row.editor.count - 1
        elif row.field.widget == "check":
            row.editor.click()
        else:
            type_into(row.editor, "lesion 2")
        assert form.values()[name] != before, name
        assert node.HasParameter(row.field.key)
    parameters.make(form.model.tool.parameters, form.values())


def test_advanced_rows_are_folded_away_at_first(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node, folded=True)
    assert form.advanced.collapsed
    assert not form.rows["capsule_hu"].widget.isVisible()
    assert form.rows["diameter_mm"].widget.isVisible()
    form.advanced.collapsed = False
    assert form.rows["capsule_hu"].widget.isVisible()
    assert form.rows["capsule_hu"].editor.isVisible()
    assert not form.rows["mass_effect_percent"].editor.isVisible(), "automatic: nothing to slide"


def test_a_change_in_the_node_arrives_in_the_widget_and_is_told_once(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node)
    told: list[dict[str, Any]] = []
    form.on_change = lambda: told.append(form.values())
    node.SetParameter("lesions.handcrafted.capsule_hu", "120.0")
    node.SetParameter("lesions.handcrafted.size", "large")
    assert form.rows["capsule_hu"].editor.value == 120.0
    assert form.rows["size"].editor.currentText == "Large"
    assert [t["capsule_hu"] for t in told] == [120.0, 120.0]
    node.SetParameter("SomebodyElses", "1")
    assert len(told) == 2, "what belongs to others is no change"


def test_a_user_change_is_told_once_and_does_not_go_round_in_circles(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node)
    events: list[int] = []
    told: list[int] = []
    node.AddObserver("ModifiedEvent", lambda *_: events.append(1))
    form.on_change = lambda: told.append(1)
    form.rows["capsule_hu"].editor.value = 33.0
    assert (len(events), len(told)) == (1, 1)


def test_a_value_finer_than_the_widget_shows_is_not_rounded_by_looking_at_it(form_of: Any, node: Any) -> None:
    node.SetParameter("lesions.handcrafted.diameter_mm", "12.3456")
    form = form_of(DRAW, node)
    assert form.rows["diameter_mm"].editor.value == pytest.approx(12.3)
    form.rows["capsule_hu"].editor.value = 33.0
    assert form.values()["diameter_mm"] == 12.3456


def test_automatic_shows_what_it_means_and_gives_way_to_a_number(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node)
    row = form.rows["contrast_hu"]
    assert row.automatic.checked
    assert row.meaning.text == "fits the organ and its contrast phase"
    assert (row.meaning.isVisible(), row.editor.isVisible()) == (True, False)
    row.automatic.click()
    assert form.values()["contrast_hu"] == row.field.start
    assert (row.meaning.isVisible(), row.editor.isVisible()) == (False, True)
    row.editor.value = -70.0
    row.automatic.click()
    assert form.values()["contrast_hu"] is None
    row.automatic.click()
    assert form.values()["contrast_hu"] == -70.0, "the number comes back"


def test_automatic_as_a_choice_says_what_it_means_only_while_it_is_chosen(form_of: Any, node: Any) -> None:
    form = form_of(GROW, node)
    row = form.rows["satellites"]
    assert row.editor.currentText == "Automatic"
    assert row.meaning.isVisible()
    row.editor.currentIndex = 2
    assert form.values()["satellites"] is False
    assert not row.meaning.isVisible()


def test_back_to_defaults(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node, defaults={"diameter_mm": 15.0})
    assert not form.defaults_button.enabled
    told: list[int] = []
    form.rows["capsule_hu"].editor.value = 33.0
    form.rows["diameter_mm"].automatic.click()
    form.seed_row.new.click()
    assert form.defaults_button.enabled
    form.on_change = lambda: told.append(1)
    form.defaults_button.click()
    assert form.values() == form.model.defaults()
    assert form.rows["diameter_mm"].editor.value == 15.0
    assert form.seed is None
    assert len(told) == 1, "one change, not one for each row"


def test_the_seed_is_new_each_time_or_the_last_one_is_kept(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node)
    assert (form.seed, form.seed_row.new.checked, form.seed_row.number.enabled) == (None, True, False)
    form.note_seed(987654)
    assert form.seed_row.number.placeholderText == "last: 987654"
    form.seed_row.new.click()
    assert form.seed == 987654
    type_into(form.seed_row.number, "12")
    assert form.seed == 12
    for nonsense in ("twelve", "-3", ""):
        type_into(form.seed_row.number, nonsense)
        assert (form.seed, form.seed_row.number.text) == (12, "12")
    form.seed_row.new.click()
    assert form.seed is None
    assert node.GetParameter("lesions.handcrafted.seed") == ""


@pytest.mark.parametrize("ending", [".mrml", ".mrb"])
def test_a_saved_scene_brings_the_form_back(form_of: Any, node: Any, host: Any, tmp_path: Any, ending: str) -> None:
    form = form_of(GROW, node)
    form.rows["steps"].editor.value = 90
    form.rows["contrast_hu"].automatic.click()
    form.rows["necrosis"].editor.currentIndex = 1
    form.rows["density_rule"].editor.currentIndex = 1
    form.note_seed(4711)
    form.seed_row.new.click()
    values = form.values()
    assert values != form.model.defaults()
    assert host.save_scene(tmp_path / f"with-panel{ending}")
    form.set_node(None)
    host.close_scene()
    assert form.values() == form.model.defaults()
    assert host.open_scene(tmp_path / f"with-panel{ending}")
    form.set_node(host.scene.GetFirstNodeByName("form of the test"))
    assert form.values() == values
    assert form.seed == 4711
    assert form.rows["steps"].editor.value == 90
    assert not form.rows["contrast_hu"].automatic.checked
    assert form.rows["necrosis"].editor.currentText == "Always"


def test_another_node_is_shown_and_the_old_one_let_go(form_of: Any, node: Any, host: Any) -> None:
    form = form_of(DRAW, node)
    form.rows["capsule_hu"].editor.value = 33.0
    other = host.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode")
    form.set_node(other)
    assert form.rows["capsule_hu"].editor.value == 80.0
    assert not node.HasObserver("ModifiedEvent")
    form.rows["capsule_hu"].editor.value = 44.0
    assert node.GetParameter("lesions.handcrafted.capsule_hu") == "33.0"
    form.set_node(None)
    assert form.values() == form.model.defaults()
    form.rows["capsule_hu"].editor.value = 55.0
    assert form.values()["capsule_hu"] == 55.0, "without a node the form keeps its values for itself"


def test_closing_the_scene_does_no_harm(form_of: Any, node: Any, host: Any) -> None:
    form = form_of(DRAW, node)
    host.scene.Clear(False)
    form.rows["capsule_hu"].editor.value = 33.0
    assert form.values()["capsule_hu"] == 33.0


def test_a_closed_form_watches_nothing_and_can_be_forgotten(host: Any, node: Any) -> None:
    from SyntheticImagingLib.panel import ToolForm

    form = ToolForm(DRAW)
    form.set_node(node)
    form.close()
    assert not node.HasObserver("ModifiedEvent")
    gone = weakref.ref(form)
    del form
    gc.collect()
    node.SetParameter("lesions.handcrafted.capsule_hu", "1")
    assert gone() is None or gone()._known is not None


def test_several_tools_share_one_node(form_of: Any, node: Any) -> None:
    draw, grow = form_of(DRAW, node), form_of(GROW, node)
    draw.rows["contrast_hu"].automatic.click()
    assert grow.values()["contrast_hu"] is None


def test_a_script_sets_values_and_wrong_ones_are_refused(form_of: Any, node: Any) -> None:
    form = form_of(EDIT, node)
    form.set_value("action", "move")
    assert form.rows["action"].editor.currentText == "Move"
    with pytest.raises(ParameterError, match="must be one of"):
        form.set_value("action", "fold")


def test_hidden_rows_keep_their_values(form_of: Any, node: Any) -> None:
    form = form_of(DRAW, node, hidden=["count"], defaults={"count": 3})
    assert "count" not in form.rows
    assert form.values()["count"] == 3
    node.SetParameter("lesions.handcrafted.count", "5")
    assert form.values()["count"] == 5
