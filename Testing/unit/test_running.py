"""Declaring a tool, running it, its seed, progress and notes, and the record that its outputs carry."""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import synthetic_imaging as si
from synthetic_imaging.catalogue import find
from synthetic_imaging.context import Progress, Run
from synthetic_imaging.parameters import Label, Unit, Within
from synthetic_imaging.provenance import STATEMENT
from synthetic_imaging.running import check_seed, new_seed, run
from synthetic_imaging.tool import CT, At, Kind, Output, Outputs, Tool, tool

GRID = si.Geometry.from_spacing((4, 5, 6), (1.0, 1.0, 2.0))


class Way(str, Enum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Shift:
    amount_hu: Annotated[float, Label("Amount"), Unit("HU"), Within(0, 100)] = 10.0
    way: Way = Way.UP


def needs(inputs: Mapping[str, Any], parameters: Any) -> int:
    return int(inputs["ct"].voxels.nbytes * 2)


@tool(
    "test.shift", title="Shift", sentence="Adds a random constant.", reference="Nobody 2026",
    inputs=[CT("ct", "CT volume"), At("at", "Where", required=False)],
    outputs=[Output("volume", Kind.VOLUME, like="ct"), Output("frames", Kind.SEQUENCE, optional=True)],
    memory_bytes=needs,
)
def shift(ct: si.Volume, at: si.Points | None, parameters: Shift, run: Run) -> Outputs:
    run.progress(0.5, "add")
    run.note("The lung is cut by the edge of the image.")
    run.note("The lung is cut by the edge of the image.")
    sign = 1 if parameters.way is Way.UP else -1
    made = ct.like(ct.voxels + sign * parameters.amount_hu * run.rng.random(), name="shifted")
    return Outputs(volume=made, frames=si.Sequence((made, made), (0, 1)))


def ct(**more: Any) -> si.Volume:
    voxels = np.linspace(-1000, 400, 120).reshape(GRID.shape)
    return si.Volume.ct(voxels, GRID, **{"name": "DOE^JANE 1961-02-03", **more})


# --- running


def test_the_result_is_read_by_the_names_of_the_outputs() -> None:
    result = run(shift, ct=ct(), amount_hu=20, seed=7)
    assert result.volume is result.outputs["volume"] and list(result.outputs) == ["volume", "frames"]
    assert (result.tool, result.seed) == ("test.shift", 7) and result.seconds >= 0
    with pytest.raises(AttributeError, match="no output 'mask'; there are: volume, frames"):
        _ = result.mask


def test_the_same_seed_gives_the_same_result_and_another_seed_another() -> None:
    first, again, other = (run(shift, ct=ct(), seed=s).volume.voxels for s in (7, 7, 8))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_without_a_seed_one_is_drawn_and_told_so_that_the_run_can_be_repeated() -> None:
    result = run(shift, ct=ct())
    assert np.array_equal(run(shift, ct=ct(), seed=result.seed).volume.voxels, result.volume.voxels)
    assert len({new_seed() for _ in range(20)}) > 1


def test_nothing_is_seeded_globally() -> None:
    np.random.seed(3)  # noqa: NPY002 - the global generator is what is looked at
    before = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    run(shift, ct=ct(), seed=1)
    assert np.random.random() == before  # noqa: NPY002


@pytest.mark.parametrize("seed", [np.int64(5), np.uint8(5), 0, 2**63 - 1])
def test_whole_numbers_of_any_type_are_seeds(seed: Any) -> None:
    made = check_seed(seed)
    assert made == seed and type(made) is int


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "7", True, None, float("nan")])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(si.InputError, match="whole number"):
        check_seed(seed)


def test_progress_starts_at_nought_ends_at_one_and_never_falls() -> None:
    seen: list[Progress] = []
    run(shift, ct=ct(), context=Run(seed=1, report=seen.append))
    assert [(p.fraction, p.step) for p in seen] == [(0.0, "start"), (0.5, "add"), (1.0, "done")]
    context = Run(report=seen.append)
    context.progress(0.6, "a")
    context.progress(0.4, "b")
    context.progress(7.0, "c")
    assert [p.fraction for p in seen[-3:]] == [0.6, 0.6, 1.0]
    assert seen[-1].seconds_left == 0.0


def test_a_part_of_a_run_fills_its_share_and_draws_from_the_same_generator() -> None:
    seen: list[Progress] = []
    context = Run(seed=4, report=seen.append)
    part = context.part(0.2, 0.6)
    for fraction in (0.0, 0.5, 1.0):
        part.progress(fraction, "grow")
    assert [round(p.fraction, 6) for p in seen] == [0.2, 0.4, 0.6]
    assert part.rng is context.rng
    part.note("said in the part")
    assert context.notes == ["said in the part"]


def test_cancel_takes_effect_at_the_next_progress() -> None:
    with pytest.raises(si.Cancelled, match="Nothing was changed"):
        run(shift, ct=ct(), context=Run(cancelled=lambda: True))


