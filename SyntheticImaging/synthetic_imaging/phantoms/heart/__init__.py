"""A parametric heart with its great vessels, drawn from published distributions and seen by simulated scanners.

Everything here is made of formulas: whatever is measured or trained on it is a result on a phantom.
"""
