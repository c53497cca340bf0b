"""The parts of the panel Cohort Synthesis; with `panel`, `lesion_panel` and `heart_panel` the only places with Qt."""
