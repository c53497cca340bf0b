"""Import a MONAI bundle.

A bundle's configuration can run programs: a "_target_" names something that is called, and a text that begins with "$"
is Python. So it is first read as plain JSON, and what it would run is shown; only after the user has said that its
source is trusted is it given to MONAI. Of the configuration nothing but the network's definition, and what that refers
to, is ever evaluated. Weights are read without unpickling programs, and kept as safetensors.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthetic_imaging.errors import Cancelled, FileError
from synthetic_imaging.files.staging import staged, why
from synthetic_imaging.learning.weights.bundle_archive import opened_bundle
from synthetic_imaging.learning.weights.container import hashes_of
from synthetic_imaging.learning.weights.names import check_name
from synthetic_imaging.learning.weights.store import WeightsStore

if TYPE_CHECKING:
    import torch

Trust = Callable[[str, str], bool]
FOLDER = "bundles"
_CONFIGS = ("inference.json", "evaluate.json", "train.json")
_NETWORK_KEYS = ("network_def", "network", "net")
_LARGEST_CONFIG = 10_000_000
_REFERENCE = re.compile(r"[@%](\w+)")
_OTHER_FILE = re.compile(r"%.*\.(json|ya?ml)", re.IGNORECASE | re.DOTALL)
_CONTENT, _WEIGHTS = "bundle.json", "model.safetensors"


@dataclass(frozen=True)
class BundleContent:
    """What a bundle says, read without running anything.

    Attributes:
        name: of the bundle.
        metadata: its metadata.json.
        network: key of the network's definition.
        config: the definition and all that it refers to; nothing else is kept.
        runs: what would be run: "_target_" names and "$" expressions, each with its place.
    """

    name: str
    metadata: Mapping[str, Any]
    network: str
    config: Mapping[str, Any]
    runs: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of the configuration: what trust was given for."""
        return hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()

    @property
    def question(self) -> str:
        """What the user is asked to trust."""
        lines = "\n".join(f"  {line}" for line in self.runs)
        return (f"The configuration of the MONAI bundle '{self.name}' can run programs on this computer. To make its "
                f"network it would run:\n{lines}\nGo on only if you trust where the bundle comes from.")


@dataclass(frozen=True, eq=False)
class BundleNetwork:
    """A network of a bundle: in eval mode, without gradients; ``metadata`` says what goes in and comes out."""

    name: str
    network: torch.nn.Module
    metadata: Mapping[str, Any]
    sha256: str


def read_bundle(folder: Path, name: str = "") -> BundleContent:
    """The content of a bundle's folder; JSON is read, nothing is run.

    Raises:
        FileError: if there is no network definition, or it refers to other files.
    """
    configs = folder / "configs"
    metadata = _json(configs / "metadata.json") if (configs / "metadata.json").is_file() else {}
    for file in _CONFIGS:
        if (configs / file).is_file():
            config = _json(configs / file)
            key = next((k for k in _NETWORK_KEYS if k in config), "")
            if key:
                kept = _with_references(config, key)
                _refuse_other_files(file, kept)
                title = name or str(metadata.get("name") or folder.name)
                return BundleContent(title, metadata, key, kept, tuple(_runs(kept)))
    raise FileError(f"The bundle '{name or folder.name}' has no JSON configuration with a network "
                    f"({', '.join(_NETWORK_KEYS)} in {', '.join(_CONFIGS)}). Other kinds are not read.")


def import_bundle(source: Path, trust: Trust, name: str = "", store: WeightsStore | None = None, *,
                  overwrite: bool = False) -> str:
    """Bring a bundle into the store: its network's definition, its metadata, and its weights as safetensors.

    Args:
        source: folder or .zip.
        trust: asked once with the source and what would be run; only if it says yes is anything run.
        name: what to call it; the name of folder or file when empty.
        store: the store; the user's when None.
        overwrite: whether a bundle of that name is replaced.

    Returns:
        The name by which `load_bundle` finds it.

    Raises:
        FileError: if it is no bundle, or its weights do not fit its network.
        Cancelled: if the source is not trusted.
    """
    chosen = check_name(name or (source.name if source.is_dir() else source.stem))
    place = WeightsStore() if store is None else store
    with opened_bundle(source) as folder:
        content = read_bundle(folder, chosen)
        if not trust(str(source), content.question):
            raise Cancelled(f"'{chosen}' was not imported: its source is not trusted. Nothing was run.")
        tensors = _weights(folder, chosen)
        network = _built(content)
        _fill(network, tensors, chosen)
        target = place.prepare() / FOLDER / chosen
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise why(error, target) from None
        _keep(target, content, network, overwrite)
    return chosen


def load_bundle(name: str, trust: Trust, device: str = "cpu", store: WeightsStore | None = None) -> BundleNetwork:
    """A bundle of the store, as a network.

    Args:
        name: as `import_bundle` returned it.
        trust: asked only if the configuration is not the one that was trusted at the import.
        device: where the network goes.
        store: the store; the user's when None.

    Raises:
        FileError: if there is none, or it is damaged.
        Cancelled: if it has changed and is not trusted.
    """
    place = WeightsStore() if store is None else store
    path = place.use(f"{FOLDER}/{check_name(name)}/{_CONTENT}")
    kept = _json(path)
    try:
        config, metadata = dict(kept["config"]), dict(kept["metadata"])
        content = BundleContent(name, metadata, str(kept["network"]), config, tuple(_runs(config)))
        trusted, sha256 = str(kept["trusted"]), str(kept["sha256"])
    except (KeyError, TypeError, ValueError):
        raise FileError(f"The bundle '{name}' is damaged. Import it again.") from None
    if trusted != content.sha256 and not trust(str(path), content.question):
        raise Cancelled(f"'{name}' was not loaded: it has changed since it was imported, and is not trusted.")
    weights = place.use(f"{FOLDER}/{name}/{_WEIGHTS}")
    if hashes_of(weights, 0)[0] != sha256:
        raise FileError(f"The weights of the bundle '{name}' are damaged: wrong checksum. Import it again.")
    from safetensors.torch import load_file

    network = _built(content)
    _fill(network, load_file(weights), name)
    return BundleNetwork(name, network.to(device), metadata, sha256)


