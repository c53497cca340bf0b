"""The evidence of the systems runs from the first training or phantom to the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthetic_imaging.context import Run
from synthetic_imaging.learning import registry

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("one_torch_thread")]


@pytest.mark.parametrize("name", ["diff3", "ct-cardiac", "sequences-physics", "sequences-lesions"])
def test_a_quick_reproduction_writes_a_page_that_says_phantom(name: str, tmp_path: Path):
    fractions: list[float] = []
    registry.system(name)(tmp_path, Run(report=lambda p: fractions.append(p.fraction)), quick=True, train=False)
    text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    assert "phantom" in text
    assert f"reproduce {name} --quick" in text
    assert "Are they copies?" in text or name.startswith("sequences-")  # which generate nothing new
    assert "What this does not show" in text
    assert " nan" not in text.lower()
    for line in text.splitlines():
        if line.startswith("!["):
            assert (tmp_path / line.split("](")[1].rstrip(")")).is_file()
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
