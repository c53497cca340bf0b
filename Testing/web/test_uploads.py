"""What users send: names that cannot leave the folder, files that are what they say, archives that are no bombs."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import shutil
import stat
import struct
import unicodedata
import warnings
import zipfile
import zlib
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import synthetic_imaging as si
from synthetic_imaging_web.uploads import archives
from synthetic_imaging_web.uploads.kinds import Kind
from synthetic_imaging_web.uploads.limits import MB, UploadLimits
from synthetic_imaging_web.uploads.names import clean, parts_of, stem_of, suffix_of, unused
from synthetic_imaging_web.uploads.receiving import Arrived, Receiving
from synthetic_imaging_web.uploads.refusal import BAD_NAME, NO_ROOM, TOO_LARGE, WRONG_KIND, UploadRefused

NRRD = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n\n" + bytes(48)
DICOM = bytes(128) + b"DICM" + bytes(600)
SMALL = UploadLimits(upload_bytes=4 * MB, files=50, free_bytes=0)


def send(folder: Path, *files: tuple[str, bytes], limits: UploadLimits = SMALL, piece: int = 1000) -> Arrived:
    """As the front sends them on; on a refusal the folder goes, as there."""
    receiving = Receiving(folder, limits)
    try:
        receiving.open(sum(len(content) for _, content in files))
        for name, content in files:
            receiving.begin(name)
            for start in range(0, len(content), piece):
                receiving.write(content[start : start + piece])
            receiving.end_file()
        return receiving.finish()
    except UploadRefused:
        receiving.close()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        receiving.close()


def refused(folder: Path, *files: tuple[str, bytes], limits: UploadLimits = SMALL) -> UploadRefused:
    with pytest.raises(UploadRefused) as caught:
        send(folder / "in", *files, limits=limits)
    assert str(caught.value).endswith(".") and len(str(caught.value)) > 20
    assert not list(folder.iterdir()), "nothing is left behind"
    return caught.value


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", method) as archive:
        warnings.simplefilter("ignore")  # names that occur twice
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# Names

NASTY = st.text(alphabet=st.sampled_from("./\\:~ abcCON\0\n\r\u202e\u200b\u0301é\ud800*?|<>\"%"), max_size=60)


@given(st.one_of(NASTY, st.text(max_size=300)))
@example("../../etc/passwd")
@example("C:\\Windows\\system32\\evil.dcm")
@example("//server/share/x.nrrd")
@example("\uff0e\uff0e/x")
@example("con.nrrd")
@example("a" * 5000 + ".seg.nrrd")
@settings(deadline=None, max_examples=400)
def test_no_name_leads_out_of_the_folder(name: str):
    parts = parts_of(name)
    assert parts
    for part in parts:
        assert part not in ("", ".", "..") and "/" not in part and "\\" not in part and ":" not in part
        assert not part.startswith((".", " ")) and not part.endswith((".", " "))
        assert all(unicodedata.category(c)[0] != "C" for c in part)
        assert len(part.encode()) <= 101
        assert part.split(".")[0].strip().lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}
    base = Path(Path.cwd().anchor) / "base"
    assert Path(os.path.normpath(base.joinpath(*parts))).is_relative_to(base)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_cleaning_twice_changes_nothing_and_keeps_the_ending(name: str):
    once = clean(name + "x.seg.nrrd")
    assert clean(once) == once and suffix_of(once) == ".seg.nrrd"


@given(st.lists(st.sampled_from(["a.nrrd", "A.NRRD", "é.nrrd", "b" * 99, "a (2).nrrd"]), max_size=12))
def test_names_that_differ_only_in_case_get_numbers(names: list[str]):
    taken: set[str] = set()
    for name in names:
        found = unused(name, taken)
        assert found.casefold() not in taken and suffix_of(found) == suffix_of(name)
        taken.add(found.casefold())


def test_ordinary_names_stay_as_they_are():
    for name in ("Leber arteriell.nrrd", "Müller_CT.seg.nrrd", "患者.nii.gz", "IM000001", "1.2.840.10008.5"):
        assert parts_of(name) == [name]
    assert parts_of("study/series 1/IM1.dcm") == ["study", "series 1", "IM1.dcm"]
    assert (stem_of("a.seg.nrrd"), suffix_of("1.2.840.113"), suffix_of("a.NII.GZ")) == ("a", "", ".nii.gz")


@given(st.one_of(NASTY, st.text(max_size=100)))
@settings(deadline=None, max_examples=60)
def test_whatever_a_file_is_called_it_lands_in_the_folder_or_is_refused(tmp_path_factory, name: str):
    base = tmp_path_factory.mktemp("up")
    with contextlib.suppress(UploadRefused):
        send(base / "in", (name, DICOM), (name + ".nrrd", NRRD))
    assert {p.name for p in base.iterdir()} <= {"in"}
    assert all(p.parent == base / "in" and p.is_file() for p in base.rglob("*") if p != base / "in")


# Kinds


def test_real_files_of_every_kind_arrive_whole(tmp_path: Path):
    geometry = si.Geometry.from_spacing((4, 5, 6), (1.0, 1.0, 2.0))
    volume = si.Volume.ct(np.arange(120, dtype=np.int16).reshape(4, 5, 6), geometry, name="v")
    mask = si.Mask.single(volume.voxels > 60, geometry, "liver")
    sequence = si.Sequence((volume, volume), (0.0, 1.0))
    made = tmp_path / "made"
    made.mkdir()
    for ending in (".nrrd", ".mha", ".nii", ".nii.gz"):
        si.write_volume(volume, made / f"v{ending}")
    si.write_mask(mask, made / "m.seg.nrrd")
    si.write_sequence(sequence, made / "s.seq.nrrd")
    kinds = {"m.seg.nrrd": Kind.SEGMENTATION, "s.seq.nrrd": Kind.SEQUENCE}
    for path in sorted(p for p in made.iterdir() if p.suffix != ".json"):
        folder = tmp_path / f"in-{path.name}"
        arrived = send(folder, (path.name, path.read_bytes()), piece=100)
        assert arrived.kind is kinds.get(path.name, Kind.VOLUME), path.name
        assert (arrived.name, arrived.files, arrived.ignored) == (path.name[0], 1, 0)
        assert contents(folder) == {path.name: path.read_bytes()}
        assert refused(made_empty(tmp_path), (path.name, path.read_bytes()[: path.stat().st_size * 2 // 3]))


def made_empty(base: Path) -> Path:
    folder = base / f"empty-{len(list(base.iterdir()))}"
    folder.mkdir()
    return folder


def test_a_dicom_folder_arrives_flat_and_without_what_lies_beside(tmp_path: Path):
    arrived = send(
        tmp_path / "in",
        ("patient/DICOMDIR", DICOM), ("patient/a/IM1", DICOM), ("patient/b/IM1", DICOM + b"2"),
        ("patient/x.dcm", DICOM), ("patient/readme.txt", b"hello"), ("patient/.DS_Store", b"x"),
        ("patient/__MACOSX/._IM1", b"x"), ("patient/e", b""),
    )  # fmt: skip
    assert arrived == Arrived("patient", Kind.DICOM, 3, 5, sum((4 * len(DICOM) + 1, 5, 1, 1)))
    assert sorted(contents(tmp_path / "in")) == ["00001.dcm", "00002.dcm", "00003.dcm"]
    old = struct.pack("<HHI", 8, 0, 4) + bytes(200)
    assert send(tmp_path / "old", ("old.dcm", old)).kind is Kind.DICOM


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.nrrd", DICOM, "not what its name says"),
        ("a.dcm", NRRD, "not what its name says"),
        ("a.nii", NRRD, "not what its name says"),
        ("a.nii.gz", NRRD, "not what its name says"),
        ("a.mha", zipped(("x", b"y")), "not what its name says"),
        ("a.zip", NRRD, "not what its name says"),
        ("a.nrrd", b"", "empty"),
        ("a.exe", b"MZ" + bytes(600), "What is: NRRD"),
        ("a.pkl", b"\x80\x04" + bytes(600), "What is: NRRD"),
        ("a", NRRD, "What is: NRRD"),
        ("a.nhdr", NRRD, "save it as .nrrd"),
        ("a.mhd", b"NDims = 3", "save it as .mha"),
        ("a.mrb", zipped(("x", b"y")), "Scenes are not taken"),
        ("a.tar", bytes(1000), ".zip instead"),
        ("a.nrrd", NRRD[:-1], "voxels are missing"),
        ("a.nrrd", b"NRRD0004\n" + b"type: short\n" * 100, "its header has no end"),
        ("a.nrrd", NRRD.replace(b"sizes: 2 3 4", b"sizes: 2 -3 4"), "no sensible size"),
        ("a.nrrd", NRRD.replace(b"sizes: 2 3 4\n", b""), "no sensible size"),
        ("a.nrrd", NRRD.replace(b"short", b"block"), "no usual type"),
        ("a.nrrd", NRRD.replace(b"raw", b"bzip2"), "Save it raw"),
        ("a.nrrd", NRRD.replace(b"encoding", b"data file: /etc/passwd\nencoding"), "another file"),
        ("a.nrrd", NRRD.replace(b"encoding", b"DataFile: x.raw\nencoding"), "another file"),
        ("a.mha", b"ObjectType = Image\nNDims = 3\nElementDataFile = /etc/passwd\n", "another file"),
        ("a.mha", b"ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\n", "not complete"),
        ("a.dcm", DICOM + b"1.2.840.10008.1.2.1.99", "deflated"),
        ("a.zip", b"PK\x03\x04" + bytes(100), "cannot be unpacked"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_files_that_are_not_taken_get_a_sentence(tmp_path: Path, name: str, content: bytes, says: str):
    assert says in str(refused(tmp_path, (name, content)))


STARTS = (b"NRRD0004\n", b"ObjectType = Image\nNDims = 3\n", DICOM[:132], b"PK\x03\x04", b"\x1f\x8b\x08", b"",
          NRRD[:40], zipped(("a.nrrd", NRRD))[:80])  # fmt: skip
NAMES = ("a.nrrd", "a.mha", "a.nii", "a.nii.gz", "a.dcm", "a.zip", "a")


@given(st.binary(max_size=700), st.sampled_from(STARTS), st.sampled_from(NAMES))
@settings(deadline=None, max_examples=300)
def test_any_bytes_arrive_or_get_a_sentence(tmp_path_factory, noise: bytes, start: bytes, name: str):
    base = tmp_path_factory.mktemp("up")
    try:
        send(base / "in", (name, start + noise))
    except UploadRefused:
        assert not list(base.iterdir())


# Limits


def test_too_large_too_many_and_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert refused(tmp_path, ("a.nrrd", NRRD + bytes(4 * MB))).status == TOO_LARGE
    assert refused(tmp_path, *[("a.dcm", DICOM)] * 51).status == TOO_LARGE
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    assert refused(tmp_path, ("a.nrrd", NRRD + bytes(2000))).status == NO_ROOM


def test_a_disk_that_fills_up_on_the_way_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    receiving = Receiving(tmp_path / "in", SMALL)
    receiving.open()
    receiving.begin("a.nrrd")
    receiving.write(NRRD * 20)

    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    assert receiving._file is not None and receiving._file.out is not None
    receiving._file.out.close()
    receiving._file.out = Full()  # type: ignore[assignment]
    with pytest.raises(UploadRefused, match="too little room") as caught:
        receiving.write(bytes(100))
    assert caught.value.status == NO_ROOM


def gz_nrrd(sizes: str, voxels: bytes) -> bytes:
    return f"NRRD0004\ntype: short\ndimension: 3\nsizes: {sizes}\nencoding: gzip\n\n".encode() + gzip.compress(voxels)


def test_compressed_images_that_hold_more_than_they_announce_or_than_is_taken(tmp_path: Path):
    assert send(tmp_path / "good", ("a.nrrd", gz_nrrd("10 10 10", bytes(2000)))).files == 1
    bomb = gz_nrrd("2 2 2", bytes(60 * MB))
    assert "more than its header announces" in str(refused(made_empty(tmp_path), ("a.nrrd", bomb)))
    assert refused(made_empty(tmp_path), ("a.nrrd", gz_nrrd("9000 9000 9000", bytes(2000)))).status == TOO_LARGE
    assert "voxels are missing" in str(refused(made_empty(tmp_path), ("a.nrrd", gz_nrrd("10 10 11", bytes(2000)))))
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 5, 5, 5, 1, 1, 1, 1)
    struct.pack_into("<h", head, 72, 16)
    struct.pack_into("<f", head, 108, 352.0)
    head[344:348] = b"n+1\0"
    assert send(tmp_path / "nii", ("a.nii.gz", gzip.compress(bytes(head) + bytes(250)))).files == 1
    # A gzip file of two streams is one file.
    two = gzip.compress(bytes(head)) + gzip.compress(bytes(250))
    assert send(tmp_path / "nii2", ("a.nii.gz", two)).files == 1
    bomb = gzip.compress(bytes(head) + bytes(60 * MB))
    assert "more than its header" in str(refused(made_empty(tmp_path), ("a.nii.gz", bomb)))
    struct.pack_into("<8h", head, 40, 5, 30000, 30000, 30000, 30000, 30000, 1, 1)
    assert refused(made_empty(tmp_path), ("a.nii.gz", gzip.compress(bytes(head)))).status == TOO_LARGE
    meta = b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_SHORT\nCompressedData = True\n"
    meta += b"ElementDataFile = LOCAL\n"
    assert send(tmp_path / "mha", ("a.mha", meta + zlib.compress(bytes(128)))).files == 1
    assert "more than its header" in str(refused(made_empty(tmp_path), ("a.mha", meta + zlib.compress(bytes(60 * MB)))))


# Archives


def test_an_archive_of_a_dicom_folder_is_unpacked(tmp_path: Path):
    archive = zipped(("s/", b""), ("s/1", DICOM), ("s/2", DICOM), ("s/notes.txt", b"hello"), ("__MACOSX/s/._1", b"x"))
    arrived = send(tmp_path / "in", ("Study of May.zip", archive))
    assert (arrived.name, arrived.kind, arrived.files, arrived.ignored) == ("Study of May", Kind.DICOM, 2, 1)
    assert sorted(contents(tmp_path / "in")) == ["00001.dcm", "00002.dcm"]
    assert send(tmp_path / "two", ("a.zip", zipped(("x/a.nrrd", NRRD), ("y/A.nrrd", NRRD)))).files == 2
    assert sorted(contents(tmp_path / "two")) == ["A (2).nrrd", "a.nrrd"]


OUTSIDE = ("../x.dcm", "/x.dcm", "a/../../x.dcm", "..\\x.dcm", "C:\\x.dcm", "C:x.dcm", "\\x.dcm")


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_archive_that_writes_elsewhere_is_refused_as_a_whole(tmp_path: Path, name: str):
    assert refused(tmp_path, ("a.zip", zipped(("good.dcm", DICOM), (name, DICOM)))).status == BAD_NAME


def special(mode: int = 0, flag: int = 0, name: str = "x.dcm", method: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, method
        archive.writestr(info, DICOM)
    content = bytearray(made.getvalue())
    if flag:
        content[6] |= flag
        content[content.index(b"PK\x01\x02") + 8] |= flag
    return bytes(content)


def test_links_passwords_unusual_packing_and_archives_inside_are_refused(tmp_path: Path):
    for mode in (stat.S_IFLNK | 0o777, stat.S_IFIFO, stat.S_IFCHR):
        assert refused(tmp_path, ("a.zip", special(mode=mode))).status == BAD_NAME
    assert "password" in str(refused(tmp_path, ("a.zip", special(flag=1))))
    assert refused(tmp_path, ("a.zip", special(method=zipfile.ZIP_LZMA))).status == WRONG_KIND
    for inner in ("b.zip", "b.tar", "b.gz", "b.7z", "b.mrb"):
        assert "inside" in str(refused(tmp_path, ("a.zip", zipped((inner, b"PK\x03\x04")))))
    disguised = zipped(("b.dcm", zipped(("c.dcm", DICOM))))
    assert refused(tmp_path, ("a.zip", disguised)).status == WRONG_KIND
    assert "holds no files" in str(refused(tmp_path, ("a.zip", zipped())))


def test_bombs_are_refused_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("unpacked")

    flat = zipped(("a.dcm", DICOM + bytes(33 * MB)))
    large = zipped(("a.dcm", DICOM + bytes(9 * MB)))
    many = zipped(*[(f"{n}.dcm", b"x") for n in range(60)])
    empty = zipped(*[("x", b"")] * 120)
    monkeypatch.setattr(zipfile.ZipFile, "open", never)
    assert "no image shrinks" in str(refused(tmp_path, ("a.zip", flat), limits=UploadLimits(free_bytes=0)))
    for archive in (large, many, empty):
        assert refused(tmp_path, ("a.zip", archive)).status == TOO_LARGE


def test_an_archive_that_holds_more_than_it_announces_is_refused_while_it_is_unpacked(tmp_path: Path):
    content = bytearray(zipped(("a.dcm", DICOM + bytes(2 * MB))))
    place = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, place + 24, 1000)
    struct.pack_into("<I", content, content.index(b"PK\x03\x04") + 22, 1000)
    refused(tmp_path, ("a.zip", bytes(content)))
    # Entries that share their bytes: few bytes, counted many times.
    good = zipped(("a.dcm", os.urandom(3000)), method=zipfile.ZIP_STORED)
    start, end = good.index(b"PK\x01\x02"), good.index(b"PK\x05\x06")
    entry = good[start:end]
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 40, 40, 40 * len(entry), start, 0)
    assert "more than it announces" in str(refused(tmp_path, ("a.zip", good[:start] + entry * 40 + tail)))


def test_a_list_of_contents_too_long_for_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "a.zip"
    path.write_bytes(bytes(100) + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65535, 65535, 3_000_000_000, 0, 0))
    with pytest.raises(UploadRefused, match="too many files"):
        archives.unpack(path, "a.zip", SMALL, MB, lambda *_: None)


def test_an_archive_with_a_wrong_checksum_is_refused(tmp_path: Path):
    content = bytearray(zipped(("a.dcm", DICOM), method=zipfile.ZIP_STORED))
    content[content.index(b"DICM") + 10] ^= 1
    assert "cannot be unpacked" in str(refused(tmp_path, ("a.zip", bytes(content))))
