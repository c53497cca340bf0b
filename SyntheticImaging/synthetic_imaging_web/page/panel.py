"""The panel on the left: what goes in, what is done, and the button."""

from __future__ import annotations

from typing import Any

from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging_web.page.forms import AUTOMATIC, Forms, seed_key, state_key
from synthetic_imaging_web.page.inputs import Inputs, input_key
from synthetic_imaging_web.page.marks import marks, plain
from synthetic_imaging_web.page.running import Running
from SyntheticImagingLib.cohort.models import models
from SyntheticImagingLib.form import FormField, FormModel
from SyntheticImagingLib.heart.segmenters import segmenters

_COMPACT: dict[str, Any] = {"density": "compact", "variant": "outlined", "hide_details": "auto"}
# As in 3D Slicer's panel: a diameter overrides the size class, and of the two contrasts one fits the image.
_ONLY_WHEN = {
    "lesions.handcrafted.size": "p_lesions_handcrafted_diameter_mm_auto",
    "lesions.handcrafted.contrast_hu": "image_is_ct",
    "lesions.handcrafted.contrast_percent": "!image_is_ct",
}
_ITEMS = {Kind.VOLUME: "volume_items", Kind.SEQUENCE: "sequence_items", Kind.TABLE: "table_items"}


def build_make(forms: Forms, inputs: Inputs) -> None:
    """The tab in which images are made: inputs and parameters."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(classes="scroll", v_show="tab === 'make'"):
        v3.VSelect(
            v_model=("tool",), items=("tool_items",), label="What to do", classes="tool-choice",
            disabled=("running",), **_COMPACT,
        )
        for model in forms.models.values():
            with html.Div(v_if=f"tool === '{model.tool.id}'"):
                html.Div(plain(model.tool.sentence), classes="sentence")
                for declared in model.tool.inputs:
                    _input(inputs, model.tool, declared)
                html.Div(classes="rule")
                for field in model.basic:
                    _shown(field)
                _advanced(forms, model)


def _input(inputs: Inputs, tool: Tool, declared: Input) -> None:
    from trame.widgets import vuetify3 as v3

    key = input_key(tool, declared)
    label = declared.label if declared.required else f"{declared.label} (optional)"
    if declared.kind is Kind.POINTS:
        _points(inputs, key, declared)
    elif declared.kind is Kind.MASK:
        v3.VAutocomplete(
            v_model=(f"in_{key}",), items=("segment_items",), label=label, multiple=declared.all_segments,
            chips=declared.all_segments, closable_chips=declared.all_segments, clearable=not declared.required,
            title=plain(declared.help) or None, item_props=("(item) => ({subtitle: item.of})",), classes="row",
            menu_props=("{maxHeight: 320}",), auto_select_first=True, no_data_text="No segmentation is loaded.",
            **_COMPACT,
        )
    else:
        v3.VSelect(
            v_model=(f"in_{key}",), items=(_ITEMS[declared.kind],), label=label, clearable=not declared.required,
            title=plain(declared.help) or None, classes="row", no_data_text="Nothing is loaded.", **_COMPACT,
        )


def _points(inputs: Inputs, key: str, declared: Input) -> None:
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(classes="points row", title=plain(declared.help) or None):
        html.Span(plain(declared.label), classes="label")
        v3.VBtn(
            "{{ placing === '" + key + "' ? 'Click in a slice view…' : 'Click in the image' }}",
            prepend_icon="mdi-crosshairs-gps", size="small", variant=(f"placing === '{key}' ? 'flat' : 'tonal'",),
            color="primary", click=lambda: inputs.placing.toggle(key), classes="place",
            raw_attrs=marks(data_test="place"),
        )
        html.Span(
            "{{ KEY ? KEY + (KEY > 1 ? ' points' : ' point') : 'anywhere' }}".replace("KEY", f"points_{key}"),
            classes="soft grow", raw_attrs=marks(data_test="points"),
        )
        v3.VBtn(
            icon="mdi-close", size="x-small", variant="text", v_if=f"points_{key} > 0", title="Remove the points",
            raw_attrs=marks(aria_label="Remove the points"), click=lambda: inputs.placing.clear(key),
        )


def _shown(field: FormField) -> None:
    """A parameter, where it means something."""
    from trame.widgets import html

    if field.key in _ONLY_WHEN:
        with html.Div(v_show=_ONLY_WHEN[field.key]):
            _field(field)
    else:
        _field(field)


def _field(field: FormField) -> None:
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    key = state_key(field)
    if field.widget == "check":
        v3.VCheckbox(
            v_model=(key,), label=plain(field.label), title=plain(field.tip), density="compact", hide_details=True,
            color="primary", classes="check",
        )
    elif field.widget == "choice":
        named = _model_titles() if field.key == "cohorts.generate.model" else {}
        choices = [{"title": named.get(value, words), "value": AUTOMATIC if value is None else value}
                   for value, words in field.choices]
        with html.Div(classes="line row", title=plain(field.tip)):
            html.Label(plain(field.label), classes="label")
            v3.VSelect(v_model=(key,), items=(f"choices_{key}", choices), classes="narrow",
                       raw_attrs=marks(aria_label=field.label), **_COMPACT)
    elif field.key == "segmentation.apply.model":
        v3.VCombobox(v_model=(key,), items=(f"choices_{key}", [s.name for s in segmenters()]),
                     label=plain(field.label), title=plain(field.tip), classes="row", **_COMPACT)
    elif field.widget == "text":
        v3.VTextField(v_model=(key,), label=plain(field.label), title=plain(field.tip), classes="row", **_COMPACT)
    else:
        _number(field, key)


def _model_titles() -> dict[Any, str]:
    return {model.id: model.title for model in models()}


def _number(field: FormField, key: str) -> None:
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(classes="number", title=plain(field.tip)):
        with html.Div(classes="line"):
            html.Label(plain(field.label), classes="label")
            if field.optional:
                v3.VBtn(
                    "{{ " + key + "_auto ? 'automatic' : 'set' }}", size="x-small", variant="text", classes="auto",
                    color=(f"{key}_auto ? 'primary' : 'secondary'",), click=f"{key}_auto = !{key}_auto",
                    title="Leave it to the tool, or set it",
                )
            html.Input(
                type="number", v_model_lazy=key, step=f"{field.step:.10g}", min=f"{field.low:.10g}",
                max=f"{field.high:.10g}", classes="entry", v_show=f"!{key}_auto",
                raw_attrs=marks(aria_label=plain(field.label), data_test=field.key),
            )
            html.Span(field.unit, classes="unit", v_show=f"!{key}_auto")
        if field.widget == "slider":
            v3.VSlider(
                v_model=(key,), min=field.low, max=field.high, step=field.step, v_show=f"!{key}_auto", color="primary",
                track_size=3, thumb_size=14, hide_details=True, density="compact",
                raw_attrs=marks(aria_label=field.label),
            )
        if field.meaning_of_automatic:
            html.Div(plain(field.meaning_of_automatic), classes="soft meaning", v_show=f"{key}_auto")
        html.Div("{{ " + key + "_wrong }}", classes="wrong", v_if=f"{key}_wrong")


def _advanced(forms: Forms, model: FormModel) -> None:
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Details(classes="advanced"):
        html.Summary("Advanced")
        for field in model.advanced:
            _shown(field)
        with html.Div(classes="line row", title="The same seed and inputs give the same result."):
            html.Label("Seed", classes="label")
            v3.VTextField(
                v_model=(seed_key(model.tool),), placeholder="new each time", classes="narrow",
                raw_attrs=marks(aria_label="Seed", data_test="seed"), **_COMPACT,
            )
        v3.VBtn("Back to defaults", size="small", variant="text", click=forms.reset, classes="mt-1")
        if model.tool.limits:
            html.Div(plain(f"Limits: {model.tool.limits}"), classes="soft small")
        html.Div(plain(f"After: {model.tool.reference}"), classes="soft small")


def build_foot(running: Running) -> None:
    """Estimate, button, progress: under both tabs, always in sight."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(classes="foot", v_show="tab === 'make' || running"):
        html.Div("{{ estimate }}", classes=("estimate_ok ? 'estimate' : 'estimate refused'",),
                 v_show="!running && tab === 'make'")
        with html.Div(classes="progress", v_show="running", raw_attrs=marks(role="status")):
            html.Div(
                "{{ running_title }}: {{ stopping ? 'stopping' : step }}{{ left && !stopping ? ', ' + left : '' }}",
                classes="step",
            )
            v3.VProgressLinear(model_value=("progress",), color="primary", height=6, rounded=True)
        with html.Div(classes="buttons"):
            words = "{{ ({'lesions.measure': 'Measure', 'segmentation.apply': 'Segment'})[tool] || 'Synthesise' }}"
            v3.VBtn(
                words, color="primary", variant="flat",
                block=True, v_if="!running && tab === 'make'", disabled=("!estimate_ok || !!busy",),
                click=running.start, raw_attrs=marks(data_test="run"),
            )
            v3.VBtn("Cancel", variant="tonal", block=True, v_if="running", disabled=("stopping || just_started",),
                    click=running.cancel, raw_attrs=marks(data_test="cancel"))
