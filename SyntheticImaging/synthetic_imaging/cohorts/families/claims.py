"""The claims of the survey that a small comparison can test, and how they fared; nothing is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthetic_imaging.cohorts.families.memory import of_family
from synthetic_imaging.cohorts.families.model import FAMILIES

if TYPE_CHECKING:
    from synthetic_imaging.evidence.likeness import Likeness

_DIFFUSION = ("voxel", "latent", "flow", "wavelet")


def verdicts(
    rows: Mapping[str, Likeness], energy: Mapping[str, float], curves: Mapping[str, Any], memory: Mapping[str, int],
    real: str,
) -> list[str]:
    """One sentence or two for each claim, with its figures.

    Args:
        rows: title -> likeness to the test hearts.
        energy: title -> gradient energy, real = 1.
        curves: title -> Fréchet distance by number of cases.
        memory: recipe -> bytes; empty if it was not measured.
        real: title of the real set.
    """
    return [_memory(memory), _blur(energy), _recall(rows), _few(curves, real)]


def _title(name: str) -> str:
    return FAMILIES[name].title


def _memory(memory: Mapping[str, int]) -> str:
    if not memory:
        return "(a) Wavelet diffusion trains with the least memory: not measured in a quick run."
    found = {name: of_family(name, dict(memory)) / 1e6 for name in ("voxel", "wavelet", "latent")}
    figures = ", ".join(f"{_title(name)} {value:.0f} MB" for name, value in found.items())
    lowest = min(found, key=lambda name: found[name])
    return (f"(a) At equal volume size wavelet diffusion trains with the least memory of voxel, wavelet and latent "
            f"diffusion (its larger stage): **{'held' if lowest == 'wavelet' else 'did not hold'}** ({figures}).")


def _blur(energy: Mapping[str, float]) -> str:
    found = {name: energy[_title(name)] for name in FAMILIES}
    lowest = min(found, key=lambda name: found[name])
    between = [name for name in _DIFFUSION if found["vae"] < found[name] < found["gan"]]
    figures = ", ".join(f"{_title(name)} {value:.2f}" for name, value in found.items())
    middle = ", ".join(_title(name) for name in between) or "none of the four"
    return (f"(b) The VAE blurs most: **{'held' if lowest == 'vae' else 'did not hold'}** (gradient energy, real = 1: "
            f"{figures}). Of the diffusion and flow models between VAE and GAN: {middle}.")


def _recall(rows: Mapping[str, Likeness]) -> str:
    found = {name: rows[_title(name)].recall for name in ("gan", *_DIFFUSION)}
    gan = found.pop("gan")
    figures = ", ".join(f"{_title(name)} {value:.2f}" for name, value in found.items())
    outcome = "held" if all(gan < value for value in found.values()) else "did not hold"
    return (f"(b) The GAN has a lower recall than diffusion and flow: **{outcome}** (GAN {gan:.2f}; {figures}; VAE "
            f"{rows[_title('vae')].recall:.2f}).")


def _few(curves: Mapping[str, Any], real: str) -> str:
    first = curves[real]
    grows = first.mean[0] / max(first.mean[-1], 1e-12)
    made = {title: curve for title, curve in curves.items() if title != real}
    few = sorted(made, key=lambda title: float(made[title].mean[0]))
    many = sorted(made, key=lambda title: float(made[title].mean[-1]))
    moved = sum(a != b for a, b in zip(few, many, strict=True))
    order = "the order of the families is the same" if not moved else f"{moved} of the families change their place"
    outcome = "held" if grows > 1.5 else "did not hold"
    return (f"(c) The Fréchet distance is unstable with few cases: **{outcome}** (real against real it is {grows:.1f} "
            f"times as large with {first.sizes[0]} hearts as with {first.sizes[-1]}; from one to the other {order}).")
