"""From a volume to a vector: what distances between sets of images are measured on.

Distances between features of different networks cannot be compared, so each extractor has a name that is shown with
every result. Two of them here need no trained weights: `HaarStatistics`, whose numbers can be read, and
`random_convolutions`, a network that was never trained. Any encoder becomes one with `NetworkFeatures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from synthetic_imaging.errors import InputError, ParameterError
from synthetic_imaging.evaluation.arrays import finite, times

if TYPE_CHECKING:
    import torch

Volumes = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]

SUBBANDS = ("IIH", "IHI", "IHH", "HII", "HIH", "HHI", "HHH")
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@runtime_checkable
class FeatureExtractor(Protocol):
    """Turns volumes into vectors."""

    @property
    def name(self) -> str:
        """Shown with every distance; two extractors that differ have different names."""

    @property
    def dimension(self) -> int:
        """Length D of a vector."""

    def features(self, volumes: Volumes) -> Features:
        """Vectors (N, D) of volumes (N, C, K, J, I), values in [0, 1].

        Raises:
            InputError: if the volumes are of another shape, too small, or not finite.
        """


class HaarStatistics:
    """Statistics of the grey values, the gradient and the 3-D Haar wavelet coefficients, without any network.

    For each channel: seven quantiles, mean and standard deviation of the grey values; mean and standard deviation of
    the gradient's length; and at each scale, for each of the seven detail bands, the logarithm of the standard
    deviation and the mean absolute value through the standard deviation (0.80 for normal coefficients, less for sparse
    ones). They tell contrast, noise, sharpness and texture; where something lies they hardly tell.

    Attributes:
        scales: how often the volume is halved.
        channels: of the volumes.
    """

    def __init__(self, scales: int = 3, channels: int = 1) -> None:
        if scales < 1 or channels < 1:
            raise ParameterError("Haar statistics need at least one scale and one channel.")
        self.scales = scales
        self.channels = channels

    @property
    def name(self) -> str:
        """With the number of scales."""
        return f"haar-statistics-{self.scales}"

    @property
    def dimension(self) -> int:
        """Numbers for each volume."""
        return self.channels * (len(_QUANTILES) + 4 + self.scales * len(SUBBANDS) * 2)

    def features(self, volumes: Volumes) -> Features:
        """See `FeatureExtractor.features`; each side must have 2^scales voxels or more, and 3."""
        checked = _volumes(volumes, self.channels, max(3, 2**self.scales))
        made = [np.concatenate([self._channel(channel) for channel in volume]) for volume in checked]
        return np.stack(made).astype(np.float32)

    def _channel(self, volume: Volumes) -> npt.NDArray[np.float64]:
        gradient = np.sqrt(sum(_central(volume, axis) ** 2 for axis in range(3)))
        numbers = [*np.quantile(volume, _QUANTILES), volume.mean(), volume.std(), gradient.mean(), gradient.std()]
        low = volume.astype(np.float64)
        for _ in range(self.scales):
            low, details = _haar(low)
            for detail in details:
                spread = float(np.sqrt((detail**2).mean()))
                numbers += [np.log(spread + 1e-4), float(np.abs(detail).mean()) / (spread + 1e-12)]
        return np.asarray(numbers, dtype=np.float64)


class NetworkFeatures:
    """The features of any torch network: its output, averaged over space where it has any.

    The network is called as ``network(batch)`` with (B, C, K, J, I) and must return (B, D), (B, D, ...), or a tuple or
    list whose first entry is that. It is set to evaluation while it works and put back afterwards; gradients are off.

    Attributes:
        name: shown with every distance; say what the network is and on what it was trained.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        name: str,
        batch: int = 8,
        device: str | torch.device | None = None,
    ) -> None:
        """Wrap a network.

        Args:
            network: an encoder.
            name: not empty. Only Inception features may be named so: their Fréchet distance is called FID.
            batch: volumes at once.
            device: where to work; None leaves the network where it is.
        """
        if not name.strip():
            raise ParameterError("A feature network needs a name that says what it is.")
        if batch < 1:
            raise ParameterError(f"A batch holds 1 volume or more, not {batch}.")
        self.name = name.strip()
        self._network = network if device is None else network.to(device)
        self._batch = batch
        self._dimension: int | None = None

    @property
    def dimension(self) -> int:
        """Length of a vector; known after the first volumes.

        Raises:
            ParameterError: before.
        """
        if self._dimension is None:
            raise ParameterError(f"The length of the features of '{self.name}' is known only after the first volumes.")
        return self._dimension

    def features(self, volumes: Volumes) -> Features:
        """See `FeatureExtractor.features`."""
        import torch

        checked = _volumes(volumes, None, 1)
        place = next((p.device for p in self._network.parameters()), torch.device("cpu"))
        made = []
        with _evaluating(self._network), torch.inference_mode():
            for start in range(0, len(checked), self._batch):
                part = torch.from_numpy(checked[start : start + self._batch]).to(place)
                made.append(_pooled(self._network(part), self.name).float().cpu().numpy())
        result = np.concatenate(made)
        if not np.isfinite(result).all():
            raise InputError(f"The feature network '{self.name}' returned values that are not finite.")
        self._dimension = int(result.shape[1])
        return result


