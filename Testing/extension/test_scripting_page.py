"""The example of docs/slicer.md, run as it stands in the stand-in of Slicer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "slicer.md"
# In a process of its own: the host puts its stand-ins into the package slicer.
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
from Testing.host import Host
with Host() as host:
    for name in ("SyntheticImaging", "LesionSynthesis"):
        host.load(name, enter=False)
    exec(compile(sys.stdin.read(), "docs/slicer.md", "exec"), {})
    assert not host.errors, host.errors[0]
"""


@pytest.mark.slow
def test_the_example_runs_as_it_stands():
    pytest.importorskip("slicer", reason="needs slicer-core")
    pytest.importorskip("PySide6.QtWidgets", reason="needs PySide6_Essentials", exc_type=ImportError)
    from synthetic_imaging import samples

    if not samples.SAMPLES["chest-ct"].present:
        pytest.skip("the example names a place in the sample CT, which is not installed")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 1
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(ROOT)], input=blocks[0], capture_output=True, text=True, check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "lesion" in done.stdout.lower()
