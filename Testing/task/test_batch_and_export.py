"""Batches into folders, results as DICOM."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.dicom.reading import read_series
from synthetic_imaging.dicom.segmentation import read_segmentation
from synthetic_imaging.files import read_mask, read_volume
from SyntheticImagingLib.task import BatchTask, ExportTask, SceneTask, TaskState

DRAW = "lesions.handcrafted"


def test_a_batch_writes_one_folder_a_case_and_lists_them(
    patient: Any, run_to_end: Callable[..., Any], tmp_path: Path
) -> None:
    before = patient.classes()
    batch = BatchTask(DRAW, patient.nodes, {"size": "tiny"}, 40, 2, tmp_path / "cohort", dicom=True)
    batch.start()
    assert run_to_end(batch).state is TaskState.DONE, batch.error
    assert batch.done == 2
    assert patient.classes() == before
    with (tmp_path / "cohort" / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["case"], r["seed"], r["problem"]) for r in rows] == [("0001", "40", ""), ("0002", "41", "")]
    again = si.run(DRAW, ct=patient.abdomen.ct, organ=patient.abdomen.liver, at=[patient.abdomen.aside_ras_mm],
                   size="tiny", seed=41)
    written = read_volume(tmp_path / "cohort" / "0002" / "volume.nrrd")
    assert np.array_equal(np.sort(written.voxels, axis=None), np.sort(again.volume.voxels, axis=None))
    assert "lesion 1" in read_mask(tmp_path / "cohort" / "0001" / "lesions.seg.nrrd").names
    assert read_series(tmp_path / "cohort" / "0001" / "dicom" / "volume").synthetic


def test_a_batch_whose_every_case_fails_stops_with_the_reason(
    patient: Any, run_to_end: Callable[..., Any], tmp_path: Path
) -> None:
    batch = BatchTask(DRAW, patient.nodes, {"diameter_mm": 149.0}, 1, 50, tmp_path / "none")
    batch.start()
    run_to_end(batch)
    assert batch.state is TaskState.FAILED
    assert "larger than the" in str(batch.error)
    assert batch.failed == 3


def test_a_cancelled_batch_keeps_what_is_finished(patient: Any, run_to_end: Callable[..., Any], tmp_path: Path) -> None:
    batch = BatchTask(DRAW, patient.nodes, {"size": "tiny"}, 1, 30, tmp_path / "cut")
    batch.start()
    while batch.done < 1:
        batch.poll()
    batch.cancel()
    run_to_end(batch)
    assert batch.state is TaskState.CANCELLED
    assert "stay" in str(batch.error)
    assert (tmp_path / "cut" / "0001" / "volume.nrrd").is_file()
    assert not list((tmp_path / "cut").glob(".*"))


def test_a_batch_or_export_into_a_full_folder_is_refused(patient: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(si.SyntheticImagingError, match="empty folder"):
        BatchTask(DRAW, patient.nodes, {}, 1, 2, tmp_path)
    with pytest.raises(si.SyntheticImagingError, match="empty folder"):
        ExportTask(patient.ct, None, tmp_path)


def test_an_export_is_read_back_with_its_segments_in_place(
    patient: Any, run_to_end: Callable[..., Any], tmp_path: Path
) -> None:
    task = SceneTask(patient.scene, DRAW, patient.nodes, {"diameter_mm": 12.0}, seed=5)
    task.start()
    made = run_to_end(task).made
    export = ExportTask(made.volume, made.lesions, tmp_path / "dicom")
    export.start()
    assert run_to_end(export).state is TaskState.DONE, export.error
    series = read_series(tmp_path / "dicom" / "series")
    mask = read_segmentation(tmp_path / "dicom" / "segmentation.dcm", like=series)
    assert series.synthetic
    inside = mask.inside("lesion 1")
    where = series.geometry.ras_from_kji(np.argwhere(inside).mean(axis=0))
    assert np.allclose(where, patient.abdomen.aside_ras_mm, atol=2.0)


def test_a_result_joins_the_study_that_its_source_was_read_from(
    patient: Any, host: Any, run_to_end: Callable[..., Any], tmp_path: Path
) -> None:
    from synthetic_imaging.dicom.writing import write_series
    from SyntheticImagingLib.mrml import add_volume
    from SyntheticImagingLib.task.origins import remember_origin

    write_series(patient.abdomen.ct, tmp_path / "patient")
    loaded = read_series(tmp_path / "patient")
    node = add_volume(host.scene, loaded)
    remember_origin(node, loaded.dicom)
    node_id = node.GetID()
    del node
    node = host.scene.GetNodeByID(node_id)
    task = SceneTask(host.scene, DRAW, {**patient.nodes, "ct": node}, {"size": "tiny"}, seed=5)
    task.start()
    made = run_to_end(task).made
    assert made is not None, task.error
    export = ExportTask(made.volume, made.lesions, tmp_path / "out")
    export.start()
    run_to_end(export)
    written = read_series(tmp_path / "out" / "series")
    assert written.dicom.study_uid == loaded.dicom.study_uid
    assert written.dicom.series_uid != loaded.dicom.series_uid
