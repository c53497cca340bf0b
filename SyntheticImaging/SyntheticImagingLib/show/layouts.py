"""The layout for before and after side by side."""

from __future__ import annotations

from SyntheticImagingLib.show.host import ViewHost

SIDE_BY_SIDE_LAYOUT = 6210  # Slicer's own layouts end below 100
BEFORE_VIEW, AFTER_VIEW = "before", "after"
_FOUR_UP = 3  # Slicer's vtkMRMLLayoutNode.SlicerLayoutFourUpView
_GROUP = 621  # a view group of their own: moving them does not move the user's views

_VIEW = """
 <item><view class="vtkMRMLSliceNode" singletontag="{name}">
  <property name="orientation" action="default">Axial</property>
  <property name="viewlabel" action="default">{label}</property>
  <property name="viewcolor" action="default">{colour}</property>
  <property name="viewgroup" action="default">{group}</property>
 </view></item>"""


def side_by_side_xml() -> str:
    """Two slice views beside each other, as Slicer's layout node describes them."""
    views = ((BEFORE_VIEW, "before", "#8C959D"), (AFTER_VIEW, "after", "#F2C55C"))
    items = "".join(_VIEW.format(name=n, label=label, colour=c, group=_GROUP) for n, label, c in views)
    return f'<layout type="horizontal" split="true">{items}\n</layout>'


def leave_side_by_side(host: ViewHost) -> None:
    """Slicer's usual views, where a scene that was saved side by side was opened: nobody knows the user's own."""
    if host.layout() == SIDE_BY_SIDE_LAYOUT:
        host.set_layout(_FOUR_UP)
