"""Networks that segment: MONAI's U-Net, DynUNet and Swin UNETR, with encoder and decoder told apart.

The U-Net is Ronneberger's (two convolutions a level, max pooling), with instance normalisation and LeakyReLU. Training
on zero-masked images first and segmenting later keeps the encoder alone: `transfer_encoder`, `reset_decoder`.
"""

from __future__ import annotations

import torch
from monai.networks.nets import BasicUNet, DynUNet, SwinUNETR
from torch import nn

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.building import built
from synthetic_imaging.learning.networks.padding import to_multiple
from synthetic_imaging.learning.networks.settings import SegmenterNetwork, SegmenterSettings

_NORM = ("instance", {"affine": True})
_ACTIVATION = ("leakyrelu", {"negative_slope": 0.01, "inplace": True})
# Parameters whose names begin so are the encoder's; all others are the decoder's.
_ENCODERS = {
    SegmenterNetwork.UNET: ("conv_0.", "down_"),
    SegmenterNetwork.DYN_UNET: ("input_block.", "downsamples.", "bottleneck."),
    SegmenterNetwork.SWIN_UNETR: ("swinViT.", "encoder"),
}


class Segmenter(nn.Module):
    """A network from an image to class logits (or, with one class, to an image).

    Args:
        settings: which network, and its size. Of ``widths`` Swin UNETR uses the first, as its feature size.

    Raises:
        ParameterError: if the network cannot have these widths.
    """

    def __init__(self, settings: SegmenterSettings) -> None:
        super().__init__()
        self.settings = settings
        widths, kind = settings.widths, settings.network
        if kind is SegmenterNetwork.SWIN_UNETR:
            if not widths or widths[0] % 12:
                raise ParameterError("The first width of a Swin UNETR must be a multiple of 12, for example 24 or 48.")
            self.factor = 32
            self.network: nn.Module = SwinUNETR(settings.image_channels, settings.classes, feature_size=widths[0])
        elif kind is SegmenterNetwork.DYN_UNET:
            if len(widths) < 3:
                raise ParameterError("A DynUNet needs at least three widths.")
            self.factor = 2 ** (len(widths) - 1)
            self.network = _DynUNet(settings)
        else:
            if len(widths) != 5:
                raise ParameterError(f"The U-Net has five widths, not {len(widths)}.")
            self.factor = 16
            self.network = BasicUNet(3, settings.image_channels, settings.classes, (*widths, widths[0]),
                                     act=_ACTIVATION, norm=_NORM)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes, K, J, I) of an image (B, image channels, K, J, I) of any size.

        Raises:
            InputError: if it is not a batch of images with that many channels.
        """
        if image.ndim != 5 or image.shape[1] != self.settings.image_channels:
            raise InputError(f"The segmenter takes (B, {self.settings.image_channels}, K, J, I), "
                             f"not {tuple(image.shape)}.")
        _, _, k, j, i = image.shape
        # At least two voxels at the bottom: one alone has no variance to normalise by.
        return self.network(to_multiple(image, self.factor, at_least=2 * self.factor))[:, :, :k, :j, :i]

    def is_encoder(self, name: str) -> bool:
        """Whether a parameter or buffer of that name belongs to the encoder."""
        return name.removeprefix("network.").startswith(_ENCODERS[self.settings.network])


class _DynUNet(DynUNet):
    """MONAI's DynUNet without its second set of names for the same weights, which a weights file could not hold."""

    def __init__(self, settings: SegmenterSettings) -> None:
        levels = len(settings.widths)
        strides = [1] + [2] * (levels - 1)
        super().__init__(3, settings.image_channels, settings.classes, kernel_size=[3] * levels, strides=strides,
                         upsample_kernel_size=strides[1:], filters=settings.widths, norm_name=_NORM,
                         act_name=_ACTIVATION, res_block=True)
        del self.skip_layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for block in (self.input_block, *self.downsamples):
            x = block(x)
            kept.append(x)
        x = self.bottleneck(x)
        for block in self.upsamples:
            x = block(x, kept.pop())
        return self.output_block(x)


def encoder_parameters(network: Segmenter) -> list[nn.Parameter]:
    """The encoder's parameters."""
    return [parameter for name, parameter in network.named_parameters() if network.is_encoder(name)]


def decoder_parameters(network: Segmenter) -> list[nn.Parameter]:
    """All other parameters."""
    return [parameter for name, parameter in network.named_parameters() if not network.is_encoder(name)]


def transfer_encoder(source: Segmenter, target: Segmenter) -> None:
    """Give a network the encoder of another; its decoder stays, and may have other classes.

    Raises:
        ParameterError: if the encoders differ.
    """
    weights = {name: value for name, value in source.state_dict().items() if source.is_encoder(name)}
    own = {name: value for name, value in target.state_dict().items() if target.is_encoder(name)}
    if {n: v.shape for n, v in weights.items()} != {n: v.shape for n, v in own.items()}:
        raise ParameterError("The two networks have different encoders: pre-train and train with the same network, "
                             "widths and image channels.")
    target.load_state_dict(weights, strict=False)


def reset_decoder(network: Segmenter, seed: int) -> None:
    """Give the decoder new random weights, those that a new network of this seed would have."""
    with built(seed):
        fresh = Segmenter(network.settings)
    network.load_state_dict(
        {name: value for name, value in fresh.state_dict().items() if not fresh.is_encoder(name)}, strict=False
    )