def test_too_little_memory_is_said_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthetic_imaging.running.available_bytes", lambda: 1000)
    seen: list[Progress] = []
    with pytest.raises(si.MemoryShortage, match=r"'Shift' needs about 1 MB .*are free\. Close other"):
        run(shift, ct=ct(), context=Run(report=seen.append))
    assert seen == []


def test_memory_that_runs_out_underway_is_a_sentence() -> None:
    def hungry(ct: si.Volume, at: Any, parameters: Shift, run: Run) -> Outputs:
        raise MemoryError

    with pytest.raises(si.MemoryShortage, match="'Shift' ran out of memory"):
        run(replace(shift, function=hungry), ct=ct())


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(si.ParameterError, match=r"no parameter 'amount'\. There are: amount_hu, way"):
        run(shift, ct=ct(), amount=3)
    with pytest.raises(si.ParameterError, match=r"no tool 'lesions\.grow'.*lesions\.automaton"):
        run("lesions.grow", ct=ct())


def test_a_tool_that_does_not_return_what_it_declared_is_its_author_s_mistake() -> None:
    for wrong in (Outputs(), Outputs(volume=si.Points((0, 0, 0))), Outputs(volume=ct(), more=ct())):
        broken: Tool = replace(shift, function=lambda made=wrong, **_: made)
        with pytest.raises(TypeError, match=r"test\.shift"):
            run(broken, ct=ct())


# --- declaring


def test_the_catalogue_names_every_tool_in_full() -> None:
    for name, item in si.tools().items():
        assert name == item.id and re.fullmatch(r"[a-z]+\.[a-z_]+", name) and item.task == name.split(".")[0]
        assert item.title and item.sentence.endswith(".") and item.reference
        assert find(name) is item
        likes = {i.name for i in item.inputs}
        assert all(o.like in likes | {""} for o in item.outputs)
        assert all(i.same_grid_as in likes | {""} for i in item.inputs)


def test_a_function_that_does_not_take_what_is_declared_is_refused() -> None:
    with pytest.raises(TypeError, match="the declaration says"):
        tool("test.wrong", title="", sentence="", reference="", inputs=[CT("ct", "CT")], outputs=[])(lambda ct: ct)


def test_input_by_name() -> None:
    assert shift.input("ct").label == "CT volume"
    with pytest.raises(KeyError):
        shift.input("mr")


# --- provenance


def record() -> si.Provenance:
    made: si.Provenance = run(shift, ct=ct(), at=(1, 2, 3), way="down", amount_hu=3, seed=5).volume.provenance
    return made


def test_the_record_says_what_made_it_from_what_and_how() -> None:
    made = record()
    assert (made.tool, made.output, made.seed, made.device) == ("test.shift", "volume", 5, "cpu")
    assert made.parameters == {"amount_hu": 3.0, "way": "down"} and made.reference == "Nobody 2026"
    assert made.inputs["ct"] == {"kind": "Volume", "sha256": ct().sha256, "synthetic": False}
    assert made.inputs["at"]["ras_mm"] == [[1.0, 2.0, 3.0]]
    assert made.notes == ("The lung is cut by the edge of the image.",)
    assert made.synthetic and made.statement == STATEMENT and "not for diagnosis" in made.statement
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", made.created_utc)
    assert {"python", "numpy", "scipy"} <= set(made.libraries)
    assert made.tool_version and made.short.endswith("seed 5")


def test_every_output_and_every_frame_carries_it() -> None:
    result = run(shift, ct=ct(), seed=5)
    assert result.volume.synthetic and result.frames.synthetic and all(f.synthetic for f in result.frames)
    assert result.frames.provenance.output == "frames" and result.frames[0].provenance.output == "frames"


def test_the_record_survives_json() -> None:
    twice = run(shift, ct=run(shift, ct=ct(), seed=1).volume, seed=2).volume.provenance
    again = si.Provenance.from_json(twice.to_json())
    assert again == twice and again.history[0].seed == 1
    newer = json.dumps({**twice.to_dict(), "colour": "a key of a later version"})
    assert si.Provenance.from_json(newer) == twice


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"tool": "x"}'])
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        si.Provenance.from_json(text)


def test_no_name_of_a_patient_no_path_and_no_user_stand_in_it() -> None:
    text = record().to_json()
    assert "DOE" not in text and "JANE" not in text and "1961" not in text
    assert str(Path.home()) not in text and str(Path.cwd()) not in text
    assert socket.gethostname() not in text or len(socket.gethostname()) < 4
    assert f'"{getpass.getuser()}"' not in text
    assert not re.search(r'"(/|[A-Za-z]:\\\\)', text)


def test_what_was_synthetic_before_stays_marked() -> None:
    first = run(shift, ct=ct(), seed=1).volume
    second = run(shift, ct=first, seed=2).volume
    assert second.provenance.inputs["ct"]["synthetic"] is True
    assert [h.seed for h in second.provenance.history] == [1]


def test_the_input_stays_as_it_was() -> None:
    volume = ct()
    before = volume.sha256
    run(shift, ct=volume, seed=1)
    assert ct().sha256 == before and volume.provenance is None and volume.name.startswith("DOE")
    with pytest.raises(ValueError, match="read-only"):
        volume.voxels[0, 0, 0] = 1
