"""Two slice views that move together, whoever moves them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from SyntheticImagingLib.show.observing import Watch
from SyntheticImagingLib.show.view_state import at_once, fit_field

_TINY = 1e-6
_Pair = tuple[float, float]


class PairLink:
    """Keeps plane and zoom of two slice nodes the same.

    Slicer's own link follows only what the user does in a view; sliders of a page and jumps are followed here too.
    """

    def __init__(self) -> None:
        self._pair: tuple[Any, Any] | None = None
        self._seen: dict[str, tuple[_Pair, _Pair]] = {}
        self._shortest_mm: float | None = None
        self._watch = Watch()
        self._busy = False

    def link(self, first: Any, second: Any) -> None:
        """Let two slice nodes follow each other from now on."""
        if self._pair is not None and self._pair[0] is first and self._pair[1] is second:
            return
        self.close()
        self._pair = (first, second)
        self._shortest_mm = min(first.GetFieldOfView()[:2])
        for node in self._pair:
            self._remember(node)
            self._watch.on(node, "ModifiedEvent", self._moved)

    def close(self) -> None:
        """Let go."""
        self._watch.close()
        self._pair = None

    def _remember(self, node: Any) -> None:
        self._seen[node.GetID()] = (_first_two(node.GetDimensions()), _first_two(node.GetFieldOfView()))

    def _moved(self, node: Any, _event: str) -> None:
        if self._busy or self._pair is None:
            return
        other = self._pair[1] if node is self._pair[0] else self._pair[0]
        size, field = self._seen[node.GetID()]
        self._busy = True
        try:
            _copy_plane(node, other)
            if _first_two(node.GetDimensions()) != size:
                # A window that is laid out anew gets its size only later: what was to fit then still fits.
                if self._shortest_mm is not None:
                    fit_field(node, self._shortest_mm)
            elif _apart(_first_two(node.GetFieldOfView()), field) > _TINY:
                self._shortest_mm = None  # the user has chosen a zoom
                other.SetFieldOfView(*_field_for(node, other))
            self._remember(node)
            self._remember(other)
        finally:
            self._busy = False


def _copy_plane(node: Any, other: Any) -> None:
    first, second = node.GetSliceToRAS(), other.GetSliceToRAS()
    turned = max(abs(first.GetElement(r, c) - second.GetElement(r, c)) for r in range(3) for c in range(4))
    if max(turned, _apart(node.GetXYZOrigin(), other.GetXYZOrigin())) < _TINY:
        return
    with at_once(other):
        second.DeepCopy(first)
        other.UpdateMatrices()
        other.SetXYZOrigin(*node.GetXYZOrigin())


def _first_two(values: Sequence[float]) -> _Pair:
    return (float(values[0]), float(values[1]))


def _apart(first: Sequence[float], second: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def _field_for(node: Any, other: Any) -> tuple[float, float, float]:
    """As many millimetres a pixel as the other view has."""
    field, size, wanted = node.GetFieldOfView(), node.GetDimensions(), other.GetDimensions()
    if min(size[:2]) <= 0 or min(wanted[:2]) <= 0:
        return (float(field[0]), float(field[1]), float(other.GetFieldOfView()[2]))
    return (field[0] * wanted[0] / size[0], field[1] * wanted[1] / size[1], float(other.GetFieldOfView()[2]))
