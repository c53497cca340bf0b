"""What a cohort shows: contact sheets, the tool for a few cases, the phantom hearts behind it, the job that writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import jobs
from synthetic_imaging.cohorts import generator, making
from synthetic_imaging.cohorts.contact_sheet import SheetCase, contact_sheet, plane_picture, write_contact_sheet
from synthetic_imaging.cohorts.folder import CohortFolder
from synthetic_imaging.cohorts.generate import CohortParameters, Model, generate
from synthetic_imaging.cohorts.generator import generator_class, make_generator
from synthetic_imaging.cohorts.plan import CohortPlan, find_case
from synthetic_imaging.cohorts.write import write_cohort
from synthetic_imaging.context import Run
from synthetic_imaging.running import run

STANDINS = Path(__file__).parents[1] / "standins"
RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def balls(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(str(STANDINS))
    monkeypatch.setitem(generator.GENERATORS, "standin.balls", "standin_cohort:Balls")
    return "standin.balls"


def marked_patient(geometry: si.Geometry) -> tuple[si.Volume, si.Mask]:
    """Red to the patient's left, blue in front and up, seen from the middle; about 30 mm away."""
    ras = geometry.ras_from_kji(np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1))
    middle = geometry.ras_from_kji((np.array(geometry.shape) - 1) / 2)
    ahead, head, left = (middle + np.array(d) * 30.0 for d in ((0, 1, 0), (0, 0, 1), (-1, 0, 0)))

    def ball(at: np.ndarray) -> np.ndarray:
        return np.linalg.norm(ras - at, axis=-1) < 9

    labels = np.where(ball(left), 1, np.where(ball(ahead) | ball(head), 2, 0)).astype(np.uint8)
    # Two more that balance them, so that the middle of all is the middle of the image.
    labels[ball(middle - (head - middle)) | ball(middle - (left - middle)) | ball(middle - (ahead - middle))] = 3
    segments = (si.Segment("left", 1, colour=(1, 0, 0)), si.Segment("front and head", 2, colour=(0, 0, 1)),
                si.Segment("others", 3, colour=(0, 1, 0)))
    return si.Volume.ct(np.full(geometry.shape, 40, np.int16), geometry), si.Mask(labels, geometry, segments)


