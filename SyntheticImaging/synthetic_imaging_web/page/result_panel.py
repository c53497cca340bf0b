"""The tab with what was made: lesions, measurements, what can be done with it."""

from __future__ import annotations

from synthetic_imaging_web.page.cohorts import Cohorts
from synthetic_imaging_web.page.downloads import Downloads
from synthetic_imaging_web.page.marks import marks
from synthetic_imaging_web.page.results import Results
from synthetic_imaging_web.page.sequences import Sequences

_COMPACT = {"density": "compact", "variant": "outlined", "hide_details": "auto"}


def build_result(results: Results, downloads: Downloads, cohorts: Cohorts, sequences: Sequences) -> None:
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
            _told(sequences)
            _sheet(cohorts)
            _lesions(results)
            _doubt()
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


def _sheet(cohorts: Cohorts) -> None:
    """The contact sheet of a cohort."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(v_if="tiles.length", raw_attrs=marks(data_test="sheet")):
        with html.Div(classes="line"):
            html.Span("{{ cohort_line }}", classes="grow soft")
            with html.Div(classes="modes"):
                for plane in ("axial", "coronal", "sagittal"):
                    v3.VBtn(plane.capitalize(), size="x-small", rounded="0", click=f"plane = '{plane}'",
                            variant=(f"plane === '{plane}' ? 'tonal' : 'text'",))
        with html.Div(classes="sheet"), html.Button(
            v_for="item in tiles", key="item.number", click=(cohorts.choose, "[item.number]"), title=("item.facts",),
            classes=("'case' + (item.number === tile ? ' chosen' : '')",), disabled=("running",),
            raw_attrs=marks(type="button", data_test="case"),
        ):
            html.Img(src=("item.picture",), raw_attrs=marks(bind_alt="'Case ' + item.name"))
            html.Span("{{ item.name }}  {{ item.text }}", classes=("item.rejected ? 'wrong' : 'soft'",))
        html.Div("{{ cohort_facts }}", classes="soft small")
        with html.Div(classes="actions row"):
            for words, icon, act, test in (
                ("Keep", "mdi-check", lambda: cohorts.decide(True), "keep"),
                ("Reject", "mdi-close", lambda: cohorts.decide(False), "reject"),
            ):
                v3.VBtn(words, prepend_icon=icon, size="small", variant="tonal", click=act, disabled=("running",),
                        raw_attrs=marks(data_test=test))
            v3.VBtn("{{ 'Replace ' + cohort_rejected + ' rejected' }}", size="small", variant="tonal", color="primary",
                    v_if="cohort_rejected > 0", click=cohorts.replace, disabled=("running",),
                    raw_attrs=marks(data_test="replace"))


def _told(sequences: Sequences) -> None:
    """Of a computed sequence: how far to rely on it, and how it is shown."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    html.Div("{{ line }}", v_for="(line, n) in told.warnings", key="n", classes="told hardly")
    html.Div("{{ told.headline }}", v_if="told.headline", classes=("'told ' + told.trust",),
             raw_attrs=marks(data_test="told"))
    html.Div("{{ line }}", v_for="(line, n) in told.lines", key="n", classes="soft")
    with html.Div(v_if="row", classes="line"):
        v3.VBtn("Beside its inputs (S)", size="small", click=sequences.toggle, raw_attrs=marks(data_test="row"),
                variant=("row_shown ? 'flat' : 'tonal'",), color=("row_shown ? 'primary' : ''",),
                title="Inputs, result and uncertainty in views that move together; again for all views")
        with html.Div(classes="modes", v_show="row_shown"):
            for plane in ("Axial", "Coronal", "Sagittal"):
                v3.VBtn(plane, size="x-small", rounded="0", click=f"row_plane = '{plane}'",
                        variant=(f"row_plane === '{plane}' ? 'tonal' : 'text'",))


def _doubt() -> None:
    """Where a segmenter or a computed sequence is unsure."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(v_if="doubt", raw_attrs=marks(data_test="doubt")):
        v3.VCheckbox(v_model=("doubt_shown",), label="Show where it is unsure (U)", density="compact",
                     hide_details=True, color="primary", classes="check")
        with html.Div(classes="line", v_show="doubt_shown"):
            html.Span("From", classes="soft")
            v3.VSlider(v_model=("doubt_limit",), min=0, max=("doubt_most",), step=("doubt_step",), hide_details=True,
                       density="compact", color="primary", track_size=3, thumb_size=14,
                       raw_attrs=marks(aria_label="From which value on"))
            html.Span("{{ Number(doubt_limit).toFixed(doubt_step < 0.1 ? 2 : 1) + doubt_unit }}", classes="unit")


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
        action("Another like this", "mdi-refresh", results.another, "another", v_if="result_image && result_again",
               title="The same inputs and values with a new seed; this result stays")
        action("Measure", "mdi-ruler", results.measure, "measure", v_if="result_image && result_measure && !table.rows")
        action("Undo", "mdi-undo", results.undo, "undo", title="Takes this result out of the scene")
    html.Div("Download", classes="label soft mt-2 mb-1")
    with html.Div(classes="actions"):
        action("DICOM", "mdi-download", lambda: downloads.dicom(True), "dicom", v_if="result_image",
               title="Series and segmentation, zipped")
        action("Image", "mdi-download", lambda: downloads.volume(True), "image", v_if="result_image", title="NRRD")
        action("{{ result_measure ? 'Lesions' : 'Segments' }}", "mdi-download", downloads.lesions, "lesions",
               v_if="result_lesions", title="seg.nrrd")
        action("All cases", "mdi-download", downloads.cohort, "cohort", v_if="tiles.length",
               title="Images, segments and manifest of all cases that are kept (NRRD), zipped")
        action("Table", "mdi-download", downloads.table, "csv", v_if="result_table", title="CSV")
        action("Scene", "mdi-download", downloads.scene, "scene", title="Everything, for 3D Slicer (.mrb)")
        action("Record", "mdi-download", downloads.record, "record", v_if="result_record",
               title="How it came to be (.json)")
