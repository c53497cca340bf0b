"""The weights folder in the report. The store itself is `synthetic_imaging.learning.weights.store`."""

from __future__ import annotations

import os
import shutil

from synthetic_imaging.learning.weights import store
from synthetic_imaging.learning.weights.store import MARK, VARIABLE, WeightsFile, weights_folder
from synthetic_imaging.memory import readable_bytes
from synthetic_imaging.setup.machine import LEAST_WEIGHTS
from synthetic_imaging.setup.privacy import shortened
from synthetic_imaging.setup.rows import Row, State

__all__ = ["MARK", "VARIABLE", "WeightsFile", "WeightsStore", "weights_folder"]


class WeightsStore(store.WeightsStore):
    """The weights on this computer, with their row in the report."""

    def row(self) -> Row:
        """The store in the report."""
        nearest = self.folder
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent
        try:
            free = shutil.disk_usage(nearest).free
        except OSError as error:
            return Row("Weights folder", f"{shortened(self.folder)}: {(error.strerror or 'no access').lower()}",
                       State.WARNING, f"Set {VARIABLE} to another folder.")
        used = readable_bytes(self.bytes_used) if self.files() else "empty"
        value = f"{shortened(self.folder)}, {used}, {readable_bytes(free)} free"
        if self.folder.exists() and not self.is_store and self.holds_anything():
            return Row("Weights folder", value, State.WARNING, self.sentence)
        if not os.access(nearest, os.W_OK):
            return Row("Weights folder", value, State.WARNING, f"No access. Set {VARIABLE} to another folder.")
        if free < LEAST_WEIGHTS:
            return Row("Weights folder", value, State.WARNING, "Learned tools may need more room: free some space.")
        return Row("Weights folder", value)
