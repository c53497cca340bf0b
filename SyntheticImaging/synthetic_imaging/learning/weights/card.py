"""What a trained model is, in words and figures; it travels in the same file as the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any

from synthetic_imaging.errors import FileError

RESEARCH_ONLY = "Research: synthetic training data and methods. Not for diagnosis."


def today() -> str:
    """The day, "2026-08-14" (UTC)."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%d")


@dataclass(frozen=True)
class Card:
    """The card of a model.

    Attributes:
        title: two to six words.
        recipe: id of the recipe that it was trained with.
        version: of the package that trained it.
        licence: of the weights, such as "Apache-2.0".
        training_data: what it was trained on, how many cases; "phantom" stands there when it was one.
        intended_use: what it is for.
        known_failures: what it does badly, a sentence each.
        metrics: figures by name, each with the unit or the kind of data in its name.
        seed: seed of the training.
        date: day of the training, "2026-08-14".
    """

    title: str
    recipe: str
    version: str
    licence: str
    training_data: str
    intended_use: str = RESEARCH_ONLY
    known_failures: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    date: str = field(default_factory=today)

    def to_json(self) -> str:
        """The card as JSON; figures that are not finite are left out."""
        plain = asdict(self)
        plain["metrics"] = {str(k): float(v) for k, v in self.metrics.items() if math.isfinite(v)}
        return json.dumps(plain, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The card from JSON; keys of a newer version are dropped.

        Raises:
            FileError: if it is no card.
        """
        try:
            plain = json.loads(text)
            known: dict[str, Any] = {f.name: plain[f.name] for f in fields(cls) if f.name in plain}
            for name in ("title", "recipe", "version", "licence", "training_data", "intended_use", "date"):
                known[name] = str(known.get(name, ""))
            known["known_failures"] = tuple(str(line) for line in known.get("known_failures", ()))
            known["metrics"] = {str(k): float(v) for k, v in dict(known.get("metrics", {})).items()}
            known["seed"] = int(known.get("seed", 0))
            return cls(**known)
        except (ValueError, TypeError, KeyError):
            raise FileError("The card of the model cannot be read.") from None

    def text(self) -> str:
        """The card as lines for people."""
        lines = [self.title, f"Recipe: {self.recipe}, trained {self.date} by version {self.version}, seed {self.seed}",
                 f"Licence: {self.licence}", f"Trained on: {self.training_data}", f"For: {self.intended_use}"]
        lines += [f"Fails: {line}" for line in self.known_failures]
        lines += [f"{name}: {value:.4g}" for name, value in self.metrics.items()]
        return "\n".join(lines)
