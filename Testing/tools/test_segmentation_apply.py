"""Segmenting a loaded volume: on its own voxels on every grid, with volumes, doubt and a word about the domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import synthetic_imaging as si  # noqa: E402
from synthetic_imaging.context import Run  # noqa: E402
from synthetic_imaging.learning import registry  # noqa: E402
from synthetic_imaging.running import run  # noqa: E402
from synthetic_imaging.segmentation import recipe as recipes  # noqa: E402
from synthetic_imaging.segmentation.apply import apply  # noqa: E402
from synthetic_imaging.segmentation.domain import Distances, Domain, cumulative_histogram  # noqa: E402
from synthetic_imaging.segmentation.segmenter_model import save_segmenter, segmenter_file  # noqa: E402
from synthetic_imaging.segmentation.settings import SegmentationSettings  # noqa: E402

GRIDS = ("straight", "oblique", "anisotropic", "left-handed", "sheared")
SMALL = SegmentationSettings(widths=(4, 4, 8, 8, 8), shape=(32, 32, 32), spacing_mm=4.0)
RECIPES = {
    "segmentation.hearts-ct": "HEARTS_CT", "segmentation.hearts-echo": "HEARTS_ECHO",
    "segmentation.hearts-ct-blocks": "HEARTS_CT_BLOCKS",
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Files of untrained models, by recipe."""
    before = dict(registry.RECIPES)
    registry.RECIPES.update({id_: f"synthetic_imaging.segmentation.recipe:{name}" for id_, name in RECIPES.items()})
    folder = tmp_path_factory.mktemp("models")
    files = {}
    for id_, name in RECIPES.items():
        recipe = getattr(recipes, name)
        settings = replace(SMALL, spacing_mm=0.0) if "echo" in id_ else SMALL
        networks = recipe.networks(settings)
        curve = cumulative_histogram(np.linspace(0.2, 0.5, 1000))
        networks["domain"].keep(Domain(curve, 0.05, (100.0, 100.0, 100.0), (140.0, 140.0, 140.0), 9))
        files[id_] = folder / f"{id_}.safetensors"
        save_segmenter(files[id_], id_, settings, networks, training_data="nothing (untrained)", seed=0)
    yield files
    registry.RECIPES.clear()
    registry.RECIPES.update(before)


@pytest.fixture(autouse=True)
def _quick(one_thread: None) -> None:
    """Small networks are quicker with one thread."""


