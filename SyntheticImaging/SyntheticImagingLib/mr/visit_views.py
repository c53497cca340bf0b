"""Two compared visits in the views: first, second, the change between them in colours, places outlined."""

from __future__ import annotations

from SyntheticImagingLib.show import Comparison, ViewHost
from SyntheticImagingLib.show.derived import clear_table
from SyntheticImagingLib.task import Made

TABLE = "SyntheticImaging change between visits"
# Of the window's half. Noise of two scans and edges that lie not quite alike make up to a third; a new lesion more.
_CLEAR_TO_SOLID = (0.3, 0.5)


def comparison_of(host: ViewHost, made: Made) -> Comparison:
    """The comparison of a run of "Compare two visits"; its difference is the change that the tool found.

    Raises:
        InputError: if an image of it is no longer in the scene.
    """
    change = made.nodes["difference"]
    colours = clear_table(host.scene, TABLE, *_CLEAR_TO_SOLID)
    change.GetDisplayNode().SetAndObserveColorNodeID(colours.GetID())
    return Comparison(host, made.nodes["first"], made.nodes["second"], made.nodes.get("places"), change)
