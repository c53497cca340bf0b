"""The toolbar above and the bars under the views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthetic_imaging_web.page import layouts
from synthetic_imaging_web.page.comparing import MODES
from synthetic_imaging_web.page.keys import KEYS
from synthetic_imaging_web.page.marks import marks
from synthetic_imaging_web.page.views import PRESETS

if TYPE_CHECKING:
    from synthetic_imaging_web.page.app import PageApp

_LAYOUTS = (
    (layouts.FOUR_UP, "mdi-view-grid-outline", "Four views"),
    (layouts.CONVENTIONAL, "mdi-view-split-vertical", "Axial large, others beside it"),
    (layouts.ONE_AXIAL, "mdi-alpha-a-box-outline", "Axial only"),
    (layouts.ONE_CORONAL, "mdi-alpha-c-box-outline", "Coronal only"),
    (layouts.ONE_SAGITTAL, "mdi-alpha-s-box-outline", "Sagittal only"),
    (layouts.ONE_3D, "mdi-cube-outline", "3-D only"),
)


def build_toolbar(app: PageApp) -> None:
    """Open, save, window, layout, keys."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with html.Div(classes="bar", raw_attrs=marks(role="toolbar")):
        html.Div("Synthetic Imaging", classes="title")
        html.Div("Research use, not for diagnosis", classes="research")
        with html.Div(classes="grow busy"), html.Span(v_if="busy", raw_attrs=marks(role="status")):
            v3.VProgressCircular(indeterminate=True, size=14, width=2, color="primary", classes="mr-2")
            html.Span("{{ busy }}…")
        _menu_open()
        _menu_save(app)
        html.Div(classes="gap")
        with v3.VMenu():
            with v3.Template(v_slot_activator="{ props }"):
                v3.VBtn("Window", v_bind="props", size="small", variant="text", append_icon="mdi-chevron-down")
            with v3.VList(density="compact"):
                for name, (width, level) in PRESETS.items():
                    v3.VListItem(title=name, subtitle=f"width {width:.0f}, level {level:.0f} HU",
                                 click=lambda name=name: app.session.views.show_window(name))
        for number, icon, words in _LAYOUTS:
            v3.VBtn(
                icon=icon, size="small", variant="text", rounded="sm", title=words,
                color=(f"layout === {number} ? 'primary' : ''",),
                click=lambda number=number: app.choose_layout(number), raw_attrs=marks(aria_label=words),
            )
        v3.VBtn(icon="mdi-fit-to-screen-outline", size="small", variant="text", rounded="sm", title="Fit all views (R)",
                click=app.session.views.fit, raw_attrs=marks(aria_label="Fit all views"))
        v3.VBtn(icon="mdi-help", size="small", variant="text", rounded="sm", title="Keys and mouse (?)",
                click="help = !help", raw_attrs=marks(aria_label="Keys and mouse"))
        with v3.VMenu(v_if="in_front"):
            with v3.Template(v_slot_activator="{ props }"):
                v3.VBtn(v_bind="props", icon="mdi-dots-vertical", size="small", variant="text", rounded="sm",
                        title="Session", raw_attrs=marks(aria_label="Session", data_test="session"))
            with v3.VList(density="compact"):
                v3.VListItem(title="A second session", subtitle="in another browser",
                             click="window.open('front/invite')")
                v3.VListItem(title="End session", subtitle="and delete my data",
                             click="window.syntheticImaging.end()")


def _menu_open() -> None:
    from trame.widgets import vuetify3 as v3

    with v3.VMenu():
        with v3.Template(v_slot_activator="{ props }"):
            v3.VBtn("Open", v_bind="props", size="small", variant="text", prepend_icon="mdi-folder-open-outline",
                    append_icon="mdi-chevron-down", disabled=("!!busy",), raw_attrs=marks(data_test="open"))
        with v3.VList(density="compact"):
            v3.VListItem(title="Files…", subtitle="NRRD, MetaImage, NIfTI, DICOM, .zip",
                         click="window.syntheticPage.choose(false)")
            v3.VListItem(title="DICOM folder…", click="window.syntheticPage.choose(true)")


