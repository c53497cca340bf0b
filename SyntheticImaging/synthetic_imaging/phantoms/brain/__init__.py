"""Brains with multiple sclerosis from an average brain's tissue maps, warped at random; any MR sequence sees them.

Whatever is measured or trained on them is a result on a phantom.
"""
