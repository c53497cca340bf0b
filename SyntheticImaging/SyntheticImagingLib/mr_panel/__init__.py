"""The parts of the panel Sequence Synthesis."""
