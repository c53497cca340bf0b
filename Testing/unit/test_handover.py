"""What goes to another process comes back bit for bit, whatever it is."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import synthetic_imaging as si
from synthetic_imaging.jobs import handover

CODES = st.builds(si.Code, scheme=st.just("SCT"), value=st.text(max_size=6), meaning=st.text(max_size=6))
TERMS = st.builds(
    si.Terminology, category=CODES, type=CODES, type_modifier=st.none() | CODES, region=st.none() | CODES
)
DTYPES = st.sampled_from(["<i2", "<f4", "<u1", "<f8", "<i8", ">i2", ">f4", "?", "<f2", "<u4"])
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=4)
NUMBERS = st.floats(-3, 3)
RECORDS = st.builds(
    si.Provenance, tool=st.just("a.b"), tool_title=st.text(max_size=5), tool_version=st.just("1"),
    output=st.just("volume"), seed=st.integers(0, 2**63 - 1), device=st.just("cpu"), created_utc=st.just("now"),
    seconds=st.floats(0, 10), notes=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    parameters=st.dictionaries(st.text(max_size=4), st.none() | st.booleans() | st.floats(-5, 5) | st.text(max_size=4)),
    inputs=st.just({"ct": {"kind": "Volume", "sha256": "0", "synthetic": False}}),
)


@st.composite
def geometries(draw: st.DrawFn, shape: tuple[int, ...]) -> si.Geometry:
    """Any invertible matrix: oblique, left-handed, sheared, anisotropic."""
    matrix = np.eye(4)
    matrix[:3] = draw(hnp.arrays(np.float64, (3, 4), elements=NUMBERS))
    matrix[:3, 3] *= 100
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    assume((lengths > 1e-3).all() and abs(np.linalg.det(matrix[:3, :3] / lengths)) > 1e-3)
    return si.Geometry(matrix, shape)  # type: ignore[arg-type]


@st.composite
def volumes(draw: st.DrawFn, shape: tuple[int, ...] | None = None) -> si.Volume:
    shape = shape or draw(SHAPES)
    voxels = draw(hnp.arrays(np.dtype(draw(DTYPES)), shape))
    if draw(st.booleans()):
        voxels = np.asfortranarray(voxels)
    return si.Volume(
        voxels, draw(geometries(shape)), draw(st.sampled_from(["", "CT", "MR"])), draw(st.text(max_size=4)),
        draw(st.sampled_from(["", "HU"])), draw(st.text(max_size=8)),
        draw(st.none() | st.tuples(NUMBERS, NUMBERS)), draw(st.none() | RECORDS),
    )


@st.composite
def masks(draw: st.DrawFn) -> si.Mask:
    """Overlapping segments in one to three layers, in small or large whole numbers."""
    shape = draw(SHAPES)
    layers = draw(st.integers(1, 3))
    voxels = draw(hnp.arrays(np.dtype(draw(st.sampled_from(["u1", "<u2", "<i4"]))), (layers, *shape),
                             elements=st.integers(0, 3)))
    places = draw(st.lists(st.tuples(st.integers(0, layers - 1), st.integers(1, 3)), unique=True, max_size=4))
    segments = tuple(
        si.Segment(f"{draw(st.text(max_size=4))} {n}", label, layer, draw(st.tuples(*[st.floats(0, 1)] * 3)),
                   draw(st.none() | TERMS), draw(st.text(max_size=3)))
        for n, (layer, label) in enumerate(places)
    )
    return si.Mask(voxels, draw(geometries(shape)), segments, draw(st.text(max_size=5)), draw(st.none() | RECORDS))


CELLS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=True) | st.text(max_size=5)
TABLES = st.builds(
    si.Table, columns=st.just((si.Column("a", "A", "mm"), si.Column("b", "B"))),
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=4).map(tuple), name=st.text(max_size=4),
    provenance=st.none() | RECORDS,
)
POINTS = st.builds(
    si.Points, hnp.arrays(np.float64, st.tuples(st.integers(0, 4), st.just(3)), elements=st.floats(-1e6, 1e6)),
    st.lists(st.text(max_size=3), max_size=2).map(tuple), st.text(max_size=4),
)


@st.composite
def sequences(draw: st.DrawFn) -> si.Sequence:
    frame = draw(volumes() | masks())
    index = draw(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4, unique=True))
    return si.Sequence((frame,) * len(index), tuple(sorted(index)), draw(st.text(max_size=3)), "day", "growth")


def there_and_back(values: Mapping[str, Any], mapped: bool) -> dict[str, Any]:
    """Through the folder and through JSON text, as between two processes."""
    with tempfile.TemporaryDirectory() as place:
        folder, origins = Path(place), {}
        writer = handover.Writer(folder, origins)
        text = json.dumps({name: writer.describe(value) for name, value in values.items()})
        return {n: handover.restore(d, folder, origins, mapped) for n, d in json.loads(text).items()}


def same(a: Any, b: Any) -> None:
    """Raise where two values differ in anything."""
    assert type(a) is type(b)
    if isinstance(a, si.Sequence):
        assert (a.index, a.index_name, a.index_unit) == (b.index, b.index_name, b.index_unit)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, si.Points):
        assert np.array_equal(a.ras_mm, b.ras_mm) and a.labels == b.labels
        return
    elif isinstance(a, si.Table):
        assert a.columns == b.columns and len(a) == len(b)
        for one, other in zip([c for r in a.rows for c in r], [c for r in b.rows for c in r], strict=True):
            assert type(one) is type(other)
            assert one == other or (isinstance(one, float) and math.isnan(one) and math.isnan(other))
    else:
        assert np.array_equal(a.geometry.ijk_to_ras, b.geometry.ijk_to_ras) and a.shape == b.shape
        arrays = (a.voxels, b.voxels) if isinstance(a, si.Volume) else (a.layers, b.layers)
        assert arrays[0].dtype == arrays[1].dtype and type(arrays[1]) is np.ndarray
        assert arrays[0].tobytes() == arrays[1].tobytes() and not arrays[1].flags.writeable
        if isinstance(a, si.Volume):
            assert (a.modality, a.quantity, a.unit, a.window) == (b.modality, b.quantity, b.unit, b.window)
        else:
            assert a.segments == b.segments
    assert a.name == b.name and a.provenance == b.provenance


@given(value=st.one_of(volumes(), masks(), TABLES, POINTS, sequences()), mapped=st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_value_comes_back_bit_for_bit(value: Any, mapped: bool) -> None:
    same(value, there_and_back({"value": value}, mapped and not isinstance(value, si.Points))["value"])


def test_numbers_of_numpy_in_windows_cells_colours_and_indices_are_plain_numbers_afterwards() -> None:
    grid = si.Geometry.from_spacing((2, 2, 2))
    volume = si.Volume(np.zeros((2, 2, 2)), grid, window=(np.float32(40), np.int64(400)))  # type: ignore[arg-type]
    colour = tuple(np.array([0.25, 0.5, 1.0], dtype=np.float32))
    mask = si.Mask.single(np.ones((2, 2, 2)), grid, si.Segment("liver", colour=colour, label=np.int64(1)))  # type: ignore[arg-type]
    table = si.Table((si.Column("n", "N"),), ((np.int64(3),), (np.float32(0.5),), (np.bool_(True),)))  # type: ignore[arg-type]
    back = there_and_back({"volume": volume, "mask": mask, "table": table}, mapped=False)
    assert back["volume"].window == (40, 400)
    assert back["mask"].segments[0].colour == (0.25, 0.5, 1.0)
    assert back["table"].rows == ((3,), (0.5,), (True,))


def test_labels_of_numpy_do_too() -> None:
    grid = si.Geometry.from_spacing((2, 2, 2))
    layer = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    segments = tuple(si.Segment(f"organ {n}", label=n) for n in np.unique(layer)[1:])  # type: ignore[arg-type]
    mask = si.Mask(layer, grid, segments)
    same(mask, there_and_back({"mask": mask}, mapped=False)["mask"])


def test_parts_of_an_array_and_shared_arrays_stay_apart() -> None:
    voxels = np.arange(6 * 8 * 10, dtype=np.int16).reshape(6, 8, 10)
    whole = si.Volume(voxels, si.Geometry.from_spacing(voxels.shape))
    values = {
        "whole": whole, "again": whole, "crop": whole.cropped(si.Box((0, 0, 0), (3, 4, 5))),
        "flipped": whole.like(voxels[:, :, ::-1]), "other type": whole.like(voxels.view(np.uint16)), "nothing": None,
    }
    back = there_and_back(values, mapped=True)
    assert back.pop("nothing") is None
    for name, value in back.items():
        same(values[name], value)


def test_what_no_tool_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="dict"):
        handover.Writer(tmp_path, {}).describe({})
