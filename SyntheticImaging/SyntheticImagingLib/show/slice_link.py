"""Slice views that move together, whoever moves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from SyntheticImagingLib.show.observing import Watch
from SyntheticImagingLib.show.view_state import at_once, fit_field

_TINY = 1e-6
_Pair = tuple[float, float]


class SliceLink:
    """Keeps plane and zoom of two or more slice nodes the same.

    Slicer's own link follows only what the user does in a view; sliders of a page and jumps are followed here too.
    """

    def __init__(self) -> None:
        self._nodes: tuple[Any, ...] = ()
        self._seen: dict[str, tuple[_Pair, _Pair]] = {}
        self._fit: Callable[[Any], None] | None = None
        self._watch = Watch()
        self._busy = False

    def link(self, *nodes: Any, fit: Callable[[Any], None] | None = None) -> None:
        """Let these slice nodes follow each other from now on.

        Args:
            nodes: the slice nodes.
            fit: zooms a view whose window has changed its size; the shorter side stays as long as that of the first
                view is now when None. Forgotten once the user has chosen a zoom.
        """
        if len(nodes) == len(self._nodes) and all(a is b for a, b in zip(nodes, self._nodes, strict=True)):
            return
        self.close()
        self._nodes = nodes
        shortest_mm = min(nodes[0].GetFieldOfView()[:2])
        self._fit = fit if fit is not None else lambda node: fit_field(node, shortest_mm)
        for node in nodes:
            self._remember(node)
            self._watch.on(node, "ModifiedEvent", self._moved)

    def close(self) -> None:
        """Let go."""
        self._watch.close()
        self._nodes = ()

    def _remember(self, node: Any) -> None:
        self._seen[node.GetID()] = (_first_two(node.GetDimensions()), _first_two(node.GetFieldOfView()))

    def _moved(self, node: Any, _event: str) -> None:
        if self._busy or not self._nodes:
            return
        others = [other for other in self._nodes if other is not node]
        field = self._seen[node.GetID()][1]
        self._busy = True
        try:
            for other in others:
                _copy_plane(node, other)
            # Windows that are laid out anew get their sizes only later, several at a time: what was to fit still fits.
            resized = [n for n in self._nodes if _first_two(n.GetDimensions()) != self._seen[n.GetID()][0]]
            if resized:
                fit = self._fit if self._fit is not None else _leave
                for one in resized:
                    fit(one)
            elif _apart(_first_two(node.GetFieldOfView()), field) > _TINY:
                self._fit = None  # the user has chosen a zoom
                for other in others:
                    other.SetFieldOfView(*_field_for(node, other))
            for known in self._nodes:
                self._remember(known)
        finally:
            self._busy = False


def _leave(_node: Any) -> None:
    """The user has chosen a zoom."""


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
