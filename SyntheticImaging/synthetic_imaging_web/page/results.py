"""What runs made: the result that is shown, its lesions and measurements, the ones before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from synthetic_imaging.catalogue import tools
from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging.lesions.roles import roles_of
from synthetic_imaging.mask import Mask
from synthetic_imaging_web.page.comparing import Comparing
from synthetic_imaging_web.page.growth import Growth
from synthetic_imaging_web.page.organ_surfaces import put_into, surfaces_of
from synthetic_imaging_web.page.place_rows import place_rows
from synthetic_imaging_web.page.running import Running
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.cohort.case_scene import WALL_OPACITY, WALLS, middle_of, size_of
from SyntheticImagingLib.form import readable_record
from SyntheticImagingLib.headless import one_batch
from SyntheticImagingLib.heart.segmenters import TOOL as SEGMENTING
from SyntheticImagingLib.heart.structure_volumes import by_structure
from SyntheticImagingLib.mr.methods import COMPARE, PHANTOM
from SyntheticImagingLib.mr.phantom import arrange
from SyntheticImagingLib.mr.visit_views import comparison_of
from SyntheticImagingLib.segmentations import mask_from_node
from SyntheticImagingLib.show import Mode, SyntheticMark, derived_nodes, frame_3d, lesion_rows, remove_derived
from SyntheticImagingLib.show.lesion_list import organ_names
from SyntheticImagingLib.tables import table_from_node
from SyntheticImagingLib.task import Made, SceneTask, SegmentChoice, remove

_MOST_LESIONS_3D = 40
_CLOSE = 0.38  # of the image, so that a heart in the middle of it fills a 3-D view


class Results:
    """The results of this session, newest last; one of them is shown.

    The state ``result`` says whether there is one, ``result_items`` and ``result_id`` which, ``lesions`` are the rows
    of its list, ``lesion`` the number of the row jumped to (0 for none), ``table`` its measurements.
    """

    def __init__(self, session: Session, comparing: Comparing, growth: Growth, running: Running, host: Any) -> None:
        self._session, self._comparing, self._growth, self._running = session, comparing, growth, running
        self.mark = SyntheticMark(host)
        self.history: list[tuple[Made, SceneTask | None]] = []
        self.current: Made | None = None
        self._task: SceneTask | None = None
        # Called with the result that is shown now, or None.
        self.on_shown: list[Callable[[Made | None], None]] = []
        # Called before another result is shown.
        self.on_closed: list[Callable[[], None]] = []
        # Whether a result is a computed MR sequence: then another part shows it.
        self.is_sequence: Callable[[Made], bool] = lambda made: False
        self.on_undone: Callable[[Made], None] = lambda made: None
        self._measurements: list[tuple[Made, Made]] = []
        self._size: tuple[float, ...] = ()
        self._to_frame = False
        self._host = host
        self._empty()
        session.state.change("result_id")(self._picked)
        running.on_done = self._arrived

    def another(self) -> None:
        """The same once more, with a new seed; the result that is there stays."""
        if self._task is not None:
            self._running.again(self._task)

    def undo(self) -> None:
        """Take the shown result out of the scene; the one before it is shown."""
        made = self.current
        if made is None or self._running.task is not None:
            return
        self._close()
        self._tell(None)
        self.history = [(m, t) for m, t in self.history if m is not made]
        scene = self._session.scene.scene
        for node in derived_nodes(scene, made.volume) if made.volume is not None else []:
            remove_derived(scene, node)
        remove(scene, made)
        self.on_undone(made)
        for _, measured in [pair for pair in self._measurements if pair[0] is made]:
            remove(scene, measured)
        self._measurements = [pair for pair in self._measurements if pair[0] is not made]
        self._session.announce()
        if self.history:
            self._show(*self.history[-1])
        else:
            self._empty()
            self._session.push(tab="make")
            if made.source is not None:
                self._session.views.show_volume(made.source, fit=False)
        self._session.note(f"'{made.title}' was undone.")

    def put(self, made: Made, task: SceneTask | None = None, instead_of: Made | None = None) -> None:
        """Show a result, in the place of another one that is taken out of the scene, or as the newest."""
        place = next((n for n, (m, _) in enumerate(self.history) if m is instead_of), len(self.history))
        if instead_of is not None:
            self._close()
            remove(self._session.scene.scene, instead_of)
        self.history[place : place + 1] = [(made, task)]
        self._session.announce()
        self._show(made, task)
        self._session.push(tab="result")

    def image_of(self, segmentation: Any) -> Any:
        """The image that a result's lesions lie in; None for other segmentations."""
        return next((m.volume for m, _ in self.history if m.lesions is segmentation), None)

    def measure(self) -> None:
        """Measure the lesions of the shown result."""
        made = self.current
        if made is None or made.volume is None or made.lesions is None or self._running.task is not None:
            return
        nodes = {"volume": made.volume, "lesions": SegmentChoice(made.lesions)}
        try:
            task = SceneTask(self._session.scene.scene, "lesions.measure", nodes)
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        self._running.run(task, task.tool.title, lambda done: self._measured(made, done))

    def jump(self, number: int) -> None:
        """All slice views to a lesion of the list."""
        rows = self._session.state.lesions
        for row in rows:
            if row["number"] == number:
                self._comparing.jump_to(tuple(row["centre"]))
                self._session.push(lesion=number)

    def next_lesion(self, by: int) -> None:
        """The next lesion of the list, or the one before."""
        rows = self._session.state.lesions
        if rows:
            numbers = [row["number"] for row in rows]
            now = numbers.index(self._session.state.lesion) if self._session.state.lesion in numbers else -1
            self.jump(numbers[(now + by) % len(numbers) if now >= 0 else 0])

    def _arrived(self, task: SceneTask) -> None:
        made = task.made
        if made is None:
            return
        self.put(made, task)

    def _measured(self, made: Made, task: SceneTask) -> None:
        done = task.made
        if done is None:
            return
        self._session.announce()
        made.nodes["measurements"] = done.nodes["measurements"]
        self._measurements.append((made, done))
        if self.current is made:
            self._session.push(**_table_state(made), tab="result")

    def _picked(self, result_id: Any, **_: Any) -> None:
        for made, task in self.history:
            if _id(made) == result_id and made is not self.current:
                self._show(made, task)

    def _close(self) -> None:
        for listener in self.on_closed:
            listener()
        self._growth.close()
        self._comparing.close()
        if self.current is not None and self.current.lesions is not None and self.current.lesions.GetScene():
            self.current.lesions.GetDisplayNode().SetVisibility(False)
        self.current = self._task = None

    def _show(self, made: Made, task: SceneTask | None) -> None:
        self._close()
        self.current, self._task = made, task
        rows = _rows(made)
        # Its image is the map of uncertainty: nothing to be read as the patient's image, and the same each time.
        segments = made.tool_id == SEGMENTING
        state = {
            "result": True, "result_items": [_history_item(n, m) for n, (m, _) in enumerate(self.history, start=1)],
            "result_id": _id(made), "result_title": made.title, "result_summary": _summary(made, task),
            "result_notes": list(made.notes), "lesions": rows, "lesion": 0,
            "result_record": readable_record(made.record.GetText()) if made.record is not None else "",
            "result_image": made.volume is not None and not segments and made.tool_id != COMPARE,
            "result_lesions": made.lesions is not None, "result_measure": bool(rows) and _of_lesions(made),
            # Computed from the same images it is the same each time.
            "result_again": task is not None and not segments and not self.is_sequence(made),
        }
        self._session.push(**state, **_table_state(made))
        if made.tool_id == PHANTOM:
            arrange(self._session.scene.scene, made)
        elif made.lesions is not None:
            made.lesions.GetDisplayNode().SetVisibility(True)
            self._session.spawn(self._add_surfaces(made))
        if made.volume is not None and made.source is not None and _edits(made):
            self._comparing.compare(made.source, made.volume, made.lesions)
            self._size = ()
        elif made.tool_id == COMPARE:
            self._comparing.begin(lambda: comparison_of(self._host, made), Mode.DIFFERENCE)
        elif self.is_sequence(made):
            pass  # `on_shown` brings it into the views
        elif made.source is not None:
            self._session.views.show_volume(made.source, fit=False)
        elif made.volume is not None:
            self._to_frame = self._size != size_of(made.volume)
            self._session.views.show_volume(made.volume, fit=self._to_frame)
            if not self._to_frame:  # the next case of a cohort: as large as the one before
                self._session.views.jump_to(middle_of(made.volume))
            self._size = size_of(made.volume)
            if made.tool_id != PHANTOM:  # an MR is nothing for the tools that share this choice
                self._session.push(in_volume=made.volume.GetID())
        self._growth.open(made.browser, made.source, [made.lesions])
        place = _place_of_input(made) if not rows else None
        if rows:
            self.jump(_first_new(made, rows)["number"])
        elif place is not None:  # nothing is left there: that is what one wants to see
            self._comparing.jump_to(place)
        self._tell(made)

    def _tell(self, made: Made | None) -> None:
        for listener in self.on_shown:
            listener(made)

    async def _add_surfaces(self, made: Made) -> None:
        node = made.lesions
        mask = mask_from_node(node)
        names, opacity = _in_3d(made, mask)
        surfaces = await asyncio.to_thread(surfaces_of, mask, names)
        if node.GetScene() is None:
            return
        display = node.GetDisplayNode()
        with one_batch(self._session.scene.scene):
            put_into(node, surfaces)
            for segment in mask.segments:
                identifier = node.GetSegmentation().GetSegmentIdBySegmentName(segment.name)
                display.SetSegmentVisibility3D(identifier, segment.name in names)
                display.SetSegmentOpacity3D(identifier, opacity.get(segment.name, 1.0))
            display.SetVisibility3D(True)
            if self._to_frame and made.volume is not None:  # only now there is something to look at
                self._to_frame = False
                frame_3d(self._host, middle_of(made.volume), _CLOSE * max(size_of(made.volume)))
            for choice in made.inputs.values():
                if isinstance(choice, SegmentChoice) and choice.node.GetScene() is not None:
                    for identifier in choice.ids:  # the organ is seen through, so that what is in it is seen
                        choice.node.GetDisplayNode().SetSegmentOpacity3D(identifier, 0.35)

    def _empty(self) -> None:
        self._session.state.update(
            {"result": False, "result_items": [], "result_id": "", "result_title": "", "result_summary": "",
             "result_notes": [], "lesions": [], "lesion": 0, "table": {}, "result_table": False,
             "result_record": "", "result_image": False, "result_measure": False,
             "result_lesions": False, "result_again": False}
        )


