"""The extension's metadata, read as the checks of Slicer's Extensions Index read it."""

from __future__ import annotations

import ast
import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from slicer_build import Built

ROOT = Path(__file__).parents[2]
NAME = "SyntheticImaging"
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
ENTRY = ROOT / "Resources" / "ExtensionsIndex" / f"{NAME}.json"
SHIPPED_MODELS = ROOT / "SyntheticImaging" / "synthetic_imaging" / "shipped_models"
CATEGORY = "Image Synthesis"
KEYS = {"HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS", "KEYWORDS"}
# Key of the catalogue entry's schema (version 1.0.1) -> its type; no other key is allowed.
SCHEMA = {"$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str, "tier": int,
          "build_dependencies": list, "build_subdirectory": str, "enabled": bool}  # fmt: skip


def variable(key: str) -> str:
    found = re.findall(rf'^set\s*\(EXTENSION_{key}\s*"([^"\n]+)"\s*\)', CMAKE, re.M)
    assert len(found) == 1, f"EXTENSION_{key} must be set once, on one line"
    return found[0]


def entry() -> dict[str, object]:
    return json.loads(ENTRY.read_text(encoding="utf-8"))


def size_of(path: Path) -> tuple[str, int, int]:
    """Kind, width and height of a PNG or JPEG file."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG"):
        return ("png", *struct.unpack(">II", data[16:24]))
    assert data.startswith(b"\xff\xd8"), f"{path} is neither PNG nor JPEG"
    at = 2
    while not (0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC)):
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5 : at + 9])
    return "jpeg", width, height


def file_behind(url: str) -> Path:
    """The file of this repository that a raw address shows."""
    parts = urlsplit(url)
    owner, repository, revision, *path = parts.path.strip("/").split("/")
    assert parts.scheme == "https"
    assert parts.netloc == "raw.githubusercontent.com"
    assert f"https://github.com/{owner}/{repository}" == variable("HOMEPAGE")
    assert revision == entry()["scm_revision"]
    file = ROOT.joinpath(*path)
    assert file.is_file(), f"{url} leads to no file of the repository"
    return file


def test_the_project_carries_the_extensions_name():
    assert re.findall(r"project\s*\(\s*([^\s)]+)", CMAKE)[0] == NAME == ENTRY.stem
    assert not NAME.lower().startswith("slicer")


def test_every_variable_stands_on_one_line_and_cmake_reads_the_same(built: Built):
    assert set(re.findall(r"EXTENSION_([A-Z]+) ", CMAKE)) == KEYS
    assert built.description == {key: variable(key) for key in KEYS}


def test_cmake_is_asked_for_as_slicers_template_asks():
    assert CMAKE.startswith("cmake_minimum_required(VERSION 3.28.0...3.28.0 FATAL_ERROR)\n")


def test_the_icon_is_a_square_picture_in_the_repository():
    kind, width, height = size_of(file_behind(variable("ICONURL")))
    assert (kind, width, height) == ("png", 128, 128)


def test_the_screenshots_are_pictures_in_the_repository():
    urls = variable("SCREENSHOTURLS").split()
    assert len(urls) >= 3
    for url in urls:
        assert min(size_of(file_behind(url))[1:]) >= 300, url


def test_the_description_says_in_few_sentences_what_it_is_and_what_it_is_not():
    text = variable("DESCRIPTION")
    assert 80 < len(text) < 500
    assert "not for diagnosis" in text
    assert text.count(". ") <= 4


def test_the_licence_is_there_and_permissive():
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:400]
    assert "Apache-2.0" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_catalogue_entry_follows_its_schema():
    given = entry()
    assert {"$schema", "category", "scm_url"} <= set(given) <= set(SCHEMA)
    for key, value in given.items():
        assert isinstance(value, SCHEMA[key]), key
    assert re.search(r"/slicer-extension-catalog-entry-schema-v1\.\d+\.\d+\.json#?$", str(given["$schema"]))
    assert given["tier"] in range(1, 6)


def test_the_catalogue_entry_and_the_cmake_file_say_the_same():
    given = entry()
    assert given["build_dependencies"] == variable("DEPENDS").split()
    assert str(given["scm_url"]).removesuffix(".git") == variable("HOMEPAGE")
    assert str(given["scm_url"]).startswith("https://")
    repository = str(given["scm_url"]).removesuffix(".git").rsplit("/", 1)[-1]
    assert repository == f"Slicer{NAME}"
    assert given["category"] == CATEGORY


def test_a_checkout_is_small_and_holds_no_weights_but_the_listed_models():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    models = [f for f in files if f.parent == SHIPPED_MODELS and f.suffix == ".safetensors"]
    others = [f for f in files if f not in models]
    assert sum(f.stat().st_size for f in others) < 10e6
    assert not [f for f in others if f.suffix in {".pt", ".pth", ".safetensors", ".onnx", ".ckpt", ".exe", ".so"}]
    assert {f.name for f in models} == set(json.loads((SHIPPED_MODELS / "checksums.json").read_text(encoding="utf-8")))
    assert all(f.stat().st_size < 12e6 for f in models)
    assert sum(f.stat().st_size for f in models) < 60e6


MODULES = [
    ROOT / NAME / name / f"{name}.py"
    for name in (NAME, "LesionSynthesis", "CohortSynthesis", "HeartSegmentation", "SequenceSynthesis")
]
BUILT_IN = {"slicer", "vtk", "qt", "ctk", "numpy", "SimpleITK", "scipy", "synthetic_imaging", "SyntheticImagingLib"}


def module_class(path: Path) -> ast.ClassDef:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == path.stem)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_module_introduces_itself(path: Path):
    set_to = {
        target.attr: node.value
        for node in ast.walk(module_class(path)) if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Attribute)
    }  # fmt: skip
    for key in ("title", "categories", "contributors", "helpText", "acknowledgementText"):
        assert key in set_to, f"self.parent.{key} is not set"
        words = [n.value for n in ast.walk(set_to[key]) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert any(words), f"self.parent.{key} is empty"
    assert ast.unparse(set_to["categories"]) == f"[translate('qSlicerAbstractCoreModule', '{CATEGORY}')]"
    assert "not for diagnosis" in ast.unparse(set_to["helpText"]).lower()
    assert variable("HOMEPAGE") in ast.unparse(set_to["helpText"]) or "Github" not in ast.unparse(set_to["helpText"])


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_module_has_the_classes_that_slicer_looks_for(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bases = {n.name: [ast.unparse(b) for b in n.bases] for n in tree.body if isinstance(n, ast.ClassDef)}
    # Slicer takes a file for a module where the class of the same name has this very base.
    assert bases[path.stem] == ["ScriptedLoadableModule"]
    assert "ScriptedLoadableModuleWidget" in bases[f"{path.stem}Widget"]
    assert "ScriptedLoadableModuleLogic" in bases[f"{path.stem}Logic"]
    assert bases[f"{path.stem}Test"] == ["ScriptedLoadableModuleTest"]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.stem)
def test_a_module_runs_nothing_when_it_is_imported(path: Path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"line {node.lineno} runs at import"
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            for name in names:
                first = name.split(".")[0]
                assert first in BUILT_IN or first in sys.stdlib_module_names, f"{name} at file scope"


def test_the_pictures_of_the_documentation_stay_small():
    pictures = [p for p in (ROOT / "docs" / "pictures").iterdir() if p.is_file()]
    assert {p.suffix for p in pictures} <= {".jpg", ".png"}
    assert sum(p.stat().st_size for p in pictures) < 4e6
    pages = "".join(p.read_text(encoding="utf-8") for p in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for picture in pictures:
        assert f"pictures/{picture.name}" in pages, f"{picture.name} is shown nowhere"
