"""A model that makes small balls for hearts, quickly, for tests of cohorts; and others that misbehave."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from synthetic_imaging.cohorts.generator import CohortCase, Measurement
from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.geometry import Geometry
from synthetic_imaging.mask import Mask, Segment
from synthetic_imaging.parameters import Within
from synthetic_imaging.volume import Volume


@dataclass(frozen=True)
class Balls:
    """A bright ball in a grey box, in a shell."""

    id: ClassVar[str] = "standin.balls"
    title: ClassVar[str] = "Ball phantom"
    sentence: ClassVar[str] = "A ball in a shell."
    reference: ClassVar[str] = "none"
    modality: ClassVar[str] = "CT"
    structures: ClassVar[tuple[str, ...]] = ("ball", "shell")
    measurements: ClassVar[tuple[Measurement, ...]] = (
        Measurement("ball_volume_ml", "Ball", "ml", (1.0, 12.0)), Measurement("radius_mm", "Radius", "mm", (6.0, 14.0)),
    )

    size: Annotated[int, Within(8, 64)] = 20
    wait_seconds: Annotated[float, Within(0, 10)] = 0.0

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        radius = self.draw(rng)["radius_mm"]
        grid = Geometry.from_spacing((self.size,) * 3, (2.0, 2.0, 2.0), (-20.0, -20.0, -20.0))
        run.progress(0.3, "shape")
        k, j, i = np.ogrid[: self.size, : self.size, : self.size]
        distance = 2.0 * np.sqrt(sum((x - (self.size - 1) / 2) ** 2 for x in (k, j, i)))
        labels = np.where(distance <= radius, 1, np.where(distance <= radius + 3, 2, 0)).astype(np.uint8)
        time.sleep(self.wait_seconds)
        voxels = np.array([-80, 300, 90])[labels] + rng.normal(0, 20, grid.shape)
        run.progress(0.9, "grain")
        named = (Segment("ball", 1, colour=(0.9, 0.2, 0.2)), Segment("shell", 2, colour=(0.2, 0.6, 1.0)))
        mask = Mask(labels, grid, named)
        return CohortCase(
            Volume.ct(np.rint(voxels).astype(np.int16), grid), mask,
            {"ball_volume_ml": mask.volume_ml("ball"), "radius_mm": radius},
        )

    def draw(self, rng: np.random.Generator) -> Mapping[str, float]:
        return {"radius_mm": float(rng.uniform(6.0, 14.0))}


@dataclass(frozen=True)
class SlowBalls(Balls):
    """Without quick measurements, and slow."""

    id: ClassVar[str] = "standin.slow-balls"
    wait_seconds: Annotated[float, Within(0, 10)] = 0.15
    draw = None  # type: ignore[assignment]

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        return Balls(self.size, self.wait_seconds).make(rng, run)


@dataclass(frozen=True)
class Broken(Balls):
    """Says that it cannot."""

    id: ClassVar[str] = "standin.broken"

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        raise InputError("The ball has burst. Choose another model.")


@dataclass(frozen=True)
class Deadly(Balls):
    """Takes down the process that makes it."""

    id: ClassVar[str] = "standin.deadly"

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        os._exit(3)
