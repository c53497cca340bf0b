"""The application of one session: puts the parts together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from synthetic_imaging_web.page.cohorts import Cohorts
from synthetic_imaging_web.page.comparing import Comparing
from synthetic_imaging_web.page.doubt import Doubt
from synthetic_imaging_web.page.downloads import Downloads
from synthetic_imaging_web.page.forms import Forms
from synthetic_imaging_web.page.growth import Growth
from synthetic_imaging_web.page.inputs import Inputs, input_key
from synthetic_imaging_web.page.keys import Keys
from synthetic_imaging_web.page.loading import Loading
from synthetic_imaging_web.page.look import Look, widget_theme
from synthetic_imaging_web.page.placing import Placing
from synthetic_imaging_web.page.results import Results
from synthetic_imaging_web.page.routes import Routes
from synthetic_imaging_web.page.running import Running
from synthetic_imaging_web.page.scene import SessionScene
from synthetic_imaging_web.page.sequences import Sequences
from synthetic_imaging_web.page.session import Session
from synthetic_imaging_web.page.view_host import PageViewHost
from synthetic_imaging_web.page.views import Views
from synthetic_imaging_web.page.window import build_window
from SyntheticImagingLib.mr.linked_row import is_row
from SyntheticImagingLib.show import SIDE_BY_SIDE_LAYOUT, Mode
from SyntheticImagingLib.show.layouts import side_by_side_xml
from SyntheticImagingLib.task import Made
from SyntheticImagingLib.task.modality import is_ct


class PageApp:
    """One user's page.

    Attributes:
        session: what its parts share.
        loading, placing, inputs, forms, running, comparing, growth, results, cohorts, sequences, doubt, downloads: the
            parts.
    """

    def __init__(self, server: Any, folder: Path, sample: str, in_front: bool = False) -> None:
        """Build the page.

        Args:
            server: the trame server.
            folder: of the session.
            sample: what to open with.
            in_front: whether a server in front offers to end the session.
        """
        from trame_slicer import module as trame_slicer_module

        server.enable_module(trame_slicer_module)
        server.enable_module(Look())
        server.state["trame__vuetify3_config"] = widget_theme()
        server.state["trame__title"] = "Synthetic Imaging"
        scene = SessionScene()
        self.session = Session(server, scene, Views(server, scene), folder)
        self._host = host = PageViewHost(scene.scene, self.session.views)
        self.loading = Loading(self.session)
        self.placing = Placing(self.session)
        self.inputs = Inputs(self.session, self.placing)
        self.forms = Forms(self.session)
        self.placing.wanted = lambda key: key in {input_key(self.forms.tool, i) for i in self.forms.tool.inputs}
        self.forms.changed.append(self._draw_size)
        self.running = Running(self.session, self.forms, self.inputs)
        self.comparing = Comparing(self.session, host)
        self.growth = Growth(self.session, host)
        self.comparing.before_change = self.growth.hide
        self.growth.before_show = self.comparing.make_room
        self.results = Results(self.session, self.comparing, self.growth, self.running, host)
        self.cohorts = Cohorts(self.session, self.forms, self.running, self.results)
        self.sequences = Sequences(self.session, host)
        self.sequences.before_show = self.comparing.leave
        self.results.is_sequence = self.sequences.is_one
        self.results.on_closed.append(self.sequences.close)
        self.results.on_shown.append(self.sequences.show)
        self.doubt = Doubt(self.session, host, self.sequences)
        self.results.on_shown.append(self.doubt.show)
        self.results.on_shown.append(self._brain_shown)
        self.results.on_undone = self.cohorts.forget
        self.downloads = Downloads(self.session, self.results, self.inputs, self.running, self.cohorts)
        self.routes = Routes(self.session, self.loading)
        self.keys = Keys(self)
        self.loading.on_arrival = self._arrived
        self.loading.on_sequence = self._sequence_arrived
        server.state.change("in_volume")(self._volume_chosen)
        server.state.change("tool")(self._tool_chosen)
        server.state.change("placing")(self._placing)
        server.state.change("in_lesion", "in_lesions")(self._lesion_chosen)
        self._sample = sample
        self._outlined: tuple[Any, str] | None = None
        server.state.update({"help": False, "in_front": in_front, "image_is_ct": True})
        build_window(self)
        server.controller.on_exception.add(self.session.fail)
        server.controller.on_server_ready.add(self._start)

    def choose_layout(self, number: int) -> None:
        """The arrangement of views that the user wants; side by side is then over."""
        if self.session.views.layout == SIDE_BY_SIDE_LAYOUT:
            self.comparing.show(Mode.OVERLAY)
        if is_row(self.session.views.layout):
            self.sequences.toggle()
        self.session.views.show_layout(number)

    def _arrived(self, volume: Any, segmentation: Any) -> None:
        """Another image or segmentation came: it is worked on."""
        if volume is not None:
            self.comparing.leave()
            self.sequences.leave()
        self.inputs.choose(volume, segmentation)
        self.session.push(tab="make")

    def _sequence_arrived(self, browser: Any) -> None:
        """Frames came: they are shown and can be played."""
        proxy = browser.GetProxyNode(browser.GetMasterSequenceNode())
        if proxy is not None and proxy.IsA("vtkMRMLScalarVolumeNode"):
            self.comparing.leave()
            self.sequences.leave()
            self.session.views.show_volume(proxy)
        self.growth.open(browser)

    def _volume_chosen(self, in_volume: Any, **_: Any) -> None:
        node = self.session.scene.node(in_volume)
        shown = {view.get_background_volume_id() for view in self.session.views.all_slices()}
        if node is not None:
            self.session.push(image_is_ct=is_ct(node))
            self.inputs.fit_organ()
            self.inputs.show_own_surfaces(node)
        if node is not None and in_volume not in shown:
            self.comparing.leave()
            self.sequences.leave()
            before = self.session.scene.node(self.session.views.all_slices()[0].get_background_volume_id())
            self.session.views.show_volume(node, fit=before is None or not _same_place(before, node))

    def _tool_chosen(self, tool: str, **_: Any) -> None:
        """Lesions to edit or measure are those of the shown result, unless others were chosen."""
        state, made, rows = self.session.state, self.results.current, self.session.state.lesions
        self.placing.stop()
        if made is None or made.lesions is None or not rows:
            return
        chosen = {row["number"]: f"{made.lesions.GetID()}|{row['segment']}" for row in rows}
        if tool == "lesions.edit" and not state.in_lesion:
            self.session.push(in_lesion=chosen.get(state.lesion) or chosen[rows[0]["number"]])
        elif tool == "lesions.measure" and not state.in_lesions:
            self.session.push(in_lesions=list(chosen.values()))

    def _lesion_chosen(self, in_lesion: Any, in_lesions: Any, **_: Any) -> None:
        """A lesion that was made here lies in the image that was made with it."""
        chosen = in_lesions if self.forms.tool.id == "lesions.measure" else in_lesion
        first = chosen[0] if isinstance(chosen, list) and chosen else chosen
        node = self.session.scene.node(first.split("|", 1)[0]) if isinstance(first, str) else None
        image = self.results.image_of(node) if node is not None else None
        if image is not None:
            self.session.push(in_volume=image.GetID())

    def _brain_shown(self, made: Made | None) -> None:
        """An MR of the brain: no organs of another patient beside it in 3-D."""
        if made is not None and made.volume is not None and made.tool_id.startswith("sequences."):
            self.inputs.show_own_surfaces(made.volume)

    def _placing(self, placing: str, **_: Any) -> None:
        """The outline of the organ, as long as a click into it is waited for."""
        organ = self.inputs.organ()
        if self._outlined is not None and self._outlined[0].GetScene() is not None:
            self._outlined[0].GetDisplayNode().SetSegmentVisibility2DOutline(self._outlined[1], False)
        self._outlined = organ if placing else None
        if self._outlined is not None:
            display = self._outlined[0].GetDisplayNode()
            display.SetVisibility2D(True)
            display.SetSegmentVisibility2DOutline(self._outlined[1], True)

    def _draw_size(self) -> None:
        """A clicked point is a circle as large as the lesion will be, where the form says how large."""
        size = self.forms.number("diameter_mm")
        self.placing.draw_size(size)

    def close(self) -> None:
        """End what runs and delete what was kept beside the session's folder, before the process ends."""
        self.running.close()
        self.session.scene.close()

    def _start(self, **_: Any) -> None:
        self.session.spawn(self._open())

    async def _open(self) -> None:
        await self.loading.open_sample(self._sample)
        await asyncio.sleep(1.0)  # first the user sees something
        self._host.add_layout(SIDE_BY_SIDE_LAYOUT, side_by_side_xml())
        self.session.views.make_ready(SIDE_BY_SIDE_LAYOUT)


def _same_place(one: Any, other: Any) -> bool:
    """Whether two images fill the same box of the patient."""
    first, second = [0.0] * 6, [0.0] * 6
    one.GetRASBounds(first)
    other.GetRASBounds(second)
    return max(abs(a - b) for a, b in zip(first, second, strict=True)) < 1e-3
