"""An image and its label map as channels of one network, and back."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from synthetic_imaging.errors import InputError
from synthetic_imaging.learning.networks import palette
from synthetic_imaging.learning.networks.settings import LabelCode, PairedSettings


class Decoded(NamedTuple):
    """What leaves the decoder.

    Attributes:
        image: (B, image channels, K, J, I), about 0 to 1 but not clipped.
        label: class logits (B, classes, K, J, I), or colours (B, 3, K, J, I); None if there are no labels.
    """

    image: torch.Tensor
    label: torch.Tensor | None


class Paired(nn.Module):
    """What networks of image and label have in common.

    Args:
        settings: how image and label become channels.

    Raises:
        ParameterError: if there are more classes than colours.
    """

    def __init__(self, settings: PairedSettings) -> None:
        super().__init__()
        if settings.classes and settings.label_code is LabelCode.COLOURS:
            palette.colours(settings.classes, settings.palette)
        self.settings = settings

    @property
    def number_format(self) -> torch.dtype:
        """Of the weights; `fast` may have made it bfloat16."""
        return next(self.parameters()).dtype

    def joined(self, image: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """Image (B, C, K, J, I) and label map (B, K, J, I) stacked as channels.

        Raises:
            InputError: if the label map is missing or of another size.
        """
        return torch.cat((image, self.checked_label(image, label)), 1) if self.settings.classes else image

    def checked_label(self, image: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        """The channels of the label map of an image.

        Raises:
            InputError: if the label map is missing or of another size.
        """
        if label is None or label.shape != (image.shape[0], *image.shape[2:]):
            found = "none" if label is None else " x ".join(str(n) for n in label.shape)
            raise InputError("This network takes a label map (B, K, J, I) of the image's size "
                             f"{' x '.join(str(n) for n in image.shape)} (B, C, K, J, I); it was given {found}.")
        return self.label_channels(label).to(image.dtype)

    def split(self, out: torch.Tensor) -> Decoded:
        """Channels (image, then label) that leave a network."""
        image = self.settings.image_channels
        return Decoded(out[:, :image], out[:, image:] if self.settings.classes else None)

    def label_channels(self, label: torch.Tensor) -> torch.Tensor:
        """A label map (B, K, J, I) as the channels by which it enters, float32."""
        code, classes = self.settings.label_code, self.settings.classes
        if code is LabelCode.COLOURS:
            return palette.to_colours(label, classes, self.settings.palette)
        if code is LabelCode.ONE_HOT:
            return nn.functional.one_hot(label.long(), classes).movedim(-1, 1).float()
        return label[:, None].float()

    def labels_of(self, decoded: Decoded) -> torch.Tensor:
        """The label map (B, K, J, I), uint8: the likeliest class, or the one with the nearest colour."""
        if decoded.label is None:
            raise InputError("This network has no labels: it was made for images alone.")
        if self.settings.label_code is LabelCode.COLOURS:
            return palette.nearest_class(decoded.label, self.settings.classes, self.settings.palette)
        return decoded.label.argmax(1).to(torch.uint8)

    def finished(self, decoded: Decoded) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What a user gets: the image clipped to 0..1, float32, and the label map (None if there is none)."""
        return decoded.image.float().clamp(0, 1), None if decoded.label is None else self.labels_of(decoded)
