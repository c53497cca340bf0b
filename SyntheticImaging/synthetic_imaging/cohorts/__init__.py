"""Cohorts: many synthetic cases, image and segments, with constraints, that any machine makes identically."""
