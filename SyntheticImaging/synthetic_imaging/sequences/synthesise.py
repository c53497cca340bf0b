"""The tool: a sequence that was not acquired, by a network that has learned from phantoms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.context import Run
from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.parameters import Advanced, Help, Label, NameOrPath, Within
from synthetic_imaging.sequences.checks import agent_note, check_slices, checked_brain
from synthetic_imaging.sequences.header_names import header_doubt
from synthetic_imaging.sequences.preparing import LABELS, VISIT, brought_together
from synthetic_imaging.sequences.protocols import Contrast
from synthetic_imaging.tool import Kind, Output, Outputs, tool
from synthetic_imaging.volume import Volume

if TYPE_CHECKING:
    from synthetic_imaging.learning.weights.models import Model
    from synthetic_imaging.sequences.learned.applying import Passes
    from synthetic_imaging.sequences.learned.generating import ForNetwork, MadeSequence

MODEL = "sequences.synthesis"
_WITHOUT_PAIRS = "sequences.unpaired"
_SHOWN = 1000.0
_INPUTS = {"flair": Contrast.FLAIR, "t1w": Contrast.T1W, "t2w": Contrast.T2W, "pd": Contrast.PD}


class Wanted(str, Enum):
    """What the network makes."""

    DIR = Contrast.DIR.value
    FLAIR = Contrast.FLAIR.value
    T1W = Contrast.T1W.value
    T2W = Contrast.T2W.value
    PD = Contrast.PD.value


@dataclass(frozen=True)
class SynthesisedSequence:
    """Which sequence, and how its uncertainty is found."""

    contrast: Annotated[Wanted, Label("Wanted sequence"), Help("What is to be shown.")] = Wanted.DIR
    uncertainty: Annotated[
        bool, Label("Uncertainty"), Help("Maps where repeated passes of the network differ; takes several times as "
                                         "long.")] = False
    passes: Annotated[int, Label("Passes"), Within(2, 100), Advanced, Help(
        "More make the map of uncertainty smoother, and take longer.")] = 10
    mirrored: Annotated[bool, Label("Mirrored passes"), Advanced, Help(
        "Every second pass sees the head mirrored.")] = False
    align: Annotated[
        bool, Label("Align"), Help("Moves the other sequences onto the first one as rigid bodies: patients move."),
    ] = True
    even_brightness: Annotated[
        bool, Label("Even out brightness"), Help("Takes off the coil's shading (N4) first; takes longer."),
    ] = True
    model: Annotated[
        str, Label("Model"), NameOrPath, Advanced,
        Help("A shipped or stored model by name, or the path of a .safetensors file."),
    ] = MODEL


def _memory(inputs: Mapping[str, Any], parameters: Any) -> int:
    del parameters
    largest = max((v.voxels.size for v in inputs.values() if isinstance(v, Volume)), default=0)
    return 900_000_000 + 110 * int(largest)


@tool(
    "sequences.synthesise",
    title="Synthesise a missing MR sequence",
    sentence="Makes a sequence that was not acquired, such as DIR, from any of FLAIR, T1w, T2w and PD with a trained "
    "network, and maps its uncertainty.",
    reference="Li and Wiestler (2025), Generative adversarial networks for brain MR image synthesis; any choice of "
    "inputs after Li et al. (2019), DiamondGAN; uncertainty after Gal and Ghahramani (2016)",
    inputs=VISIT,
    outputs=[
        Output("volume", Kind.VOLUME, "Synthetic sequence"),
        Output("domain", Kind.TABLE, "Fit of model and images"),
        Output("uncertainty", Kind.VOLUME, "Uncertainty", optional=True),
    ],
    memory_bytes=_memory,
    limits="For brains of adults. The shipped model has learned from phantoms with lesions of multiple sclerosis and "
    "was never tested on patients; a tumour, blood or contrast agent comes out as something else. A network adds no "
    "information: it shows what the given sequences hold in another way, and can invent or lose lesions.",
    accelerated=True,
)
def synthesise(
    flair: Volume | None, t1w: Volume | None, t2w: Volume | None, pd: Volume | None, parameters: SynthesisedSequence,
    run: Run,
) -> Outputs:
    """Bring together, scale, translate slice by slice, carry back."""
    from synthetic_imaging.sequences.learned.applying import Passes
    from synthetic_imaging.sequences.learned.fit_table import fit_sentence, fit_table
    from synthetic_imaging.sequences.learned.generating import fit_to, for_network, made_sequence

    given = {name: volume for name, volume in (("flair", flair), ("t1w", t1w), ("t2w", t2w), ("pd", pd))
             if volume is not None}
    if not given:
        raise InputError("No sequence was given. Choose a FLAIR, T1w, T2w or PD volume, or several.")
    model = _model(parameters.model, run)
    contrast = Contrast(parameters.contrast.value)
    without_pairs = model.recipe.id == _WITHOUT_PAIRS
    if without_pairs:
        from synthetic_imaging.sequences.unpaired.generating import source_of

        source = source_of(model, contrast, [_INPUTS[name] for name in given])
        run.note(f"Made from the {source.value} alone, slice by slice.")
    target = next(iter(given.values()))
    for name, volume in given.items():
        check_slices(volume, LABELS[name])
    images, head = brought_together(given, target, run.part(0.02, 0.3), align=parameters.align,
                                    even_brightness=parameters.even_brightness)
    run.progress(0.3, "find the brain")
    first = next(iter(given))
    shown = Volume(images[..., 0], target.geometry, modality="MR", dicom=target.dicom)
    brain = checked_brain(shown, _INPUTS[first], LABELS[first], run)[0] & head
    for sentence in _doubts(given, images, brain):
        run.note(sentence)
    stacked = {_INPUTS[name]: images[..., at] for at, name in enumerate(given)}
    ready = for_network(stacked, brain, target.geometry, run.rng, run.part(0.32, 0.4))
    if contrast in stacked:
        run.note(f"A {contrast.value} was given: the result is the network's copy of it, not a new sequence.")
    passes = Passes(parameters.passes if parameters.uncertainty else 0, parameters.mirrored,
                    int(run.rng.integers(2**31)))
    if without_pairs:
        made = _without_pairs(model, ready, contrast, passes, run.part(0.4, 0.95))
    else:
        made = made_sequence(model, ready, contrast, passes, run.device, run.part(0.4, 0.95))
    run.progress(0.95, "write the result")
    image = np.where(head, made.image, np.float32(0))
    scale = np.float32(_SHOWN / max(float(np.quantile(image[brain], 0.995)), 1e-9))
    title = f"Synthetic {contrast.value}"
    outputs: dict[str, Any] = {
        "volume": Volume(image * scale, target.geometry, modality="MR", quantity="signal", name=title,
                         window=(500.0, 1000.0)),
    }
    left = None
    if parameters.uncertainty:
        spread = np.where(head, made.deviation, np.float32(0)) * scale
        left = 100 * float(spread[brain].mean()) / max(float(image[brain].mean() * scale), 1e-9)
        outputs["uncertainty"] = Volume(spread, target.geometry, modality="MR", quantity="uncertainty",
                                        name=f"{title} uncertainty", window=(150.0, 300.0))
    domain = fit_table(fit_to(model, ready), target.geometry, left)
    run.note(fit_sentence(domain))
    return Outputs(**outputs, domain=domain)


def _doubts(given: Mapping[str, Volume], images: npt.NDArray[np.float32], brain: npt.NDArray[np.bool_]) -> list[str]:
    """Sentences about names that headers contradict, and about contrast agent."""
    found = [header_doubt(volume, _INPUTS[name]) for name, volume in given.items()]
    if "t1w" in given:
        found.append(agent_note(given["t1w"], images[..., list(given).index("t1w")], brain, LABELS["t1w"]))
    return [sentence for sentence in found if sentence]


def _model(name: str, run: Run) -> Model:
    run.progress(0.0, "read the model")
    from synthetic_imaging.learning.networks.speed import channels_last
    from synthetic_imaging.learning.weights.models import load_model

    found = load_model(name, run.device)
    channels_last(found.networks)
    if found.recipe.id not in (MODEL, _WITHOUT_PAIRS):
        raise ParameterError(f"The model '{found.name}' is '{found.recipe.title}', which makes no MR sequence of a "
                             "brain. Choose one that was trained for missing MR sequences.")
    run.uses_weights(name, found.sha256)
    run.note(f"Model '{found.name}', trained on {found.card.training_data} (sha256 {found.sha256[:12]}).")
    return found


def _without_pairs(model: Model, ready: ForNetwork, contrast: Contrast, passes: Passes, run: Run) -> MadeSequence:
    from synthetic_imaging.sequences.unpaired.applying import Answers
    from synthetic_imaging.sequences.unpaired.generating import translated_sequence

    answers = Answers(max(1, passes.number), passes.seed)
    return translated_sequence(model, ready, contrast, answers, run.device, run)
