"""The MRML side: what takes the engine's images into a Slicer scene and back."""
