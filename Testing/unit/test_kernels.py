"""Compiled loops: lazy, cached, and still working where nothing can be cached."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from synthetic_imaging.elastic import ElasticField, deform_volume
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.volume import Volume

LOOP = """
import numpy as np
from synthetic_imaging.kernels import kernel, prange

@kernel
def twice(x):
    return 2 * x

@kernel(parallel=True)
def fill(out):
    for n in prange(out.size):
        out[n] = twice(n)

def main():
    out = np.zeros(5, np.int64)
    fill(out)
    print(out.tolist())
"""
EXPECTED = "[0, 2, 4, 6, 8]"


@pytest.fixture
def loop(tmp_path: Path) -> dict[str, str]:
    """The environment in which `import loop` finds a module with two kernels."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "loop.py").write_text(LOOP, encoding="utf-8")
    return {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(tmp_path / "compiled")}


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout


def test_declaring_kernels_does_not_import_numba():
    assert python("import sys, synthetic_imaging.elastic; print('numba' in sys.modules)").strip() == "False"


def test_a_second_process_finds_the_compiled_code(tmp_path: Path, loop: dict[str, str]):
    assert python("import loop; loop.main()", **loop).strip() == EXPECTED
    files = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.nbc")}
    assert files
    assert python("import loop; loop.main()", **loop).strip() == EXPECTED
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.nbc")} == files


def test_works_where_no_folder_can_hold_compiled_code(loop: dict[str, str]):
    code = """
    import numba.core.caching as caching, loop
    caching.CacheImpl._locator_classes = []
    loop.main()
    """
    assert python(code, **loop).strip() == EXPECTED


def test_works_when_the_cache_cannot_be_written(loop: dict[str, str]):
    code = """
    import numba.core.caching as caching, loop
    def full(*_):
        raise OSError(28, "No space left on device")
    caching.IndexDataCacheFile.save = full
    loop.main()
    """
    assert python(code, **loop).strip() == EXPECTED


def test_a_damaged_cache_is_compiled_anew(tmp_path: Path, loop: dict[str, str]):
    python("import loop; loop.main()", **loop)
    for file in tmp_path.rglob("*.nb?"):
        file.write_bytes(file.read_bytes()[:100])
    assert python("import loop; loop.main()", **loop).strip() == EXPECTED


def test_parallel_kernels_may_be_called_from_several_threads():
    grid = Geometry.from_spacing((30, 30, 30))
    field = ElasticField.random(grid, np.random.default_rng(0), 2, 12)
    volume = Volume(np.random.default_rng(1).random(grid.shape, dtype=np.float32), grid)
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(deform_volume(volume, field).voxels)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])




@pytest.mark.parametrize(("variables", "threads"), [({"OMP_NUM_THREADS": "1"}, 1),
                                                    ({"OMP_NUM_THREADS": "1,2"}, 1),
                                                    ({"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}, 2)])
def test_a_program_kept_to_one_thread_has_one_in_numba_too(variables: dict[str, str], threads: int) -> None:
    code = (
        "import sys; from synthetic_imaging import kernels; assert 'numba' not in sys.modules\n"
        "kernels.Kernel(lambda: None, False, set(), False).compiled\n"
        "import numba; print(numba.config.NUMBA_NUM_THREADS)"
    )
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], env={**kept, **variables}, capture_output=True, text=True,
                          check=True, timeout=60)
    assert int(done.stdout) == threads
