"""The promises of the design, kept by every tool of the catalogue: a tool is tried with what it declares.

Where bad input is concerned, see `test_contract_bad_input`.
"""

from __future__ import annotations

import itertools
import json
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import synthetic_imaging as si
from synthetic_imaging import jobs
from synthetic_imaging.context import Progress, Run
from synthetic_imaging.memory import needed_bytes
from synthetic_imaging.parameters import fields_of, make
from synthetic_imaging.running import run
from synthetic_imaging.tool import Kind, Tool

TOOLS = sorted(si.tools())
EDITING = [t for t in TOOLS if any(o.edits for o in si.tools()[t].outputs)]
PLACING = [t for t in EDITING if any(i.kind is Kind.POINTS for i in si.tools()[t].inputs)]
GRIDS = ("straight", "oblique", "anisotropic", "left-handed", "sheared")
NEAR_MM = 40.0  # no tool changes anything farther from what it was given


def inputs_for(tool: Tool, body: Any, points: bool = False) -> dict[str, Any]:
    """Every input that the tool declares, from the phantom; points only if asked for."""
    given: dict[str, Any] = {}
    for declared in tool.inputs:
        if declared.kind is Kind.VOLUME:
            given[declared.name] = body.volume_for(declared)
        elif declared.kind is Kind.MASK:
            given[declared.name] = body.mask_for(tool, declared)
        elif declared.kind is Kind.POINTS and (points or declared.required):
            given[declared.name] = si.Points(np.array([body.aside_ras_mm]))
        elif declared.kind is Kind.SEQUENCE and declared.required:
            given[declared.name] = si.Sequence((body.ct, body.ct), (0, 1))
    return given


@pytest.fixture(scope="module")
def made(abdomen_on: Callable[..., Any]) -> Callable[..., Any]:
    """``made(tool_id, grid, dtype, points)``: the result on the phantom with seed 5, computed once."""

    @cache
    def get(tool_id: str, grid: str = "straight", dtype: type = np.int16, points: bool = False) -> Any:
        return run(tool_id, seed=5, **inputs_for(si.tools()[tool_id], abdomen_on(grid, dtype), points))

    return get


def content(value: Any) -> Any:
    """What two equal outputs have in common."""
    if isinstance(value, si.Sequence):
        return value.index, [content(frame) for frame in value]
    if isinstance(value, si.Mask):
        return value.sha256, value.segments
    if isinstance(value, si.Volume):
        return value.sha256, value.unit, value.modality, value.voxels.dtype
    if isinstance(value, si.Points):
        return value.ras_mm.tolist()
    return value.columns, repr(value.rows)


