"""Cardiac CTs with eight structures, from the trained model, as cases of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from synthetic_imaging.cohorts.ct_cardiac import settings as chosen
from synthetic_imaging.cohorts.generator import CohortCase, Measurement
from synthetic_imaging.context import Run
from synthetic_imaging.learning.samplers.by_name import SamplerName
from synthetic_imaging.parameters import Advanced, Help, Label, NameOrPath, Within
from synthetic_imaging.volume import Volume

AUTOENCODER, DIFFUSION = "ct-cardiac-autoencoder", "ct-cardiac-diffusion"


@dataclass(frozen=True)
class CardiacCT:
    """Paired latent diffusion (Ikuta et al. 2024), trained on phantom hearts."""

    id: ClassVar[str] = "ct-cardiac"
    title: ClassVar[str] = "Cardiac CT, latent diffusion"
    sentence: ClassVar[str] = "A cardiac CT with eight structures, from latent diffusion trained on phantom hearts."
    reference: ClassVar[str] = chosen.REFERENCE
    modality: ClassVar[str] = "CT"
    structures: ClassVar[tuple[str, ...]] = chosen.STRUCTURES
    measurements: ClassVar[tuple[Measurement, ...]] = (
        Measurement("lv_volume_ml", "Left ventricle", "ml", (58, 267)),
        Measurement("rv_volume_ml", "Right ventricle", "ml", (83, 234)),
        Measurement("la_volume_ml", "Left atrium", "ml", (30, 130)),
        Measurement("ra_volume_ml", "Right atrium", "ml", (45, 149)),
        Measurement("myocardium_ml", "Left ventricular myocardium", "ml", (133, 347)),
        Measurement("appendage_ml", "Left atrial appendage", "ml", (14, 34)),
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
        from synthetic_imaging.cohorts.ct_cardiac.recipes import noise_schedule
        from synthetic_imaging.cohorts.paired_models import loaded, one_pair, pair_sampler, volume_ml
        from synthetic_imaging.phantoms.heart.labels import ct_grid, heart_mask

        autoencoder, diffusion = loaded(self.autoencoder, run.device), loaded(self.model, run.device)
        sampler = pair_sampler(autoencoder, diffusion, noise_schedule(diffusion.settings),
                               sampler_name=self.sampler.value, steps=self.steps, device=run.device)
        image, labels = one_pair(sampler, rng, run)
        spacing = autoencoder.recipe.data_shape(autoencoder.settings).spacing_mm
        grid = ct_grid(labels.shape, spacing)
        low, high = chosen.WINDOW_HU
        voxels = np.rint(low + (high - low) * image).astype(np.int16)
        volumes = {name: volume_ml(labels, value, spacing) for name, value in (
            ("la_volume_ml", 1), ("lv_volume_ml", 2), ("ra_volume_ml", 3), ("rv_volume_ml", 4), ("myocardium_ml", 5),
            ("appendage_ml", 8))}
        return CohortCase(Volume.ct(voxels, grid, name="synthetic cardiac CT"),
                          heart_mask(labels, grid, "synthetic structures"), volumes)
