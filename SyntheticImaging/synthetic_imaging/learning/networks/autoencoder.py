"""One latent for an image and its label map: the KL autoencoders of DIFF-3 and of the paired cardiac CT model.

DIFF-3 (Ferdian, Zhao et al.) stacks image and label (2 channels in, 4 out). Ikuta et al. (2024) bring each through an
encoder of one layer and add: z = e0(ei(image) + em(label)). The trunk is MONAI's AutoencoderKL (Rombach et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.networks.nets import AutoencoderKL
from torch import nn
from torch.utils.checkpoint import checkpoint

from synthetic_imaging.learning.networks.doubling import fold_doublings
from synthetic_imaging.learning.networks.paired import Decoded, Paired
from synthetic_imaging.learning.networks.settings import AutoencoderSettings, Fusion, check_groups, check_multiple

__all__ = ["Decoded", "PairedAutoencoder"]


class PairedAutoencoder(Paired):
    """Image and label map to a normally distributed latent, and back.

    Args:
        settings: its size, and how image and label enter.

    Raises:
        ParameterError: if a width is no multiple of the groups of the normalisation, or there are too many colours.
    """

    def __init__(self, settings: AutoencoderSettings) -> None:
        super().__init__(settings)
        check_groups(settings.widths, settings.norm_groups)
        self.settings: AutoencoderSettings = settings
        summed = settings.fusion is Fusion.SUMMED and settings.classes > 0
        first = settings.widths[0]
        self.trunk = AutoencoderKL(
            spatial_dims=3,
            in_channels=first if summed else settings.image_channels + settings.label_channels_in,
            # The last convolution gives image and label: two heads of one layer, side by side.
            out_channels=settings.image_channels + settings.label_channels_out,
            num_res_blocks=settings.residual_blocks,
            channels=settings.widths,
            attention_levels=[False] * len(settings.widths),
            latent_channels=settings.latent_channels,
            norm_num_groups=settings.norm_groups,
            with_encoder_nonlocal_attn=settings.bottleneck_attention,
            with_decoder_nonlocal_attn=settings.bottleneck_attention,
            use_flash_attention=True,
        )
        self.image_encoder: nn.Module | None = None
        self.label_encoder: nn.Module | None = None
        if summed:
            # Without the non-linearity the sum would be nothing but a convolution of the stacked channels. The two
            # take the place of the trunk's own first convolution.
            self.image_encoder = nn.Sequential(nn.Conv3d(settings.image_channels, first, 3, padding=1), nn.SiLU())
            self.label_encoder = nn.Sequential(nn.Conv3d(settings.label_channels_in, first, 3, padding=1), nn.SiLU())
            self.trunk.encoder.blocks[0] = nn.Identity()
        fold_doublings(self.trunk)

    def encode(self, image: torch.Tensor, label: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """The posterior of the latent.

        Args:
            image: (B, image channels, K, J, I), 0 to 1.
            label: (B, K, J, I), whole numbers 0 to classes - 1.

        Returns:
            Mean and standard deviation, (B, latent channels, K / factor, J / factor, I / factor) each.

        Raises:
            ParameterError: if the sizes are no multiples of the factor.
            InputError: if the label map is missing or of another size.
        """
        check_multiple(image.shape[2:], self.settings.factor, "This autoencoder")
        image = image.to(self.number_format)
        if self.image_encoder is not None and self.label_encoder is not None:
            joined = self.image_encoder(image) + self.label_encoder(self.checked_label(image, label))
        else:
            joined = self.joined(image, label)
        features = self._through(self.trunk.encoder.blocks, joined)
        mean = self.trunk.quant_conv_mu(features)
        log_variance = self.trunk.quant_conv_log_sigma(features).float().clamp(-30.0, 20.0)
        return mean.float(), torch.exp(0.5 * log_variance)

    @staticmethod
    def sample(mean: torch.Tensor, std: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """A latent from the posterior and standard normal noise."""
        return mean + std * noise

    def decode(self, z: torch.Tensor) -> Decoded:
        """Image and label of a latent (B, latent channels, K / factor, J / factor, I / factor)."""
        latent = self.trunk.post_quant_conv(z.to(self.number_format))
        return self.split(self._through(self.trunk.decoder.blocks, latent))

    def forward(
        self,
        image: torch.Tensor,
        label: torch.Tensor | None,
        draw: Callable[[torch.Tensor], torch.Tensor] | None,
    ) -> tuple[Decoded, torch.Tensor, torch.Tensor]:
        """Encode, draw a latent and decode; training calls this, so that several processes share gradients.

        Args:
            image: see `encode`.
            label: see `encode`.
            draw: standard normal noise of a tensor's shape (`BatchRandom.like`); None takes the mean.

        Returns:
            What was decoded, mean and standard deviation of the latent.
        """
        mean, std = self.encode(image, label)
        decoded = self.decode(mean if draw is None else self.sample(mean, std, draw(mean)))
        return decoded, mean, std

    def _through(self, blocks: nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
        keep = not (self.settings.save_memory and torch.is_grad_enabled())
        for block in blocks:
            x = block(x) if keep else checkpoint(block, x, use_reentrant=False)
        return x
