"""Showing results: before and after, the mark "synthetic", lesion lists, growth, surfaces. No Qt.

    views = SlicerViewHost()
    comparison = Comparison(views, made.source, made.volume, made.lesions)
    comparison.mode = Mode.SIDE_BY_SIDE
    comparison.restore()

Everything here belongs to the main thread.
"""

from SyntheticImagingLib.show.compare import Comparison, Mode
from SyntheticImagingLib.show.derived import derived_nodes, remove_derived
from SyntheticImagingLib.show.growth_play import GrowthPlay
from SyntheticImagingLib.show.host import SlicerViewHost, SliceView, ViewHost
from SyntheticImagingLib.show.layouts import AFTER_VIEW, BEFORE_VIEW, SIDE_BY_SIDE_LAYOUT
from SyntheticImagingLib.show.lesion_list import LesionRow, lesion_rows
from SyntheticImagingLib.show.mark import SyntheticMark
from SyntheticImagingLib.show.surfaces import frame_3d, make_lesion_surfaces

__all__ = [
    "AFTER_VIEW", "BEFORE_VIEW", "SIDE_BY_SIDE_LAYOUT", "Comparison", "GrowthPlay", "LesionRow", "Mode", "SliceView",
    "SlicerViewHost", "SyntheticMark", "ViewHost", "derived_nodes", "frame_3d", "lesion_rows", "make_lesion_surfaces",
    "remove_derived",
]
