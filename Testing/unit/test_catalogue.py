"""Tools of third parties: found by their entry point, here and in a child, and no broken one takes the product down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

TOOLS = '''
import os
from dataclasses import dataclass, replace

from synthetic_imaging.parameters import Within
from synthetic_imaging.tool import CT, Kind, Output, Outputs, tool
from typing import Annotated


@dataclass(frozen=True)
class Shift:
    amount_hu: Annotated[float, Within(0, 100)] = 10.0


@tool("thirdparty.shift", title="Shift", sentence="Adds a constant.", reference="none", inputs=[CT("ct", "CT volume")],
      outputs=[Output("volume", Kind.VOLUME, like="ct")])
def shift(ct, parameters: Shift, run) -> Outputs:
    print('{"kind": "done"} printed by a library')
    os.write(1, b'{"event": "done"}\\n')
    run.note(f"process {os.getpid()}")
    return Outputs(volume=ct.like(ct.voxels + int(parameters.amount_hu)))


taken = replace(shift, id="lesions.measure")


def several():
    return [replace(shift, id="thirdparty.one"), replace(shift, id="thirdparty.two")]


def broken():
    raise RuntimeError("this plug-in is broken")
'''

ENTRY_POINTS = """
[synthetic_imaging.tools]
shift = thirdparty_tools:shift
several = thirdparty_tools:several
taken = thirdparty_tools:taken
broken = thirdparty_tools:broken
absent = thirdparty_of_mars:tool
"""


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    """``ask(code)``: what the code prints, as JSON, in a Python that has the third party's distribution."""
    site = tmp_path / "site"
    info = site / "thirdparty_tools-2.5.dist-info"
    info.mkdir(parents=True)
    (site / "thirdparty_tools.py").write_text(TOOLS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty-tools\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)

    def answer(code: str) -> tuple[Any, str]:
        known = os.environ.get("PYTHONPATH", "")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in (str(site), known) if p)}
        script = "import json, os, numpy as np, synthetic_imaging as si\n" + textwrap.dedent(code)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    return answer


def test_tools_of_a_third_party_stand_beside_the_built_in_ones_and_broken_ones_are_left_out(ask: Any) -> None:
    found, log = ask("print(json.dumps({name: t.distribution for name, t in si.tools().items()}))")
    assert {n: d for n, d in found.items() if n.startswith("thirdparty.")} == {
        "thirdparty.shift": "thirdparty-tools", "thirdparty.one": "thirdparty-tools",
        "thirdparty.two": "thirdparty-tools",
    }
    assert found["lesions.measure"] == "synthetic-imaging", "a third party must not replace a built-in tool"
    assert list(found) == sorted(found)
    assert all(name in log for name in ("broken", "taken", "absent"))


def test_a_third_party_s_tool_runs_in_a_child_and_is_recorded_with_its_own_version(ask: Any) -> None:
    answer, _ = ask("""
        from synthetic_imaging import jobs
        voxels = np.arange(60, dtype=np.int16).reshape(3, 4, 5) * 5 - 100
        ct = si.Volume.ct(voxels, si.Geometry.from_spacing((3, 4, 5)))
        child = jobs.run_in_child("thirdparty.shift", {"ct": ct}, {"amount_hu": 7}, 3)
        print(json.dumps({
            "change": int((child.volume.voxels - voxels).max()), "version": child.volume.provenance.tool_version,
            "note": child.notes[0], "own": os.getpid(),
        }))
    """)
    assert (answer["change"], answer["version"]) == (7, "2.5")
    assert answer["note"] != f"process {answer['own']}"
