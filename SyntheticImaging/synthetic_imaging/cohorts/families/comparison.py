"""Train every family for the same time, and draw the same number of volumes from each."""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthetic_imaging.cohorts.families import drawing
from synthetic_imaging.cohorts.families.child import in_child
from synthetic_imaging.cohorts.families.hearts import HeartSets, heart_sets, images_of
from synthetic_imaging.cohorts.families.model import FAMILIES, FIRST, MODEL, GenerativeModel
from synthetic_imaging.cohorts.families.settings import Hearts
from synthetic_imaging.cohorts.families.timed import processor_seconds
from synthetic_imaging.context import Run
from synthetic_imaging.learning.diffusion.choices import Target
from synthetic_imaging.learning.settings import Precision

SEED = 20241121
_VALIDATE_EVERY, _NEVER = 50, 10_000_000
# No family of its own: what the target does.
ABLATION, ABLATED = "latent-noise", "latent"
TITLES = {name: found.title for name, found in FAMILIES.items()} | {ABLATION: "Latent diffusion, predicting noise"}
Images = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scale:
    """How large the comparison is.

    Attributes:
        seconds: of training for each family.
        cases: the hearts.
        ruler, ruler_steps: hearts and steps of the training of the feature network.
        samples: volumes drawn from each family.
        calls: numbers of network calls of the curves.
        curve_samples: volumes drawn for each point of the curves.
        memory_side: of the volumes that memory is measured with; 0 measures none.
        apart: whether each family works in a process of its own.
        precision: number format of training.
    """

    seconds: float = 200.0
    cases: Hearts = field(default_factory=Hearts)
    ruler: int = 64
    ruler_steps: int = 300
    samples: int = 120
    calls: tuple[int, ...] = (4, 6, 8, 10, 15, 20, 30, 50)
    curve_samples: int = 32
    memory_side: int = 64
    apart: bool = True
    precision: Precision = Precision.AUTO


@dataclass(frozen=True)
class Result:
    """What a family did; one JSON file in the work folder.

    Attributes:
        name: of the family.
        seconds: limit of its training.
        trained_s: how long its stages trained, by role.
        steps: of its stages, by role.
        processor_s: processor time of training, of all stages where it is known, else of this run.
        parameters: numbers in the networks that make a sample.
        calls: network calls a sample.
        sample_s: seconds a sample, on one processor thread or what the machine gives.
        psnr, ssim, energy: of the first stage's reconstructions of the test hearts: signal to noise (dB), similarity,
            and gradient energy through that of the hearts; NaN for a family of one stage.
    """

    name: str
    seconds: float
    trained_s: dict[str, float]
    steps: dict[str, int]
    processor_s: float
    parameters: int
    calls: int
    sample_s: float
    psnr: float
    ssim: float
    energy: float


def compare(scale: Scale, work: Path, run: Run, *, anew: bool = False) -> dict[str, tuple[Result, Images]]:
    """Results and volumes (N, 1, K, J, I) of all families and of the ablation, by the names of `TITLES`.

    What the work folder holds for this scale is taken.

    Args:
        scale: how large.
        work: folder.
        run: progress and cancel; a cancelled comparison goes on with the family it was at.
        anew: take nothing from the work folder.
    """
    found = {}
    for number, name in enumerate(TITLES):
        part = run.part(number / len(TITLES), (number + 1) / len(TITLES))
        files = work / f"result-{name}.json", work / f"samples-{name}.npy"
        kept = None if anew else _kept(files, name, scale)
        if kept is None:
            result = in_child(one_family, name, scale, work, run=part) if scale.apart else one_family(
                name, scale, work, part)
            _write(files[0], result)
            kept = result, np.load(files[1], allow_pickle=False).astype(np.float32)
        found[name] = kept
    return found


def _kept(files: tuple[Path, Path], name: str, scale: Scale) -> tuple[Result, Images] | None:
    try:
        result = Result(**json.loads(files[0].read_text(encoding="utf-8")))
        images = np.load(files[1], allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, TypeError):
        return None
    fits = result.name == name and result.seconds == scale.seconds and len(images) == scale.samples
    return (result, images) if fits and images.shape[2:] == tuple(scale.cases.shape_kji) else None


