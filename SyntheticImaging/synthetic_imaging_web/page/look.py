"""Style sheet and script of the page, served by this process itself; and the colours of the widgets."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("assets")
ACCENT = "#4fb3d9"


class Look:
    """A trame module: what the browser loads beside the widgets.

    The address changes with the content, so that no browser shows yesterday's page.
    """

    def __init__(self) -> None:
        content = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(_FOLDER.iterdir()))).hexdigest()[:12]
        base = f"synthetic_imaging_{content}"
        self.serve = {base: str(_FOLDER)}
        self.scripts = [f"{base}/page.js"]
        self.styles = [f"{base}/page.css"]


def widget_theme() -> dict[str, Any]:
    """Vuetify's configuration: dark, one accent colour."""
    colours = {
        "background": "#14171b", "surface": "#1a1e23", "primary": ACCENT, "secondary": "#93a0ad",
        "error": "#e5786d", "warning": "#e0b050", "success": "#6dbf8b", "info": ACCENT,
    }
    return {"theme": {"defaultTheme": "dark", "themes": {"dark": {"dark": True, "colors": colours}}}}
