"""What a tool works on: volumes, segments and clicked points, chosen in the panel."""

from __future__ import annotations

from typing import Any

from synthetic_imaging.catalogue import tools
from synthetic_imaging.tool import Input, Kind, Tool
from synthetic_imaging_web.page.loading import usual_first
from synthetic_imaging_web.page.placing import Placing
from synthetic_imaging_web.page.sequence_choices import SequenceChoices, is_sequence, sequence_key
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib import attributes
from SyntheticImagingLib.task import SegmentChoice
from SyntheticImagingLib.task.origins import source_of

_CLASSES = {
    Kind.VOLUME: "vtkMRMLScalarVolumeNode", Kind.SEQUENCE: "vtkMRMLSequenceNode", Kind.TABLE: "vtkMRMLTableNode"
}  # fmt: skip
_ALL = "*"
# On volumes that were made for looking only: differences, checkerboards.
_ONLY_SHOWS = attributes.PREFIX + "shows"


class Inputs:
    """The choices of inputs, shared by tools: who changes the tool keeps the CT and the organ.

    The state ``in_KEY`` holds the id of a node; for segments "node|segment", or a list of these.
    """

    def __init__(self, session: Session, placing: Placing) -> None:
        self._session, self.placing = session, placing
        self.changed: list[Any] = []
        self._keys: dict[str, Input] = {}
        self._by_name: set[str] = set()
        self._sequences = SequenceChoices(session)
        for tool in tools().values():
            for declared in tool.inputs:
                self._keys.setdefault(input_key(tool, declared), declared)
                if is_sequence(tool, declared):
                    self._by_name.add(input_key(tool, declared))
        session.state.update({"volume_items": [], "segment_items": [], "sequence_items": [], "table_items": []})
        for key, declared in self._keys.items():
            session.state[f"in_{key}"] = [] if declared.all_segments else None
            session.state[f"points_{key}"] = 0
        session.state.change(*(f"in_{key}" for key in self._keys))(self._chosen)
        session.changed.append(self.refresh)

    def refresh(self) -> None:
        """Offer what the scene holds now; choices that are gone are replaced by the usual ones."""
        scene, state = self._session.scene, self._session.state
        proxies = self._proxies()
        volumes = [
            n for n in scene.nodes(_CLASSES[Kind.VOLUME])
            if not n.GetAttribute(_ONLY_SHOWS) and n.GetID() not in proxies
        ]
        segments = self._segments()
        with state:
            state.volume_items = [_item(n) for n in volumes]
            state.sequence_items = [_item(n) for n in scene.nodes(_CLASSES[Kind.SEQUENCE])]
            state.table_items = [_item(n) for n in scene.nodes(_CLASSES[Kind.TABLE])]
            state.segment_items = segments
            known = {item["value"] for item in segments if "value" in item}
            for key, declared in self._keys.items():
                chosen = state[f"in_{key}"]
                if declared.kind is Kind.MASK:
                    kept = [c for c in (chosen if isinstance(chosen, list) else [chosen]) if c in known]
                    if declared.all_segments:
                        state[f"in_{key}"] = kept
                    else:
                        state[f"in_{key}"] = kept[0] if kept else None
                elif key in self._by_name:
                    state[f"in_{key}"] = chosen if scene.node(chosen) is not None else None
                elif declared.kind in _CLASSES and scene.node(chosen) is None:
                    nodes = volumes if declared.kind is Kind.VOLUME else scene.nodes(_CLASSES[declared.kind])
                    state[f"in_{key}"] = nodes[0].GetID() if nodes and declared.required else None
            known_nodes = {key: scene.node(state[f"in_{key}"]) for key in self._by_name}
            for key, node in self._sequences.propose(known_nodes).items():
                state[f"in_{key}"] = node.GetID()
        self.fit_organ()
        self._chosen()

    def choose(self, volume: Any, segmentation: Any) -> None:
        """Choose what was just loaded: a volume, an organ of the segmentation that came with it, or that alone."""
        if volume is not None:
            self._session.push(in_volume=volume.GetID())
        if segmentation is not None:
            self._session.push(in_organ=self._usual_organ([segmentation]))
        self.fit_organ()

    def fit_organ(self) -> None:
        """An organ of the patient whose image is chosen, or none: another's organ would be a mistake."""
        state = self._session.state
        volume = self._session.scene.node(state.in_volume)
        choice = self._choice(state.in_organ)
        if volume is None or (choice is not None and _belongs(choice.node, volume)):
            return
        own = [node for node in self._segmentations() if _belongs(node, volume)]
        organ = self._usual_organ(own)
        if organ != state.in_organ:
            self._session.push(in_organ=organ)

    def show_own_surfaces(self, volume: Any) -> None:
        """In 3-D the organs of the patient whose image is chosen, none of another's."""
        for node in self._segmentations():
            own, display = _same_patient(node, volume), node.GetDisplayNode()
            if display is not None and bool(display.GetVisibility3D()) != own:
                display.SetVisibility3D(own)

    def nodes(self, tool: Tool) -> dict[str, Any]:
        """Input name -> node or segments, as a task takes them."""
        scene, state = self._session.scene, self._session.state
        found: dict[str, Any] = {}
        for declared in tool.inputs:
            key = input_key(tool, declared)
            chosen = state[f"in_{key}"]
            if declared.kind is Kind.POINTS:
                node = self.placing.node(key)
                if node is not None and node.GetNumberOfDefinedControlPoints() > 0:
                    found[declared.name] = node
            elif declared.kind is Kind.MASK:
                choice = self._choice(chosen)
                if choice is not None:
                    found[declared.name] = choice
            elif scene.node(chosen) is not None:
                found[declared.name] = scene.node(chosen)
        return found

    def organ(self) -> tuple[Any, str] | None:
        """The segmentation node and segment chosen as organ."""
        choice = self._choice(self._session.state["in_organ"]) if "organ" in self._keys else None
        return (choice.node, choice.ids[0]) if choice is not None and choice.ids else None

    def _choice(self, chosen: Any) -> SegmentChoice | None:
        pairs = [c.split("|", 1) for c in (chosen if isinstance(chosen, list) else [chosen]) if c]
        if not pairs:
            return None
        node = self._session.scene.node(pairs[0][0])
        if node is None:
            return None
        ids = tuple(segment for identifier, segment in pairs if identifier == pairs[0][0] and segment != _ALL)
        return SegmentChoice(node, () if any(segment == _ALL for _, segment in pairs) else ids)

    def _proxies(self) -> set[str]:
        """Nodes that show a frame of a sequence: no image of their own."""
        from vtkmodules.vtkCommonCore import vtkCollection

        found: set[str] = set()
        for browser in self._session.scene.nodes("vtkMRMLSequenceBrowserNode"):
            nodes: Any = vtkCollection()
            browser.GetAllProxyNodes(nodes)
            found |= {nodes.GetItemAsObject(n).GetID() for n in range(nodes.GetNumberOfItems())}
        return found

    def _segmentations(self) -> list[Any]:
        proxies = self._proxies()
        return [
            n for n in self._session.scene.nodes("vtkMRMLSegmentationNode")
            if n.GetSegmentation() is not None and n.GetID() not in proxies
        ]

    def _segments(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        for node in self._segmentations():
            named = _named(node)
            subtitle = node.GetName()
            if len(named) > 1:
                value = f"{node.GetID()}|{_ALL}"
                items.append({"title": f"All of '{subtitle}'", "value": value, "of": f"{len(named)} segments"})
            items += [{"title": n.replace("_", " "), "value": value, "of": subtitle} for n, value in named]
        return items

    def _usual_organ(self, segmentations: list[Any]) -> str | None:
        named: dict[str, str] = {}
        for node in segmentations:
            for name, value in _named(node):
                named.setdefault(name, value)
        usual = usual_first(list(named))
        return named[usual] if usual else None

    def _chosen(self, **_: Any) -> None:
        for key, declared in self._keys.items():
            chosen = self._session.state[f"in_{key}"]
            if declared.kind is Kind.MASK and isinstance(chosen, list) and chosen:
                kept = [c for c in chosen if _go_together(c, chosen[-1])]
                if kept != chosen:
                    self._session.push(**{f"in_{key}": kept})
        for listener in self.changed:
            listener()


def _named(node: Any) -> list[tuple[str, str]]:
    """Name of each segment, and how it is chosen."""
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(position) for position in range(segmentation.GetNumberOfSegments())]
    return [(segmentation.GetSegment(i).GetName(), f"{node.GetID()}|{i}") for i in ids]


