"""What every synthetic thing carries with it: which tool made it, from what, how, and that it is synthetic.

A record holds hashes of the inputs, never their names, paths or patient data.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

PRODUCT = "SyntheticImaging"
STATEMENT = "Synthetic image made by software. Research use only, not for diagnosis."
LIBRARIES = ("numpy", "scipy", "SimpleITK", "numba", "torch", "monai")


@dataclass(frozen=True)
class Provenance:
    """The record.

    Attributes:
        tool: id of the tool, such as "lesions.handcrafted".
        tool_title: its title.
        tool_version: version of the distribution that holds the tool.
        output: name of the output this record belongs to.
        parameters: every parameter with the value used (plain JSON values).
        seed: seed of the run's only random generator.
        device: "cpu", "cuda:0 (NAME)" or "mps".
        created_utc: ISO 8601 time.
        seconds: how long the run took.
        inputs: input name -> {"sha256", "kind", "synthetic"} of what went in.
        reference: the publication.
        weights: name -> sha256 of learned weights used; empty for rules.
        libraries: name -> version of what computed it.
        notes: what the run had to say ("organ touches the edge of the image").
        history: records of those inputs that were synthetic themselves, oldest first.
    """

    tool: str
    tool_title: str
    tool_version: str
    output: str
    parameters: Mapping[str, Any]
    seed: int
    device: str
    created_utc: str
    seconds: float
    inputs: Mapping[str, Mapping[str, Any]]
    reference: str = ""
    weights: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    history: tuple[Provenance, ...] = ()
    product: str = PRODUCT
    statement: str = STATEMENT
    synthetic: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def to_json(self) -> str:
        """Indented JSON text."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=False)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Provenance:
        """The record from plain values; unknown keys (of a newer version) are dropped."""
        known = {k: v for k, v in record.items() if k in cls.__dataclass_fields__}
        known["notes"] = tuple(known.get("notes", ()))
        known["history"] = tuple(cls.from_dict(item) for item in known.get("history", ()))
        return cls(**known)

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """The record from JSON text.

        Raises:
            ValueError: if the text is no such record.
        """
        try:
            record = json.loads(text)
            return cls.from_dict(record)
        except (TypeError, AttributeError, KeyError) as error:
            raise ValueError(f"not a provenance record: {error}") from None

    @property
    def short(self) -> str:
        """One line for a caption."""
        return f"{self.tool_title} ({self.tool} {self.tool_version}), seed {self.seed}"


def file_name(name_or_path: str) -> str:
    """The last part of a path, of whatever system; a plain name is itself."""
    return name_or_path.replace("\\", "/").rstrip("/").rpartition("/")[2] or name_or_path


def distribution_version(name: str = "synthetic-imaging") -> str:
    """Version of an installed distribution, or "0+unknown" when run from a source folder."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "0+unknown"


def library_versions() -> dict[str, str]:
    """Versions of the libraries that compute, without importing them."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        version = distribution_version(name)
        if version != "0+unknown":
            found[name] = version
    return found
