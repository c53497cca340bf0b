"""Magnetic resonance: signal of a sequence from tissue, inversion times for given nulls, noise, coils and slices."""
