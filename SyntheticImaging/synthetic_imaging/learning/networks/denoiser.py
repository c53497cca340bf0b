"""The network that a diffusion or flow model learns: one call for all trunks and all conditions."""

from __future__ import annotations

import torch
from monai.networks.nets import DiffusionModelUNet
from torch import nn

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.learning.networks.additive_unet import AdditiveUNet
from synthetic_imaging.learning.networks.conditioning import ConditionEmbedding, NumberTokens, checked_numbers
from synthetic_imaging.learning.networks.diff3_unet import Diff3UNet
from synthetic_imaging.learning.networks.doubling import fold_doublings
from synthetic_imaging.learning.networks.padding import to_multiple
from synthetic_imaging.learning.networks.settings import (
    DenoiserSettings,
    NumberConditioning,
    Skips,
    Trunk,
    check_groups,
)


class Denoiser(nn.Module):
    """Predicts noise, v, clean data or velocity from what is noisy, at a time, under conditions.

    A condition that is not given is unknown: classifier-free guidance calls the same network without it, and training
    leaves it out at times.

    Args:
        settings: its size and its conditions.

    Raises:
        ParameterError: if the settings contradict each other.
    """

    def __init__(self, settings: DenoiserSettings) -> None:
        super().__init__()
        _check(settings)
        self.settings = settings
        channels_in = settings.channels + settings.condition_channels
        widths = settings.widths
        by_tokens = settings.numbers > 0 and settings.number_conditioning is NumberConditioning.CROSS_ATTENTION
        embedded = 0 if by_tokens else settings.numbers
        embedding: ConditionEmbedding | None = None
        if settings.classes or embedded:
            embedding = ConditionEmbedding(settings.classes, embedded, 4 * widths[0])
        self.tokens = NumberTokens(settings.numbers, 4 * widths[0]) if by_tokens else None
        self.trunk: nn.Module
        if settings.trunk is Trunk.DIFF3:
            self.trunk = Diff3UNet(channels_in, settings.channels, widths, settings.residual_blocks,
                                   settings.norm_groups, settings.attention_levels, embedding)
        elif settings.skips is Skips.ADDED:
            self.trunk = AdditiveUNet(channels_in, settings.channels, widths, settings.residual_blocks,
                                      settings.norm_groups, embedding)
        else:
            self.trunk = DiffusionModelUNet(
                spatial_dims=3,
                in_channels=channels_in,
                out_channels=settings.channels,
                num_res_blocks=settings.residual_blocks,
                channels=widths,
                attention_levels=settings.attention_levels,
                norm_num_groups=settings.norm_groups,
                # MONAI makes whole heads of a width only where attention is; elsewhere the number is ignored.
                num_head_channels=[min(settings.head_channels, width) for width in widths],
                with_conditioning=by_tokens,
                cross_attention_dim=4 * widths[0] if by_tokens else None,
                num_class_embeds=1 if embedding is not None else None,
                use_flash_attention=True,
            )
            fold_doublings(self.trunk)
            if embedding is not None:
                # MONAI adds what its class embedding gives to the embedding of time: ours takes numbers as well.
                self.trunk.class_embedding = embedding

    @property
    def number_format(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    @property
    def embedding(self) -> ConditionEmbedding | None:
        """What takes class and numbers; it belongs to the trunk, so that its weights have one name only."""
        if isinstance(self.trunk, DiffusionModelUNet):
            return getattr(self.trunk, "class_embedding", None)
        return self.trunk.embedding  # type: ignore[no-any-return]

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None = None,
        class_labels: torch.Tensor | None = None,
        *,
        condition: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The prediction.

        Args:
            x: noisy data, (B, channels, K, J, I); any size, also odd ones.
            timesteps: (B,), 0 to T.
            context: conditioning numbers (B, numbers), best within about -1..1; NaN is unknown, None is all unknown.
            class_labels: (B,), 0 to classes - 1; None is unknown.
            condition: label map channels or an image, (B, condition channels, K, J, I); None is unknown (zeros).

        Returns:
            (B, channels, K, J, I).

        Raises:
            InputError: if a condition does not fit the network.
        """
        settings = self.settings
        batch, _, k, j, i = x.shape
        # Samplers keep float32 around a network that `fast` has made bfloat16.
        given, own = x.dtype, self.number_format
        if settings.condition_channels:
            expected = (batch, settings.condition_channels, k, j, i)
            if condition is None:
                condition = x.new_zeros(expected)
            if condition.shape != expected:
                raise InputError(f"The conditioning volume must be {expected} (B, C, K, J, I), "
                                 f"not {tuple(condition.shape)}.")
            x = torch.cat((x, condition.to(x.dtype)), 1)
        elif condition is not None:
            raise InputError("This network was made without a conditioning volume.")
        if context is not None and not settings.numbers:
            raise InputError("This network was made without conditioning by numbers.")
        tokens: torch.Tensor | None = None
        packed: torch.Tensor | None = None
        if self.tokens is not None:
            unknown = torch.full((batch, settings.numbers), torch.nan, device=x.device)
            tokens = self.tokens(unknown if context is None else checked_numbers(context, batch, settings.numbers))
            context = None
        embedding = self.embedding
        if embedding is not None:
            packed = embedding.pack(batch, x.device, class_labels, context)
        elif class_labels is not None:
            raise InputError("This network was made without conditioning by class.")
        if isinstance(self.trunk, DiffusionModelUNet):
            # It joins levels by size, so sizes must halve evenly; the other trunks see to odd sizes themselves.
            x = to_multiple(x, 2 ** (len(settings.multipliers) - 1))
        out = self.trunk(x.to(own), timesteps, tokens, packed)[:, :, :k, :j, :i]
        return out if given is own else out.to(given)


def _check(settings: DenoiserSettings) -> None:
    check_groups(settings.widths, settings.norm_groups)
    levels = len(settings.multipliers)
    if len(settings.attention_levels) != levels:
        raise ParameterError(f"There are {levels} multipliers, but {len(settings.attention_levels)} entries that say "
                             "which levels have attention.")
    monai = settings.trunk is Trunk.MONAI and settings.skips is Skips.CONCATENATED
    if settings.numbers and settings.number_conditioning is NumberConditioning.CROSS_ATTENTION and not monai:
        raise ParameterError("Numbers enter by cross-attention only with the trunk 'monai' and concatenated skips.")
    if settings.skips is Skips.ADDED and (settings.trunk is Trunk.DIFF3 or any(settings.attention_levels)):
        raise ParameterError("Added skips are for the trunk 'monai' without attention.")
    if monai:
        for width, attention in zip(settings.widths, settings.attention_levels, strict=True):
            if (attention or width == settings.widths[-1]) and width % min(settings.head_channels, width):
                raise ParameterError(f"A width of {width} is no multiple of the {settings.head_channels} channels of "
                                     "an attention head.")
