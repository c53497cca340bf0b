"""The chosen case in the scene and in the views; the one before it makes room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthetic_imaging.errors import SyntheticImagingError
from SyntheticImagingLib.cohort.case_scene import CaseReading, middle_of, show_case, show_surfaces, size_of
from SyntheticImagingLib.cohort.review import Review
from SyntheticImagingLib.show import frame_3d
from SyntheticImagingLib.show.host import ViewHost
from SyntheticImagingLib.show.view_state import KeptViews, show_whole
from SyntheticImagingLib.task import Made, remove

_FROM = (-0.55, 1.0, 0.25)  # from the front, a little from the patient's left: where the heart points


class CasePart:
    """Shows one case at a time.

    Attributes:
        made: the nodes of the case that is shown, or None.
        in_3d: whether surfaces are made.
        on_shown: called without arguments when a case has come into the views.
        on_error: called with what could not be read.
    """

    def __init__(self, scene: Any, views: ViewHost) -> None:
        self._scene, self._views = scene, views
        self.made: Made | None = None
        self.in_3d = True
        self.on_shown: Callable[[], None] | None = None
        self.on_error: Callable[[BaseException], None] | None = None
        self._reading: CaseReading | None = None
        self._next: tuple[Review, int] | None = None
        self._kept = KeptViews(views)
        self._size: tuple[float, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether a case is being read."""
        return self._reading is not None or self._next is not None

    def ask(self, review: Review) -> None:
        """Have the chosen case of a review shown; the last one asked for wins."""
        if review.chosen is not None:
            self._next = (review, review.chosen)

    def tick(self) -> None:
        """Called by a timer while it is `busy`."""
        if self._reading is not None and self._reading.done:
            reading, self._reading = self._reading, None
            if reading.work.error is not None:
                self._tell(reading.work.error)
            elif self._next is None:
                self._show(reading)
        if self._reading is None and self._next is not None:
            (review, number), self._next = self._next, None
            record = review.folder.records.get(number)
            if record is not None:
                self._reading = CaseReading(review.folder, record)

    def leave_in_scene(self) -> None:
        """The case that is shown stays in the scene when another one is chosen."""
        self.made = None

    def make_surfaces(self) -> None:
        """Surfaces of the case that is shown."""
        if self.made is not None and self.made.alive(self._scene):
            show_surfaces(self.made)

    def clear(self) -> None:
        """Take the case out of the scene; the user's views come back."""
        self._next = None
        if self.made is not None:
            ours = self.made.volume.GetID()
            self._kept.give_back(lambda composite: composite.GetBackgroundVolumeID() == ours)
            remove(self._scene, self.made)
        self.made, self._size = None, ()

    def forget(self) -> None:
        """The scene is closed."""
        self.made = self._next = None
        self._size = ()
        self._kept = KeptViews(self._views)

    def close(self) -> None:
        """The panel is not used any more; what is in the scene stays."""
        self.on_shown = self.on_error = None
        self._next = None
        if self._reading is not None:
            self._reading.work.wait()
            self._reading = None

    def _show(self, reading: CaseReading) -> None:
        before = self.made
        try:
            self.made = show_case(self._scene, reading.folder, reading.record, reading.work.result)
        except SyntheticImagingError as error:
            self._tell(error)
            return
        volume, segments = self.made.volume, self.made.lesions
        if self.in_3d:
            show_surfaces(self.made)
        size = size_of(volume)
        for view in self._views.slice_views():
            self._kept.keep(view)
            view.composite_node.SetBackgroundVolumeID(volume.GetID())
            if size != self._size:
                show_whole(view.slice_node, volume)
            else:
                view.slice_node.JumpSliceByCentering(*middle_of(volume))
            view.render()
        if before is not None and before.alive(self._scene):
            remove(self._scene, before)
        if size != self._size:
            self._look_in_3d(segments)
        self._size = size
        if self.on_shown is not None:
            self.on_shown()

    def _look_in_3d(self, segments: Any) -> None:
        bounds = [0.0] * 6
        segments.GetRASBounds(bounds)
        centre = [(bounds[2 * a] + bounds[2 * a + 1]) / 2 for a in range(3)]
        sides = np.array([bounds[2 * a + 1] - bounds[2 * a] for a in range(3)])
        if np.all(sides > 0):
            frame_3d(self._views, centre, 0.3 * float(np.linalg.norm(sides)), _FROM)

    def _tell(self, error: BaseException) -> None:
        if self.on_error is not None:
            self.on_error(error)

