"""Which loaded volume is which MR sequence, by its name and by what its DICOM headers call the series."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from SyntheticImagingLib import attributes
from SyntheticImagingLib.mr.methods import GIVEN
from SyntheticImagingLib.task.origins import series_description, source_of

# In this order: a FLAIR is called "t2 dark fluid" on some scanners, a DIR "t2 dir".
_NAMES = (
    ("", r"\b(map|mask|label|seg|adc|dwi|dti|swi|tof|mra|perf\w*|fieldmap|localizer|scout)\b|t2 ?star|t2\*|t1 ?flair"),
    ("dir", r"\bdir\b|double inversion"),
    ("flair", r"flair|dark fluid|da fl\b|\btirm\b"),
    ("t1w", r"\bt1w?\b|\bt1 ?(se|tse|mpr\w*|vibe|space|ffe|tfe)|mp2?rage|\bbravo\b|\bt1weighted|\bt1 weighted"),
    ("pd", r"\bpdw?\b|proton ?density|\bpd ?(tse|se|fse)"),
    ("t2w", r"\bt2w?\b|\bt2 ?(tse|fse|se|space|spc)|\bt2weighted|\bt2 weighted"),
)
_WITH_AGENT = re.compile(r"\b(post|gd|gad\w*|km|ce|contrast|gadovist|dotarem)\b|\+ ?c\b")


def kind_of(*texts: str) -> str:
    """"flair", "t1w", "t2w", "pd" or "dir", from the first text that says so; "" if none does."""
    for text in texts:
        plain = _plain(text)
        for kind, pattern in _NAMES:
            if re.search(pattern, plain):
                return kind
    return ""


def with_agent(*texts: str) -> bool:
    """Whether a name says that contrast agent was given."""
    return any(_WITH_AGENT.search(_plain(text)) for text in texts)


def kind_of_volume(node: Any) -> str:
    """`kind_of` a volume node; "" for label maps and maps of relaxation times too."""
    if node.IsA("vtkMRMLLabelMapVolumeNode") or node.GetHideFromEditors():
        return ""
    if attributes.read_meaning(node).get("unit"):  # a map in ms has the name of what it was weighted by
        return ""
    return kind_of(series_description(node), node.GetName() or "")


def guess(scene: Any, taken: Mapping[str, Any], wanted: Collection[str] = GIVEN) -> dict[str, Any]:
    """Volumes for the sequences that are not chosen yet.

    Images without contrast agent come first; what was computed from others is never one of them.

    Args:
        scene: the MRML scene.
        taken: kind -> node of what is chosen; None where nothing is.
        wanted: the kinds to look for.
    """
    chosen = [node for node in taken.values() if node is not None]
    found: dict[str, Any] = {}
    for node in sorted(acquired(scene), key=lambda n: with_agent(series_description(n), n.GetName() or "")):
        kind = kind_of_volume(node)
        if kind in wanted and taken.get(kind) is None and kind not in found and node not in chosen:
            found[kind] = node
    return found


class Guesses:
    """Chooses by name, and offers each loaded volume once: who does not want it takes it out, and it stays out."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._offered: set[str] = set()

    def fresh(self, taken: Mapping[str, Any]) -> dict[str, Any]:
        """`guess` among what was loaded since the last look."""
        new = {node.GetID() for node in acquired(self._scene)} - self._offered
        found = {kind: node for kind, node in guess(self._scene, taken).items() if node.GetID() in new}
        self._offered |= new
        return found

    def pass_over(self, nodes: Iterable[Any]) -> None:
        """Do not offer these."""
        self._offered |= {node.GetID() for node in nodes}

    def forget(self) -> None:
        """The scene is closed."""
        self._offered.clear()


def visits(scene: Any) -> tuple[Any, Any] | None:
    """Two volumes of the same sequence, as two visits of one patient leave them; None where there are none."""
    for kind in ("flair", "dir"):
        same = [node for node in acquired(scene) if kind_of_volume(node) == kind]
        if len(same) > 1:
            return same[0], same[1]
    return None


def acquired(scene: Any) -> Iterator[Any]:
    """The volumes that were loaded, not made from others, in the order in which they came."""
    nodes = scene.GetNodesByClass("vtkMRMLScalarVolumeNode")
    for position in range(nodes.GetNumberOfItems()):
        node = nodes.GetItemAsObject(position)
        if node.GetImageData() is not None and source_of(node) is None:
            yield node


def _plain(text: str) -> str:
    """Small letters, and one blank between words, whatever stood there: "T2_spc_da-fl" -> "t2 spc da fl"."""
    return re.sub(r"[\s_\-.:,;()/\[\]]+", " ", text.casefold()).strip()
