"""The recipes of the segmenters of hearts: directly, by filling in blocks, and after filling in blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from synthetic_imaging.learning.learner import CaseSource, Learner
from synthetic_imaging.learning.recipe import Data, DataShape, Recipe
from synthetic_imaging.segmentation.settings import (
    ECHO_PUBLISHED,
    ECHO_SMALL,
    PUBLISHED,
    SMALL,
    SegmentationSettings,
    Strategy,
)

if TYPE_CHECKING:
    import torch

CT_STRUCTURES = ("LA", "LV", "RA", "RV", "MYO", "AO", "PA", "LAA")
ECHO_STRUCTURES = ("Left ventricular myocardium", "Left ventricular cavity")
CT_WINDOW_HU = (-1000.0, 2000.0)
# First numbers of the splits: no phantom heart is in two of them, whatever the sizes up to here.
VALIDATION_FROM, TEST_FROM, SYNTHETIC_FROM = 1_000_000, 2_000_000, 3_000_000
# What a phantom stream that stands for synthetic cases can give without end.
_ENDLESS = 1_000_000
_WEIGHTS_SEED, _SEED_OF_SPLIT = 3, 0

CT_REFERENCE = (
    "Ikuta et al. (2024). Synthetic multimodal data generation and training optimization for computed tomography "
    "cardiac imaging applications. NeurIPS; 3-D U-Net after Ronneberger et al. (2015)"
)
ECHO_REFERENCE = (
    "Ferdian E, Zhao D, et al. DIFF-3: A latent diffusion model for the generation of synthetic 3D echocardiographic "
    "images and corresponding labels (poster); 3-D U-Net after Ronneberger et al. (2015)"
)


def ct_shape(settings: SegmentationSettings) -> DataShape:
    """CT in -1000 to 2000 HU with the eight structures of the heart."""
    return DataShape(settings.shape, (settings.spacing_mm,) * 3, "CT", CT_WINDOW_HU, CT_STRUCTURES)


def echo_shape(settings: SegmentationSettings) -> DataShape:
    """Ultrasound of 8 bits with the left ventricle's wall and cavity."""
    return DataShape(settings.shape, (settings.spacing_mm,) * 3, "US", (0.0, 255.0), ECHO_STRUCTURES)


def ct_phantoms(settings: SegmentationSettings, first: int, count: int, keep: bool = True) -> CaseSource:
    """Phantom CT hearts; kept in memory once made, unless there is no end to them."""
    from synthetic_imaging.learning.remembered import RememberedCases
    from synthetic_imaging.phantoms.heart.stream import HeartCtCases

    source = HeartCtCases(settings.phantoms.seed, count, settings.shape, settings.spacing_mm, first=first)
    return RememberedCases(source) if keep else source


def echo_phantoms(settings: SegmentationSettings, first: int, count: int, keep: bool = True) -> CaseSource:
    """Phantom echocardiograms; kept in memory once made, unless there is no end to them."""
    from synthetic_imaging.learning.remembered import RememberedCases
    from synthetic_imaging.phantoms.heart.stream import HeartEchoCases

    source = HeartEchoCases(settings.phantoms.seed, count, settings.shape, first=first)
    return RememberedCases(source) if keep else source


def segmenter_networks(settings: SegmentationSettings, classes: int, seed: int = _WEIGHTS_SEED) -> torch.nn.ModuleDict:
    """The untrained segmenter and a place for its domain.

    Args:
        settings: network and widths.
        classes: of the output, with the background; 1 for a network that fills in images.
        seed: of the first weights.
    """
    import torch

    from synthetic_imaging.learning.networks.building import built
    from synthetic_imaging.learning.networks.segmenters import Segmenter
    from synthetic_imaging.learning.networks.settings import SegmenterSettings
    from synthetic_imaging.segmentation.domain_buffers import DomainBuffers
    from synthetic_imaging.segmentation.learners import DOMAIN, SEGMENTER

    with built(seed):
        network = Segmenter(SegmenterSettings(settings.network, 1, classes, settings.widths))
    return torch.nn.ModuleDict({SEGMENTER: network, DOMAIN: DomainBuffers()})


def _synthetic_cases(
    settings: SegmentationSettings, shape: DataShape, phantoms: Callable[..., CaseSource], wanted: int
) -> CaseSource:
    if settings.synthetic == "phantom":
        if settings.on_the_fly:
            return phantoms(settings, SYNTHETIC_FROM, _ENDLESS, False)
        return phantoms(settings, SYNTHETIC_FROM, max(1, wanted))
    from synthetic_imaging.learning.data.folder import read_folder
    from synthetic_imaging.segmentation.sources import Joined

    data = read_folder(settings.synthetic, shape)
    # Cases made by a generator have no patients to keep apart: all of them teach.
    return Joined(tuple(part for part in (data.training, data.validation, data.test) if part is not None))


