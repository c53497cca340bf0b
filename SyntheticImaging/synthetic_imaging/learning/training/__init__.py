"""The one training loop: any learner, on one processor or GPU, several, or several machines.

    result = train(learner, Training(steps=2000), Path("out"), seed=1, report=bar)

The parts: ``start`` (where it runs), ``loop`` (what happens in which order), ``steps`` (one step), ``loading`` (cases),
``averaging`` (moving average of weights), ``checkpoints`` and ``state`` (kept on disk), ``history`` (curves).
"""

from synthetic_imaging.learning.training.progress import (
    Stopped,
    TrainingFailed,
    TrainingProgress,
    TrainingResult,
    is_first_process,
)
from synthetic_imaging.learning.training.start import train

__all__ = ["Stopped", "TrainingFailed", "TrainingProgress", "TrainingResult", "is_first_process", "train"]
