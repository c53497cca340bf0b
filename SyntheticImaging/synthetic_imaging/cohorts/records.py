"""What is known of a finished case, and the provenance that its files carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from synthetic_imaging.cohorts.generator import CohortCase, Generator, plain_settings, weights_of
from synthetic_imaging.cohorts.plan import CohortPlan, MadeCase
from synthetic_imaging.cohorts.ranges import ranges_as_text
from synthetic_imaging.provenance import Provenance, distribution_version, library_versions

TOOL = "cohorts.generate"
TITLE = "Generate a cohort"


@dataclass(frozen=True)
class CaseRecord:
    """One case that was made and written.

    Attributes:
        number: of the case, from 1.
        attempt: which attempt it is.
        made: attempts made as whole images to find it.
        drawn: attempts looked at to find it.
        measurements: name -> number.
        image_sha256, segments_sha256: hashes of voxels and geometry, as `Volume.sha256`.
        files: role ("image", "segments") -> path in the cohort's folder.
        file_bytes: path -> size, of every file of the case.
        seconds: how long making and writing took.
        rejected: whether a person has rejected it.
    """

    number: int
    attempt: int
    made: int
    drawn: int
    measurements: Mapping[str, float]
    image_sha256: str
    segments_sha256: str
    files: Mapping[str, str]
    file_bytes: Mapping[str, int] = field(repr=False)
    seconds: float = 0.0
    rejected: bool = False

    @property
    def name(self) -> str:
        """"0001"."""
        return case_name(self.number)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON; decisions are kept elsewhere."""
        plain = asdict(self)
        del plain["rejected"]
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> CaseRecord:
        """The record from plain values.

        Raises:
            ValueError: if they are none.
        """
        try:
            known = {key: plain[key] for key in cls.__dataclass_fields__ if key != "rejected"}
            return cls(**known)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no record of a case: {error}") from None


def case_name(number: int) -> str:
    """"0001", with more digits where they are needed."""
    return f"{number:04d}"


def stamped(plan: CohortPlan, generator: Generator, found: MadeCase, seconds: float, device: str) -> CohortCase:
    """The case with names and the record of how it came to be."""
    record = Provenance(
        tool=TOOL, tool_title=TITLE, tool_version=distribution_version(), output="image",
        parameters={
            "model": plan.generator, "model_title": generator.title, "case": found.number, "attempt": found.attempt,
            "ranges": ranges_as_text(plan.ranges), "settings": plain_settings(generator),
            "measurements": {name: round(float(v), 6) for name, v in found.case.measurements.items()},
        },
        seed=int(plan.seed), device=device,
        created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"), seconds=round(seconds, 3), inputs={},
        reference=generator.reference, weights=weights_of(generator), libraries=library_versions(),
    )
    name = f"{generator.title} {case_name(found.number)}"
    return replace(
        found.case,
        image=replace(found.case.image, name=name, provenance=record, dicom=None),
        segments=replace(found.case.segments, name=f"{name} segments", provenance=replace(record, output="segments"),
                         dicom=None),
    )


def to_json(plain: Any) -> str:
    """Indented JSON with an end of line."""
    return json.dumps(plain, indent=2) + "\n"
