"""Parameter forms: what a declaration says, what text becomes, and what is refused with which sentence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_imaging.errors import ParameterError
from synthetic_imaging.parameters import (
    Advanced,
    Help,
    Label,
    Unit,
    Within,
    check,
    convert,
    fields_of,
    make,
    plain,
)


class Size(str, Enum):
    SMALL = "small"
    VERY_LARGE = "very large"


@dataclass(frozen=True)
class Form:
    size: Annotated[Size, Label("Size class"), Help("How large.")] = Size.SMALL
    contrast_hu: Annotated[float, Label("Contrast to organ"), Unit("HU"), Within(-200.0, 200.0)] = -55.0
    count: Annotated[int | None, Label("Number of lesions"), Within(1, 30)] = None
    capsule: Annotated[bool, Label("Capsule"), Advanced] = False
    which: str = ""


FIELDS = {f.name: f for f in fields_of(Form)}


def test_the_declaration_tells_a_form_all_it_shows() -> None:
    assert list(FIELDS) == ["size", "contrast_hu", "count", "capsule", "which"]
    contrast = FIELDS["contrast_hu"]
    assert (contrast.type, contrast.unit, contrast.within, contrast.default) == (float, "HU", (-200.0, 200.0), -55.0)
    assert FIELDS["size"].choices == ("small", "very large") and FIELDS["size"].help == "How large."
    assert FIELDS["count"].optional and FIELDS["count"].type is int and not contrast.optional
    assert FIELDS["capsule"].advanced and not contrast.advanced
    assert FIELDS["which"].label == "Which"


def test_defaults_alone_make_a_form() -> None:
    assert make(Form, {}) == Form()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "very large", Size.VERY_LARGE),
        ("size", "VERY_LARGE", Size.VERY_LARGE),
        ("size", Size.SMALL, Size.SMALL),
        ("contrast_hu", "-12.5", -12.5),
        ("contrast_hu", 7, 7.0),
        ("count", "3", 3),
        ("count", 3.0, 3),
        ("count", "automatic", None),
        ("count", "", None),
        ("count", None, None),
        ("capsule", "yes", True),
        ("capsule", "Off", False),
        ("capsule", 1, True),
        ("which", "lesion 2", "lesion 2"),
    ],
)
def test_text_and_values_become_the_declared_type(name: str, text: Any, value: Any) -> None:
    made = convert(FIELDS[name], text)
    assert made == value and type(made) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("contrast_hu", 200.5, "'Contrast to organ' is 200.5 HU; it must be from -200 to 200 HU"),
        ("contrast_hu", "dark", "it must be a number"),
        ("contrast_hu", float("nan"), "it must be a number"),
        ("contrast_hu", float("inf"), "it must be a number"),
        ("contrast_hu", True, "it must be a number"),
        ("contrast_hu", None, "needs a value"),
        ("contrast_hu", [1.0], "it must be a number"),
        ("count", 2.5, "it must be a whole number"),
        ("count", 0, "'Number of lesions' is 0; it must be from 1 to 30"),
        ("count", 10**400, "it must be a whole number"),
        ("capsule", "perhaps", "it must be yes or no"),
        ("capsule", 2, "it must be yes or no"),
        ("size", "huge", "it must be one of: small, very large"),
        ("size", None, "needs a value"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_label(name: str, value: Any, said: str) -> None:
    with pytest.raises(ParameterError) as error:
        make(Form, {name: value})
    assert said in str(error.value) and FIELDS[name].label in str(error.value)


def test_a_value_just_outside_is_told_apart_from_the_end_of_the_range() -> None:
    with pytest.raises(ParameterError, match=r"is 200\.00001 HU"):
        make(Form, {"contrast_hu": 200.00001})


def test_both_ends_of_a_range_are_allowed() -> None:
    assert make(Form, {"contrast_hu": -200, "count": 30}) == Form(contrast_hu=-200.0, count=30)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(ParameterError, match=r"no parameter 'contrst'.*size, contrast_hu, count, capsule, which"):
        make(Form, {"contrst": 3})


def test_a_parameter_object_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ParameterError, match="Number of lesions"):
        check(Form(count=99))


def test_plain_values_are_json_and_lead_back_to_the_same_form() -> None:
    form = Form(size=Size.VERY_LARGE, count=4, capsule=True, which="lesion 1")
    text = json.dumps(plain(form))
    assert json.loads(text)["size"] == "very large"
    assert make(Form, json.loads(text)) == form


@given(
    size=st.sampled_from(Size), contrast=st.floats(-200, 200), count=st.none() | st.integers(1, 30),
    capsule=st.booleans(), which=st.text(max_size=8),
)
def test_every_allowed_form_survives_json_and_text(
    size: Size, contrast: float, count: int | None, capsule: bool, which: str
) -> None:
    form = Form(size, contrast, count, capsule, which)
    assert make(Form, json.loads(json.dumps(plain(form)))) == form
    assert make(Form, {k: "" if v is None else str(v) for k, v in plain(form).items()}) == form


@given(st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers(), st.binary(), st.lists(st.floats())))
def test_whatever_is_given_the_answer_is_a_value_or_a_sentence(value: Any) -> None:
    for field in FIELDS.values():
        try:
            made = convert(field, value)
        except ParameterError as error:
            assert len(str(error)) >= 20
        else:
            assert (made is None and field.optional) or isinstance(made, field.type)


def test_a_value_is_told_in_words_with_its_unit() -> None:
    said = {name: field.in_words(field.default) for name, field in FIELDS.items()}
    assert (said["size"], said["contrast_hu"], said["count"]) == ("small", "-55 HU", "automatic")
    assert (said["capsule"], said["which"]) == ("no", "empty")
    assert FIELDS["capsule"].in_words(True) == "yes"


@dataclass(frozen=True)
class NoDefault:
    size: float


@dataclass(frozen=True)
class NoForm:
    size: Annotated[list, Label("Sizes")] = ()  # type: ignore[type-arg,assignment]


@dataclass(frozen=True)
class TwoTypes:
    size: int | str = 1


@pytest.mark.parametrize(("form", "said"), [(NoDefault, "default"), (NoForm, "form can show"), (TwoTypes, "one type")])
def test_an_author_s_mistake_is_named(form: type, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        fields_of(form)
