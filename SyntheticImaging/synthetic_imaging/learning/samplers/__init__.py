"""From noise to images: DDPM, DDIM, DPM-Solver++, UniPC, rectified flow; guidance; quality against network calls."""

from synthetic_imaging.learning.samplers.by_name import SamplerName, sampler
from synthetic_imaging.learning.samplers.sampler import Level, Sampler
from synthetic_imaging.learning.samplers.spacing import Spacing

__all__ = ["Level", "Sampler", "SamplerName", "Spacing", "sampler"]
