"""Draw the structures of a volume with a trained network.

The volume is brought to the grid the network was trained on, the network gives each voxel a share of every structure,
and these shares are carried back: the segments lie on the volume's own voxels, whatever their size, pose or shear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError
from synthetic_imaging.mask import Mask
from synthetic_imaging.parameters import Advanced, Help, Label, NameOrPath, Within
from synthetic_imaging.segmentation.segmenter_model import HEARTS_CT, SegmenterFile, memory_bytes, segmenter_file
from synthetic_imaging.table import Cell, Column, Table
from synthetic_imaging.tool import Image, Kind, Output, Outputs, tool
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.segmentation.domain import Distances


@dataclass(frozen=True)
class SegmentStructures:
    """Which model draws, and what is made of its answer."""

    model: Annotated[
        str, Label("Model"), NameOrPath, Help("A shipped or stored model by name, or the path of a .safetensors file.")
    ] = HEARTS_CT
    largest_part: Annotated[
        bool, Label("Largest part only"),
        Help("Leaves out parts of a structure that do not touch its largest one."),
    ] = True
    uncertainty: Annotated[
        bool, Label("Uncertainty"),
        Help("Looks at slightly changed copies of the image too, and maps where the answers differ."),
    ] = False
    copies: Annotated[
        int, Label("Changed copies"), Help("More make the map of uncertainty smoother, and take longer."),
        Within(2, 64), Advanced,
    ] = 8


@tool(
    "segmentation.apply",
    title="Segment structures",
    sentence="Draws the structures of a volume with a trained network and measures their volumes; says how sure it is.",
    reference="3-D U-Net after Ronneberger et al. (2015), trained as in Ikuta et al. (NeurIPS 2024); uncertainty by "
    "test-time augmentation after Wang et al. (Neurocomputing 2019)",
    inputs=[Image("volume", "Volume", help="Of the kind the model was trained on: the shipped one takes cardiac CT.")],
    outputs=[
        Output("segments", Kind.MASK, "Structures", like="volume"),
        Output("volumes", Kind.TABLE, "Volumes"),
        Output("domain", Kind.TABLE, "Fit of model and image"),
        Output("uncertainty", Kind.VOLUME, "Uncertainty", like="volume", optional=True),
    ],
    memory_bytes=memory_bytes,
    limits="A network draws something in every image. The shipped model has learned from simulated hearts only and was "
    "never tested on patients. The table 'domain' says how unlike its training images an image is; it cannot see every "
    "difference that matters.",
    accelerated=True,
)
def apply(volume: Volume, parameters: SegmentStructures, run: Run) -> Outputs:
    """Segment a volume: check, resample, infer, carry back, measure."""
    from synthetic_imaging.learning.data.cases import window_of
    from synthetic_imaging.segmentation import carrying, model_grid, parts

    model = segmenter_file(parameters.model)
    _check_modality(volume, model)
    window = window_of(volume, model.shape)
    placing = model_grid.covering(volume.geometry, model.shape)
    whole = not all(model.shape.spacing_mm)
    image = model_grid.onto_model_grid(volume.voxels, placing, window, whole, run.part(0.0, 0.15))[None]
    network, distances = _network(model, parameters.model, volume, image, run)
    last = 0.45 if parameters.uncertainty else 0.75
    answer = network(image, run.part(0.2, last))
    shares = answer
    if parameters.largest_part:
        run.progress(last, "keep the largest parts")
        shares = parts.without_small_parts(answer)
    doubt = None
    if parameters.uncertainty:
        from synthetic_imaging.segmentation.doubt import doubt as doubt_of

        doubt = doubt_of(image, answer, network, parameters.copies, model.settings.augment, run.part(last, 0.75))
    labels = carrying.labels_on_image(shares, placing, run.part(0.75, 0.9))
    if parameters.largest_part:
        run.progress(0.9, "keep the largest parts")
        parts.keep_largest_parts(labels, model.classes - 1)
    outputs: dict[str, Any] = {"domain": _domain_table(distances)}
    on_image = None
    if doubt is not None:
        on_image = carrying.values_on_image(doubt, placing, run.part(0.9, 0.96))
        outputs["uncertainty"] = Volume(
            on_image, volume.geometry, quantity="uncertainty", name=f"{volume.name} uncertainty", window=(0.3, 0.6)
        )
    run.progress(0.97, "measure the volumes")
    segments = _segments(labels, volume, model)
    outputs |= {"segments": segments, "volumes": _volumes(segments, on_image)}
    empty = [name for name, ml in zip(segments.names, outputs["volumes"].column("volume_ml"), strict=True) if not ml]
    if empty:
        run.note(f"Nothing was found of: {', '.join(empty)}.")
    return Outputs(**outputs)


def _check_modality(volume: Volume, model: SegmenterFile) -> None:
    wanted = model.shape.modality
    if volume.modality and volume.modality != wanted:
        raise InputError(f"Volume '{volume.name}' is {volume.modality}; the model '{model.name}' works on {wanted}. "
                         "Choose another volume or another model.")
    if wanted == "CT":
        from synthetic_imaging.input_checks import check_hounsfield

        check_hounsfield(f"Volume '{volume.name}'", volume)


class _Answers:
    """The network as a function from an image to the shares of its classes."""

    def __init__(self, network: Any, classes: int, factor: int, device: str) -> None:
        self.network, self.classes, self.factor, self.device = network, classes, factor, device

    def __call__(self, image: npt.NDArray[np.float32], run: Run) -> npt.NDArray[np.float32]:
        from synthetic_imaging.segmentation.inference import plan, probabilities_of, segment

        chosen = plan(self.network, image.shape[1:], self.classes, channels=len(image), multiple=self.factor,
                      device=self.device)
        if not chosen.whole:
            run.note(f"The image is looked at in {len(chosen.starts)} overlapping patches: as a whole it is too large.")
        logits = segment(self.network, image, chosen, run, classes=self.classes, device=self.device)
        return probabilities_of(logits)


def _network(
    model: SegmenterFile, name: str, volume: Volume, image: npt.NDArray[np.float32], run: Run
) -> tuple[_Answers, Distances]:
    run.progress(0.15, "read the model")
    from synthetic_imaging.learning.weights.models import load_model
    from synthetic_imaging.segmentation.domain import distances
    from synthetic_imaging.segmentation.inference import prepared
    from synthetic_imaging.segmentation.learners import DOMAIN, SEGMENTER

    loaded = load_model(name, run.device)
    run.check_cancel()
    grid = volume.geometry
    extent = [n * mm for n, mm in zip(grid.shape, grid.spacing_kji_mm, strict=True)]
    domain: Any = loaded.networks[DOMAIN]
    order = model_axes(volume, model)
    apart = distances(domain.domain(), image[0], [extent[a] for a in order], [grid.spacing_kji_mm[a] for a in order],
                      model.shape.spacing_mm)
    run.uses_weights(name, loaded.sha256)
    run.note(f"Model '{model.name}', trained on {model.card.training_data} (sha256 {loaded.sha256[:12]}).")
    run.note(apart.sentence)
    if not volume.modality:
        run.note(f"The volume does not say what it is; it was taken as {model.shape.modality}.")
    network: Any = loaded.networks[SEGMENTER]
    factor = int(network.factor)
    return _Answers(prepared(network, device=run.device), model.classes, factor, run.device), apart


def model_axes(volume: Volume, model: SegmenterFile) -> tuple[int, int, int]:
    """Which axis of the volume's array each axis of the model's grid is."""
    from synthetic_imaging.segmentation.model_grid import covering

    return covering(volume.geometry, model.shape).order


def _segments(labels: npt.NDArray[np.uint8], volume: Volume, model: SegmenterFile) -> Mask:
    from synthetic_imaging.segmentation.structures import structure_segment

    segments = tuple(structure_segment(name, n + 1) for n, name in enumerate(model.shape.labels))
    return Mask(labels, volume.geometry, segments, name=f"{volume.name} structures")


def _volumes(segments: Mask, doubt: npt.NDArray[np.float32] | None) -> Table:
    labels = segments.layers[0]
    most = len(segments.segments) + 1
    counts = np.bincount(labels.ravel(), minlength=most)
    sums = None if doubt is None else np.bincount(labels.ravel(), weights=doubt.ravel(), minlength=most)
    faces = [np.take(labels, at, axis=axis) for axis in range(3) for at in (0, -1)]
    cut = {int(value) for face in faces for value in np.unique(face)}
    columns = [Column("structure", "Structure"), Column("meaning", "Meaning"), Column("volume_ml", "Volume", "ml"),
               Column("cut_by_image_edge", "Cut by the edge of the image")]
    if sums is not None:
        columns.append(Column("uncertainty", "Mean uncertainty, 0 to 1"))
    rows: list[tuple[Cell, ...]] = []
    millilitres = segments.geometry.voxel_volume_mm3 / 1000
    for segment in segments.segments:
        n = segment.label
        row: tuple[Cell, ...] = (
            segment.name, segment.terminology.type.meaning if segment.terminology else segment.name,
            float(counts[n] * millilitres), n in cut,
        )  # fmt: skip
        if sums is not None:
            row = (*row, float(sums[n] / counts[n]) if counts[n] else None)
        rows.append(row)
    return Table(tuple(columns), tuple(rows), name="volumes")


def _domain_table(apart: Distances) -> Table:
    columns = (Column("quantity", "Quantity"), Column("distance", "Distance, 1 is the limit"),
               Column("outside", "Outside what the model has seen"))
    listed = (("intensities", apart.intensities), ("voxel size", apart.voxel_size),
              ("field of view", apart.field_of_view))
    rows: list[tuple[Cell, ...]] = [
        (name, float(value) if np.isfinite(value) else None, bool(value > 1)) for name, value in listed
    ]
    return Table(columns, tuple(rows), name="fit of model and image")
