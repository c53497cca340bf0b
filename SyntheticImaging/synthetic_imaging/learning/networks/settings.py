"""Settings of the networks, and the published configurations. No torch here: recipes read them early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import Advanced, Help, Label, Within


class Fusion(str, Enum):
    """How image and label enter one autoencoder."""

    STACKED = "stacked"
    SUMMED = "summed encoders"


class LabelCode(str, Enum):
    """How a label map becomes channels, and comes back.

    NUMBER enters as one channel of label values and leaves as class logits (DIFF-3). COLOURS enters and leaves as three
    colour channels (paired cardiac CT). ONE_HOT enters as one channel a class and leaves as class logits (soft-max).
    """

    NUMBER = "number"
    COLOURS = "colours"
    ONE_HOT = "one-hot"


class Palette(str, Enum):
    """Which nine colours stand for labels; see `palette`."""

    BLACK_BACKGROUND = "black background"
    GREY_BACKGROUND = "grey background"


class Skips(str, Enum):
    """How a U-Net joins what it keeps from the way down."""

    CONCATENATED = "concatenated"
    ADDED = "added"


class Trunk(str, Enum):
    """Which U-Net a denoiser is: MONAI's, or the one of DIFF-3."""

    MONAI = "monai"
    DIFF3 = "diff3"


class NumberConditioning(str, Enum):
    """How numbers (age, volume) reach a denoiser."""

    EMBEDDING = "embedding"
    CROSS_ATTENTION = "cross-attention"


@dataclass(frozen=True)
class PairedSettings:
    """How image and label map become channels of one network."""

    image_channels: Annotated[int, Label("Image channels"), Within(1, 64)] = 1
    classes: Annotated[int, Label("Label classes"), Help("With the background; 0 for an image alone."),
                       Within(0, 256)] = 3
    label_code: Annotated[LabelCode, Label("Label map as")] = LabelCode.NUMBER
    palette: Annotated[Palette, Label("Colours"), Advanced] = Palette.BLACK_BACKGROUND

    @property
    def label_channels_in(self) -> int:
        """Channels by which the label map enters."""
        if self.classes == 0:
            return 0
        return {LabelCode.NUMBER: 1, LabelCode.COLOURS: 3, LabelCode.ONE_HOT: self.classes}[self.label_code]

    @property
    def label_channels_out(self) -> int:
        """Channels by which the label map leaves."""
        if self.classes == 0:
            return 0
        return 3 if self.label_code is LabelCode.COLOURS else self.classes


