"""The front of the browser program: who may come in, one page process for each user, and nothing of the images.

It imports neither trame nor Slicer: it stands in a fraction of a second and stays small beside the page processes.
"""
