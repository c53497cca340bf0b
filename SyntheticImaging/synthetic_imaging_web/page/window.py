"""The window: toolbar above, panel on the left, views on the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthetic_imaging_web.page.bars import build_help, build_toolbar, build_view_bars
from synthetic_imaging_web.page.marks import marks
from synthetic_imaging_web.page.panel import build_foot, build_make
from synthetic_imaging_web.page.result_panel import build_result

if TYPE_CHECKING:
    from synthetic_imaging_web.page.app import PageApp


def build_window(app: PageApp) -> Any:
    """Declare the whole interface; returns trame's layout."""
    from trame.ui.vuetify3 import VAppLayout
    from trame.widgets import client, html

    server = app.session.server
    server.state.tab = "make"
    with VAppLayout(server, theme="dark") as layout, html.Div(classes="page"):
        build_toolbar(app)
        with html.Div(classes="middle"):
            with html.Div(classes="panel"):
                _tabs()
                _messages(app)
                build_make(app.forms, app.inputs)
                build_result(app.results, app.downloads, app.cohorts, app.sequences)
                build_foot(app.running)
            with html.Div(classes="views"):
                with html.Div(classes="grid"):
                    app.session.views.manager.initialize_layout_grid(layout)
                build_view_bars(app)
        build_help()
        client.ClientStateChange(value="download", change="window.syntheticPage.fetch(download)")
    return layout


def _tabs() -> None:
    from trame.widgets import html

    with html.Div(classes="tabs", raw_attrs=marks(role="tablist")):
        for name, words in (("make", "Make"), ("result", "Result")):
            html.Button(
                words, click=f"tab = '{name}'", classes=(f"tab === '{name}' ? 'tab chosen' : 'tab'",),
                raw_attrs=marks(
                    role="tab", type="button", data_test=f"tab-{name}", bind_aria_selected=f"tab === '{name}'"
                ),
            )


def _messages(app: PageApp) -> None:
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(v_if="message", classes=("'message ' + message_kind",), raw_attrs=marks(role="alert")):
        html.Div("{{ message }}", classes="grow")
        v3.VBtn("Copy details", size="x-small", variant="text", v_if="message_details",
                click="window.syntheticPage.copy(message_details)")
        v3.VBtn(icon="mdi-close", size="x-small", variant="text", click="message = ''",
                raw_attrs=marks(aria_label="Close"))
