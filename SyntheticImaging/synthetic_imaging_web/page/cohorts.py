"""Cohorts on the page: a few cases made at once, looked at as a contact sheet, kept or rejected, downloaded."""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthetic_imaging import parameters as parameter_forms
from synthetic_imaging.cohorts.generate import generate, plan_of
from synthetic_imaging.cohorts.layouts import read_case
from synthetic_imaging.errors import SyntheticImagingError
from synthetic_imaging.running import new_seed
from synthetic_imaging_web.page.forms import Forms
from synthetic_imaging_web.page.results import Results
from synthetic_imaging_web.page.running import Running
from synthetic_imaging_web.page.session import Session
from SyntheticImagingLib.cohort.case_scene import show_case
from SyntheticImagingLib.cohort.cohort_task import CohortTask
from SyntheticImagingLib.cohort.review import Review
from SyntheticImagingLib.cohort.tiles import PIXELS, PLANE_NAMES, Tile, crossed_out
from SyntheticImagingLib.task import Made

_QUALITY = 82


class Cohorts:
    """One cohort at a time: that of the shown result.

    The state ``tiles`` lists its cases (number, name, text, rejected, picture), ``tile`` is the number of the one in
    the views, ``cohort_line`` what was made, ``cohort_rejected`` how many are to be replaced, ``plane`` the plane of
    the pictures.
    """

    def __init__(self, session: Session, forms: Forms, running: Running, results: Results) -> None:
        self._session, self._forms, self._running, self._results = session, forms, running, results
        self._count = 0
        self._reviews: dict[str, Review] = {}
        self._made: Made | None = None
        session.state.update({
            "tiles": [], "tile": 0, "cohort_line": "", "cohort_rejected": 0, "cohort_facts": "",
            "plane": PLANE_NAMES[0],
        })
        running.starts[generate.id] = self.start
        running.checks[generate.id] = self.check
        results.on_shown.append(self._result_shown)
        session.state.change("plane")(self._plane_chosen)

    @property
    def review(self) -> Review | None:
        """The cases of the shown result; None where that is no cohort."""
        return self._reviews.get(_key(self._made)) if self._made is not None else None

    @staticmethod
    def check(values: Mapping[str, Any]) -> str:
        """Say what will be made; refuse before the start what can be refused.

        Raises:
            ParameterError: with a sentence.
        """
        plan = plan_of(parameter_forms.make(generate.parameters, values), 0)
        cases = "1 case" if plan.number == 1 else f"{plan.number} cases"
        return f"{cases}: {plan.make_generator().title}"

    def start(self, values: Mapping[str, Any], seed: int | None) -> None:
        """Make the cases."""
        try:
            parameters = parameter_forms.make(generate.parameters, values)
            plan = plan_of(parameters, new_seed() if seed is None else seed)
            self._count += 1
            task = CohortTask(plan, self._folder() / f"cohort-{self._count}", title=generate.title, temporary=True)
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        shown = parameters.show
        self._run(task, shown)

    def choose(self, number: int) -> None:
        """Show a case in the views."""
        review = self.review
        if review is not None and self._running.task is None and number in review.folder.records:
            self._session.spawn(self._show(review, number))

    def step(self, by: int) -> bool:
        """The next case, or the one before; returns whether there is a cohort."""
        review = self.review
        if review is None:
            return False
        before = review.chosen
        review.step(by)
        number, review.chosen = review.chosen, before
        if number is not None and number != before:
            self.choose(number)
        return True

    def decide(self, wanted: bool) -> None:
        """Keep or reject the case that is shown."""
        review = self.review
        if review is None or self._running.task is not None:
            return
        try:
            review.decide(wanted)
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        self._session.spawn(self._show_tiles(review))

    def replace(self) -> None:
        """Make others in the places of those that were rejected."""
        review = self.review
        if review is None or self._running.task is not None:
            return
        try:
            task = CohortTask(review.folder.plan, review.path, title=generate.title, temporary=True)
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        self._run(task, review.chosen or 1)

    def forget(self, made: Made) -> None:
        """A result was undone: its files go."""
        review = self._reviews.pop(_key(made), None)
        if review is not None:
            shutil.rmtree(review.path, ignore_errors=True)

    def _run(self, task: CohortTask, shown: int) -> None:
        def done(ended: CohortTask) -> None:
            self._session.spawn(self._take_in(ended, shown))

        self._running.run(task, generate.title, done)

    def _folder(self) -> Path:
        folder = self._session.folder / "cohorts"
        folder.mkdir(exist_ok=True)
        return folder

    async def _take_in(self, task: CohortTask, shown: int) -> None:
        review = self.review
        if review is None or review.path != task.path:
            review = Review(task.path)
        else:
            review.reload()
        await self._show(review, shown, task.notes)

    async def _show(self, review: Review, number: int, notes: list[str] | None = None) -> None:
        """Put a case in the place of the one that is shown of the same cohort; else beside what there is."""
        record = review.folder.records[number]
        try:
            case = await asyncio.to_thread(read_case, review.path, record)
            before = self._made if self.review is review else None
            made = show_case(self._session.scene.scene, review.folder, record, case)
        except SyntheticImagingError as error:
            self._session.fail(error)
            return
        if notes:
            made.notes = (*made.notes, *notes)
        elif before is not None:
            made.notes = before.notes
        review.chosen = number
        if before is not None:
            self._reviews.pop(_key(before), None)
        self._reviews[_key(made)] = review
        self._results.put(made, instead_of=before)

    def _result_shown(self, made: Made | None) -> None:
        self._made = made
        review = self.review
        if review is None:
            self._session.push(tiles=[], tile=0)
        else:
            self._session.spawn(self._show_tiles(review))

    def _plane_chosen(self, plane: str, **_: Any) -> None:
        review = self.review
        if review is not None and plane in PLANE_NAMES:
            self._session.spawn(self._show_tiles(review))

    async def _show_tiles(self, review: Review) -> None:
        plane = str(self._session.state.plane)
        items = await asyncio.to_thread(_pictures, review, plane)
        if self.review is not review:
            return  # another result was chosen meanwhile
        record = review.record
        self._session.push(
            tiles=items, tile=review.chosen or 0, cohort_rejected=len(review.rejected),
            cohort_line=f"{len(review.folder.kept)} of {review.folder.plan.number} cases",
            cohort_facts=review.facts(record) if record is not None else "",
        )


def _pictures(review: Review, plane: str) -> list[dict[str, Any]]:
    from synthetic_imaging.cohorts.contact_sheet import plane_picture

    items = []
    for number in review.numbers:
        record = review.folder.records[number]
        picture = plane_picture(*read_case(review.path, record), plane, PIXELS)
        tile = Tile(record, crossed_out(picture) if record.rejected else picture)
        items.append({
            "number": number, "name": record.name, "rejected": record.rejected, "facts": review.facts(record),
            "text": "rejected" if record.rejected else review.caption(record).partition("  ")[2],
            "picture": _as_address(tile),
        })
    return items


def _as_address(tile: Tile) -> str:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(tile.picture).save(held, format="JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode("ascii")


def _key(made: Made) -> str:
    return made.record.GetID() or "" if made.record is not None else ""
