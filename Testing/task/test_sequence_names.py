"""Which MR sequence a volume is, by its name; what the tables of the tools say, in words and places."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from synthetic_imaging.table import Column, Table

pytest.importorskip("slicer")

from synthetic_imaging.geometry import Geometry
from synthetic_imaging.volume import Volume
from SyntheticImagingLib.headless import HeadlessSlicer
from SyntheticImagingLib.mr.doubts import doubts
from SyntheticImagingLib.mr.guessing import Guesses, guess, kind_of, visits, with_agent
from SyntheticImagingLib.mr.knowledge_words import Trust, in_words
from SyntheticImagingLib.mr.places import by_region, places_of
from SyntheticImagingLib.mrml import add_volume
from SyntheticImagingLib.task.origins import SOURCE_ROLE, remember_origin


@pytest.mark.parametrize(("name", "kind"), [
    ("sub-01_ses-02_FLAIR", "flair"), ("t2_tirm_tra_dark-fluid", "flair"), ("t2_spc_da-fl_irprep_sag", "flair"),
    ("3D_FLAIR_SAG_FS", "flair"), ("t1_mprage_sag_p2_iso", "t1w"), ("T1w", "t1w"), ("Ax T1 SE", "t1w"),
    ("IR-FSPGR BRAVO", "t1w"), ("sub-01_T2w", "t2w"), ("t2_tse_tra", "t2w"), ("T2_SPACE", "t2w"), ("sub-01_PD", "pd"),
    ("pd_tse_tra", "pd"), ("Proton density", "pd"), ("t2_spc_dir_sag", "dir"), ("DIR (phantom)", "dir"),
    ("T1 map (phantom)", ""), ("t2_star_gre", ""), ("T2*w", ""), ("ep2d_diff_ADC", ""), ("t1_seg", ""), ("CT", ""),
    ("Ax T1 FLAIR", ""), ("", ""),
])
def test_a_name_says_which_sequence_it_is(name: str, kind: str):
    assert kind_of(name) == kind


@pytest.mark.parametrize(("name", "agent"), [
    ("t1_mprage_post_gd", True), ("T1 +C", True), ("t1_se_tra_KM", True), ("T1w", False), ("t1_mprage_sag", False),
    ("sub-01_ce-gadolinium_T1w", True),
])
def test_a_name_says_whether_contrast_agent_was_given(name: str, agent: bool):
    assert with_agent(name) is agent


def loaded(scene: Any, name: str, **headers: str) -> Any:
    import numpy as np

    grid = Geometry.from_spacing((2, 3, 4))
    node = add_volume(scene, Volume(np.ones((2, 3, 4), np.float32), grid, name=name, modality="MR"))
    if headers:
        remember_origin(node, SimpleNamespace(text=lambda keyword: headers.get(keyword, "")))  # type: ignore[arg-type]
    return node


def test_headers_come_before_names_and_plain_images_before_those_with_agent():
    with HeadlessSlicer() as host:
        after = loaded(host.scene, "t1_post_gd")
        flair = loaded(host.scene, "12: series", SeriesDescription="T2 FLAIR TRA")
        before = loaded(host.scene, "t1_mprage")
        computed = loaded(host.scene, "PD")
        computed.SetNodeReferenceID(SOURCE_ROLE, flair.GetID())
        assert guess(host.scene, {}) == {"flair": flair, "t1w": before}
        assert guess(host.scene, {"t1w": after}) == {"flair": flair}, "what is chosen stays"
        offers = Guesses(host.scene)
        assert offers.fresh({}) == {"flair": flair, "t1w": before}
        assert offers.fresh({}) == {}, "each is offered once"


def test_two_visits_are_two_volumes_of_the_same_sequence():
    with HeadlessSlicer() as host:
        first = loaded(host.scene, "FLAIR")
        loaded(host.scene, "T1w")
        assert visits(host.scene) is None
        second = loaded(host.scene, "FLAIR 2027")
        assert visits(host.scene) == (first, second)


def test_two_patients_are_said_by_their_headers():
    with HeadlessSlicer() as host:
        flair = loaded(host.scene, "FLAIR", PatientID="A")
        t1w = loaded(host.scene, "T1w", PatientID="B")
        assert doubts({"flair": flair, "t1w": t1w}) == [
            "FLAIR and T1w are of different patients, by their DICOM headers."]
        assert doubts({"flair": flair, "t1w": loaded(host.scene, "T1w", PatientID="A"), "pd": None}) == []


def test_knowledge_is_told_in_sentences():
    columns = (Column("quantity", "Quantity"), Column("told", "Told", "%"), Column("left", "Left open", "%"),
               Column("verdict", "Verdict"))
    rows = (("STIR", 40.0, 30.0, "hardly known: do not rely on it"), ("T1", 95.0, 4.0, "known"),
            ("Timing of PD", None, None, "from its headers"))
    known = in_words(Table(columns, rows))
    assert known.trust is Trust.HARDLY
    assert known.headline.startswith("STIR: hardly known: do not rely on it. The images settle 40 %")
    assert known.lines[0].startswith("T1: known. ")
    assert known.lines[1] == "Timing of PD: from its headers."
    assert in_words(Table((Column("x", "X"),), ((1,),))).headline == ""


def test_places_lose_their_coordinates_from_the_list_and_regions_are_counted():
    columns = (Column("number", "Lesion"), Column("region", "Region"), Column("volume_ml", "Volume", "ml"),
               Column("right_mm", "R", "mm"), Column("anterior_mm", "A", "mm"), Column("superior_mm", "S", "mm"))
    table = Table(columns, ((1, "cortical", 0.25, 1.0, 2.0, 3.0), (2, "cortical", None, None, None, None)))
    places = places_of(table)
    assert places.headings == ("Lesion", "Region", "Volume [ml]")
    assert places.rows[0].cells == ("1", "cortical", "0.250")
    assert places.rows[0].ras == (1.0, 2.0, 3.0)
    assert places.rows[1].ras is None
    assert by_region(table) == ["cortical: 2, 0.25 ml"]
    rows = (("cortical", 2, 0.5), ("spinal", 0, 0.0), ("all", 2, 0.5))
    counts = Table((Column("region", "Region"), Column("count", "Lesions"), Column("volume_ml", "Volume", "ml")), rows)
    assert by_region(counts) == ["cortical: 2, 0.50 ml"], "empty regions and the sum are left out"
