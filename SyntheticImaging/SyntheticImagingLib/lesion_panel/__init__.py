"""The parts of the panel Lesion Synthesis: what is chosen, where it goes, what came of it."""
