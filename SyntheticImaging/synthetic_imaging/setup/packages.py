"""Groups of Python packages: what each needs, and what of it is installed. Nothing is imported to find out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from synthetic_imaging.setup.rows import Row, State

DISTRIBUTION = "synthetic-imaging"
RESOURCE = Path(__file__).with_name("requirements.txt")
TITLES = {"core": "Core packages", "learn": "Packages for learned tools"}
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:(?P<operator>>=|==)\s*(?P<version>[0-9][^\s,;#]*))?[^#]*(?:#\s*(?P<size>\d+))?"
)
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")


@dataclass(frozen=True)
class Requirement:
    """One package with the lowest version that works.

    Attributes:
        name: of the distribution.
        floor: lowest version; "" for any.
        exact: whether only this version will do.
        megabytes: of a download, roughly; 0 when not known.
    """

    name: str
    floor: str = ""
    exact: bool = False
    megabytes: int = 0

    def __str__(self) -> str:
        return f"{self.name}{('==' if self.exact else '>=') + self.floor if self.floor else ''}"

    @property
    def installed(self) -> str:
        """Version that is installed, or ""."""
        try:
            return metadata.version(self.name) or ""
        except metadata.PackageNotFoundError:
            return ""

    @property
    def satisfied(self) -> bool:
        """Whether a good version is installed."""
        version = self.installed
        return bool(version) and self.allows(version)

    def allows(self, version: str) -> bool:
        """Whether that version will do."""
        if self.exact:
            return version == self.floor
        return not self.floor or _release(version) >= _release(self.floor)


@dataclass(frozen=True)
class Group:
    """Packages that belong together.

    Attributes:
        name: "core" for what every tool needs, or the name of an extra.
        requirements: its packages.
    """

    name: str
    requirements: tuple[Requirement, ...]

    @property
    def title(self) -> str:
        """For people."""
        return TITLES.get(self.name, f"Packages for '{self.name}'")

    @property
    def required(self) -> bool:
        """Whether tools of today need it."""
        return self.name == "core"

    @property
    def wanting(self) -> tuple[Requirement, ...]:
        """What is missing or too old."""
        return tuple(r for r in self.requirements if not r.satisfied)


def groups() -> tuple[Group, ...]:
    """The groups, with the floors of the installed distribution, or of the resource where it is not installed."""
    shipped = _shipped()
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return shipped
    sizes = {normal_name(r.name): r.megabytes for group in shipped for r in group.requirements}
    found: dict[str, list[Requirement]] = {group.name: [] for group in shipped}
    for line in lines:
        extra = _EXTRA.search(line)
        group = extra[1] if extra else "core"
        requirement = parse(line)
        if requirement and group in found:
            size = sizes.get(normal_name(requirement.name), 0)
            found[group].append(Requirement(requirement.name, requirement.floor, requirement.exact, size))
    # A distribution of an older version, left behind, may declare nothing: then the resource counts.
    return tuple(Group(group.name, tuple(found[group.name]) or group.requirements) for group in shipped)


def group(name: str) -> Group:
    """The group of that name."""
    return next(g for g in groups() if g.name == name)


def parse(line: str) -> Requirement | None:
    """A requirement as pip writes it ("numpy>=1.26; extra == 'x'"), with "# megabytes" behind it or not."""
    match = _REQUIREMENT.match(line.strip())
    if not match:
        return None
    return Requirement(match["name"], match["version"] or "", match["operator"] == "==", int(match["size"] or 0))


def normal_name(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rows() -> list[Row]:
    """A row for each group, and one for each of its packages."""
    found = []
    for one in groups():
        wanting = one.wanting
        count = len(one.requirements)
        absent = State.MISSING if one.required else State.OPTIONAL
        value = f"all {count} installed" if not wanting else f"{count - len(wanting)} of {count} installed"
        advice = ""
        if wanting and one.required:
            advice = "Install what is missing."
        elif wanting:
            advice = "For segmenting, trained models and training; lesions and phantoms do without."
        found.append(Row(one.title, value, absent if wanting else State.OK, advice))
        found.extend(_package_row(r, one.title, absent) for r in one.requirements)
    return found


def _package_row(requirement: Requirement, part_of: str, absent: State) -> Row:
    version, floor = requirement.installed, requirement.floor
    needed = f" ({requirement.floor} or newer)" if floor and not requirement.exact else f" ({floor})" if floor else ""
    if not version:
        return Row(requirement.name, f"not installed{needed}", absent, "", part_of)
    if not requirement.allows(version):
        return Row(requirement.name, f"{version}, too old{needed}", absent, "", part_of)
    return Row(requirement.name, version, State.OK, "", part_of)


@cache
def _shipped() -> tuple[Group, ...]:
    found: dict[str, list[Requirement]] = {}
    current = "core"
    for line in RESOURCE.read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"#\s*\[(\w+)\]", line.strip())
        if heading:
            current = heading[1]
        elif line.strip() and not line.startswith("#"):
            requirement = parse(line)
            if requirement:
                found.setdefault(current, []).append(requirement)
    return tuple(Group(name, tuple(items)) for name, items in found.items())


def _release(version: str) -> tuple[int, ...]:
    # Enough for floors: 2.13.0+cpu -> 2.13, 5.2rc1 -> 5.2. Trailing zeros do not count.
    match = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    numbers = [int(x) for x in match[1].split(".")] if match else [0]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
