"""Evidence pages: tables, pictures, embeddings, and the comparison of sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synthetic_imaging.errors import InputError
from synthetic_imaging.evaluation.features import HaarStatistics
from synthetic_imaging.evidence.embedding import locally_linear
from synthetic_imaging.evidence.figures import curves, histograms, scatter, sheet, tile
from synthetic_imaging.evidence.likeness import likeness, measurement_rows
from synthetic_imaging.evidence.page import Page


def noise(count: int, seed: int, scale: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 + rng.normal(0, scale, (count, 1, 16, 16, 16))).clip(0, 1).astype(np.float32)


def test_a_page_holds_its_tables_and_pictures_and_names_its_command(tmp_path: Path):
    page = Page("heart", "A heart", "It beats.")
    page.section("Numbers")
    page.table(("What", "Value"), [("dice", 0.98765), ("none", float("nan")), ("count", 12)])
    page.image(np.zeros((8, 8, 3), np.uint8), "black")
    page.figure(curves({"a": ([1, 2], [3, 4])}, "x", "y", level=("floor", 1.0)), "a curve")
    page.figure(histograms({"a": [1.0, 2.0], "b": [2.0, 3.0]}, "ml"), "two")
    page.figure(scatter({"a": np.zeros((3, 2))}, "points"), "three")
    path = page.write(tmp_path, "synthetic-imaging reproduce heart")
    text = path.read_text(encoding="utf-8")
    assert "| dice | 0.988 |" in text
    assert "| none | - |" in text
    assert "synthetic-imaging reproduce heart" in text
    assert "not for diagnosis" in text
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == [f"heart-{n}.jpg" for n in (1, 2, 3, 4)]
    assert not list(tmp_path.glob("*.part"))


def test_a_tile_outlines_labels_in_colour_and_leaves_the_image_grey():
    image = np.full((4, 8, 8), 0.5, np.float32)
    label = np.zeros((4, 8, 8), np.uint8)
    label[:, 2:6, 2:6] = 1
    plain, marked = (tile(image, some, (0, 1), (0, 1), 64) for some in (None, label))
    assert plain.shape == (64, 64, 3)
    assert (plain == 127).all()
    coloured = (marked.max(-1).astype(int) - marked.min(-1)) > 20
    assert 0 < coloured.sum() < 0.2 * coloured.size


def test_a_sheet_has_a_row_for_each_set():
    case = (np.random.default_rng(0).random((8, 8, 8)), None)
    figure = sheet([("one", [case, case]), ("two", [case])], (0, 1))
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["one", "two"]


def test_an_embedding_unrolls_a_curved_line():
    along = np.sort(np.random.default_rng(0).uniform(0, 4, 150))
    points = np.stack([np.cos(along), np.sin(along), 0.1 * along], 1)
    found = locally_linear(points, 8)
    assert found.shape == (150, 2)
    order = np.abs(np.corrcoef(np.argsort(np.argsort(found[:, 0])), np.arange(150))[0, 1])
    assert order > 0.95


def test_an_embedding_of_few_cases_is_refused():
    with pytest.raises(InputError, match="15 cases"):
        locally_linear(np.zeros((10, 3)))


def test_a_set_of_the_same_kind_is_nearer_than_one_of_another():
    rng = np.random.default_rng(3)
    reference, same, other = noise(24, 0), noise(24, 1), noise(24, 2, 0.2)
    features = HaarStatistics()
    near, far = (likeness(name, images, reference, features, rng, pairs=20)
                 for name, images in (("same", same), ("other", other)))
    assert near.frechet < 0.2 * far.frechet
    assert near.precision > far.precision
    assert len(near.row()) == 9


def test_measurements_are_set_beside_two_real_sets():
    rng = np.random.default_rng(0)
    real, floor, ours = ({"volume": list(rng.normal(mean, 5, 60))} for mean in (100, 100, 130))
    (row,) = measurement_rows(ours, real, floor, {"volume": "Volume, ml"})
    assert row[0] == "Volume, ml"
    assert float(row[3]) > 5 * float(row[4])  # type: ignore[arg-type]
    assert float(str(row[5])) < 0.001
