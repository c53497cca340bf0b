"""The families of generative models for volumes (Friedrich, Frisch, Cattin 2024), side by side on phantom hearts."""
