"""A small network that finds lesions of multiple sclerosis in FLAIR, T1w and DIR, whichever are there."""
