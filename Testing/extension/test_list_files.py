"""The command that writes the lists of files."""

from __future__ import annotations

from pathlib import Path

import list_files
import pytest


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list_files.FileList:
    """A module with a script, an icon, and what must stay behind."""
    for name in ("M.py", "Lib/part.py", "Resources/Icons/M.svg", "Testing/test_m.py", "Lib/__pycache__/part.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "CMakeLists.txt").write_text("set(A\n  Old.py\n  )\n\nset(B\n  )\n# end\n", encoding="utf-8")
    monkeypatch.setattr(list_files, "ROOT", tmp_path)
    return list_files.FileList("CMakeLists.txt", "A", "", True)


def test_it_lists_what_lies_in_the_folder_and_leaves_tests_and_caches(entry: list_files.FileList):
    assert entry.wanted() == ["Lib/part.py", "M.py"]
    assert list_files.FileList("CMakeLists.txt", "B", "", False).wanted() == ["Resources/Icons/M.svg"]


def test_it_says_what_is_missing_and_what_is_gone(entry: list_files.FileList, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(list_files, "LISTS", (entry,))
    said = "\n".join(list_files.differences())
    assert "lacks M.py" in said
    assert "names Old.py" in said


def test_it_rewrites_its_list_and_nothing_else(entry: list_files.FileList, tmp_path: Path):
    entry.write()
    text = (tmp_path / "CMakeLists.txt").read_text(encoding="utf-8")
    assert text == "set(A\n  Lib/part.py\n  M.py\n  )\n\nset(B\n  )\n# end\n"
    assert entry.listed() == entry.wanted()