# 1. Geometry is exact.


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("tool_id", TOOLS)
def test_outputs_sit_exactly_on_the_grid_of_the_input_they_are_like(
    tool_id: str, grid: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    result, body = made(tool_id, grid), abdomen_on(grid)
    for output in si.tools()[tool_id].outputs:
        value = result.outputs.get(output.name)
        if value is None:
            continue
        if output.like:
            like = inputs_for(si.tools()[tool_id], body)[output.like].geometry
            for one in value if isinstance(value, si.Sequence) else (value,):
                assert np.array_equal(one.geometry.ijk_to_ras, like.ijk_to_ras) and one.shape == like.shape
        elif isinstance(value, si.Sequence):
            # A crop: the same axes, and its first voxel is a voxel of the input.
            crop = value[0].geometry
            assert np.array_equal(crop.ijk_to_ras[:3, :3], body.ct.geometry.ijk_to_ras[:3, :3])
            start = body.ct.geometry.kji_from_ras(crop.origin_ras_mm)
            assert np.abs(start - np.rint(start)).max() < 1e-6


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("tool_id", PLACING)
def test_a_change_comes_to_lie_where_the_point_is_in_the_patient(
    tool_id: str, grid: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    body, tool = abdomen_on(grid), si.tools()[tool_id]
    result = made(tool_id, grid, points=True)
    for output in tool.outputs:
        if output.edits:
            before = inputs_for(tool, body)[output.like].voxels.astype(np.float64)
            weight = np.abs(result.outputs[output.name].voxels - before)
            at = body.ct.geometry.ras_from_kji(ndimage.center_of_mass(weight))
            assert np.linalg.norm(at - body.aside_ras_mm) < 8.0


# 2. Nothing else moves.


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("tool_id", EDITING)
def test_an_edit_keeps_type_and_meaning_and_every_voxel_far_from_it(
    tool_id: str, dtype: type, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    body, tool = abdomen_on("oblique", dtype), si.tools()[tool_id]
    result = made(tool_id, "oblique", dtype)
    given = inputs_for(tool, body)
    for output in tool.outputs:
        if not output.edits:
            continue
        before, after = given[output.like], result.outputs[output.name]
        assert after.voxels.dtype == before.voxels.dtype == np.dtype(dtype)
        assert (after.modality, after.quantity, after.unit, after.window) == (
            before.modality, before.quantity, before.unit, before.window)
        changed = after.voxels != before.voxels
        masks = [m.inside() for m in given.values() if isinstance(m, si.Mask)]
        near = ndimage.binary_dilation(np.logical_or.reduce(masks), iterations=2)
        assert 20 < np.count_nonzero(changed) < 0.5 * changed.size
        assert not (changed & ~near).any(), "voxels outside the organ have changed"
        assert np.isfinite(after.voxels).all()


@pytest.mark.parametrize("tool_id", PLACING)
def test_far_from_the_point_nothing_changes(
    tool_id: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    body, tool = abdomen_on(), si.tools()[tool_id]
    result = made(tool_id, points=True)
    for output in tool.outputs:
        if output.edits:
            places = np.argwhere(result.outputs[output.name].voxels != inputs_for(tool, body)[output.like].voxels)
            ras = body.ct.geometry.ras_from_kji(places)
            assert np.linalg.norm(ras - body.aside_ras_mm, axis=-1).max() < NEAR_MM


@pytest.mark.parametrize("tool_id", EDITING)
def test_on_a_real_ct_an_edit_stays_in_the_organ_and_on_the_grid(
    tool_id: str, real_liver: tuple[si.Volume, si.Mask], abdomen: Any
) -> None:
    ct, liver = real_liver
    ras = ct.geometry.ras_from_kji(np.argwhere(liver.inside()))
    middle = ras[np.argmin(np.linalg.norm(ras - ras.mean(axis=0), axis=-1))]
    ball = np.zeros(ct.shape, dtype=bool)
    ball[tuple(np.argwhere(liver.inside())[np.linalg.norm(ras - middle, axis=-1) < 7.0].T)] = True
    lesion = si.Mask.single(ball, ct.geometry, "lesion 1")
    body = replace(abdomen, ct=ct, liver=liver, lesion=lesion, vessels=lesion)
    tool = si.tools()[tool_id]
    result = run(tool_id, seed=5, **inputs_for(tool, body))
    for output in tool.outputs:
        if output.edits:
            after = result.outputs[output.name]
            assert after.geometry.same_grid(ct.geometry, 0.0) and after.voxels.dtype == ct.voxels.dtype
            changed = after.voxels != ct.voxels
            assert changed.any() and not (changed & ~ndimage.binary_dilation(liver.inside(), iterations=3)).any()


@pytest.mark.parametrize("tool_id", TOOLS)
def test_inputs_are_not_written_to(tool_id: str, abdomen: Any) -> None:
    from synthetic_imaging.volume import content_hash

    tool = si.tools()[tool_id]
    rng = np.random.default_rng(2)
    body = make_body(rng, abdomen)
    given = inputs_for(tool, body, points=True)
    arrays = {n: v.voxels if isinstance(v, si.Volume) else v.layers for n, v in given.items() if hasattr(v, "geometry")}
    before = {n: content_hash(a, given[n].geometry) for n, a in arrays.items()}
    run(tool_id, seed=5, **given)
    assert before == {n: content_hash(a, given[n].geometry) for n, a in arrays.items()}


def make_body(rng: np.random.Generator, like: Any) -> Any:
    """A phantom of its own, so that a tool that writes into its inputs spoils no other test."""
    grid = si.Geometry.from_spacing((30, 44, 44), (2.0, 2.0, 2.5))
    index = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in grid.shape), indexing="ij"), axis=-1)
    liver = np.linalg.norm(index / (12, 18, 18), axis=-1) <= 1
    lesion = np.linalg.norm((index - (0, 7, 7)) / (2, 3, 3), axis=-1) <= 1
    voxels = np.rint(np.where(liver, 110, -90) - 40 * lesion + rng.normal(0, 8, grid.shape)).astype(np.int16)
    return replace(
        like, ct=si.Volume.ct(voxels, grid), liver=si.Mask.single(liver, grid, "liver"),
        lesion=si.Mask.single(lesion, grid, "lesion 1"),
        vessels=si.Mask.single(index[..., 1] == -10.5, grid, "vessels"),
        aside_ras_mm=tuple(grid.ras_from_kji((14.5, 21.5, 26.5)).tolist()),
    )


# 3. The same seed gives the same result, in any host.


@pytest.mark.parametrize("tool_id", TOOLS)
def test_the_same_seed_gives_the_same_result_here_again_and_in_a_child(
    tool_id: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    first = made(tool_id, "sheared")
    given = inputs_for(si.tools()[tool_id], abdomen_on("sheared"))
    again, child = run(tool_id, seed=5, **given), jobs.run_in_child(tool_id, given, {}, 5)
    for name, value in first.outputs.items():
        assert content(again.outputs[name]) == content(value)
        assert content(child.outputs[name]) == content(value)
    assert first.notes == again.notes == child.notes


@pytest.mark.parametrize("tool_id", EDITING)
def test_another_seed_gives_another_result(
    tool_id: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    other = run(tool_id, seed=6, **inputs_for(si.tools()[tool_id], abdomen_on()))
    name = next(o.name for o in si.tools()[tool_id].outputs if o.edits)
    assert other.outputs[name].sha256 != made(tool_id).outputs[name].sha256


# 4. Progress is honest, cancel works.


@pytest.mark.parametrize("tool_id", TOOLS)
def test_progress_rises_to_one_with_named_steps_and_a_cancel_is_heard_wherever_it_comes(
    tool_id: str, abdomen_on: Callable[..., Any]
) -> None:
    given = inputs_for(si.tools()[tool_id], abdomen_on())
    seen: list[Progress] = []
    run(tool_id, context=Run(seed=5, report=seen.append), **given)
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0
    assert len(seen) >= 4 and len({p.step for p in seen}) >= 3
    assert all(p.step.strip() and p.step == p.step.strip() for p in seen)
    assert all(p.seconds_left is None or p.seconds_left >= 0 for p in seen)
    assert max(b - a for a, b in itertools.pairwise(fractions)) < 0.75
    for stop_at in {1, len(seen) // 3, 2 * len(seen) // 3, len(seen) - 1}:
        heard: list[Progress] = []
        context = Run(seed=5, report=heard.append, cancelled=lambda n=stop_at, h=heard: len(h) >= n)
        with pytest.raises(si.Cancelled):
            run(tool_id, context=context, **given)
        assert len(heard) == stop_at


# 6. It says that it is synthetic.


@pytest.mark.parametrize("tool_id", TOOLS)
def test_every_output_carries_the_record_of_how_it_was_made(
    tool_id: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    tool, result = si.tools()[tool_id], made(tool_id)
    given = inputs_for(tool, abdomen_on())
    for name, value in result.outputs.items():
        frames = list(value) if isinstance(value, si.Sequence) else []
        for one in (value, *frames):
            record = one.provenance
            assert record is not None and record.synthetic and record.tool == tool_id and record.output == name
            assert record.seed == 5 and record.reference == tool.reference and record.device
            assert set(record.parameters) == {f.name for f in fields_of(tool.parameters)}
            for key, thing in given.items():
                assert record.inputs[key]["sha256"] == thing.sha256
            text = record.to_json()
            assert si.Provenance.from_json(text) == record
            assert "name of a patient" not in text
            assert str(Path.home()) not in text
            assert not re.search(r'"(/|[A-Za-z]:\\\\|~)', text), "a path stands in the record"
    assert json.loads(json.dumps(result.notes)) == list(result.notes)


@pytest.mark.parametrize("tool_id", EDITING)
def test_the_name_of_an_edited_volume_is_not_that_of_the_original(
    tool_id: str, made: Callable[..., Any], abdomen_on: Callable[..., Any]
) -> None:
    assert all(made(tool_id).outputs[o.name].name != abdomen_on().ct.name
               for o in si.tools()[tool_id].outputs if o.edits)


# 7. Memory and device are chosen.


@pytest.mark.parametrize("tool_id", TOOLS)
def test_the_memory_estimate_covers_what_the_run_takes(tool_id: str, abdomen_on: Callable[..., Any]) -> None:
    tool = si.tools()[tool_id]
    given = inputs_for(tool, abdomen_on())
    asked = needed_bytes(tool, {i.name: given.get(i.name) for i in tool.inputs}, make(tool.parameters, {}))
    tracemalloc.start()
    try:
        run(tool_id, seed=5, **given)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert asked >= peak and asked > 0
    assert any(o.edits for o in tool.outputs) <= (asked >= abdomen_on().ct.voxels.nbytes)
