"""The parts of the panel Heart Segmentation."""
