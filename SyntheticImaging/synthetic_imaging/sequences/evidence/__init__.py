"""Evidence pages of missing MR sequences, on phantom brains."""