def _belongs(segmentation: Any, volume: Any) -> bool:
    """Whether segments were drawn on this image, or on the one it was made from; unknown counts as yes."""
    drawn_on = segmentation.GetNodeReferenceID(segmentation.GetReferenceImageGeometryReferenceRole())
    source = source_of(volume)
    return not drawn_on or drawn_on in (volume.GetID(), source.GetID() if source is not None else "")


def _same_patient(segmentation: Any, volume: Any) -> bool:
    """Whether segments were drawn on this image, or on one that was made from the same; unknown counts as yes."""
    drawn_on = segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())
    return drawn_on is None or _first_of(drawn_on) is _first_of(volume)


def _first_of(volume: Any) -> Any:
    """The image that was loaded, from which others were made."""
    while (source := source_of(volume)) is not None:
        volume = source
    return volume


def input_key(tool: Tool, declared: Input) -> str:
    """Under which key an input's choice is kept: tools share the first volume, MR sequences and masks of one name."""
    if is_sequence(tool, declared):
        return sequence_key(declared)
    if declared.kind is Kind.VOLUME:
        first = next(i for i in tool.inputs if i.kind is Kind.VOLUME)
        return "volume" if declared is first else f"volume_{_plain(declared.name)}"
    if declared.kind is Kind.MASK:
        return _plain(declared.name)
    return f"{declared.kind.name.lower()}_{_plain(tool.id)}_{_plain(declared.name)}"


def _go_together(chosen: str, last: str) -> bool:
    """One segmentation at a time; "all of it" and single segments exclude each other."""
    (node, segment), (last_node, last_segment) = chosen.split("|", 1), last.split("|", 1)
    return node == last_node and (segment == _ALL) == (last_segment == _ALL)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _item(node: Any) -> dict[str, str]:
    return {"title": node.GetName(), "value": node.GetID()}
