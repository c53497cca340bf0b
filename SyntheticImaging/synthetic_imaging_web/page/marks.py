"""Attributes that trame's widgets do not know: names for screen readers, marks for tests, escaped text."""

from __future__ import annotations

from html import escape


def marks(**attributes: str) -> list[str]:
    """``raw_attrs`` of a widget: ``marks(aria_label="Seed", data_test="seed")``; a leading ``bind_`` binds to state."""
    found = []
    for name, value in attributes.items():
        bound = name.startswith("bind_")
        key = name.removeprefix("bind_").replace("_", "-")
        found.append(f'{":" if bound else ""}{key}="{escape(value)}"')
    return found


def plain(text: str) -> str:
    """Text that is shown as it is, whatever signs it holds."""
    return escape(text).replace("{{", "{ {").replace("}}", "} }")