def _menu_save(app: PageApp) -> None:
    from trame.widgets import vuetify3 as v3

    downloads = app.downloads
    with v3.VMenu():
        with v3.Template(v_slot_activator="{ props }"):
            v3.VBtn("Save", v_bind="props", size="small", variant="text", prepend_icon="mdi-download",
                    append_icon="mdi-chevron-down", disabled=("running || !!busy",), raw_attrs=marks(data_test="save"))
        with v3.VList(density="compact"):
            v3.VListItem(title="Scene", subtitle="everything, for 3D Slicer (.mrb)", click=downloads.scene)
            v3.VListItem(title="Image", subtitle="NRRD", click=lambda: downloads.volume())
            v3.VListItem(title="Lesions", subtitle="seg.nrrd", click=downloads.lesions, v_if="result_lesions")
            v3.VListItem(title="DICOM", subtitle="series and segmentation, zipped", click=lambda: downloads.dicom())


def build_view_bars(app: PageApp) -> None:
    """Growth and comparison, under the views; there only with a result."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    growth, comparing = app.growth, app.comparing
    with html.Div(classes="under", v_if="growth_frames > 0", raw_attrs=marks(data_test="growth")):
        html.Span("Growth", classes="soft")
        for icon, words, click in (
            ("mdi-skip-previous", "Frame before", lambda: growth.step(-1)), (None, "Play or pause", growth.toggle),
            ("mdi-skip-next", "Next frame", lambda: growth.step(1)),
        ):
            shown = icon or ("growth_playing ? 'mdi-pause' : 'mdi-play'",)
            v3.VBtn(icon=shown, size="x-small", variant="text", title=words, click=click,
                    raw_attrs=marks(aria_label=words))
        v3.VSlider(v_model=("growth_index",), min=0, max=("growth_frames - 1",), step=1, hide_details=True,
                   density="compact", color="primary", track_size=3, thumb_size=14,
                   raw_attrs=marks(aria_label="Frame of the growth"))
        html.Span("{{ growth_label }}", classes="frame-label")
    with html.Div(classes="under", v_if="mode", raw_attrs=marks(data_test="compare")):
        with html.Div(classes="modes", raw_attrs=marks(role="group", aria_label="Compare")):
            for mode, words, key in MODES:
                v3.VBtn(
                    words, size="small", rounded="0", title=f"{words} ({key})",
                    variant=(f"mode === '{mode.value}' && !growth_shown ? 'flat' : 'text'",),
                    color=(f"mode === '{mode.value}' && !growth_shown ? 'primary' : ''",),
                    disabled=(f"refused_modes.includes('{mode.value}')",),
                    click=lambda mode=mode: comparing.show(mode), raw_attrs=marks(data_test=f"mode-{mode.name}"),
                )
        v3.VBtn("Flicker", size="small", variant="text", title="Before, after, before… (X)", click=comparing.flicker,
                prepend_icon="mdi-swap-horizontal", raw_attrs=marks(data_test="flicker"))
        with html.Div(classes="opacity", v_show="mode === 'overlay' || mode === 'difference'"):
            html.Span("Opacity", classes="soft")
            v3.VSlider(v_model=("opacity",), min=0, max=100, step=1, hide_details=True, density="compact",
                       color="primary", track_size=3, thumb_size=14, raw_attrs=marks(aria_label="Opacity"))
        with html.Div(classes="modes", v_show="mode === 'side by side'"):
            for plane in ("Axial", "Coronal", "Sagittal"):
                v3.VBtn(plane, size="small", rounded="0", variant=(f"side === '{plane}' ? 'tonal' : 'text'",),
                        click=f"side = '{plane}'")


def build_help() -> None:
    """Keys and mouse, in a window of their own."""
    from trame.widgets import html
    from trame.widgets import vuetify3 as v3

    with v3.VDialog(v_model=("help", False), max_width=460), v3.VCard(title="Keys and mouse"):
        with v3.VCardText(), html.Table(classes="keys"):
            for key, words in [(key.shown, key.words) for key in KEYS] + _MOUSE:
                with html.Tr():
                    html.Td(key)
                    html.Td(words)
        with v3.VCardActions():
            v3.VSpacer()
            v3.VBtn("Close", click="help = false", color="primary")


_MOUSE = [
    ("Wheel", "through the slices"), ("Left drag", "window and level"), ("Shift + left drag, middle drag", "move"),
    ("Right drag, Ctrl + wheel", "zoom"),
]