def _learner_of(
    shape_of: Callable[[SegmentationSettings], DataShape], phantoms: Callable[..., CaseSource], fill_in: bool
) -> Callable[[SegmentationSettings, Data, torch.nn.ModuleDict, Mapping[str, Any]], Learner]:
    def learner(
        settings: SegmentationSettings, data: Data, networks: torch.nn.ModuleDict, models: Mapping[str, Any]
    ) -> Learner:
        from synthetic_imaging.segmentation.augmentation import Augmented
        from synthetic_imaging.segmentation.learners import SEGMENTER, MaskedReconstructionLearner, SegmentationLearner
        from synthetic_imaging.segmentation.sources import cases_for, split

        if "encoder" in models:
            from synthetic_imaging.learning.networks.segmenters import transfer_encoder

            transfer_encoder(models["encoder"].networks[SEGMENTER], networks[SEGMENTER])
        synthetic = None
        if fill_in or settings.strategy is not Strategy.REAL:
            wanted = round(settings.ratio * len(data.training)) if settings.ratio else len(data.training)
            synthetic = _synthetic_cases(settings, shape_of(settings), phantoms, wanted)
        strategy = Strategy.SYNTHETIC if fill_in else settings.strategy
        cases = cases_for(strategy, data.training, synthetic, settings.ratio, settings.on_the_fly)
        validation = data.validation
        if fill_in or validation is None:
            # The publication holds out a tenth of what it trains with.
            cases, validation = split(cases, seed=_SEED_OF_SPLIT)
        cases = Augmented(cases, settings.augment)
        kind = MaskedReconstructionLearner if fill_in else SegmentationLearner
        return kind(networks, cases, validation, settings)

    return learner


def _recipes(
    part: str,
    name: str,
    reference: str,
    presets: Mapping[str, SegmentationSettings],
    shape_of: Callable[[SegmentationSettings], DataShape],
    phantoms: Callable[..., CaseSource],
) -> tuple[Recipe, Recipe, Recipe]:
    """Segmentation, filling in blocks, and segmentation that starts from the latter's encoder."""

    def data(settings: SegmentationSettings) -> Data:
        counts = settings.phantoms
        return Data(
            phantoms(settings, 0, counts.training), phantoms(settings, VALIDATION_FROM, counts.validation),
            phantoms(settings, TEST_FROM, counts.test), "phantom",
        )

    def networks(settings: SegmentationSettings) -> torch.nn.ModuleDict:
        return segmenter_networks(settings, len(shape_of(settings).labels) + 1)

    def filling(settings: SegmentationSettings) -> torch.nn.ModuleDict:
        return segmenter_networks(settings, 1)

    blocks_id = f"segmentation.{part}-blocks"
    return (
        Recipe(
            id=f"segmentation.{part}", title=f"Segmenter: {name}",
            sentence=f"Learns to draw structures in {name}, from real cases, synthetic ones, or both.",
            reference=reference, settings=SegmentationSettings, presets=presets, data_shape=shape_of, phantom=data,
            networks=networks, learner=_learner_of(shape_of, phantoms, False),
        ),
        Recipe(
            id=blocks_id, title=f"Filling in blocks: {name}",
            sentence=f"Learns to fill in zeroed blocks of synthetic {name}, without labels: a start for a segmenter.",
            reference=reference, settings=SegmentationSettings, presets=presets, data_shape=shape_of, phantom=data,
            networks=filling, learner=_learner_of(shape_of, phantoms, True),
        ),
        Recipe(
            id=f"segmentation.{part}-pretrained", title=f"Segmenter after filling in: {name}",
            sentence=f"Learns to draw structures in {name}, starting from the encoder that learned to fill in blocks.",
            reference=reference, settings=SegmentationSettings, presets=presets, data_shape=shape_of, phantom=data,
            networks=networks, learner=_learner_of(shape_of, phantoms, False), needs={"encoder": blocks_id},
        ),
    )


HEARTS_CT, HEARTS_CT_BLOCKS, HEARTS_CT_PRETRAINED = _recipes(
    "hearts-ct", "cardiac CT", CT_REFERENCE, {"small": SMALL, "published": PUBLISHED}, ct_shape, ct_phantoms
)
HEARTS_ECHO, HEARTS_ECHO_BLOCKS, HEARTS_ECHO_PRETRAINED = _recipes(
    "hearts-echo", "3-D echocardiography", ECHO_REFERENCE, {"small": ECHO_SMALL, "published": ECHO_PUBLISHED},
    echo_shape, echo_phantoms,
)
