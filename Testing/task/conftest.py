from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")


@dataclass(eq=False)
class Patient:
    """The phantom in a scene."""

    host: Any
    abdomen: Any
    ct: Any
    organs: Any
    at: Any

    @property
    def scene(self) -> Any:
        return self.host.scene

    @property
    def nodes(self) -> dict[str, Any]:
        """What the lesion tools take."""
        from SyntheticImagingLib.task import SegmentChoice

        return {"ct": self.ct, "organ": SegmentChoice(self.organs, ("liver",)), "at": self.at}

    def classes(self) -> list[str]:
        """What is in the scene, for comparing before and after."""
        nodes = self.scene.GetNodes()
        return sorted(nodes.GetItemAsObject(n).GetClassName() for n in range(nodes.GetNumberOfItems()))


@pytest.fixture
def host() -> Iterator[Any]:
    from SyntheticImagingLib.headless import HeadlessSlicer

    with HeadlessSlicer() as made:
        yield made


@pytest.fixture
def patient_on(host: Any, abdomen_on: Callable[..., Any]) -> Callable[..., Patient]:
    """``patient_on(grid)``: the phantom on that grid, in the scene, with a point clicked in the liver."""

    def put(kind: str = "straight") -> Patient:
        import synthetic_imaging as si
        from SyntheticImagingLib.mrml import add_points, add_volume
        from SyntheticImagingLib.segmentations import add_segmentation

        abdomen = abdomen_on(kind)
        ct = add_volume(host.scene, abdomen.ct)
        organs = add_segmentation(host.scene, abdomen.liver, ct, "organs")
        return Patient(host, abdomen, ct, organs, add_points(host.scene, si.Points([abdomen.aside_ras_mm])))

    return put


@pytest.fixture
def patient(patient_on: Callable[..., Patient]) -> Patient:
    return patient_on()


def finish(task: Any, seconds: float = 60.0) -> Any:
    """Poll until the task has ended."""
    until = time.monotonic() + seconds
    while not task.finished:
        assert time.monotonic() < until, "the task did not end"
        task.poll()
        time.sleep(0.02)
    return task


@pytest.fixture
def run_to_end() -> Callable[..., Any]:
    return finish
