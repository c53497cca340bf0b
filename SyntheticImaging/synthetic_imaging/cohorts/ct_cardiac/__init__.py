"""Cardiac CT with eight labelled structures, by latent diffusion (Ikuta et al. 2024), and what it is good for."""
