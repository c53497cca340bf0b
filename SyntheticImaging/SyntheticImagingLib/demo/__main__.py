"""``python -m SyntheticImagingLib.demo --out demo``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthetic_imaging.errors import Cancelled, SyntheticImagingError

EXIT_FAILED, EXIT_CANCELLED = 1, 130


def main(arguments: list[str] | None = None) -> int:
    """Make the demonstration; returns the exit code (0 done, 1 with a sentence, 130 cancelled)."""
    parser = argparse.ArgumentParser(
        prog="python -m SyntheticImagingLib.demo",
        description="Synthetic lesions and a growing tumour in a real CT: scene, DICOM, pictures and a report.",
    )
    parser.add_argument("--out", default="demo", type=Path, help="folder to write (default: demo)")
    parser.add_argument("--seed", default=7, type=int, help="seed of the first step (default: 7)")
    parser.add_argument("--no-dicom", action="store_true", help="leave out the DICOM folder")
    parser.add_argument("--timings", action="store_true", help="say at the end how long each part took")
    options = parser.parse_args(arguments)
    try:
        return _make(options)
    except (Cancelled, KeyboardInterrupt):
        print("Cancelled. Nothing was changed.", file=sys.stderr)
        return EXIT_CANCELLED
    except SyntheticImagingError as error:
        print(f"Error: {error}", file=sys.stderr)
        return EXIT_FAILED


def _make(options: argparse.Namespace) -> int:
    from synthetic_imaging.running import check_seed
    from SyntheticImagingLib.demo.folder import check_replaceable, complete_or_nothing
    from SyntheticImagingLib.demo.progress import Terminal

    started = time.monotonic()
    target: Path = options.out.resolve()
    check_replaceable(target)
    check_seed(options.seed)
    _check_packages()
    with Terminal() as terminal, complete_or_nothing(target) as folder:
        _fill(folder, options, terminal)
    print(f"Done in {time.monotonic() - started:.0f} s: open {options.out / 'report.html'} in a browser, "
          f"{options.out / 'scene.mrb'} in 3D Slicer.")
    if options.timings:
        for name, seconds in terminal.times.items():
            print(f"{seconds:7.1f} s  {name}")
    return 0


def _check_packages() -> None:
    """Say before the work what is missing, not after it.

    Raises:
        SyntheticImagingError: naming what to install.
    """
    from importlib.util import find_spec

    missing = [name for name in ("slicer", "jinja2", "PIL", "matplotlib") if find_spec(name) is None]
    if missing:
        raise SyntheticImagingError(
            f"The demonstration also needs: {', '.join(missing)}. Install them with: "
            "pip install 'synthetic-imaging[scene]'"
        )


def _fill(folder: Path, options: argparse.Namespace, terminal: Any) -> None:
    from synthetic_imaging import jobs, samples
    from SyntheticImagingLib.demo import products, recipe, report
    from SyntheticImagingLib.demo.gallery import Photographer
    from SyntheticImagingLib.headless import HeadlessSlicer
    from SyntheticImagingLib.scenes import save_scene

    def run(tool: str, inputs: Mapping[str, Any], parameters: Mapping[str, Any], seed: int, sentence: str) -> Any:
        with terminal.step(sentence) as on_progress:
            return jobs.run_in_child(tool, inputs, parameters, seed, on_progress, lambda: False)

    with terminal.step("Load the sample CT and its organs."):
        ct, organs = samples.ct_with_organs()
    made = recipe.make(ct, organs, options.seed, run)
    with terminal.step("Write NRRD, table and provenance."):
        files = products.write_files(made, folder)
    images = 0
    if not options.no_dicom:
        with terminal.step("Write DICOM."):
            images, segmentation = products.write_dicom(made, folder)
            files["dicom"], files["dicom_segmentation"] = folder / "dicom", segmentation
    with HeadlessSlicer() as host:
        with terminal.step("Build the scene."):
            nodes = products.build_scene(host, made)
        with terminal.step("Make surfaces for the 3-D view."):
            products.make_scene_surfaces(nodes)
        with terminal.step("Draw pictures.") as on_progress:
            from synthetic_imaging import Progress

            gallery = Photographer(host, nodes, made, folder).all(lambda f: on_progress(Progress(f, "draw")))
        with terminal.step("Write the scene."):
            files["scene"] = save_scene(host.scene, folder / "scene.mrb")
    with terminal.step("Write the report."):
        report.write(folder, made, gallery, {k: v.relative_to(folder) for k, v in files.items()}, images)


if __name__ == "__main__":
    sys.exit(main())