@pytest.fixture
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def by_brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the network: what is brighter than 0 HU is "LV", the rest is background."""

    def shares(image: Any, part: Run) -> Any:
        part.progress(1.0, "segment")
        bright = 1 / (1 + np.exp(-150 * (image[0] - 1000 / 3000)))
        made = np.zeros((9, *bright.shape), dtype=np.float32)
        made[0], made[2] = 1 - bright, bright
        return made

    monkeypatch.setattr("synthetic_imaging.segmentation.apply._network",
                        lambda *_: (shares, Distances(0.5, 0.0, 2.0)))


def segmented(models: Any, ct: si.Volume, **given: Any) -> Any:
    return run(apply, seed=5, volume=ct, model=str(models["segmentation.hearts-ct"]), **given)


@pytest.mark.parametrize("grid", GRIDS)
def test_structures_come_to_lie_where_they_are_in_the_patient(
    grid: str, models: Any, by_brightness: None, abdomen_on: Callable[..., Any]
) -> None:
    body = abdomen_on(grid)
    result = segmented(models, body.ct)
    assert result.segments.geometry.same_grid(body.ct.geometry, 0.0)
    found, liver = result.segments.inside("LV"), body.liver.inside()
    assert 2 * np.count_nonzero(found & liver) / (found.sum() + liver.sum()) > 0.93
    rows = {row["structure"]: row for row in result.volumes}
    assert rows["LV"]["volume_ml"] == pytest.approx(result.segments.volume_ml("LV"))
    assert rows["LV"]["volume_ml"] == pytest.approx(body.liver.volume_ml("liver"), rel=0.1)
    assert rows["LA"]["volume_ml"] == 0 and not rows["LV"]["cut_by_image_edge"]
    assert any("Nothing was found of: LA" in note for note in result.notes)


def test_segments_are_named_coded_and_coloured(models: Any, by_brightness: None, abdomen: Any) -> None:
    segments = segmented(models, abdomen.ct).segments
    assert segments.names == ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")
    assert len({s.colour for s in segments.segments}) == 8
    assert segments.segment("LV").terminology.type == si.mask.Code("SCT", "87878005", "Left ventricle")


def test_a_structure_that_reaches_the_edge_is_marked(models: Any, by_brightness: None, abdomen: Any) -> None:
    cropped = abdomen.ct.cropped(si.Box((0, 0, 0), (24, 64, 64)))
    rows = {row["structure"]: row for row in segmented(models, cropped).volumes}
    assert rows["LV"]["cut_by_image_edge"] is True


def test_only_the_largest_part_stays_unless_asked_otherwise(models: Any, by_brightness: None, abdomen: Any) -> None:
    voxels = abdomen.ct.voxels.copy()
    voxels[2:8, 2:10, 2:10] = 300
    ct = abdomen.ct.like(voxels)
    kept, all_parts = (segmented(models, ct, largest_part=x).segments for x in (True, False))
    assert not kept.inside("LV")[4, 5, 5] and all_parts.inside("LV")[4, 5, 5]
    assert kept.inside("LV").any()


def test_uncertainty_is_high_at_borders_and_changes_no_label(models: Any, by_brightness: None, abdomen: Any) -> None:
    from scipy import ndimage

    plain, unsure = (segmented(models, abdomen.ct, uncertainty=x, copies=3) for x in (False, True))
    assert "uncertainty" not in plain.outputs and plain.segments.sha256 == unsure.segments.sha256
    doubt = unsure.uncertainty
    assert doubt.geometry.same_grid(abdomen.ct.geometry, 0.0) and 0 <= doubt.voxels.min() <= doubt.voxels.max() <= 1
    liver = unsure.segments.inside("LV")
    border = liver ^ ndimage.binary_erosion(liver)
    inside = ndimage.binary_erosion(liver, iterations=5)
    assert doubt.voxels[border].mean() > 2 * doubt.voxels[inside].mean()
    assert {c.key for c in unsure.volumes.columns} - {c.key for c in plain.volumes.columns} == {"uncertainty"}


# With the network itself, untrained.


@pytest.mark.parametrize("grid", ["sheared", "left-handed"])
def test_the_same_seed_gives_the_same_result(grid: str, models: Any, abdomen_on: Callable[..., Any]) -> None:
    body = abdomen_on(grid)
    one, two = (segmented(models, body.ct, uncertainty=True, copies=2) for _ in range(2))
    assert one.segments.sha256 == two.segments.sha256 and one.uncertainty.sha256 == two.uncertainty.sha256
    assert repr(one.volumes.rows) == repr(two.volumes.rows) and one.notes == two.notes


def test_progress_rises_with_named_steps_and_a_cancel_is_heard_everywhere(models: Any, abdomen: Any) -> None:
    seen: list[Any] = []
    given = {"volume": abdomen.ct, "model": str(models["segmentation.hearts-ct"])}
    run(apply, context=Run(seed=5, report=seen.append), **given)
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert len({p.step for p in seen}) >= 5 and max(np.diff(fractions)) < 0.65
    for stop_at in range(1, len(seen), 7):
        heard: list[Any] = []
        with pytest.raises(si.Cancelled):
            run(apply, context=Run(seed=5, report=heard.append, cancelled=lambda n=stop_at, h=heard: len(h) >= n),
                **given)  # fmt: skip
        assert len(heard) == stop_at


def test_it_says_what_model_drew_and_how_far_the_image_is_from_its_training(models: Any, abdomen: Any) -> None:
    result = segmented(models, abdomen.ct)
    assert any("untrained" in note and "sha256" in note for note in result.notes)
    [(name, digest)] = result.segments.provenance.weights.items()
    assert "/" not in name and "\\" not in name and len(digest) == 64
    assert result.segments.provenance.parameters["model"] == name
    assert any("outside what the model was trained on" in note for note in result.notes)
    rows = {row["quantity"]: row for row in result.domain}
    assert rows["intensities"]["outside"] and rows["intensities"]["distance"] > 1
    assert rows["voxel size"]["distance"] == 0 and rows["field of view"]["distance"] > 0


def test_memory_is_estimated_from_volume_and_model(models: Any, abdomen: Any) -> None:
    from synthetic_imaging.memory import needed_bytes
    from synthetic_imaging.parameters import make

    def needed(**given: Any) -> int:
        model = str(models["segmentation.hearts-ct"])
        return needed_bytes(apply, {"volume": abdomen.ct}, make(apply.parameters, {"model": model, **given}))

    assert 4 * abdomen.ct.voxels.size < needed() < needed(uncertainty=True) < 2 << 30


def test_ultrasound_is_segmented_in_its_own_pose(models: Any, abdomen: Any) -> None:
    voxels = np.clip(abdomen.ct.voxels / 4 + 60, 0, 255).astype(np.uint8)
    echo = si.Volume(voxels, abdomen.ct.geometry, modality="US", name="echo")
    result = run(apply, seed=1, volume=echo, model=str(models["segmentation.hearts-echo"]))
    assert result.segments.names == ("Left ventricular myocardium", "Left ventricular cavity")
    assert result.segments.geometry.same_grid(echo.geometry, 0.0)
    assert {s.terminology.type.value for s in result.segments.segments} == {"74281007", "87878005"}
    with pytest.raises(si.InputError, match="is US; the model"):
        segmented(models, echo)


def test_what_does_not_fit_gets_a_sentence(models: Any, abdomen: Any, tmp_path: Path) -> None:
    with pytest.raises(si.FileError, match="There is no model 'nobody'"):
        run(apply, volume=abdomen.ct, model="nobody")
    with pytest.raises(si.ParameterError, match="draws no structures"):
        run(apply, volume=abdomen.ct, model=str(models["segmentation.hearts-ct-blocks"]))
    with pytest.raises(si.InputError, match="is MR; the model"):
        segmented(models, replace(abdomen.ct, modality="MR", unit=""))
    with pytest.raises(si.InputError, match="Hounsfield"):
        segmented(models, abdomen.ct.like(abdomen.ct.voxels + np.int16(1200)))
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(models["segmentation.hearts-ct"].read_bytes()[:-100])
    with pytest.raises(si.FileError, match="damaged"):
        run(apply, volume=abdomen.ct, model=str(damaged))


def test_a_volume_that_does_not_say_what_it_is_is_taken_at_the_model_s_word(models: Any, abdomen: Any) -> None:
    result = segmented(models, replace(abdomen.ct, modality="", unit=""))
    assert any("was taken as CT" in note for note in result.notes)


def test_the_file_says_what_it_is_without_its_weights(models: Any) -> None:
    file = segmenter_file(models["segmentation.hearts-ct"])
    assert file.classes == 9 and file.shape.modality == "CT" and file.weights > 1000
    assert "untrained" in file.card.training_data and "Not for diagnosis" in file.card.intended_use
