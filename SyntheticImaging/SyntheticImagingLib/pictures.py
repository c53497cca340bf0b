"""Pictures of slice and 3-D views, drawn off screen by MRML's own displayable managers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synthetic_imaging.errors import SyntheticImagingError
from SyntheticImagingLib.display import layer_volumes
from SyntheticImagingLib.headless import HeadlessSlicer, import_slicer
from SyntheticImagingLib.rendering import NO_RENDERING, can_render

Orientation = Literal["Axial", "Coronal", "Sagittal"]
SYNTHETIC_LABEL = "Synthetic, research use"
LAYOUT_NAMES: dict[Orientation, str] = {"Axial": "Red", "Sagittal": "Yellow", "Coronal": "Green"}
# Letters at the left and at the top of each view, as radiologists hang images.
SIDES: dict[Orientation, tuple[str, str]] = {"Axial": ("R", "A"), "Coronal": ("R", "S"), "Sagittal": ("A", "S")}
_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)
_THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


@dataclass(frozen=True)
class SliceShot:
    """What a slice picture shows.

    Attributes:
        background: volume node.
        orientation: "Axial" (seen from the feet: patient's right on the left), "Coronal" or "Sagittal".
        centre_ras: point in the middle of the picture, RAS mm.
        field_mm: width of the picture in mm.
        window: (centre, width) for this picture only; the node's own when None.
        overlay: volume node drawn over it.
        opacity: of the overlay.
        added: whether the overlay's colours are added to the image (for a difference) instead of blended.
        segmentations: segmentation nodes shown in it; others stay hidden.
        synthetic: whether to write that it is synthetic.
        caption: text at the top left.
    """

    background: Any
    orientation: Orientation
    centre_ras: tuple[float, float, float]
    field_mm: float
    window: tuple[float, float] | None = None
    overlay: Any = None
    opacity: float = 1.0
    added: bool = False
    segmentations: tuple[Any, ...] = ()
    synthetic: bool = True
    caption: str = ""


class _View:
    """A render window with displayable managers."""

    def __init__(self, size: tuple[int, int], layers: int) -> None:
        if not can_render():
            raise SyntheticImagingError(NO_RENDERING)
        import vtkmodules.vtkRenderingFreeType
        import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the implementations
        from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkRenderWindowInteractor

        self.window = vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.ShowWindowOff()
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        self.renderer = vtkRenderer()
        self.window.SetNumberOfLayers(layers)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.labels: dict[str, Any] = {}
        self.group: Any = None
        self.logic: Any = None

    def manage(self, host: HeadlessSlicer, factory: Any, names: tuple[str, ...], node: Any) -> None:
        slicer = import_slicer()
        factory.SetMRMLApplicationLogic(host.application)
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(node)

    def write(self, key: str, text: str, place: tuple[float, float], across: str, up: str, size: int,
              colour: tuple[float, float, float] = (0.92, 0.92, 0.92)) -> None:
        """A text at a place of the window (0..1), replaced at each call with the same key."""
        from vtkmodules.vtkRenderingCore import vtkTextActor

        if key not in self.labels:
            actor = vtkTextActor()
            actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
            self.renderer.AddViewProp(actor)
            self.labels[key] = actor
        actor = self.labels[key]
        actor.SetInput(text)
        actor.SetVisibility(bool(text))
        style = actor.GetTextProperty()
        style.SetFontSize(size)
        style.SetColor(*colour)
        style.SetShadow(True)
        style.SetJustificationToLeft()
        if across == "right":
            style.SetJustificationToRight()
        elif across == "centre":
            style.SetJustificationToCentered()
        style.SetVerticalJustificationToBottom()
        if up == "top":
            style.SetVerticalJustificationToTop()
        elif up == "centre":
            style.SetVerticalJustificationToCentered()
        actor.GetPositionCoordinate().SetValue(*place)

    def save(self, path: Path) -> Path:
        """Render and write a PNG."""
        from vtkmodules.vtkIOImage import vtkPNGWriter
        from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

        self.window.Render()
        shot = vtkWindowToImageFilter()
        shot.SetInput(self.window)
        shot.ReadFrontBufferOff()
        shot.SetInputBufferTypeToRGB()
        shot.Update()
        writer = vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputConnection(shot.GetOutputPort())
        writer.Write()
        return path

    def close(self) -> None:
        """Give the window's resources back, and let go of the scene."""
        self.group.SetMRMLDisplayableNode(None)
        for number in range(self.group.GetDisplayableManagerCount()):
            # Some go on listening to the scene, and would ask an application logic that is gone by then.
            self.group.GetNthDisplayableManager(number).SetMRMLScene(None)
        self.group = None
        if self.logic is not None:
            self.logic.SetMRMLScene(None)
            self.logic = None
        self.window.Finalize()


class SliceView(_View):
    """A slice view of the scene; use one for many shots."""

    def __init__(
        self, host: HeadlessSlicer, orientation: Orientation, size: tuple[int, int] = (640, 640),
        name: str | None = None,
    ) -> None:
        super().__init__(size, 1)
        slicer = import_slicer()
        from vtkmodules.vtkRenderingCore import vtkActor2D, vtkImageMapper

        self.host, self.size, self.orientation = host, size, orientation
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(host.application)
        self.logic.SetMRMLScene(host.scene)
        host.application.GetSliceLogics().AddItem(self.logic)
        title = name or LAYOUT_NAMES[orientation]
        self.node = host.scene.GetSingletonNode(title, "vtkMRMLSliceNode")  # a layout may have made it
        if self.node is None:
            self.node = self.logic.AddSliceNode(title)
        else:
            self.logic.SetSliceNode(self.node)
        self.node.SetOrientation(orientation)
        self.node.SetMappedInLayout(1)
        self.node.SetRulerType(self.node.RulerTypeThin)
        self.node.SetRulerColor(self.node.RulerColorWhite)
        self.logic.ResizeSliceNode(*size)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.renderer.SetBackground(0, 0, 0)
        # The slice pipeline gives finished RGBA pixels: draw them as they are.
        self._pixels = vtkImageMapper()
        self._pixels.SetColorWindow(255)
        self._pixels.SetColorLevel(127.5)
        actor = vtkActor2D()
        actor.SetMapper(self._pixels)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)
        self.manage(host, slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance(), _SLICE_MANAGERS, self.node)

    def place(self, centre_ras: tuple[float, float, float], field_mm: float) -> None:
        """Centre the view on a point, ``field_mm`` wide."""
        width, height = self.size
        self.node.SetOrientation(self.orientation)
        matrix = self.node.GetSliceToRAS()
        for axis in range(3):
            matrix.SetElement(axis, 3, centre_ras[axis])
        self.node.UpdateMatrices()
        self.node.SetXYZOrigin(0, 0, 0)
        self.node.SetFieldOfView(field_mm, field_mm * height / width, self.node.GetFieldOfView()[2])

    def refresh(self) -> None:
        """Cut the volumes of its layers anew, so that the next picture shows what the nodes say now."""
        self.logic.UpdateImageData()
        self._pixels.SetInputConnection(self.logic.GetImageDataConnection())

    def shoot(self, what: SliceShot, path: Path) -> Path:
        """Write a PNG; displays changed for the shot are given back."""
        display = what.background.GetDisplayNode()
        kept = (display.GetWindow(), display.GetLevel(), display.GetAutoWindowLevel())
        nodes = self.host.scene.GetNodesByClass("vtkMRMLSegmentationDisplayNode")
        shown = {n: n.GetVisibility() for n in (nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems()))}
        wanted = {s.GetDisplayNode().GetID() for s in what.segmentations}
        try:
            for node in shown:
                node.SetVisibility(node.GetID() in wanted)
            if what.window is not None:
                display.AutoWindowLevelOff()
                display.SetWindowLevel(what.window[1], what.window[0])
            layer_volumes(self.logic.GetSliceCompositeNode(), what.background, what.overlay, what.opacity)
            composite = self.logic.GetSliceCompositeNode()
            composite.SetCompositing(composite.Add if what.added else composite.Alpha)
            self.place(what.centre_ras, what.field_mm)
            self.refresh()
            self._label(what)
            return self.save(path)
        finally:
            for node, was in shown.items():
                node.SetVisibility(was)
            composite = self.logic.GetSliceCompositeNode()
            composite.SetCompositing(composite.Alpha)
            display.SetWindowLevel(kept[0], kept[1])
            display.SetAutoWindowLevel(kept[2])

    def _label(self, what: SliceShot) -> None:
        left, top = SIDES[self.orientation]
        small = max(12, self.size[0] // 28)
        self.write("caption", what.caption, (0.02, 0.98), "left", "top", small + 1)
        self.write("left", left, (0.015, 0.5), "left", "centre", small)
        self.write("top", top, (0.5, 0.93), "centre", "top", small)
        self.write("synthetic", SYNTHETIC_LABEL if what.synthetic else "", (0.98, 0.98), "right", "top",
                   small, (1.0, 0.78, 0.35))


class ThreeDView(_View):
    """A 3-D view of the scene's segmentations and models."""

    def __init__(self, host: HeadlessSlicer, size: tuple[int, int] = (960, 720)) -> None:
        super().__init__(size, 1)
        slicer = import_slicer()
        self.host, self.size = host, size
        self.renderer.SetUseDepthPeeling(True)
        self.renderer.SetMaximumNumberOfPeels(6)
        self.window.SetAlphaBitPlanes(1)
        self.logic = slicer.vtkMRMLViewLogic()
        self.logic.SetMRMLApplicationLogic(host.application)
        self.logic.SetMRMLScene(host.scene)
        host.application.GetViewLogics().AddItem(self.logic)
        self.node = host.scene.GetSingletonNode("1", "vtkMRMLViewNode")  # a layout may have made it
        if self.node is None:
            self.node = self.logic.AddViewNode("1")
        self.node.SetMappedInLayout(1)
        self.node.SetBoxVisible(0)
        self.node.SetAxisLabelsVisible(0)
        self.node.SetBackgroundColor(0.04, 0.05, 0.07)
        self.node.SetBackgroundColor2(0.11, 0.13, 0.17)
        self.node.SetOrientationMarkerType(self.node.OrientationMarkerTypeAxes)
        self.manage(host, slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance(), _THREE_D_MANAGERS, self.node)

    def shoot(self, path: Path, focus_ras: tuple[float, float, float], distance_mm: float,
              from_ras: tuple[float, float, float], caption: str = "", synthetic: bool = True) -> Path:
        """Write a PNG seen from the direction ``from_ras`` at ``distance_mm``."""
        import numpy as np

        camera = self.renderer.GetActiveCamera()
        away = np.asarray(from_ras, dtype=float)
        away /= np.linalg.norm(away)
        camera.SetFocalPoint(*focus_ras)
        camera.SetPosition(*(np.asarray(focus_ras) + distance_mm * away))
        camera.SetViewUp(0, 0, 1)
        camera.SetViewAngle(30)
        self.renderer.ResetCameraClippingRange()
        small = max(13, self.size[0] // 50)
        self.write("caption", caption, (0.02, 0.98), "left", "top", small)
        self.write("synthetic", SYNTHETIC_LABEL if synthetic else "", (0.98, 0.98), "right", "top", small,
                   (1.0, 0.78, 0.35))
        return self.save(path)
