"""``make demo``: the whole chain in a fresh process, then every product is opened again."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")


def _sample_missing() -> str:
    from synthetic_imaging import SyntheticImagingError, samples

    try:
        samples.ct_with_organs()
    except SyntheticImagingError as error:
        return str(error)
    return ""


def _demo(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "SyntheticImagingLib.demo", *arguments], capture_output=True, text=True, check=False,
        timeout=280, **more,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if reason := _sample_missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("shell") / "demo"
    done = _demo("--out", str(folder))
    assert done.returncode == 0, done.stderr
    yield folder


@pytest.mark.slow
def test_every_link_and_picture_of_the_report_exists_and_none_leads_away(demo: Path) -> None:
    page = (demo / "report.html").read_text(encoding="utf-8")
    targets = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(targets) > 50
    for target in targets:
        assert "://" not in target
        assert (demo / target).exists(), target
    assert "Research use only, not for diagnosis" in page
    assert "Contrast to organ: \u221240 HU" in page


@pytest.mark.slow
def test_the_scene_opens_and_holds_what_the_files_hold(demo: Path) -> None:
    from synthetic_imaging.files import read_mask, read_volume
    from SyntheticImagingLib.headless import open_scene
    from SyntheticImagingLib.mrml import volume_from_node
    from SyntheticImagingLib.segmentations import mask_from_node
    from SyntheticImagingLib.sequences import sequence_from_node

    source, synthetic = read_volume(demo / "nrrd/source.nrrd"), read_volume(demo / "nrrd/synthetic.nrrd")
    lesions = read_mask(demo / "nrrd/lesions.seg.nrrd")
    with open_scene(demo / "scene.mrb") as host:
        found = {n.GetName(): n for n in host.scene.GetNodes()}
        nodes = {k: volume_from_node(v) for k, v in found.items() if v.IsA("vtkMRMLScalarVolumeNode")}
        in_scene = next(v for v in nodes.values() if v.synthetic and v.shape == synthetic.shape
                        and np.array_equal(v.voxels, synthetic.voxels))
        assert in_scene.geometry.same_grid(synthetic.geometry)
        assert in_scene.window == (40.0, 400.0)
        difference = next(v for k, v in nodes.items() if k.startswith("difference"))
        np.testing.assert_array_equal(difference.voxels, synthetic.voxels.astype(int) - source.voxels)
        mask = mask_from_node(found["organs and synthetic lesions"], grid=synthetic.geometry)
        assert mask.names == lesions.names
        for segment in mask.segments:
            np.testing.assert_array_equal(mask.inside(segment.name), lesions.inside(segment.name))
            assert segment.terminology is not None
        bones = mask_from_node(found["ribs and spine"]).segments[0].terminology
        assert bones is not None
        assert bones.type.meaning == "Bone"
        assert host.scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 1
        growth = sequence_from_node(host.scene.GetFirstNode("growth", "vtkMRMLSequenceNode"))
        assert len(growth) == 12
        assert growth.provenance is not None
        assert json.loads(found["provenance"].GetText())["synthetic"] is True


@pytest.mark.slow
def test_lesions_lie_in_their_organ_and_far_voxels_are_untouched(demo: Path) -> None:
    from synthetic_imaging.files import read_mask, read_volume

    source, synthetic = read_volume(demo / "nrrd/source.nrrd"), read_volume(demo / "nrrd/synthetic.nrrd")
    lesions = read_mask(demo / "nrrd/lesions.seg.nrrd")
    changed = source.voxels != synthetic.voxels
    assert changed.any()
    organs = lesions.inside("liver") | lesions.inside("kidney_left")
    for name in lesions.names[2:]:
        assert lesions.inside(name).any()
        assert not (lesions.inside(name) & ~organs).any()
    assert changed.mean() < 0.02


@pytest.mark.slow
def test_the_dicom_folder_reads_back(demo: Path) -> None:
    from synthetic_imaging.dicom.reading import read_series
    from synthetic_imaging.files import read_mask, read_volume

    synthetic = read_volume(demo / "nrrd/synthetic.nrrd")
    series = read_series(demo / "dicom/synthetic_ct")
    assert series.shape == synthetic.shape
    assert series.voxels.sum(dtype=np.int64) == synthetic.voxels.sum(dtype=np.int64)
    assert "tumour" in read_mask(demo / "dicom/segmentation.dcm").names


@pytest.mark.slow
def test_the_commands_in_the_report_make_the_same_volume_again(demo: Path, tmp_path: Path) -> None:
    from synthetic_imaging.files import read_volume

    page = html.unescape((demo / "report.html").read_text(encoding="utf-8"))
    commands = page.split("Again, in the shell")[1].split("<pre>")[1].split("</pre>")[0]
    assert commands.count("synthetic-imaging run") == 4
    program = f"{shlex.quote(sys.executable)} -m synthetic_imaging.cli run"
    place = shlex.quote(str(tmp_path))
    commands = commands.replace("synthetic-imaging run", program).replace("--out ", f"--out {place}/")
    commands = re.sub(r"--ct (step\d)", rf"--ct {place}/\1", commands)
    done = subprocess.run(["bash", "-ec", commands], cwd=demo, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    again, first = read_volume(tmp_path / "step4/volume.nrrd"), read_volume(demo / "nrrd/synthetic.nrrd")
    np.testing.assert_array_equal(again.voxels, first.voxels)


@pytest.mark.slow
def test_an_earlier_demonstration_is_replaced(demo: Path) -> None:
    (demo / "stale.txt").write_text("old", encoding="utf-8")
    done = _demo("--out", str(demo), "--no-dicom", "--seed", "8")
    assert done.returncode == 0, done.stderr
    assert not (demo / "stale.txt").exists()
    assert [p.name for p in demo.parent.iterdir()] == ["demo"]


def test_a_folder_of_the_user_is_never_touched(tmp_path: Path) -> None:
    mine = tmp_path / "patients"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine", encoding="utf-8")
    done = _demo("--out", str(mine))
    assert done.returncode == 1
    assert "was not made by this demonstration" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p.name for p in mine.iterdir()] == ["notes.txt"]


def test_an_impossible_seed_is_a_sentence(tmp_path: Path) -> None:
    done = _demo("--out", str(tmp_path / "demo"), "--seed", "-1")
    assert done.returncode == 1
    assert "whole number from 0" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_lesions_get_room_of_their_own() -> None:
    from synthetic_imaging import Geometry, Volume
    from SyntheticImagingLib.demo.recipe import free_points

    grid = Geometry.from_spacing((40, 160, 160), (0.8, 0.8, 2.5))
    k, j, i = np.ogrid[:40, :160, :160]
    organ = ((k - 20) * 2.5) ** 2 + ((j - 80) * 0.8) ** 2 + ((i - 80) * 0.8) ** 2 < 48**2
    taken = ((k - 20) * 2.5) ** 2 + ((j - 80) * 0.8) ** 2 + ((i - 80) * 0.8) ** 2 < 10**2
    ct = Volume.ct(np.zeros(grid.shape, np.int16), grid)
    points = np.array(free_points(organ, [taken], ct, 3, 10.0, np.random.default_rng(1)))
    middle = grid.ras_from_kji((20, 80, 80))
    for n, point in enumerate(points):
        assert 20 - 4 < np.linalg.norm(point - middle) < 38 + 4
        assert (np.linalg.norm(np.delete(points, n, axis=0) - point, axis=1) >= 20).all()


def test_an_interrupted_demonstration_leaves_nothing(tmp_path: Path) -> None:
    from SyntheticImagingLib.demo.folder import complete_or_nothing

    with pytest.raises(KeyboardInterrupt), complete_or_nothing(tmp_path / "demo") as folder:
        (folder / "half.txt").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = _demo("--out", str(tmp_path / "demo"))
    tmp_path.chmod(0o700)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
