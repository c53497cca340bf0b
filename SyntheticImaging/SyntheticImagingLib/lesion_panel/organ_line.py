"""The box "Patient": what is known of the organ at once."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from SyntheticImagingLib.lesion_panel.segment_facts import segment_name, volume_ml


def organ_facts(node: Any, segment_id: str) -> str:
    """A line under the organ: its volume, or what is wrong with it; "" without one."""
    name = segment_name(node, segment_id)
    if not name:
        return ""
    volume = volume_ml(node, segment_id)
    if volume is None:
        return ""
    if volume == 0:
        return _("'{name}' is empty. Paint it in the Segment Editor, or choose another segment.").format(name=name)
    amount = f"{volume:.0f}" if volume >= 10 else f"{volume:.1f}"
    return _("{name}: {amount} ml").format(name=name, amount=amount)
