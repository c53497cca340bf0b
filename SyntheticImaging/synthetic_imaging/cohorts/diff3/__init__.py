"""DIFF-3: 3-D echocardiograms with labels of the left ventricle, by latent diffusion (Ferdian, Zhao et al.)."""
