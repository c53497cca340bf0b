"""Synthetic Imaging in a browser: one process for each user's session (`page`), one server in front (`front`)."""
