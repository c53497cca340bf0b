"""A user's files as training cases: layouts, splits, and every problem said at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.learning.data.folder import read_folder
from synthetic_imaging.learning.data.label_names import map_labels
from synthetic_imaging.learning.data.listing import Entry, list_cases
from synthetic_imaging.learning.data.patients import patient_of, split_by_patient
from synthetic_imaging.learning.recipe import DataShape

SHAPE = DataShape((16, 16, 16), (2.0, 2.0, 2.0), "CT", (-1000.0, 1000.0), ("LV", "MYO"))
GRID = si.Geometry.from_spacing((20, 24, 28), (1.5, 1.5, 2.0), (3.0, -7.0, 11.0))


def heart(seed: int, grid: si.Geometry = GRID) -> tuple[si.Volume, si.Mask]:
    rng = np.random.default_rng(seed)
    k, j, i = (np.arange(n) - (n - 1) / 2 for n in grid.shape)
    far = np.sqrt(k[:, None, None] ** 2 + j[None, :, None] ** 2 + i[None, None, :] ** 2)
    cavity, wall = far < 3 + rng.random(), far < 6
    voxels = np.where(cavity, 300, np.where(wall, 100, -50)) + rng.normal(0, 5, grid.shape)
    mask = si.Mask.stacked([(si.Segment("LV"), cavity), (si.Segment("MYO"), wall & ~cavity)], grid, name="labels")
    return si.Volume.ct(voxels.astype(np.int16), grid), mask


def write(folder: Path, image: str, label: str | None, seed: int, **changes: Any) -> None:
    volume, mask = heart(seed)
    if "voxels" in changes:
        volume = si.Volume(changes["voxels"](volume.voxels), changes.get("grid", GRID), name="image")
    (folder / image).parent.mkdir(parents=True, exist_ok=True)
    si.write_volume(volume, folder / image)
    if label is not None:
        (folder / label).parent.mkdir(parents=True, exist_ok=True)
        si.write_mask(changes.get("mask", lambda m: m)(mask), folder / label)


def plain_folder(folder: Path, count: int = 5) -> Path:
    for n in range(count):
        write(folder, f"p{n}.nrrd", f"p{n}.seg.nrrd", n)
    return folder


@pytest.mark.parametrize("layout", ["beside", "folders", "nnunet", "case folders", "datalist", "split folders"])
def test_every_layout_gives_the_same_cases(tmp_path: Path, layout: str) -> None:
    names = {"beside": ("p{}.nrrd", "p{}.seg.nrrd"), "folders": ("images/p{}.nii.gz", "labels/p{}.nii.gz"),
             "nnunet": ("imagesTr/p{}_0000.nii.gz", "labelsTr/p{}.nii.gz"),
             "case folders": ("p{}/ct.nrrd", "p{}/seg.nrrd"), "datalist": ("a/p{}.mha", "b/other{}.mha"),
             "split folders": ("train/images/p{}.mha", "train/labels/p{}.mha")}
    image, label = names[layout]
    for n in range(4):
        write(tmp_path, image.format(n), label.format(n), n)
    if layout == "nnunet":
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "LV": 1, "MYO": 2}}))
    if layout == "datalist":
        items = [{"image": image.format(n), "label": label.format(n), "age": 50 + n} for n in range(4)]
        (tmp_path / "datalist.json").write_text(json.dumps({"training": items[:2], "validation": items[2:3],
                                                            "testing": items[3:]}))
    if layout == "split folders":
        write(tmp_path, "val/images/p9.mha", "val/labels/p9.mha", 9)
    data = read_folder(tmp_path, SHAPE)
    assert data.validation is not None
    everything = [s for s in (data.training, data.validation, data.test) if s is not None]
    assert sum(map(len, everything)) == (5 if layout == "split folders" else 4)
    case = data.training.case(0, np.random.default_rng(0))
    assert case["image"].shape == (1, 16, 16, 16)
    assert case["image"].dtype == np.float32
    assert case["label"].dtype == np.uint8
    assert set(np.unique(case["label"])) == {0, 1, 2}
    # The cavity has 300 HU and the wall 100: the pairing is right, and so is the window.
    assert case["image"][0][case["label"] == 1].mean() == pytest.approx(0.65, abs=0.03)
    if layout == "datalist":
        assert (len(data.training), len(data.validation)) == (2, 1)
        assert case["age"] == 50


def test_the_split_is_by_patient_and_the_same_for_the_same_seed() -> None:
    entries = [Entry(f"p{n // 2}_{'ED' if n % 2 else 'ES'}", Path(f"{n}"), None) for n in range(40)]
    patients = [patient_of(e) for e in entries]
    assert len(set(patients)) == 20
    one = split_by_patient(entries, patients, 3)
    assert [sum(e.split == s for e in one) for s in ("training", "validation", "test")] == [32, 4, 4]
    of_patient: dict[str, set[str]] = {}
    for entry, patient in zip(one, patients, strict=True):
        of_patient.setdefault(patient, set()).add(entry.split)
    assert all(len(splits) == 1 for splits in of_patient.values())
    turned = split_by_patient(entries[::-1], patients[::-1], 3)[::-1]
    assert turned == one
    assert split_by_patient(entries, patients, 4) != one


@pytest.mark.parametrize(("name", "patient"), [
    ("p07_ED", "p07"), ("p07-scan2", "p07"), ("P07_visit_3_ED", "p07"), ("sub-12_ses-2_T1w", "sub-12"),
    ("case_001", "case_001"), ("case_002", "case_002"), ("ED", "ed"), ("heart_flip_copy", "heart")])
def test_patients_are_found_from_names(name: str, patient: str) -> None:
    assert patient_of(Entry(name, Path("x"), None)) == patient


def test_a_patient_id_of_dicom_counts_and_is_not_shown() -> None:
    key = patient_of(Entry("a", Path("a"), None), "DOE^JANE")
    assert key == patient_of(Entry("b", Path("b"), None), "DOE^JANE")
    assert "DOE" not in key


@pytest.mark.parametrize("written", ["", "ANONYMOUS", "0000", "Anonymized^", "xxx"])
def test_an_id_that_stands_for_nobody_does_not_make_one_patient_of_all(written: str) -> None:
    assert patient_of(Entry("a", Path("a"), None), written) == "a"
    assert patient_of(Entry("a", Path("a"), None), f"{written}7") != "a"


def test_dicom_series_with_segmentations_are_cases(tmp_path: Path) -> None:
    from synthetic_imaging.dicom.writing import write_series

    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for n in range(3):
        volume, mask = heart(n)
        write_series(volume, tmp_path / "images" / f"p{n}")
        si.write_mask(mask, tmp_path / "labels" / f"p{n}.seg.nrrd")
    data = read_folder(tmp_path, SHAPE)
    assert data.test is not None
    case = data.test.case(0, np.random.default_rng(0))
    assert case["image"][0][case["label"] == 1].mean() == pytest.approx(0.65, abs=0.03)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    plain_folder(tmp_path)
    write(tmp_path, "nan.nrrd", "nan.seg.nrrd", 11, voxels=lambda v: np.where(v > 200, np.nan, v).astype(np.float32))
    write(tmp_path, "flat.nrrd", "flat.seg.nrrd", 12, voxels=lambda v: np.zeros_like(v))
    write(tmp_path, "scaled.nrrd", "scaled.seg.nrrd", 13, voxels=lambda v: (v / 2000 + 0.5).astype(np.float32))
    write(tmp_path, "raw.nrrd", "raw.seg.nrrd", 14, voxels=lambda v: v + 1024)
    write(tmp_path, "nolabel.nrrd", None, 15)
    write(tmp_path, "copy-of-p1.nrrd", "copy-of-p1.seg.nrrd", 1)
    write(tmp_path, "moved.nrrd", "moved.seg.nrrd", 16,
          mask=lambda m: si.Mask(m.layers, si.Geometry.from_spacing(GRID.shape, (1.5, 1.5, 2.0)), m.segments))
    write(tmp_path, "odd.nrrd", "odd-label.nrrd", 17)
    odd = heart(17)[1].layers[0].copy()
    odd[0, 0, :5] = 9
    si.write_volume(si.Volume(odd, GRID), tmp_path / "odd-label.nrrd", overwrite=True)
    (tmp_path / "broken.nrrd").write_bytes(b"NRRD0004\nrubbish")
    with pytest.raises(si.InputError) as caught:
        read_folder(tmp_path, SHAPE)
    said = str(caught.value)
    for words in ("NaN or infinite values: 'nan'", "The same value in every voxel: 'flat'", "scaled already: 'scaled'",
                  "without the CT's offset: 'raw'", "No label file: 'nolabel'", "'copy-of-p1', 'p1'. Keep one",
                  "different grids: 'moved'", "Label value 9 in 'odd'", "0 background, 1 LV, 2 MYO", "'broken':"):
        assert words in said, words
    assert "9 problems" in said or "10 problems" in said


def test_one_patient_in_two_splits_is_refused(tmp_path: Path) -> None:
    for n, split in enumerate(("training", "training", "validation", "test")):
        write(tmp_path, f"{split}/p{n}_ED.nrrd", f"{split}/p{n}_ED.seg.nrrd", n)
    write(tmp_path, "test/p0_ES.nrrd", "test/p0_ES.seg.nrrd", 20)
    with pytest.raises(si.InputError, match="One patient in test and training: 'p0_ED', 'p0_ES'"):
        read_folder(tmp_path, SHAPE)


def test_too_few_patients_is_said(tmp_path: Path) -> None:
    plain_folder(tmp_path, 2)
    with pytest.raises(si.InputError, match="Too few cases: 2 images of 2 patients; at least 3"):
        read_folder(tmp_path, SHAPE)


@pytest.mark.parametrize(("make", "said"), [
    (lambda f: None, "holds no cases"),
    (lambda f: (f / "datalist.json").write_text('{"training": [{"label": "x"}]}'), "has no 'image'"),
    (lambda f: (f / "datalist.json").write_text('{"training": [{"image": "no.nrrd"}]}'), "no.nrrd"),
    (lambda f: (f / "dataset.json").write_text("not json"), "is no JSON"),
])
def test_a_folder_without_cases_gets_a_sentence(tmp_path: Path, make: Any, said: str) -> None:
    make(tmp_path)
    with pytest.raises(si.SyntheticImagingError, match=said):
        read_folder(tmp_path, SHAPE)
    with pytest.raises(si.FileError, match="does not exist"):
        list_cases(tmp_path / "gone")


def test_names_win_over_values_and_other_names_are_known() -> None:
    _, mask = heart(0)
    segments = [("aorta", "LV"), ("Left ventricle", "MYO"), ("myocardium", "LV")]
    renamed = si.Mask.stacked([(si.Segment(name), mask.inside(of)) for name, of in segments], GRID)
    mapped = map_labels(renamed, ("LV", "MYO"))
    assert np.array_equal(mapped.labels == 1, mask.inside("MYO"))
    assert np.array_equal(mapped.labels == 2, mask.inside("LV"))
    assert mapped.ignored == ("aorta",)
    assert not mapped.unknown


def test_remarks_do_not_stop(tmp_path: Path) -> None:
    plain_folder(tmp_path)
    tiny = DataShape((6, 6, 6), (2.0, 2.0, 2.0), "CT", (-1000.0, 1000.0), ("LV", "MYO"))
    run = si.Run()
    data = read_folder(tmp_path, tiny, run=run)
    assert any("cuts off more than" in note for note in run.notes)
    assert data.name.startswith("5 cases of the user")
    assert "p0" not in data.name
