"""Learners that several published systems share: paired autoencoders and diffusion in their latents."""
