"""Which OpenGL can draw here without a screen."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from functools import cache

NO_RENDERING = (
    "Views could not be drawn: no off-screen OpenGL was found. Slice pictures were made without it; for 3-D "
    "pictures install libegl1 or libosmesa6 (Debian and Ubuntu: apt-get install libegl1 libgl1-mesa-dri, or "
    "libosmesa6)."
)
_CHOICE = "VTK_DEFAULT_OPENGL_WINDOW"
_LIBRARIES = {
    "vtkEGLRenderWindow": ("libEGL.so.1", "libEGL.so"),
    "vtkOSOpenGLRenderWindow": ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"),
}
# Draws one red frame and looks at it: a library that loads may still have no driver, and VTK then ends the process.
_PROBE = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkWindowToImageFilter
window, renderer = vtkRenderWindow(), vtkRenderer()
window.SetOffScreenRendering(1)
window.ShowWindowOff()
window.SetSize(16, 16)
renderer.SetBackground(1, 0, 0)
window.AddRenderer(renderer)
window.Render()
shot = vtkWindowToImageFilter()
shot.SetInput(window)
shot.Update()
raise SystemExit(0 if shot.GetOutput().GetScalarComponentAsDouble(8, 8, 0, 0) > 200 else 3)
"""


@cache
def can_render() -> bool:
    """Whether views can be drawn off screen; chooses EGL, else OSMesa, else what VTK finds by itself.

    The choice is made before the first window of this process and kept in the environment, where VTK
    looks for it. A choice that the user made there is respected.
    """
    if os.environ.get(_CHOICE):
        return _works(os.environ[_CHOICE])
    if sys.platform.startswith("linux"):
        for name, libraries in _LIBRARIES.items():
            if any(_loads(library) for library in libraries) and _works(name):
                os.environ[_CHOICE] = name
                return True
    return _works("")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _works(window: str) -> bool:
    environment = {k: v for k, v in os.environ.items() if k != _CHOICE}
    if window:
        environment[_CHOICE] = window
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], env=environment, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
