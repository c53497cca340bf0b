"""Playing a growing tumour: frames of a sequence browser, over the image they were cut from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from synthetic_imaging.errors import InputError
from SyntheticImagingLib.display import show_segments
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.sequences import show_frame
from SyntheticImagingLib.show.host import SliceView, ViewHost
from SyntheticImagingLib.show.layouts import AFTER_VIEW, BEFORE_VIEW
from SyntheticImagingLib.show.outlines import Outlines
from SyntheticImagingLib.show.view_state import KeptViews, at_once
from SyntheticImagingLib.show.window_link import WindowLink, own_display, unshare_display


class GrowthPlay:
    """Steps through the frames of a browser; a timer of the host calls `tick`.

    Args:
        scene: the MRML scene.
        browser: ``vtkMRMLSequenceBrowserNode``.

    Raises:
        InputError: if the browser has no frame.
    """

    def __init__(self, scene: Any, browser: Any) -> None:
        self.scene, self.browser = scene, browser
        if browser is None or browser.GetMasterSequenceNode() is None or browser.GetNumberOfItems() < 1:
            raise InputError("There is no growth to play: the sequence has no frame.")
        self.playing = False
        self.loop = True
        self._kept: KeptViews | None = None
        self._hidden: list[Outlines] = []
        self._windows = WindowLink()

    @property
    def frames(self) -> int:
        """How many frames there are; 0 once the sequence was removed."""
        return int(self.browser.GetNumberOfItems()) if self._there() else 0

    @property
    def index(self) -> int:
        """The frame that is shown, from 0. Setting it shows another; too large or too small is the last or first."""
        return int(self.browser.GetSelectedItemNumber())

    @index.setter
    def index(self, position: int) -> None:
        if not self._there():
            self.playing = False
            return
        position = min(max(0, int(position)), self.frames - 1)
        show_frame(self.scene, self.browser, position)
        for node in self.proxies():
            if node.IsA("vtkMRMLSegmentationNode"):
                _only_lesions(node)  # a new frame brings its segments anew, all of them visible
        if self._kept is not None:
            for view in self._kept.host.slice_views():
                view.render()

    def label(self, position: int | None = None) -> str:
        """A frame in words: "step 12", "day 120", "time 2.5 s"; of the one shown when None."""
        master = self.browser.GetMasterSequenceNode()
        position = self.index if position is None else position
        if master is None or not 0 <= position < self.frames:
            return ""
        name, unit = master.GetIndexName() or "frame", master.GetIndexUnit() or ""
        value = master.GetNthIndexValue(position)
        # Days of a time are "day 120", as one says; other units follow the number.
        if unit in ("day", "week", "month", "year"):
            return f"{unit} {value}"
        return f"{name} {value} {unit}".strip()

    def play(self) -> None:
        """Go on with each `tick`; from the start if the last frame is shown."""
        self.playing = self.frames > 1
        if self.playing and self.index >= self.frames - 1:
            self.index = 0

    def pause(self) -> None:
        """Stand still."""
        self.playing = False

    def tick(self) -> int:
        """One frame on if playing; at the end from the start (`loop`), or pause. Returns the frame shown."""
        if not self.playing or not self._there():
            self.playing = False
            return self.index
        following = self.index + 1
        if following >= self.frames and not self.loop:
            self.playing = False
            return self.index
        self.index = following % self.frames
        return self.index

    def proxies(self) -> list[Any]:
        """The nodes that show the current frame: the image first."""
        from vtkmodules.vtkCommonCore import vtkCollection

        sequences, with_master = vtkCollection(), True
        self.browser.GetSynchronizedSequenceNodes(sequences, with_master)
        count = sequences.GetNumberOfItems()
        nodes = [self.browser.GetProxyNode(sequences.GetItemAsObject(n)) for n in range(count)]
        there = [node for node in nodes if node is not None and self.scene.IsNodePresent(node)]
        return sorted(there, key=lambda node: not node.IsA("vtkMRMLVolumeNode"))

    def show(self, host: ViewHost, background: Any, hide: Iterable[Any] = ()) -> None:
        """Show the growth in all slice views, in its place in the whole image, with the tumour outlined.

        Args:
            host: the views.
            background: volume node of the whole image; the growth is a piece of it.
            hide: segmentation nodes hidden meanwhile (the full-grown tumour).
        """
        images = [node for node in self.proxies() if node.IsA("vtkMRMLScalarVolumeNode")]
        if not images or background is None or not self.scene.IsNodePresent(background):
            return
        if self._kept is None:
            self._windows.add(own_display(background))
            self._windows.add(unshare_display(images[0], background))
            self._hidden = [Outlines(node) for node in hide if node is not None]
            self._kept = KeptViews(host)
        for outlines in self._hidden:
            outlines.show(False)
        for view in _user_views(host):
            self._kept.keep(view)
            composite = view.composite_node
            with at_once(composite):
                composite.SetBackgroundVolumeID(background.GetID())
                composite.SetForegroundVolumeID(images[0].GetID())
                composite.SetForegroundOpacity(1.0)
                composite.SetCompositing(composite.Alpha)
        self._outline(True)
        for view in host.slice_views():
            view.render()

    def hide(self) -> None:
        """Take the growth out of the views again; layers that somebody else has changed meanwhile stay."""
        self.pause()
        if self._kept is None:
            return
        kept, self._kept = self._kept, None
        self._windows.close()
        self._windows = WindowLink()
        self._outline(False)
        for outlines in self._hidden:
            outlines.give_back()
        self._hidden = []
        ours = {node.GetID() for node in self.proxies()}
        kept.give_back(lambda view: view.GetForegroundVolumeID() in ours, places=False)
        for view in kept.host.slice_views():
            view.render()

    def _outline(self, shown: bool) -> None:
        for node in self.proxies():
            if node.IsA("vtkMRMLSegmentationNode") and node.GetDisplayNode() is not None:
                if shown:
                    show_segments(node)
                    _only_lesions(node)
                node.GetDisplayNode().SetVisibility(shown)

    def _there(self) -> bool:
        return bool(self.scene.IsNodePresent(self.browser)) and self.browser.GetMasterSequenceNode() is not None


def _user_views(host: ViewHost) -> list[SliceView]:
    return [view for view in host.slice_views() if view.name not in (BEFORE_VIEW, AFTER_VIEW)]


def _only_lesions(node: Any) -> None:
    """Hide the organ: cut off with the image, its outline would run along the edges of the piece."""
    from synthetic_imaging.lesions.roles import roles_of

    display = node.GetDisplayNode()
    if display is None:
        return
    try:
        mask = mask_from_node(node)
    except InputError:
        return
    roles = roles_of(mask)
    shown = {*(s.name for s in (*roles.lesions, *roles.necrosis)), *roles.empty}
    for segment in mask.segments:
        display.SetSegmentVisibility(segment.id, segment.name in shown)