def _rows(made: Made) -> list[dict[str, Any]]:
    if not _of_lesions(made):
        return place_rows(made)
    if made.lesions is None:
        return []
    return [
        {
            "number": row.number, "name": row.name, "segment": row.segment_id,
            "centre": [float(x) for x in row.centre_ras],
            "size": f"{row.diameter_mm:.1f} mm", "volume": f"{row.volume_ml:.2f} ml",
            "contrast": "" if row.contrast is None else f"{row.contrast:+.0f} {row.unit}".strip(),
        }
        for row in lesion_rows(made)
    ]


def _first_new(made: Made, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The first lesion that was not there before, else the first."""
    known = {n for c in made.inputs.values() if isinstance(c, SegmentChoice) for n in _names(c.node)}
    return next((row for row in rows if row["name"] not in known), rows[0])


def _place_of_input(made: Made) -> tuple[float, float, float] | None:
    """The middle of the lesion that was worked on, world RAS mm."""
    choice = made.inputs.get("lesion")
    if not isinstance(choice, SegmentChoice) or choice.node.GetScene() is None or not choice.ids:
        return None
    row = next((r for r in lesion_rows(choice.node) if r.segment_id == choice.ids[0]), None)
    return row.centre_ras if row is not None else None


def table_of(made: Made) -> Any:
    """The table to show of a result; None without one."""
    tables = {name: node for name, node in made.nodes.items() if node.IsA("vtkMRMLTableNode")}
    return tables.get("volumes") or next(iter(tables.values()), None)


def _table_state(made: Made) -> dict[str, Any]:
    node = table_of(made)
    if node is None:
        return {"table": {}, "result_table": False}
    # Told in words; listed place by place.
    if "knowledge" in made.nodes or ("domain" in made.nodes and made.tool_id != SEGMENTING) or place_rows(made):
        return {"table": {}, "result_table": True}
    table = table_from_node(node)
    headings = [f"{c.heading} ({c.unit})" if c.unit else c.heading for c in table.columns]
    if made.tool_id == SEGMENTING:
        table = by_structure(table)
        headings = [c.heading for c in table.columns]
    return {"table": {"headings": headings, "rows": [[_cell(cell) for cell in row] for row in table.rows]},
            "result_table": True}


def _cell(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _of_lesions(made: Made) -> bool:
    return made.tool_id.startswith("lesions.")


def _edits(made: Made) -> bool:
    """Whether the result is the input with a region changed: then the two can be compared."""
    tool = tools().get(made.tool_id)
    return tool is None or any(output.edits for output in tool.outputs)


def _in_3d(made: Made, mask: Mask) -> tuple[list[str], dict[str, float]]:
    """Segments that are shown in 3-D, and how solid."""
    if not _of_lesions(made):
        return list(mask.names), dict.fromkeys(WALLS, WALL_OPACITY)
    roles, organs = roles_of(mask), organ_names(made.inputs)
    names = [s.name for s in (*roles.lesions, *roles.necrosis) if s.name not in organs][:_MOST_LESIONS_3D]
    # A dead core is seen through its tumour.
    return names, {name: 0.6 for name in names if len(names) > 1 and "tumour" in name}


def _summary(made: Made, task: SceneTask | None) -> str:
    where = {"cpu": "CPU", "mps": "Apple GPU"}.get(task.device, "GPU") if task is not None else ""
    return " · ".join(part for part in (f"seed {made.seed}", f"{made.seconds:.1f} s", where) if part)


def _history_item(number: int, made: Made) -> dict[str, str]:
    return {"title": f"{number}  {made.title}, seed {made.seed}", "value": _id(made)}


def _id(made: Made) -> str:
    return made.record.GetID() if made.record is not None else str(id(made))


def _names(node: Any) -> list[str]:
    segmentation = node.GetSegmentation()
    return [
        segmentation.GetSegment(segmentation.GetNthSegmentID(n)).GetName()
        for n in range(segmentation.GetNumberOfSegments())
    ]
