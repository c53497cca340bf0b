"""Networks, samplers, the training loop, recipes and weights: what all learned systems stand on.

Nothing here imports torch until it is used.
"""
