"""A saved scene holds everything and gives it back."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthetic_imaging import Column, FileError, Geometry, Mask, Provenance, Segment, Sequence, Table, Volume
from SyntheticImagingLib.attributes import PREFIX
from SyntheticImagingLib.display import add_difference
from SyntheticImagingLib.headless import HeadlessSlicer, open_scene
from SyntheticImagingLib.mrml import add_volume, volume_from_node
from SyntheticImagingLib.scenes import save_scene, unpacked
from SyntheticImagingLib.segmentations import add_segmentation, mask_from_node
from SyntheticImagingLib.sequences import add_browser, add_sequence, sequence_from_node, show_frame
from SyntheticImagingLib.tables import add_table, add_text, put_in_folder, table_from_node

SHEARED = np.array([[0.7, 0.1, 0.2, 10], [0.05, -0.8, 0.3, -20], [0.1, 0.2, 2.5, 33], [0, 0, 0, 1]])
RECORD = Provenance("lesions.test", "Test a lesion", "1.0", "volume", {"count": 2}, 11, "cpu", "2026-01-01", 0.1, {},
                    notes=("said 'so' & <more>",))


@pytest.fixture
def ct() -> Volume:
    rng = np.random.default_rng(0)
    return Volume.ct(rng.integers(-1000, 1000, (5, 6, 7)).astype(np.int16), Geometry(SHEARED, (5, 6, 7)))


def _mask(ct: Volume) -> Mask:
    organ = ct.voxels > -300
    return Mask.stacked([(Segment("liver"), organ), (Segment("lesion 1", colour=(1, 0, 0)), organ & (ct.voxels > 0))],
                        ct.geometry, provenance=RECORD)


def test_everything_survives_mrb(host: Any, ct: Volume, tmp_path: Path) -> None:
    scene = host.scene
    synthetic = ct.like(ct.voxels + np.int16(5), name="synthetic", provenance=RECORD)
    mask = _mask(ct)
    frames = Sequence((ct, synthetic), (0, 5), "step", "", name="growth", provenance=RECORD)
    masks = Sequence((mask, mask), (0, 5), "step", "", name="growth lesions", provenance=RECORD)
    table = Table((Column("lesion", "Lesion"), Column("volume_ml", "Volume", "ml"), Column("cut", "Cut")),
                  (("lesion 1", 1.25, True), ("lesion 2", None, False)), name="measurements", provenance=RECORD)
    nodes = [add_volume(scene, ct), add_volume(scene, synthetic), add_difference(scene, ct, synthetic)]
    nodes.append(add_segmentation(scene, mask, nodes[1], "lesions"))
    sequences = [add_sequence(scene, frames), add_sequence(scene, masks)]
    add_browser(scene, sequences)
    nodes.append(add_table(scene, table))
    add_text(scene, "provenance", RECORD.to_json())
    put_in_folder(scene, "run 1", [*nodes, *sequences])
    with open_scene(save_scene(scene, tmp_path / "scene.mrb")) as again:
        found = again.scene.GetFirstNodeByName
        for name, given in (("CT", ct), ("synthetic", synthetic)):
            back = volume_from_node(found(name))
            np.testing.assert_array_equal(back.voxels, given.voxels)
            assert back.geometry.same_grid(given.geometry, 1e-6)
            assert back.window == (40.0, 400.0)
            assert back.provenance == given.provenance
        assert found("synthetic").GetAttribute(PREFIX + "synthetic") == "yes"
        assert found("CT").GetAttribute(PREFIX + "synthetic") is None
        change = found("difference")
        assert change.GetDisplayNode().GetLevel() == 0.0
        assert change.GetDisplayNode().GetColorNode().GetName() == "SyntheticImaging difference"
        back_mask = mask_from_node(found("lesions"), grid=ct.geometry)
        for name in mask.names:
            np.testing.assert_array_equal(back_mask.inside(name), mask.inside(name))
        assert back_mask.provenance == RECORD
        for name, given_sequence in (("growth", frames), ("growth lesions", masks)):
            back_sequence = sequence_from_node(again.scene.GetFirstNode(name, "vtkMRMLSequenceNode"))
            assert back_sequence.index == (0.0, 5.0)
            assert back_sequence.index_name == "step"
            assert len(back_sequence) == len(given_sequence)
            assert back_sequence.provenance == RECORD
        last = sequence_from_node(again.scene.GetFirstNode("growth", "vtkMRMLSequenceNode"))[1]
        assert isinstance(last, Volume)
        np.testing.assert_array_equal(last.voxels, synthetic.voxels)
        assert again.scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 1
        back_table = table_from_node(found("measurements"))
        assert (back_table.rows, back_table.columns) == (table.rows, table.columns)
        assert Provenance.from_json(found("provenance").GetText()) == RECORD
        tree = again.scene.GetSubjectHierarchyNode()
        folder = tree.GetItemByName("run 1")
        assert tree.GetItemParent(tree.GetItemByDataNode(found("lesions"))) == folder


def test_the_browser_moves_all_proxies_and_leaves_the_frames_alone(host: Any, ct: Volume) -> None:
    later = ct.like(ct.voxels + np.int16(9))
    node = add_sequence(host.scene, Sequence((ct, later), (0, 1), name="growth"))
    browser = add_browser(host.scene, [node])
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1, "one proxy, none left over"
    for position, volume in ((0, ct), (1, later), (0, ct)):
        show_frame(host.scene, browser, position)
        np.testing.assert_array_equal(volume_from_node(browser.GetProxyNode(node)).voxels, volume.voxels)


def test_an_existing_scene_is_not_overwritten_unasked(host: Any, ct: Volume, tmp_path: Path) -> None:
    add_volume(host.scene, ct)
    file = save_scene(host.scene, tmp_path / "scene.mrb")
    with pytest.raises(FileError, match="exists already"):
        save_scene(host.scene, file)
    assert save_scene(host.scene, file, overwrite=True) == file
    assert [p.name for p in tmp_path.iterdir()] == ["scene.mrb"]


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04broken"])
def test_a_damaged_scene_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "scene.mrb"
    file.write_bytes(content)
    with pytest.raises(FileError, match="cannot be read"):
        open_scene(file)


def test_a_bundle_that_holds_no_scene_is_a_sentence_and_leaves_the_working_directory(tmp_path: Path) -> None:
    here = Path.cwd()
    with zipfile.ZipFile(tmp_path / "scene.mrb", "w") as file:
        file.writestr("scene/readme.txt", "nothing here")
    with pytest.raises(FileError, match="cannot be read"):
        open_scene(tmp_path / "scene.mrb")
    assert Path.cwd() == here


def test_an_unpacked_scene_opens_too(host: Any, ct: Volume, tmp_path: Path) -> None:
    add_volume(host.scene, ct)
    file = unpacked(save_scene(host.scene, tmp_path / "scene.mrb"), tmp_path / "unpacked")
    with open_scene(file) as again:
        np.testing.assert_array_equal(volume_from_node(again.scene.GetFirstNodeByName("CT")).voxels, ct.voxels)


def test_a_scene_saved_while_a_legend_is_shown_opens_again(host: Any, ct: Volume, tmp_path: Path) -> None:
    import slicer

    node = add_volume(host.scene, ct)
    legend = slicer.vtkMRMLColorLegendDisplayNode()
    host.scene.AddNode(legend)
    node.AddAndObserveDisplayNodeID(legend.GetID())
    again = open_scene(save_scene(host.scene, tmp_path / "legend.mrb"))
    assert again.scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 1
    again.close()


def test_a_missing_scene_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no scene file 'nothing.mrb'"):
        open_scene(tmp_path / "nothing.mrb")


def test_slicer_util_works_on_the_headless_scene() -> None:
    with HeadlessSlicer() as host:
        import slicer.util

        node = slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.int16))
        assert node.GetScene() is host.scene
        assert slicer.util.arrayFromVolume(node).shape == (2, 3, 4)
