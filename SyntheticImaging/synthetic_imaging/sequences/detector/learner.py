"""Train the detector: every case shows it one choice of sequences, some with a DIR that the generator has made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch

from synthetic_imaging.learning.learner import Batch, Learner, Phase
from synthetic_imaging.learning.learners.translation import translated
from synthetic_imaging.learning.randomness import BatchRandom
from synthetic_imaging.learning.recipe import Data
from synthetic_imaging.segmentation.losses import dice_and_cross_entropy
from synthetic_imaging.sequences.detector.settings import SEEN, SIGHTS, DetectorSettings
from synthetic_imaging.sequences.learned.settings import GIVEN, MADE
from synthetic_imaging.sequences.protocols import Contrast

DETECTOR = "detector"
_DIR = MADE.index(Contrast.DIR)
Losses = tuple[torch.Tensor, Mapping[str, "torch.Tensor | float"]]


class DetectorLearner(Learner):
    """Soft Dice and cross-entropy of lesion against everything else.

    Args:
        networks: with "detector", a `Translator` with two outputs.
        generator: of the synthetic DIR; it is not trained.
        data: `SlabCases` of three slices with FLAIR and T1w.
        settings: of the recipe.
    """

    averaged = (DETECTOR,)

    def __init__(
        self, networks: torch.nn.ModuleDict, generator: torch.nn.Module, data: Data, settings: DetectorSettings
    ) -> None:
        self.networks = networks
        self.training, self.validation = data.training, data.validation
        self.rate = settings.training.learning_rate
        # Not in `networks`: it is another model's.
        self._generator = [generator]

    def phases(self) -> Sequence[Phase]:
        """One phase with Adam."""
        return [Phase("detector", (DETECTOR,), self._optimiser, self._loss)]

    def _optimiser(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=self.rate)

    def _loss(self, batch: Batch, random: BatchRandom, step: int) -> Losses:
        del step
        seen, told = self._sight(batch, random.integers(len(SIGHTS)))
        logits = self.networks[DETECTOR](seen, told)
        return dice_and_cross_entropy(logits.unsqueeze(2), batch["lesion"]), {}

    def _sight(self, batch: Batch, which: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 3, J, I) with -1 where a sequence is not shown, and (B, 3), which are."""
        shown = torch.tensor([[c in sight.contrasts for c in SEEN] for sight in SIGHTS], device=which.device)[which]
        made = torch.tensor([sight.synthetic for sight in SIGHTS], device=which.device)[which]
        given, middle = batch["given"], batch["given"].shape[2] // 2
        double_inversion = batch["dir"][:, 0]
        if made.any():
            generator = self._generator[0].to(given.device)
            with torch.no_grad():
                found = translated(generator, given[made], batch["present"][made])[:, _DIR, 0]
            double_inversion = double_inversion.clone()
            double_inversion[made] = found.to(double_inversion.dtype)
        seen = torch.stack([given[:, GIVEN.index(Contrast.FLAIR), middle], given[:, GIVEN.index(Contrast.T1W), middle],
                            double_inversion], dim=1)
        return torch.where(shown[:, :, None, None], seen, seen.new_tensor(-1.0)), shown.float()