@dataclass(frozen=True)
class AutoencoderSettings(PairedSettings):
    """A KL autoencoder of an image and, unless ``classes`` is 0, its label map."""

    widths: tuple[int, ...] = (32, 64, 128, 128)
    residual_blocks: Annotated[int, Label("Residual blocks a level"), Within(1, 8)] = 2
    latent_channels: Annotated[int, Label("Latent channels"), Within(1, 256)] = 4
    bottleneck_attention: Annotated[bool, Label("Attention at the bottleneck")] = True
    norm_groups: Annotated[int, Label("Groups of the normalisation"), Within(1, 128), Advanced] = 32
    fusion: Annotated[Fusion, Label("Image and label enter")] = Fusion.STACKED
    save_memory: Annotated[bool, Label("Save memory"), Help("Training computes blocks twice instead of keeping them."),
                           Advanced] = False

    @property
    def factor(self) -> int:
        """Voxels along an axis for one of the latent."""
        return int(2 ** (len(self.widths) - 1))

    def latent_shape(self, shape_kji: Sequence[int]) -> tuple[int, int, int, int]:
        """(C, K, J, I) of the latent of a volume.

        Raises:
            ParameterError: if the volume's size is no multiple of ``factor``.
        """
        check_multiple(shape_kji, self.factor, "This autoencoder")
        k, j, i = (n // self.factor for n in shape_kji)
        return self.latent_channels, k, j, i


@dataclass(frozen=True)
class VqSettings(PairedSettings):
    """A vector-quantised autoencoder (VQ-VAE; VQ-GAN with a patch discriminator)."""

    widths: tuple[int, ...] = (32, 64, 128)
    residual_blocks: Annotated[int, Label("Residual blocks a level"), Within(1, 8)] = 2
    codes: Annotated[int, Label("Codes"), Help("Size of the code book."), Within(2, 65536)] = 512
    code_channels: Annotated[int, Label("Channels of a code"), Within(1, 1024)] = 8
    commitment: Annotated[float, Label("Commitment weight"), Within(0, 10), Advanced] = 0.25
    code_decay: Annotated[float, Label("Decay of the code book's average"), Within(0, 0.9999), Advanced] = 0.99

    @property
    def factor(self) -> int:
        """Voxels along an axis for one code."""
        return int(2 ** len(self.widths))


@dataclass(frozen=True)
class VaeSettings(PairedSettings):
    """A variational autoencoder with one latent vector for a volume."""

    shape_kji: tuple[int, int, int] = (64, 64, 64)
    widths: tuple[int, ...] = (32, 64, 128, 256)
    latent: Annotated[int, Label("Latent numbers"), Within(1, 4096)] = 256
    norm_groups: Annotated[int, Label("Groups of the normalisation"), Within(1, 128), Advanced] = 8

    @property
    def factor(self) -> int:
        """Voxels along an axis for one of the coarsest features."""
        return int(2 ** len(self.widths))


class Adversarial(str, Enum):
    """Losses of a GAN: non-saturating (Goodfellow 2014), Wasserstein, with gradient penalty, or least squares."""

    NON_SATURATING = "non-saturating"
    WGAN = "wgan"
    WGAN_GP = "wgan-gp"
    LEAST_SQUARES = "least squares"


@dataclass(frozen=True)
class GanSettings(PairedSettings):
    """A generator from a noise vector, and what judges it; with slabs also the two-scale variant after HA-GAN."""

    shape_kji: tuple[int, int, int] = (64, 64, 64)
    width: Annotated[int, Label("Width"), Help("Channels of the finest level."), Within(4, 512)] = 32
    levels: Annotated[int, Label("Levels"), Help("How often the size is doubled from the start."), Within(3, 7)] = 4
    latent: Annotated[int, Label("Noise numbers"), Within(1, 4096)] = 256
    norm_groups: Annotated[int, Label("Groups of the normalisation"), Within(1, 128), Advanced] = 8
    loss: Annotated[Adversarial, Label("Adversarial loss")] = Adversarial.NON_SATURATING
    spectral: Annotated[bool, Label("Spectral normalisation"), Help("Of the discriminators."), Advanced] = True
    slab_part: Annotated[int, Label("Slab"), Help("Of the depth, one in this many slices is seen at full resolution "
                                                  "(two-scale variant)."), Within(1, 64), Advanced] = 8

    @property
    def factor(self) -> int:
        """Voxels along an axis for one of the coarsest features."""
        return int(2**self.levels)


class SegmenterNetwork(str, Enum):
    """Networks that segment, all MONAI's."""

    UNET = "U-Net"
    DYN_UNET = "DynUNet"
    SWIN_UNETR = "Swin UNETR"


@dataclass(frozen=True)
class SegmenterSettings:
    """A network that segments; ``classes`` counts the background, and 1 makes it one that reconstructs."""

    network: Annotated[SegmenterNetwork, Label("Network")] = SegmenterNetwork.UNET
    image_channels: Annotated[int, Label("Image channels"), Within(1, 64)] = 1
    classes: Annotated[int, Label("Label classes"), Help("With the background."), Within(1, 256)] = 9
    widths: tuple[int, ...] = (32, 64, 128, 256, 320)


@dataclass(frozen=True)
class DenoiserSettings:
    """A U-Net that a diffusion or flow model learns, in voxels, latents or wavelet bands."""

    channels: Annotated[int, Label("Channels"), Help("Of what is denoised."), Within(1, 256)] = 4
    width: Annotated[int, Label("Width"), Help("Channels of the finest level."), Within(4, 1024)] = 64
    multipliers: tuple[int, ...] = (1, 2, 4)
    residual_blocks: Annotated[int, Label("Residual blocks a level"), Within(1, 8)] = 2
    attention_levels: tuple[bool, ...] = (False, True, True)
    head_channels: Annotated[int, Label("Channels of an attention head"), Within(4, 256), Advanced] = 64
    norm_groups: Annotated[int, Label("Groups of the normalisation"), Within(1, 128), Advanced] = 32
    skips: Annotated[Skips, Label("Skip connections"), Advanced] = Skips.CONCATENATED
    trunk: Annotated[Trunk, Label("Network")] = Trunk.MONAI
    condition_channels: Annotated[int, Label("Channels of a conditioning volume"),
                                  Help("A label map or an image, joined to the input; 0 for none."), Within(0, 256)] = 0
    classes: Annotated[int, Label("Conditioning classes"), Help("0 for none."), Within(0, 10_000)] = 0
    numbers: Annotated[int, Label("Conditioning numbers"), Help("0 for none."), Within(0, 64)] = 0
    number_conditioning: Annotated[NumberConditioning, Label("Numbers enter by"), Advanced] = (
        NumberConditioning.EMBEDDING
    )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * m for m in self.multipliers)


def check_multiple(shape_kji: Sequence[int], factor: int, who: str) -> None:
    """Check that a volume's size can be halved as often as a network halves it.

    Raises:
        ParameterError: if not, saying which sizes fit.
    """
    if any(n < factor or n % factor for n in shape_kji):
        size = " x ".join(str(n) for n in shape_kji)
        near = " x ".join(str(max(1, -(-n // factor)) * factor) for n in shape_kji)
        raise ParameterError(
            f"{who} takes volumes whose sizes are multiples of {factor}; {size} voxels (K, J, I) are not. "
            f"Pad the volume to {near}."
        )


def check_groups(widths: tuple[int, ...], groups: int) -> None:
    """Check that each width can be normalised in groups.

    Raises:
        ParameterError: if not.
    """
    if not widths or any(width < 1 or width % groups for width in widths):
        raise ParameterError(f"The widths {', '.join(str(w) for w in widths) or '(none)'} must be multiples of the "
                             f"{groups} groups of the normalisation.")


# DIFF-3 (Ferdian, Zhao et al.): the autoencoder for 160 x 160 x 128 (I, J, K), the denoiser for latents of
# 4 x 20 x 20 x 16.
DIFF3_AUTOENCODER = AutoencoderSettings()
DIFF3_DENOISER = DenoiserSettings(trunk=Trunk.DIFF3, norm_groups=8, attention_levels=(True, True, True))
# Ikuta et al. (2024), 256 x 256 x 160; what the source leaves open as in our specification of it.
CT_CARDIAC_AUTOENCODER = AutoencoderSettings(
    classes=9, bottleneck_attention=False, fusion=Fusion.SUMMED, label_code=LabelCode.COLOURS
)
CT_CARDIAC_DENOISER = DenoiserSettings()
# Sun et al. (2022) at 128 voxels, image alone: DIFF-3's baseline.
HA_GAN_128 = GanSettings(classes=0, shape_kji=(128, 128, 128), levels=5, latent=1024, norm_groups=8)
# Friedrich et al.: the eight Haar bands of a volume of 128 voxels.
WAVELET_DENOISER_128 = DenoiserSettings(
    channels=8, multipliers=(1, 2, 2, 4, 4), attention_levels=(False,) * 5, skips=Skips.ADDED
)
