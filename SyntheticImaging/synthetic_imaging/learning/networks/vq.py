"""Vector-quantised autoencoder of an image and its label map (VQ-VAE, van den Oord 2017), on MONAI's VQVAE.

With a patch discriminator, a feature loss and an adversarial loss it is a VQ-GAN (Esser 2021); these lie in
`discriminators` and `gan_losses`.
"""

from __future__ import annotations

import torch
from monai.networks.nets import VQVAE

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.learning.networks.paired import Decoded, Paired
from synthetic_imaging.learning.networks.settings import VqSettings, check_multiple


class PairedVq(Paired):
    """Image and label map to a grid of codes, and back.

    In training, codes that nothing uses are moved onto what the encoder gives: MONAI's code book starts away from it,
    and a code without a use would never come back.

    Args:
        settings: its size.
    """

    def __init__(self, settings: VqSettings) -> None:
        super().__init__(settings)
        if not settings.widths:
            raise ParameterError("A vector-quantised autoencoder needs at least one width.")
        self.settings: VqSettings = settings
        levels = len(settings.widths)
        self.trunk = VQVAE(
            spatial_dims=3,
            in_channels=settings.image_channels + settings.label_channels_in,
            out_channels=settings.image_channels + settings.label_channels_out,
            channels=settings.widths,
            num_res_layers=settings.residual_blocks,
            num_res_channels=settings.widths,
            downsample_parameters=((2, 4, 1, 1),) * levels,
            upsample_parameters=((2, 4, 1, 1, 0),) * levels,
            num_embeddings=settings.codes,
            embedding_dim=settings.code_channels,
            commitment_cost=settings.commitment,
            decay=settings.code_decay,
        )
        # A cluster size of 1 belongs to the mean that MONAI starts with; with its 0 unused codes go off to infinity.
        self._book.ema_cluster_size.fill_(1.0)

    def encode(self, image: torch.Tensor, label: torch.Tensor | None = None) -> torch.Tensor:
        """What is quantised: (B, code channels, K / factor, J / factor, I / factor), float32.

        Raises:
            ParameterError: if the sizes are no multiples of the factor.
            InputError: if the label map is missing or of another size.
        """
        check_multiple(image.shape[2:], self.settings.factor, "This autoencoder")
        return self.trunk.encode(self.joined(image, label)).float()

    def quantised(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The nearest codes in place of z (gradients pass straight through), and the commitment loss (a mean)."""
        # Distances in bfloat16 would choose wrong codes.
        with torch.autocast(z.device.type, enabled=False):
            if self.training:
                self._revive(z.detach().float())
            codes, loss = self.trunk.quantize(z.float())
        return codes, loss

    def indices(self, image: torch.Tensor, label: torch.Tensor | None = None) -> torch.Tensor:
        """Which code stands where: (B, K / factor, J / factor, I / factor), int64; for a prior over codes."""
        with torch.autocast(image.device.type, enabled=False):
            return self._book.quantize(self.encode(image, label))[2]

    def decode(self, codes: torch.Tensor) -> Decoded:
        """Image and label of codes (B, code channels, ...)."""
        return self.split(self.trunk.decode(codes))

    def decode_indices(self, indices: torch.Tensor) -> Decoded:
        """Image and label of code numbers (B, K / factor, J / factor, I / factor)."""
        return self.decode(self._book.embed(indices))

    def forward(self, image: torch.Tensor, label: torch.Tensor | None) -> tuple[Decoded, torch.Tensor]:
        """What was decoded, and the commitment loss; training calls this."""
        codes, loss = self.quantised(self.encode(image, label))
        return self.decode(codes), loss

    @property
    def codes_in_use(self) -> torch.Tensor:
        """How many codes the last batch would have used if all were used alike (the perplexity)."""
        return self.trunk.quantizer.perplexity

    @property
    def _book(self) -> torch.nn.Module:
        return self.trunk.quantizer.quantizer

    @torch.no_grad()
    def _revive(self, z: torch.Tensor) -> None:
        book = self._book
        unused = (book.ema_cluster_size < 0.03).nonzero()[:, 0]
        if not bool(book.ema_cluster_size.ne(1).any()):
            unused = torch.arange(self.settings.codes, device=z.device)
        if len(unused) == 0:
            return
        vectors = z.movedim(1, -1).reshape(-1, z.shape[1])
        # Evenly over the batch, so that no random number is needed.
        places = torch.linspace(0, len(vectors) - 1, len(unused), device=z.device).round().long()
        chosen = vectors[places]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.broadcast(chosen, 0)
        book.embedding.weight[unused] = chosen
        book.ema_w[unused] = chosen
        book.ema_cluster_size[unused] = 1.0
