"""The tab with what was made: lesions, measurements, what can be done with it."""

from __future__ import annotations

from synthetic_imaging_web.page.downloads import Downloads
from synthetic_imaging_web.page.marks import marks
from synthetic_imaging_web.page.results import Results

_COMPACT = {"density": "compact", "variant": "outlined", "hide_details": "auto"}


def build_result(results: Results, downloads: Downloads) -> None:
    """The tab of results."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(classes="scroll", v_show="tab === 'result'"):
        html.Div("Nothing has been made yet. What you make appears here.", v_if="!result", classes="soft")
        with html.Div(v_if="result"):
            v3.VSelect(
                v_model=("result_id",), items=("result_items",), label="Result", v_if="result_items.length > 1",
                classes="row", **_COMPACT,
            )
            html.Div("{{ result_title }}", classes="heading", v_if="result_items.length < 2")
            html.Div("{{ result_summary }}", classes="soft row")
            html.Div("{{ note }}", v_for="(note, n) in result_notes", key="n", classes="said")
            _lesions(results)
            _table()
            _actions(results, downloads)
            with html.Details(classes="advanced", v_if="result_record"):
                html.Summary("How it came to be")
                html.Pre("{{ result_record }}", classes="record")


def _lesions(results: Results) -> None:
    from trame.widgets import html

    with html.Div(v_if="lesions.length", classes="list"), html.Button(
        v_for="row in lesions", key="row.number", click=(results.jump, "[row.number]"),
        classes=("'lesion' + (row.number === lesion ? ' chosen' : '')",), title="Show it in all views",
        raw_attrs=marks(type="button", data_test="lesion"),
    ):
        html.Span("{{ row.number }}", classes="number-of")
        html.Span("{{ row.name }}", classes="grow name-of")
        html.Span("{{ row.size }}", classes="figure")
        html.Span("{{ row.volume }}", classes="figure")
        html.Span("{{ row.contrast }}", classes="figure")


def _table() -> None:
    from trame.widgets import html

    # One column for each lesion: a panel is narrow and a table of measurements has many headings.
    with (
        html.Div(v_if="table.rows", classes="table", raw_attrs=marks(data_test="table")), html.Table(),
        html.Tr(v_for="(heading, h) in table.headings", key="h"),
    ):
        html.Th("{{ heading }}")
        html.Td("{{ row[h] }}", v_for="(row, r) in table.rows", key="r")


def _actions(results: Results, downloads: Downloads) -> None:
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    def action(label: str, icon: str, click: object, test: str, **more: object) -> None:
        v3.VBtn(label, prepend_icon=icon, size="small", variant="tonal", click=click,
                disabled=("running || !!busy",), raw_attrs=marks(data_test=test), **more)

    with html.Div(classes="actions"):
        action("Another like this", "mdi-refresh", results.another, "another", v_if="result_image",
               title="The same inputs and values with a new seed; this result stays")
        action("Measure", "mdi-ruler", results.measure, "measure", v_if="result_image && lesions.length && !table.rows")
        action("Undo", "mdi-undo", results.undo, "undo", title="Takes this result out of the scene")
    html.Div("Download", classes="label soft mt-2 mb-1")
    with html.Div(classes="actions"):
        action("DICOM", "mdi-download", lambda: downloads.dicom(True), "dicom", v_if="result_image",
               title="Series and segmentation, zipped")
        action("Image", "mdi-download", lambda: downloads.volume(True), "image", v_if="result_image", title="NRRD")
        action("Lesions", "mdi-download", downloads.lesions, "lesions", v_if="result_lesions", title="seg.nrrd")
        action("Table", "mdi-download", downloads.table, "csv", v_if="table.rows", title="CSV")
        action("Scene", "mdi-download", downloads.scene, "scene", title="Everything, for 3D Slicer (.mrb)")
        action("Record", "mdi-download", downloads.record, "record", v_if="result_record",
               title="How it came to be (.json)")
