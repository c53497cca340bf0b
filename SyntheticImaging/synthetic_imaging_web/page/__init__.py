"""The page of one session: a scene, its views and the panel, in a process of its own.

The server in front starts it as ``python -m synthetic_imaging_web.page`` and passes the browser's requests on.
"""