def _write(path: Path, result: Result) -> None:
    from synthetic_imaging.files.staging import staged

    with staged(path, overwrite=True) as stage:
        stage.beside(path).write_text(json.dumps(asdict(result), indent=1), encoding="utf-8")


def model_of(name: str, scale: Scale, device: str) -> GenerativeModel:
    """The small preset of a family, or the ablation, for the cases of a comparison."""
    model, cases = GenerativeModel.of(ABLATED if name == ABLATION else name, device=device), scale.cases
    if name == ABLATION:
        settings = model.settings[MODEL]
        model.settings[MODEL] = replace(settings, noising=replace(settings.noising, target=Target.NOISE))
    for role, settings in model.settings.items():
        # Of models without a loss that says when they are best, the last averaged weights are taken.
        often = _VALIDATE_EVERY if role == FIRST or name == "vae" else _NEVER
        training = replace(settings.training, validate_every=often, precision=scale.precision)
        network = settings.network
        if hasattr(network, "shape_kji"):
            k, j, i = cases.shape_kji
            network = replace(network, shape_kji=(k, j, i))
        model.settings[role] = replace(settings, cases=cases, training=training, network=network)
    return model


def one_family(name: str, scale: Scale, work: Path, run: Run) -> Result:
    """Train a family, draw from it, and leave its volumes in ``samples-NAME.npy``."""
    sets = heart_sets(scale.cases, scale.ruler, work, run.part(0, 0.02))
    model = model_of(name, scale, run.device)
    started = time.process_time()
    model.fit(sets.data, _folder(name, model, work), SEED, time_limit_s=scale.seconds, run=run.part(0.02, 0.6))
    spent = [processor_seconds(_folder(name, model, work) / place) for place in model.family.stages.values()]
    processor = sum(spent) if all(map(math.isfinite, spent)) else time.process_time() - started
    begun = time.perf_counter()
    images = model.sample(scale.samples, SEED, run=run.part(0.6, 0.95)).images
    each = (time.perf_counter() - begun) / scale.samples
    psnr, ssim, energy = ceiling(model, sets) if FIRST in model.models else (float("nan"),) * 3
    np.save(work / f"samples-{name}.npy", images.astype(np.float16))
    metrics = {role: found.card.metrics for role, found in model.models.items()}
    return Result(
        name, scale.seconds, {role: float(m["training seconds"]) for role, m in metrics.items()},
        {role: int(m["steps"]) for role, m in metrics.items()}, processor, model.parameters,
        drawing.network_calls(model.models[MODEL].settings), each, psnr, ssim, energy,
    )


def _folder(name: str, model: GenerativeModel, work: Path) -> Path:
    """Where a model trains; the ablation apart, with the same first stage."""
    if name != ABLATION:
        return work
    first = model.family.stages[FIRST]
    if (work / first).is_dir():
        shutil.copytree(work / first, work / name / first, dirs_exist_ok=True)
    return work / name


def ceiling(model: GenerativeModel, sets: HeartSets) -> tuple[float, float, float]:
    """PSNR (dB), SSIM and relative gradient energy of the first stage's reconstructions of the test hearts."""
    import torch

    from synthetic_imaging.cohorts.families.measures import gradient_energy
    from synthetic_imaging.evaluation.image_quality import psnr
    from synthetic_imaging.evaluation.structural_similarity import ssim
    from synthetic_imaging.learning.learners.vq import CodesAsLatents
    from synthetic_imaging.learning.networks.speed import computing
    from synthetic_imaging.learning.networks.vq import PairedVq

    network: Any = model.models[FIRST].networks[FIRST]
    coder = CodesAsLatents(network) if isinstance(network, PairedVq) else network
    images, made = images_of(sets.test), []
    with torch.no_grad(), computing(model.device):
        for start in range(0, len(images), 8):
            mean, _ = coder.encode(torch.from_numpy(images[start:start + 8]).to(model.device), None)
            made.append(coder.finished(coder.decode(mean))[0].float().cpu().numpy())
    given = np.concatenate(made)
    pairs = list(zip(given[:, 0], images[:, 0], strict=True))
    return (
        float(np.mean([psnr(a, b, data_range=1.0) for a, b in pairs])),
        float(np.mean([ssim(a, b, data_range=1.0) for a, b in pairs])),
        float(gradient_energy(given).mean() / gradient_energy(images).mean()),
    )
