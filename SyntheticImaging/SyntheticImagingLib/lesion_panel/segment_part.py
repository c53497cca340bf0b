"""A segment selector of the panel, and the parameter that keeps what is chosen in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from SyntheticImagingLib.lesion_panel.segment_facts import segment_name


class SegmentPart:
    """Tells what the user picks, and only that.

    Slicer's selector fills its list of segments anew whenever one is added, removed, renamed or recoloured in the
    Segment Editor, and whenever its segmentation changes. Each time it says that no segment is chosen, and then that
    the first one is: the liver that was chosen would turn into the spleen.

    Attributes:
        selector: ``qMRMLSegmentSelectorWidget`` with ``noneEnabled``.
    """

    def __init__(
        self, selector: Any, chosen: Callable[[Any, str], None], begin_with: Callable[[Any], str] | None = None
    ) -> None:
        """Listen to a selector.

        Args:
            selector: the widget.
            chosen: called with node and segment id when the user picks another segment.
            begin_with: id of the segment to begin with in a segmentation that the user picks; none when None.
        """
        self.selector = selector
        self._chosen, self._begin_with = chosen, begin_with
        self._kept: tuple[Any, str] = (None, "")
        self._showing = self._emptied = False
        self._soon: Any = qt.QTimer()
        self._soon.setSingleShot(True)
        self._soon.interval = 0
        self._soon.connect("timeout()", self._none_picked)
        selector.connect("currentNodeChanged(vtkMRMLNode*)", self._node_changed)
        selector.connect("currentSegmentChanged(QString)", self._segment_changed)

    def show(self, node: Any, segment_id: str) -> None:
        """Show a segment, or none; nobody is told."""
        self._kept = (node, segment_id or "")
        if self._seen() == self._kept:
            return
        self._showing = True
        try:
            self.selector.setCurrentNode(node)
            if node is not None:
                self.selector.setCurrentSegmentID(segment_id or "")
        finally:
            self._showing = False

    def close(self) -> None:
        """The panel is not used any more."""
        self._soon.stop()

    def _seen(self) -> tuple[Any, str]:
        node = self.selector.currentNode()
        return node, (self.selector.currentSegmentID() or "") if node is not None else ""

    def _node_changed(self, *_args: Any) -> None:
        node = self.selector.currentNode()
        if self._showing or node is self._kept[0]:
            return
        self._emptied = False
        self._pick(node, self._begin_with(node) if node is not None and self._begin_with is not None else "")

    def _segment_changed(self, *_args: Any) -> None:
        node, segment_id = self._seen()
        if self._showing or node is not self._kept[0]:  # what becomes of another node, its own signal tells
            return
        if not segment_id:
            # The user has picked "None", or the list is being filled anew: then more follows at once.
            self._emptied = True
            self._soon.start()
        elif self._emptied:
            self._emptied = False
            kept = self._kept[1]
            still_there = not kept or segment_name(node, kept)
            self.show(node, kept) if still_there else self._pick(node, "")
        elif segment_id != self._kept[1]:
            self._pick(node, segment_id)

    def _none_picked(self) -> None:
        node, segment_id = self._seen()
        if self._emptied and node is self._kept[0] and not segment_id and self._kept[1]:
            self._pick(node, "")
        self._emptied = False

    def _pick(self, node: Any, segment_id: str) -> None:
        self.show(node, segment_id)
        self._chosen(node, segment_id)
