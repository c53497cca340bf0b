"""3-D echocardiograms with left ventricular labels, from the trained model, as cases of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from synthetic_imaging.cohorts.diff3 import settings as chosen
from synthetic_imaging.cohorts.generator import CohortCase, Measurement
from synthetic_imaging.context import Run
from synthetic_imaging.learning.samplers.by_name import SamplerName
from synthetic_imaging.parameters import Advanced, Help, Label, NameOrPath, Within
from synthetic_imaging.volume import Volume

AUTOENCODER, DIFFUSION = "diff3-autoencoder", "diff3-diffusion"
# Density of myocardium, g/ml.
MYOCARDIUM_G_PER_ML = 1.05


@dataclass(frozen=True)
class Echo:
    """DIFF-3 (Ferdian, Zhao et al.), trained on phantom hearts."""

    id: ClassVar[str] = "diff3"
    title: ClassVar[str] = "3-D echo, DIFF-3"
    sentence: ClassVar[str] = (
        "A 3-D echocardiogram with left ventricular myocardium and cavity, from latent diffusion trained on phantoms."
    )
    reference: ClassVar[str] = chosen.REFERENCE
    modality: ClassVar[str] = "US"
    structures: ClassVar[tuple[str, ...]] = ("LV myocardium", "LV cavity")
    measurements: ClassVar[tuple[Measurement, ...]] = (
        Measurement("lv_volume_ml", "Left ventricular cavity", "ml", (20, 220)),
        Measurement("myocardium_ml", "Left ventricular myocardium", "ml", (40, 220)),
        Measurement("myocardium_g", "Left ventricular mass", "g", (40, 230)),
    )

    steps: Annotated[int, Label("Sampler steps"), Within(1, 1000)] = 20
    sampler: Annotated[SamplerName, Label("Sampler"), Advanced] = SamplerName.DPM_SOLVER
    autoencoder: Annotated[str, Label("Autoencoder"), NameOrPath, Help("Name or file of its weights."),
                           Advanced] = AUTOENCODER
    model: Annotated[str, Label("Diffusion model"), NameOrPath, Help("Name or file of its weights."),
                     Advanced] = DIFFUSION

    @property
    def weights(self) -> Mapping[str, str]:
        """Name -> sha256."""
        from synthetic_imaging.cohorts.paired_models import loaded

        parts = {"autoencoder": self.autoencoder, "diffusion": self.model}
        return {part: loaded(name, "cpu").sha256 for part, name in parts.items()}

    def make(self, rng: np.random.Generator, run: Run) -> CohortCase:
        """One case; see `generator.Generator`."""
        from synthetic_imaging.cohorts.diff3.recipes import noise_schedule
        from synthetic_imaging.cohorts.paired_models import loaded, one_pair, pair_sampler, volume_ml
        from synthetic_imaging.phantoms.heart.echo import echo_grid, echo_mask

        autoencoder, diffusion = loaded(self.autoencoder, run.device), loaded(self.model, run.device)
        sampler = pair_sampler(autoencoder, diffusion, noise_schedule(diffusion.settings),
                               sampler_name=self.sampler.value, steps=self.steps, device=run.device)
        image, labels = one_pair(sampler, rng, run)
        spacing = chosen.EXTENT_MM / labels.shape[0]
        grid = echo_grid(labels.shape, spacing)
        volume = Volume(
            np.rint(255 * image).astype(np.uint8), grid, modality="US", quantity="echo amplitude",
            name="synthetic 3-D echo", window=(128.0, 256.0),
        )
        myocardium, cavity = (volume_ml(labels, value, (spacing,) * 3) for value in (1, 2))
        return CohortCase(volume, echo_mask(labels, grid), {
            "lv_volume_ml": cavity, "myocardium_ml": myocardium, "myocardium_g": MYOCARDIUM_G_PER_ML * myocardium,
        })
