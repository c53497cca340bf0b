"""The list of lesions: click one, or walk with the arrow keys, and the views go there."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from SyntheticImagingLib.panel.jump_table import JumpTable

_MISSING = "–"


class LesionTable(JumpTable):
    """A table with one row a lesion; its rows are ``LesionRow``."""

    def __init__(self) -> None:
        super().__init__((_("Lesion"), _("Diameter"), _("Volume"), _("Contrast")))
        self.widget.toolTip = _("Click a lesion, or walk with the arrow keys: the views go there")

    def cells(self, row: Any) -> tuple[str, str, str, str]:
        """Name, diameter, volume and contrast of a lesion."""
        unit = f" {row.unit}" if row.unit else ""
        return (
            row.name,
            _MISSING if row.diameter_mm is None else f"{row.diameter_mm:.1f} mm",
            _MISSING if row.volume_ml is None else f"{row.volume_ml:.2f} ml" if row.volume_ml < 10
            else f"{row.volume_ml:.1f} ml",
            _MISSING if row.contrast is None else f"{row.contrast:+.0f}{unit}",
        )
