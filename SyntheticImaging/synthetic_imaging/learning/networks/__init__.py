"""Networks: autoencoders, denoisers, GANs and segmenters, from MONAI's wherever it has them."""
