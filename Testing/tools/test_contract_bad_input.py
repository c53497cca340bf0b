"""Promise 5 over the whole catalogue: bad input gets a sentence, never a traceback, and nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging import jobs
from synthetic_imaging.parameters import Field, fields_of, make
from synthetic_imaging.running import prepare, run
from synthetic_imaging.tool import Input, Kind, Tool

TOOLS = sorted(si.tools())


def inputs_of(tool_id: str, *kinds: Kind, where: Callable[[Input], bool] = lambda i: True) -> list[tuple[str, str]]:
    return [(tool_id, i.name) for i in si.tools()[tool_id].inputs if i.kind in kinds and where(i)]


VOLUMES = [pair for t in TOOLS for pair in inputs_of(t, Kind.VOLUME)]
MASKS = [pair for t in TOOLS for pair in inputs_of(t, Kind.MASK)]
FILLED = [pair for t in TOOLS for pair in inputs_of(t, Kind.MASK, where=lambda i: not i.may_be_empty)]
POINTS = [pair for t in TOOLS for pair in inputs_of(t, Kind.POINTS)]
NEEDED = [(t, i.name) for t in TOOLS for i in si.tools()[t].inputs if i.required]
HOUNSFIELD = [pair for t in TOOLS for pair in inputs_of(t, Kind.VOLUME, where=lambda i: i.unit == "HU")]
FIELDS = [(t, f.name) for t in TOOLS for f in fields_of(si.tools()[t].parameters)]
RANGED = [(t, f.name) for t in TOOLS for f in fields_of(si.tools()[t].parameters) if f.within]


def field_of(tool_id: str, name: str) -> Field:
    return next(f for f in fields_of(si.tools()[tool_id].parameters) if f.name == name)


@pytest.fixture
def given(abdomen: Any) -> Callable[[str], dict[str, Any]]:
    """``given(tool_id)``: fitting inputs, all but points."""

    def get(tool_id: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for declared in si.tools()[tool_id].inputs:
            if declared.kind is Kind.VOLUME:
                found[declared.name] = abdomen.volume_for(declared)
            elif declared.kind is Kind.MASK:
                found[declared.name] = abdomen.mask_for(si.tools()[tool_id], declared)
        return found

    return get


def refused(tool_id: str, seed: int = 5, **all_given: Any) -> str:
    """The sentence that the tool answers with; fails if it computes, or breaks with anything else."""
    with pytest.raises(si.SyntheticImagingError) as error:
        run(tool_id, seed=seed, **all_given)
    sentence = str(error.value)
    assert len(sentence) >= 20 and "Traceback" not in sentence and sentence[0].isupper() | (sentence[0] == "'")
    assert sentence.rstrip().endswith((".", ")")), sentence
    return sentence


def spoil(volume: si.Volume, value: float) -> si.Volume:
    voxels = volume.voxels.astype(np.float32)
    voxels[10, 20, 20] = value
    return volume.like(voxels)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("tool_id", "name"), VOLUMES)
def test_voxels_that_are_no_numbers(tool_id: str, name: str, value: float, given: Any) -> None:
    all_given = given(tool_id)
    sentence = refused(tool_id, **{**all_given, name: spoil(all_given[name], value)})
    assert "not numbers" in sentence and si.tools()[tool_id].input(name).label in sentence


@pytest.mark.parametrize("value", [0, -1024, 40])
@pytest.mark.parametrize(("tool_id", "name"), VOLUMES)
def test_a_constant_volume(tool_id: str, name: str, value: int, given: Any) -> None:
    all_given = given(tool_id)
    volume = all_given[name]
    constant = volume.like(np.full(volume.shape, value, dtype=volume.voxels.dtype))
    assert "constant" in refused(tool_id, **{**all_given, name: constant})


@pytest.mark.parametrize("tool_id", TOOLS)
def test_a_single_slice(tool_id: str, given: Any) -> None:
    box = si.Box((24, 0, 0), (25, 64, 64))
    all_given = {name: value.cropped(box) for name, value in given(tool_id).items()}
    if not any(isinstance(v, si.Volume) for v in all_given.values()):
        pytest.skip("takes no volume")
    assert "slice" in refused(tool_id, **all_given)


@pytest.mark.parametrize(("tool_id", "name"), VOLUMES)
def test_another_modality_where_one_is_declared(tool_id: str, name: str, given: Any) -> None:
    declared = si.tools()[tool_id].input(name)
    if not declared.modality:
        pytest.skip("works on any modality")
    all_given = given(tool_id)
    other = "MR" if declared.modality != "MR" else "CT"
    sentence = refused(tool_id, **{**all_given, name: replace(all_given[name], modality=other, unit="", name="T1")})
    assert other in sentence and declared.modality in sentence


@pytest.mark.parametrize(("tool_id", "name"), HOUNSFIELD)
def test_numbers_that_are_not_hounsfield_units(tool_id: str, name: str, given: Any) -> None:
    all_given = given(tool_id)
    ct = all_given[name]
    for voxels in (ct.voxels + np.int16(1024), (ct.voxels / 4000.0).astype(np.float32)):
        assert "Hounsfield" in refused(tool_id, **{**all_given, name: ct.like(voxels)})
    assert "far outside" in refused(tool_id, **{**all_given, name: ct.like(ct.voxels * np.float32(1e4))})
    assert "SUV" in refused(tool_id, **{**all_given, name: replace(ct, unit="SUV")})


@pytest.mark.parametrize(("tool_id", "name"), FILLED)
def test_an_empty_mask(tool_id: str, name: str, given: Any) -> None:
    all_given = given(tool_id)
    mask = all_given[name]
    empty = si.Mask(np.zeros_like(mask.layers), mask.geometry, mask.segments, name="drawn")
    assert "holds no voxel" in refused(tool_id, **{**all_given, name: empty})


@pytest.mark.parametrize(("tool_id", "name"), MASKS)
def test_a_mask_on_another_grid_or_of_another_shape(tool_id: str, name: str, given: Any) -> None:
    all_given = given(tool_id)
    if not si.tools()[tool_id].input(name).same_grid_as:
        pytest.skip("may lie on any grid")
    mask = all_given[name]
    matrix = mask.geometry.ijk_to_ras.copy()
    matrix[0, 3] += 0.4
    moved = replace(mask, geometry=si.Geometry(matrix, mask.shape))
    cut = mask.cropped(si.Box((0, 0, 0), (47, 64, 64)))
    for other in (moved, cut):
        assert "another voxel grid" in refused(tool_id, **{**all_given, name: other})


@pytest.mark.parametrize("shape", ["a voxel", "a line", "a sheet", "a corner", "everything", "dust"])
@pytest.mark.parametrize(("tool_id", "name"), MASKS)
def test_a_mask_of_an_odd_shape_gives_a_result_or_a_sentence(
    tool_id: str, name: str, shape: str, given: Any
) -> None:
    all_given = given(tool_id)
    mask = all_given[name]
    inside = np.zeros(mask.shape, dtype=bool)
    where: dict[str, Any] = {
        "a voxel": (24, 32, 32), "a line": (24, 32, slice(20, 44)), "a sheet": (24, slice(20, 44), slice(20, 44)),
        "a corner": np.s_[:6, :6, :6], "everything": np.s_[:], "dust": np.s_[10:40:3, 20:44:3, 20:44:3],
    }
    inside[where[shape]] = True
    try:
        result = run(tool_id, seed=5, **{**all_given, name: si.Mask.single(inside, mask.geometry, mask.segments[0])})
    except si.SyntheticImagingError as error:
        assert len(str(error)) >= 20
    else:
        assert result.outputs


@pytest.mark.parametrize("at", [(1, 2), [[0, 0, np.nan]], "here", np.zeros((0, 3))])
@pytest.mark.parametrize(("tool_id", "name"), POINTS)
def test_points_that_are_none(tool_id: str, name: str, at: Any, given: Any) -> None:
    assert si.tools()[tool_id].input(name).label in refused(tool_id, **{**given(tool_id), name: at})


@pytest.mark.parametrize(("tool_id", "name"), POINTS)
def test_a_point_far_outside_the_image(tool_id: str, name: str, given: Any) -> None:
    refused(tool_id, **{**given(tool_id), name: [(5000.0, 0.0, 0.0)]})


@pytest.mark.parametrize(("tool_id", "name"), NEEDED)
def test_a_missing_input_and_one_of_the_wrong_kind(tool_id: str, name: str, given: Any) -> None:
    all_given = given(tool_id)
    label = si.tools()[tool_id].input(name).label
    assert label in refused(tool_id, **{k: v for k, v in all_given.items() if k != name})
    for wrong in (np.zeros((3, 3, 3)), "ct.nrrd", si.Table((), ())):
        assert label in refused(tool_id, **{**all_given, name: wrong})


@pytest.mark.parametrize("tool_id", TOOLS)
def test_an_unknown_input_or_parameter(tool_id: str, given: Any) -> None:
    assert "There is no parameter 'tumour_size'" in refused(tool_id, **given(tool_id), tumour_size=3)
    with pytest.raises(si.SyntheticImagingError, match="takes no input 'pet'"):
        jobs.run_here(tool_id, {**given(tool_id), "pet": given(tool_id)})
    for seed in (-1, 1.5, "x"):
        assert "seed" in refused(tool_id, seed=seed, **given(tool_id))  # type: ignore[arg-type]


@pytest.mark.parametrize(("tool_id", "name"), RANGED)
def test_a_parameter_just_outside_its_range(tool_id: str, name: str, given: Any) -> None:
    field = field_of(tool_id, name)
    assert field.within is not None
    low, high = field.within
    if field.type is int:
        outside: list[float] = [int(low) - 1, int(high) + 1]
    else:
        outside = [low - 1e-6 * max(1.0, abs(low)), high + 1e-6 * max(1.0, abs(high))]
    for value in outside:
        sentence = refused(tool_id, **given(tool_id), **{name: value})
        assert field.label in sentence and repr(value) in sentence
        with pytest.raises(si.ParameterError):
            make(si.tools()[tool_id].parameters, {name: str(value)})
    for value in field.within:
        make(si.tools()[tool_id].parameters, {name: value})


@pytest.mark.parametrize(("tool_id", "name"), FIELDS)
def test_a_parameter_of_the_wrong_type(tool_id: str, name: str, given: Any) -> None:
    field = field_of(tool_id, name)
    wrong: list[Any] = [[1], {"a": 1}] if field.type is not str else []
    wrong += ["plenty"] if field.type is not str else []
    wrong += [float("nan"), float("inf")] if field.type in (int, float) else []
    for value in wrong:
        assert field.label in refused(tool_id, **given(tool_id), **{name: value})


@pytest.mark.parametrize("tool_id", TOOLS)
def test_too_little_memory_is_said_before_the_start(
    tool_id: str, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthetic_imaging.running.available_bytes", lambda: 1000)
    tool: Tool = si.tools()[tool_id]
    with pytest.raises(si.MemoryShortage, match="are free"):
        prepare(tool, given(tool_id), {})
    assert tool.title in refused(tool_id, **given(tool_id))


@pytest.mark.parametrize("tool_id", sorted({tool_id for tool_id, _ in VOLUMES}))
def test_a_bad_input_is_refused_before_a_child_is_started(
    tool_id: str, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.Popen", never)
    all_given = given(tool_id)
    name = next(i.name for i in si.tools()[tool_id].inputs if i.kind is Kind.VOLUME)
    with pytest.raises(si.InputError, match="not numbers"):
        jobs.run_in_child(tool_id, {**all_given, name: spoil(all_given[name], np.nan)})
