"""A denoising step and the decoding of a latent beside MONAI's networks as they come, and one training step of each."""

from __future__ import annotations

from typing import Any

import torch
from Testing.benchmarks.report import Section, ratio
from Testing.benchmarks.timing import measure_together, peak_mb_above_now

from synthetic_imaging.learning.networks.autoencoder import PairedAutoencoder
from synthetic_imaging.learning.networks.building import built
from synthetic_imaging.learning.networks.denoiser import Denoiser
from synthetic_imaging.learning.networks.settings import AutoencoderSettings, DenoiserSettings
from synthetic_imaging.learning.networks.speed import channels_last, computing, fast, number_format

WIDTHS = (32, 64, 128)
HEAD = 64
DECODER_WIDTHS = (32, 64, 64)


def denoisers() -> tuple[Any, Denoiser]:
    """MONAI's U-Net as it comes, and ours with the same weights."""
    from monai.networks.nets import DiffusionModelUNet

    attention = (False, False, True)
    settings = DenoiserSettings(channels=4, width=32, residual_blocks=1, attention_levels=attention, head_channels=HEAD)
    with built(0):
        peer = DiffusionModelUNet(spatial_dims=3, in_channels=4, out_channels=4, num_res_blocks=1, channels=WIDTHS,
                                  attention_levels=attention, norm_num_groups=32, num_head_channels=HEAD)
        for parameter in peer.parameters():
            if not parameter.any():  # its last layer starts at 0, and would hide all differences
                torch.nn.init.normal_(parameter, std=0.05)
        ours = Denoiser(settings)
    ours.trunk.load_state_dict(peer.state_dict())
    return peer, ours


def autoencoders() -> tuple[Any, PairedAutoencoder]:
    """MONAI's autoencoder as it comes, and ours with the same weights."""
    from monai.networks.nets import AutoencoderKL

    settings = AutoencoderSettings(classes=0, widths=DECODER_WIDTHS, latent_channels=3, bottleneck_attention=False)
    with built(0):
        peer = AutoencoderKL(spatial_dims=3, in_channels=1, out_channels=1, channels=DECODER_WIDTHS, latent_channels=3,
                             num_res_blocks=2, attention_levels=(False, False, False),
                             with_encoder_nonlocal_attn=False, with_decoder_nonlocal_attn=False)
        ours = PairedAutoencoder(settings)
    ours.trunk.load_state_dict(peer.state_dict())
    return peer, ours


def decibels(given: torch.Tensor, true: torch.Tensor) -> str:
    """Peak signal to noise ratio of our output, taking the peer's in float32 for the truth."""
    error = (given.float() - true).square().mean()
    return f"{float(10 * torch.log10((true.max() - true.min()).square() / error)):.0f} dB"


def section(repeats: int) -> Section:
    """Measure and describe."""
    chosen = str(number_format("cpu")).removeprefix("torch.")
    out = Section(
        "Networks",
        "Denoising step: 3-D U-Net of widths 32, 64, 128 with attention on the coarsest level, latent of 4 x 64^3. "
        "Decoding: KL autoencoder of widths 32, 64, 64, latent of 24 x 24 x 24 to 96 x 96 x 96 voxels. Training step: "
        "forward and backward of that U-Net on 4 x 32 x 32 x 32. Peer: MONAI's network as it comes, float32; ours has "
        f"the same weights, fused attention, {chosen}, channels last, and doublings folded into one convolution.",
        ["", "ours", "peer", "ours / peer", "memory, ours", "memory, peer", "agreement with the peer"],
    )
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        peer, ours = denoisers()
        peer, ours = peer.eval(), fast(ours)
        x, t = torch.randn(1, 4, 64, 64, 64, generator=generator), torch.tensor([300])
        _compare(out, "denoising step", lambda: ours(x, t), lambda: peer(x, t), repeats)
        first, second = autoencoders()
        first, second = first.eval(), fast(second)
        z = torch.randn(1, 3, 24, 24, 24, generator=generator)
        _compare(out, "decoding", lambda: second.decode(z).image, lambda: first.decode(z), repeats)
    peer, ours = denoisers()
    channels_last(ours)
    x = torch.randn(1, 4, 32, 32, 32, generator=generator)

    def our_step() -> torch.Tensor:
        with computing("cpu"):
            loss = (ours(x, t).float() - x).abs().mean()
        loss.backward()
        return loss.detach()

    def peer_step() -> torch.Tensor:
        loss = (peer(x, t) - x).abs().mean()
        loss.backward()
        return loss.detach()

    _compare(out, "training step", our_step, peer_step, repeats)
    out.note("Agreement is the peak signal to noise ratio of our output, the peer's in float32 taken for the truth; of "
             "the training step, the relative difference of the loss.")
    return out


def _compare(out: Section, name: str, ours: Any, peer: Any, repeats: int) -> None:
    a, b = measure_together(lambda n: ours(), lambda n: peer(), repeats=repeats)
    # What training keeps was taken in its first steps already: a peak above now would say nothing.
    memory = [None if torch.is_grad_enabled() else peak_mb_above_now(call) for call in (ours, peer)]
    given, true = ours(), peer()
    same = decibels(given, true) if true.ndim else f"{abs(float(given - true)) / abs(float(true)):.1e}"
    out.row(name, a.text, b.text, ratio(a, b), *("-" if m is None else f"{m:.0f} MiB" for m in memory), same)


if __name__ == "__main__":
    import sys

    torch.set_num_threads(2)
    print(section(int(sys.argv[1]) if len(sys.argv) > 1 else 3).markdown("now"))