def random_convolutions(seed: int = 0, channels: int = 1, width: int = 32, batch: int = 8) -> NetworkFeatures:
    """Features of a 3-D convolutional network that was never trained, its weights drawn from a seed.

    Four layers of 3 x 3 x 3 convolutions with stride 2, leaky rectified; the mean and the standard deviation over space
    of every channel of every layer. Random features separate distributions (Naeem et al. 2020, section 4, use a random
    network too), but know nothing of anatomy and react weakly: among phantoms of balls, twice the noise moved them
    twice as far as another sample of the same balls, and `HaarStatistics` fifteen times. Prefer an encoder trained on
    the kind of image. Named ``random-conv-3d-<seed>``, with the width where that is not 32.

    Args:
        seed: of the weights: the same seed gives the same features.
        channels: of the volumes.
        width: channels of the first layer; doubled at each layer.
        batch: volumes at once.
    """
    from synthetic_imaging.evaluation.random_network import RandomConvolutions

    name = f"random-conv-3d-{seed}" + ("" if width == 32 else f"-{width}")
    return NetworkFeatures(RandomConvolutions(seed, channels, width), name, batch)


def _volumes(volumes: Volumes, channels: int | None, smallest: int) -> Volumes:
    checked = finite(volumes, "The set of volumes")
    if checked.ndim != 5:
        raise InputError(f"Features are taken of volumes (N, C, K, J, I), not of an array of {times(checked.shape)}.")
    if channels is not None and checked.shape[1] != channels:
        raise InputError(f"The volumes have {checked.shape[1]} channels; these features are of {channels}.")
    if min(checked.shape[2:]) < smallest:
        raise InputError(f"The volumes are {times(checked.shape[2:])}; each side needs {smallest} voxels or more.")
    return np.ascontiguousarray(checked, dtype=np.float32)


def _central(volume: Volumes, axis: int) -> npt.NDArray[Any]:
    """Half the difference of the two neighbours along an axis, on the interior."""
    inner = [slice(1, -1)] * 3
    ahead, behind = list(inner), list(inner)
    ahead[axis], behind[axis] = slice(2, None), slice(None, -2)
    return np.asarray((volume[tuple(ahead)] - volume[tuple(behind)]) * 0.5)


def _haar(volume: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], list[npt.NDArray[np.float64]]]:
    """Means of 2 x 2 x 2 voxels, and the detail bands in the order of `SUBBANDS`; odd last planes are left out."""
    parts = [volume]
    for axis in range(3):
        even = volume.shape[axis] // 2 * 2
        split = []
        for part in parts:
            cut = np.moveaxis(part, axis, 0)[:even]
            for made in (cut[0::2] + cut[1::2], cut[0::2] - cut[1::2]):
                split.append(np.moveaxis(made * 0.5, 0, axis))
        parts = split
    return parts[0], parts[1:]


def _pooled(output: Any, name: str) -> torch.Tensor:
    import torch

    if isinstance(output, tuple | list) and output:
        output = output[0]
    if not isinstance(output, torch.Tensor) or output.ndim < 2:
        raise InputError(f"The feature network '{name}' must return a tensor (B, D) or (B, D, ...).")
    return output if output.ndim == 2 else output.flatten(2).mean(dim=2)


@contextmanager
def _evaluating(network: torch.nn.Module) -> Iterator[None]:
    """Each part in evaluation, and afterwards in whatever state it was in."""
    states = [(part, part.training) for part in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for part, training in states:
            part.training = training
