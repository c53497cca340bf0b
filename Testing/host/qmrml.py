"""All of Slicer's widgets that the host imitates."""

from __future__ import annotations

from Testing.host.qmrml_nodes import NODE_WIDGETS
from Testing.host.qmrml_segments import SEGMENT_WIDGETS

WIDGETS: tuple[type, ...] = (*NODE_WIDGETS, *SEGMENT_WIDGETS)
