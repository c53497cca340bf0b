"""Inputs that do not fit get a sentence which names the input, what is wrong, and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.context import Run
from synthetic_imaging.input_checks import check_inputs, value_range
from synthetic_imaging.tool import CT, At, Image, Kind, NoParameters, Output, Outputs, Segments, Tool, tool

SHAPE = (6, 7, 8)


@tool(
    "test.checks", title="Check inputs", sentence="Does nothing.", reference="none",
    inputs=[
        CT("ct", "CT volume"),
        Segments("organ", "Organ", same_grid_as="ct"),
        Segments("vessels", "Vessels", required=False, same_grid_as="ct", may_be_empty=True),
        Image("pet", "PET volume", required=False, modality="PT"),
        At("at", "Where", required=False),
    ],
    outputs=[Output("volume", Kind.VOLUME, like="ct")],
)
def checks(
    ct: si.Volume, organ: si.Mask, vessels: si.Mask | None, pet: si.Volume | None, at: si.Points | None,
    parameters: NoParameters, run: Run,
) -> Outputs:
    return Outputs(volume=ct)


TOOL: Tool = checks


def grid(shape: tuple[int, ...] = SHAPE, origin: float = 0.0) -> si.Geometry:
    return si.Geometry.from_spacing(shape, (1.0, 1.0, 2.0), (origin, 0.0, 0.0))


def ct(voxels: Any = None, **more: Any) -> si.Volume:
    if voxels is None:
        voxels = np.linspace(-1000, 400, int(np.prod(SHAPE))).reshape(SHAPE)
    voxels = np.asarray(voxels)
    return si.Volume.ct(voxels, grid(voxels.shape), name="thorax", **more)


def organ(inside: Any = None, geometry: si.Geometry | None = None) -> si.Mask:
    geometry = geometry or grid()
    return si.Mask.single(np.ones(geometry.shape) if inside is None else inside, geometry, "liver")


def refused(**given: Any) -> str:
    with pytest.raises(si.InputError) as error:
        check_inputs(TOOL, {"ct": ct(), "organ": organ(), **given})
    sentence = str(error.value)
    assert len(sentence) >= 20 and sentence.endswith(".")
    return sentence


def spoilt(value: float, dtype: type = np.float32) -> np.ndarray:
    voxels = np.linspace(-1000, 400, int(np.prod(SHAPE))).reshape(SHAPE).astype(dtype)
    voxels[2, 3, 4] = value
    return voxels


def test_fitting_inputs_pass_in_the_declared_order_with_none_for_the_missing() -> None:
    checked = check_inputs(TOOL, {"organ": organ(), "ct": ct()})
    assert list(checked) == ["ct", "organ", "vessels", "pet", "at"]
    assert checked["vessels"] is None and checked["at"] is None


def test_points_may_be_plain_numbers() -> None:
    at = check_inputs(TOOL, {"ct": ct(), "organ": organ(), "at": (1, 2, 3)})["at"]
    assert isinstance(at, si.Points) and at.ras_mm.tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_counted(value: float) -> None:
    sentence = refused(ct=ct(spoilt(value)))
    assert "CT volume 'thorax'" in sentence and "1 voxels that are not numbers" in sentence


def test_a_volume_of_nan_only_is_refused() -> None:
    assert "not numbers" in refused(ct=ct(np.full(SHAPE, np.nan)))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_constant_volume_is_refused(dtype: type) -> None:
    assert "constant: every voxel is -3" in refused(ct=ct(np.full(SHAPE, -3, dtype=dtype)))


@pytest.mark.parametrize("shape", [(1, 30, 30), (30, 1, 30), (30, 30, 1)])
def test_a_single_slice_is_refused(shape: tuple[int, ...]) -> None:
    voxels = np.linspace(-1000, 400, 900).reshape(shape)
    assert "single slice" in refused(ct=ct(voxels), organ=organ(geometry=grid(shape)))


def test_another_modality_is_refused_by_both_names() -> None:
    mr = si.Volume(spoilt(0), grid(), modality="MR", name="T1")
    assert refused(ct=mr) == "CT volume 'T1' is MR; this tool works on CT."
    assert "PET volume 'thorax' is CT; this tool works on PT." in refused(pet=ct())


@pytest.mark.parametrize(
    ("voxels", "unit", "said"),
    [
        (np.linspace(0, 4095, 336).reshape(SHAPE), "HU", "does not look like Hounsfield units (from 0 to 4095)"),
        (np.linspace(-0.5, 0.5, 336).reshape(SHAPE), "HU", "does not look like Hounsfield units"),
        (np.linspace(-1e6, 1e6, 336).reshape(SHAPE), "HU", "far outside what a CT measures"),
        (np.linspace(-1000, 400, 336).reshape(SHAPE), "SUV", "is in SUV; Hounsfield units are needed"),
    ],
)
def test_numbers_that_cannot_be_hounsfield_units_are_refused(voxels: np.ndarray, unit: str, said: str) -> None:
    volume = si.Volume(voxels, grid(), modality="CT", unit=unit, name="thorax")
    sentence = refused(ct=volume)
    assert said in sentence and "rescale slope" in sentence


def test_an_empty_organ_is_refused_and_an_empty_vessel_tree_is_not() -> None:
    empty = organ(np.zeros(SHAPE))
    assert "Organ: segment 'liver' holds no voxel" in refused(organ=empty)
    assert check_inputs(TOOL, {"ct": ct(), "organ": organ(), "vessels": empty})["vessels"] is empty


@pytest.mark.parametrize("other", [grid((6, 7, 9)), grid(origin=0.5)])
def test_a_mask_on_another_grid_is_refused(other: si.Geometry) -> None:
    sentence = refused(organ=organ(geometry=other))
    assert "Organ 'liver' lies on another voxel grid than CT volume 'thorax'" in sentence and "Resample" in sentence


def test_a_missing_an_unknown_and_a_wrong_kind_of_input_are_named() -> None:
    assert "CT volume is missing" in refused(ct=None)
    assert "takes no input 'mask'. It takes: ct, organ, vessels, pet, at." in refused(mask=organ())
    assert "Organ must be a segmentation, not Volume" in refused(organ=ct())
    assert "CT volume must be a volume, not ndarray" in refused(ct=np.zeros(SHAPE))


@pytest.mark.parametrize("at", [(1, 2), [[1, 2, np.nan]], "here", [[1, 2, 3], [4, 5]], np.zeros((2, 2, 3))])
def test_points_that_are_none_are_refused(at: Any) -> None:
    sentence = refused(at=at)
    assert sentence.startswith("Where: ") and "right, anterior, superior" in sentence


def test_a_list_of_points_without_a_point_is_refused() -> None:
    assert "Where: the list holds no point" in refused(at=np.zeros((0, 3)))


def test_value_range_is_that_of_the_finite_voxels_whatever_the_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    voxels = spoilt(np.nan, np.float64)
    voxels[5, 0, 0] = -np.inf
    expected = (float(voxels[np.isfinite(voxels)].min()), float(voxels[np.isfinite(voxels)].max()), 2)
    assert value_range(voxels) == expected
    monkeypatch.setattr("synthetic_imaging.input_checks._SLAB_BYTES", 1)
    assert value_range(voxels) == expected