def where(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.argwhere((picture == np.array(colour)).all(axis=-1)).mean(axis=0) / len(picture)


@pytest.mark.parametrize("turned", [False, True])
def test_planes_stand_as_a_radiologist_holds_them(turned: bool) -> None:
    directions = np.array([[0, 0, 1.0], [-1, 0, 0], [0, 1, 0]]) if turned else np.eye(3)
    grid = si.Geometry.from_spacing((45, 45, 45), (2.0, 2.0, 2.0), (10.0, -20.0, 5.0), directions)
    image, mask = marked_patient(grid)
    axial = plane_picture(image, mask, "axial", 100)
    assert where(axial, RED)[1] > 0.7, "the patient's left belongs on the right of the picture"
    assert where(axial, BLUE)[0] < 0.3, "the front belongs on top"
    coronal = plane_picture(image, mask, "coronal", 100)
    assert where(coronal, RED)[1] > 0.7 and where(coronal, BLUE)[0] < 0.3
    sagittal = plane_picture(image, mask, "sagittal", 100)
    rows, columns = np.nonzero((sagittal == np.array(BLUE)).all(axis=-1))
    assert rows.min() < 25 and columns.min() < 25, "head up, front on the left"
    assert not (sagittal == np.array(RED)).all(axis=-1).any()


def test_the_sheet_shows_every_case_and_marks_the_rejected(balls: str, tmp_path: Path) -> None:
    folder = making.make_cohort(CohortPlan(balls, 5, 2), tmp_path / "out")
    model = make_generator(balls)
    cases = [SheetCase(m.number, m.case.image, m.case.segments, m.case.measurements)
             for m in making.preview(folder.plan, [1, 2, 3])]
    plain = contact_sheet(cases, model.measurements, model.title, pixels=60, columns=1)
    struck = contact_sheet([cases[0], replace(cases[1], rejected=True), cases[2]], model.measurements, model.title,
                           pixels=60, columns=1)
    changed = np.nonzero((plain != struck).any(axis=(1, 2)))[0]
    third = len(plain) / 3
    assert 0.7 * third < changed.min() and changed.max() < 2.4 * third
    ball = np.rint(255 * np.array(cases[0].segments.segments[0].colour)).astype(np.uint8)
    assert (plain == ball).all(axis=-1).sum() > 100
    making.reject(folder.path, [2])
    written = write_contact_sheet(CohortFolder.at(folder.path), model, tmp_path / "sheet.png", most=4, pixels=60)
    from PIL import Image

    shown = np.asarray(Image.open(written))
    assert shown.ndim == 3 and (shown == np.array((235, 87, 87))).all(axis=-1).any()
    with pytest.raises(si.InputError, match="no case to show"):
        contact_sheet([])


def test_the_choices_of_the_tool_are_the_models_there_are() -> None:
    assert {m.value for m in Model} == set(generator.GENERATORS)
    for name in generator.GENERATORS:
        kind = generator_class(name)
        assert kind.id == name and kind.sentence.endswith(".") and len(set(kind.structures)) == len(kind.structures)
        assert all(low < high for low, high in (m.typical for m in kind.measurements))


@pytest.mark.parametrize(("name", "coarse"), [
    ("hearts.phantom-ct", {"spacing_mm": 4.0}), ("hearts.phantom-echo", {"depth_voxels": 40}),
])
def test_a_phantom_heart_keeps_its_word(name: str, coarse: dict[str, float]) -> None:
    plan = CohortPlan(name, 2, 4, {"lv_volume_ml": (90.0, 150.0)}, coarse)
    model = plan.make_generator()
    found = find_case(plan, model, 1)
    assert found.case.segments.names == model.structures and found.case.image.modality == model.modality
    assert 90 <= found.case.measurements["lv_volume_ml"] <= 150
    assert "phantom" in model.title and "phantom" in model.sentence
    again = model.make(plan.rng(1, found.attempt), Run(seed=99))
    assert again.image.sha256 == found.case.image.sha256 and again.segments.sha256 == found.case.segments.sha256
    # What is told without an image is what the image then shows.
    told = model.draw(plan.rng(1, found.attempt))  # type: ignore[attr-defined]
    for key, value in told.items():
        assert found.case.measurements[key] == pytest.approx(value, rel=0.1), key
    cavity = next(s for s in ("LV", "LV cavity") if s in model.structures)
    assert found.case.measurements["lv_volume_ml"] == pytest.approx(found.case.segments.volume_ml(cavity), rel=0.02)


def test_the_tool_shows_the_case_that_a_folder_would_hold(tmp_path: Path) -> None:
    given = {"number": 2, "show": 2, "ranges": "lv_volume_ml=80..200", "settings": "spacing_mm=5"}
    result = run(generate, seed=3, **given)
    folder = making.make_cohort(
        CohortPlan("hearts.phantom-ct", 2, 3, {"lv_volume_ml": (80.0, 200.0)}, {"spacing_mm": 5}), tmp_path / "out")
    assert result.volume.sha256 == folder.records[2].image_sha256
    assert result.segments.sha256 == folder.records[2].segments_sha256
    assert result.table.column("lv_volume_ml") == [r.measurements["lv_volume_ml"] for r in folder.kept]
    assert any("attempts lay in the ranges" in note for note in result.notes)
    for wrong, sentence in (
        ({"show": 3, "number": 2}, "only 2 are made"), ({"settings": "steps=3"}, "no setting 'steps'"),
        ({"ranges": "lv=1..2"}, "measures no 'lv'"), ({"settings": "x"}, "Write it like"),
    ):
        with pytest.raises(si.ParameterError, match=sentence):
            run(generate, seed=3, **wrong)
    assert CohortParameters().number >= 4


def test_a_user_interface_writes_a_folder_through_a_job(tmp_path: Path) -> None:
    given = {"number": 3, "folder": str(tmp_path / "out"), "settings": "spacing_mm=6", "layout": "nifti"}
    with jobs.Job(write_cohort, {}, given, 5) as job:
        job.start()
        steps = []
        while not job.finished:
            steps += [p.step for p in job.poll(0.05)]
    assert job.error is None and job.notes == ["3 cases are in the folder."]
    assert any(step.endswith("a minute") for step in steps)
    assert len(CohortFolder.at(tmp_path / "out").kept) == 3
    assert (tmp_path / "out" / "cases" / "0003" / "image.nii.gz").is_file()
    with pytest.raises(si.ParameterError, match="Choose a folder"):
        run(write_cohort, seed=1)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
