"""What the user's views showed before we changed them, and giving it back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from SyntheticImagingLib.show.host import SliceView, ViewHost

FIRST_ADDITIONAL_LAYER = 3  # after background, foreground and label
_MARGIN = 1.02


@dataclass(frozen=True)
class _Layers:
    background: str | None
    foreground: str | None
    label: str | None
    foreground_opacity: float
    label_opacity: float
    compositing: int
    linked: bool
    hot_linked: bool
    more: tuple[tuple[str | None, float], ...]


@dataclass(frozen=True)
class _Place:
    slice_to_ras: tuple[float, ...]
    origin: tuple[float, ...]
    field_mm: tuple[float, ...]


class KeptViews:
    """Layers, links and places of slice views, kept at the first look and given back once."""

    def __init__(self, host: ViewHost) -> None:
        self.host = host
        self._layers: dict[str, tuple[Any, _Layers]] = {}
        self._places: dict[str, tuple[Any, _Place]] = {}

    def keep(self, view: SliceView) -> bool:
        """Remember a view as it is now; False if it is remembered already."""
        name = view.slice_node.GetID() or view.name
        if name in self._layers:
            return False
        self._layers[name] = (view.composite_node, _layers_of(view.composite_node))
        self._places[name] = (view.slice_node, _place_of(view.slice_node))
        return True

    def give_back(self, where: Callable[[Any], bool] | None = None, places: bool = True) -> None:
        """Views as they were; volumes that are gone leave an empty layer, views that are gone are passed over.

        Args:
            where: asked with each composite node whether its layers are to be given back; all when None.
            places: whether slices go back to where they were, too.
        """
        scene = self.host.scene
        for composite, layers in self._layers.values():
            if scene.IsNodePresent(composite) and (where is None or where(composite)):
                _set_layers(scene, composite, layers)
        for node, place in self._places.values():
            if places and scene.IsNodePresent(node):
                _set_place(node, place)
        self._layers.clear()
        self._places.clear()


@contextlib.contextmanager
def at_once(node: Any) -> Iterator[None]:
    """Changes to a node that observers hear of once."""
    was = node.StartModify()
    try:
        yield
    finally:
        node.EndModify(was)


def copy_place(source: Any, target: Any) -> None:
    """Show in one slice view the same plane as in another, as large as fits."""
    with at_once(target):
        target.GetSliceToRAS().DeepCopy(source.GetSliceToRAS())
        target.UpdateMatrices()
        target.SetXYZOrigin(*source.GetXYZOrigin())
        fit_field(target, min(source.GetFieldOfView()[:2]))


def fit_field(node: Any, smallest_mm: float) -> None:
    """Zoom a slice view so that its shorter side is ``smallest_mm``."""
    width, height = _shape(node)
    scale = smallest_mm / min(width, height)
    node.SetFieldOfView(width * scale, height * scale, node.GetFieldOfView()[2])


def show_whole(node: Any, volume_node: Any) -> None:
    """Centre a slice view on a volume and zoom so that all of it fits."""
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    centre = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
    node.JumpSliceByCentering(*centre)
    fit_field(node, max(bounds[2 * axis + 1] - bounds[2 * axis] for axis in range(3)))


def fit_in_plane(node: Any, volume_node: Any) -> None:
    """Zoom a slice view so that all that its plane can show of a volume fits, and no more."""
    bounds = [0.0] * 6
    volume_node.GetRASBounds(bounds)
    matrix = node.GetSliceToRAS()
    sides = [bounds[2 * axis + 1] - bounds[2 * axis] for axis in range(3)]
    across, up = (sum(abs(matrix.GetElement(r, c)) * sides[r] for r in range(3)) for c in (0, 1))
    width, height = _shape(node)
    scale = _MARGIN * max(across / width, up / height)
    if scale > 0:
        node.SetFieldOfView(width * scale, height * scale, node.GetFieldOfView()[2])


def _shape(node: Any) -> tuple[float, float]:
    width, height = node.GetDimensions()[:2]
    return (float(width), float(height)) if width > 0 and height > 0 else (1.0, 1.0)


def _layers_of(composite: Any) -> _Layers:
    count = composite.GetNumberOfAdditionalLayers()
    more = tuple(
        (composite.GetNthLayerVolumeID(n), composite.GetNthLayerOpacity(n))
        for n in range(FIRST_ADDITIONAL_LAYER, FIRST_ADDITIONAL_LAYER + count)
    )
    return _Layers(
        composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(), composite.GetLabelVolumeID(),
        composite.GetForegroundOpacity(), composite.GetLabelOpacity(), composite.GetCompositing(),
        bool(composite.GetLinkedControl()), bool(composite.GetHotLinkedControl()), more,
    )


def _set_layers(scene: Any, composite: Any, layers: _Layers) -> None:
    def there(identifier: str | None) -> str | None:
        return identifier if identifier and scene.GetNodeByID(identifier) is not None else None

    with at_once(composite):
        composite.SetBackgroundVolumeID(there(layers.background))
        composite.SetForegroundVolumeID(there(layers.foreground))
        composite.SetLabelVolumeID(there(layers.label))
        composite.SetForegroundOpacity(layers.foreground_opacity)
        composite.SetLabelOpacity(layers.label_opacity)
        composite.SetCompositing(layers.compositing)
        composite.SetLinkedControl(layers.linked)
        composite.SetHotLinkedControl(layers.hot_linked)
        for position, (identifier, opacity) in enumerate(layers.more, start=FIRST_ADDITIONAL_LAYER):
            if there(identifier):
                composite.SetNthLayerVolumeID(position, identifier)
                composite.SetNthLayerOpacity(position, opacity)


def _place_of(node: Any) -> _Place:
    matrix = node.GetSliceToRAS()
    values = tuple(matrix.GetElement(r, c) for r in range(4) for c in range(4))
    return _Place(values, tuple(node.GetXYZOrigin()), tuple(node.GetFieldOfView()))


def _set_place(node: Any, place: _Place) -> None:
    with at_once(node):
        node.GetSliceToRAS().DeepCopy(place.slice_to_ras)
        node.UpdateMatrices()
        node.SetXYZOrigin(*place.origin)
        # The window may have another shape by now: its height in mm is kept, as Slicer does when a view is resized.
        width, height = _shape(node)
        _, tall, depth = place.field_mm
        node.SetFieldOfView(tall * width / height, tall, depth)
