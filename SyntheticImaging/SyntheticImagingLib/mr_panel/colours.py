"""Backgrounds of sentences that must be read; dark on light, whatever the look of the program."""

from __future__ import annotations

from SyntheticImagingLib.mr.knowledge_words import Trust

WARNING = "background-color: #fbe3e1; color: #5f120d; padding: 4px"
TRUST = {
    Trust.KNOWN: "background-color: #dff2e4; color: #11401f; padding: 4px",
    Trust.PART: "background-color: #fdf1d3; color: #553a00; padding: 4px",
    Trust.HARDLY: WARNING,
}