def bundles(store: WeightsStore | None = None) -> list[str]:
    """Names of the bundles in the store."""
    place = WeightsStore() if store is None else store
    return [f.name.split("/")[1] for f in place.files() if re.fullmatch(rf"{FOLDER}/[^/]+/{_CONTENT}", f.name)]


def delete_bundle(name: str, store: WeightsStore | None = None) -> int:
    """Delete a bundle from the store; returns the bytes freed.

    Raises:
        FileError: if there is none.
    """
    place = WeightsStore() if store is None else store
    inside = [f.name for f in place.files() if f.name.startswith(f"{FOLDER}/{check_name(name)}/")]
    if not inside:
        raise FileError(f"There is no bundle '{name}' in the store.")
    return sum(place.delete(file) for file in inside)


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            raise FileError(f"'{path.name}' is too large for a configuration.")
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise why(error, path, "read") from None
    except (ValueError, RecursionError):
        raise FileError(f"'{path.name}' is no readable JSON. Download the bundle again.") from None
    if not isinstance(found, dict):
        raise FileError(f"'{path.name}' is no configuration of a bundle.")
    return found


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{number}]")
    elif isinstance(value, str):
        yield where, value


def _with_references(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    waiting = [key]
    while waiting:
        name = waiting.pop()
        if name in kept or name not in config:
            continue
        kept[name] = config[name]
        for _, text in _texts(config[name], ""):
            waiting += _REFERENCE.findall(text)
    return kept


def _refuse_other_files(file: str, kept: Mapping[str, Any]) -> None:
    for where, text in _texts(kept, ""):
        if _OTHER_FILE.search(text):
            raise FileError(f"'{file}' takes a part of its network from another file ({where}). Such bundles are not "
                            "read.")


def _runs(kept: Mapping[str, Any]) -> Iterator[str]:
    for where, text in _texts(kept, ""):
        if where.rsplit(".", 1)[-1] in ("_target_", "<target>"):
            yield f"{where}: calls {text[:200]}"
        elif text.startswith("$"):
            yield f"{where}: Python: {text[1:][:200]}"


def _built(content: BundleContent) -> torch.nn.Module:
    import torch
    from monai.bundle import ConfigParser

    try:
        network: Any = ConfigParser(dict(content.config)).get_parsed_content(content.network)
    except Exception as error:  # whatever the configuration runs may raise whatever it likes
        raise FileError(f"The network of the bundle '{content.name}' cannot be made: {type(error).__name__}: "
                        f"{str(error).splitlines()[0] if str(error) else ''} It may need another version of MONAI, or "
                        "programs of its own, which are not run.") from None
    if not isinstance(network, torch.nn.Module):
        raise FileError(f"The bundle '{content.name}' makes a {type(network).__name__}, not a network.")
    return network.to("cpu").eval().requires_grad_(False)


def _weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    models = folder / "models"
    try:
        if (models / _WEIGHTS).is_file():
            return dict(load_file(models / _WEIGHTS))
        file = next((models / f for f in ("model.pt", "model.pth") if (models / f).is_file()), None)
        if file is None:
            raise FileError(f"The bundle '{name}' has no weights (models/model.pt or models/{_WEIGHTS}). Download it "
                            "completely; TorchScript files (model.ts) are programs and are not read.")
        loaded: Any = torch.load(file, map_location="cpu", weights_only=True)
    except FileError:
        raise
    except (SafetensorError, Exception) as error:
        raise FileError(f"The weights of the bundle '{name}' cannot be read without running programs, or are damaged "
                        f"({type(error).__name__}). They are not loaded.") from None
    for key in ("state_dict", "model", "network", "net"):
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(t, torch.Tensor) for t in loaded.values()):
        raise FileError(f"The weights of the bundle '{name}' are no list of tensors. They are not loaded.")
    return {str(key).removeprefix("module."): tensor for key, tensor in loaded.items()}


def _fill(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], name: str) -> None:
    import torch

    broken = [k for k, t in tensors.items() if t.is_floating_point() and not bool(torch.isfinite(t).all())]
    if broken:
        raise FileError(f"The weights of the bundle '{name}' are not finite (in '{broken[0]}'). They are not used.")
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:
        lines = str(error).strip().splitlines()
        raise FileError(f"The weights of the bundle '{name}' do not fit its network: "
                        f"{(lines[1] if len(lines) > 1 else lines[0]).strip()[:300]}") from None


def _keep(target: Path, content: BundleContent, network: torch.nn.Module, overwrite: bool) -> None:
    from safetensors.torch import save_file

    with staged(target / _CONTENT, overwrite) as stage:
        weights = stage.beside(target / _WEIGHTS)
        save_file({k: t.contiguous().clone() for k, t in network.state_dict().items()}, weights)
        record = {"name": content.name, "network": content.network, "config": content.config,
                  "metadata": content.metadata, "trusted": content.sha256, "sha256": hashes_of(weights, 0)[0]}
        stage.beside(target / _CONTENT).write_text(json.dumps(record, indent=2), encoding="utf-8")
