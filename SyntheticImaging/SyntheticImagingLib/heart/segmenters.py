"""The trained segmenters that can be chosen: those of the package, those of the user's store, a file."""

from __future__ import annotations

from dataclasses import dataclass

from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging.learning.weights import names
from synthetic_imaging.segmentation.segmenter_model import HEARTS_CT, segmenter_file

TOOL = "segmentation.apply"


@dataclass(frozen=True)
class Segmenter:
    """A trained segmenter.

    Attributes:
        name: what the tool takes: its name, or the path of its file.
        title: what a person reads.
        modality: of the images that it takes: "CT", "US".
        facts: what it draws and what it has learned from, in a sentence or two.
    """

    name: str
    title: str
    modality: str
    facts: str


def segmenters() -> list[Segmenter]:
    """Those in the package and in the user's store, the shipped heart model first; files that are damaged are left out.
    """
    found = []
    known = sorted({*names.shipped(), *names.stored()}, key=lambda name: (name != HEARTS_CT, name))
    for name in known:
        try:
            found.append(look_at(name))
        except SyntheticImagingError:
            continue
    return found


def look_at(name_or_path: str) -> Segmenter:
    """What a model's file says about it.

    Raises:
        FileError, ParameterError: if there is none, or it is no segmenter.
    """
    model = segmenter_file(name_or_path)
    drawn = ", ".join(model.shape.labels)
    failure = f" {model.card.known_failures[0]}" if model.card.known_failures else ""
    return Segmenter(
        name_or_path, model.card.title, model.shape.modality,
        f"{model.shape.modality}: {drawn}. Trained on {model.card.training_data}.{failure}",
    )
