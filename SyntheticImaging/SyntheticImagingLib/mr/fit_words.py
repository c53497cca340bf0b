"""How far a network can be trusted on the images that it was given, in words, from the table "domain"."""

from __future__ import annotations

from dataclasses import dataclass

from synthetic_imaging.sequences.learned.fit_table import fit_sentence
from synthetic_imaging.table import Table
from SyntheticImagingLib.show.domain_words import outside_in_words, within_in_words


@dataclass(frozen=True)
class Fit:
    """A table "Fit of model and images", for people.

    Attributes:
        warning: what is outside of all that the model has seen; "" if nothing.
        lines: a heading, and a line for each quantity that is usual.
        sentence: what the tool's notes say of the same.
    """

    warning: str
    lines: tuple[str, ...]
    sentence: str


def told_of_fit(table: Table) -> Fit:
    """The table in words."""
    outside, sentence = outside_in_words(table), fit_sentence(table)
    warning = f"The model has not seen images like these: {outside}. Do not trust what it made." if outside else ""
    usual = within_in_words(table)
    if outside:
        heading = ("Fit of model and images:",) if usual else ()
        return Fit(warning, (*heading, *usual), sentence)
    return Fit("", (f"Fit of model and images: {sentence[:1].lower()}{sentence[1:]}", *usual), sentence)
