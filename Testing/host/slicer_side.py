"""Modules of 3D Slicer's Python that the package slicer-core leaves out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from Testing.host.dialogs import answers_of_now


def i18n_module(host: Any) -> ModuleType:
    """``slicer.i18n``: texts come back as they are, or as `Host.translation` says; what was asked is recorded."""
    module = ModuleType("slicer.i18n", "Stand-in for slicer.i18n.")

    def translate(context: str, text: str) -> str:
        return host.ask_translation(context, text)

    def tr(text: str) -> str:
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        file = Path(caller.f_code.co_filename) if caller is not None else Path()
        in_package = (file.parent / "__init__.py").is_file()
        context = f"{file.parent.name}.{file.stem}" if in_package else file.stem
        translated: str = module.translate(context, text)  # what stands there now: a test may replace it
        return translated if _placeholders(text) == _placeholders(translated) else text

    module.translate = translate
    module.tr = tr
    return module


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"(?<!\{)\{([^{}]+)\}(?!\})", text))


def packaging_module(host: Any) -> ModuleType:
    """``slicer.packaging`` of Slicer 5.12: reads requirements, asks, records; never installs."""
    from packaging.requirements import Requirement

    module = ModuleType("slicer.packaging", "Stand-in for slicer.packaging.")

    def load_requirements(path: str | Path) -> list[Requirement]:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
        return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]

    def wanted(requirements: Any) -> list[Requirement]:
        if isinstance(requirements, str):
            return [Requirement(part) for part in requirements.split()]
        if isinstance(requirements, Requirement):
            return [requirements]
        return [Requirement(r) if isinstance(r, str) else r for r in requirements]

    def pip_check(req: Any) -> bool:
        return all(host.is_installed(r) for r in wanted(req))

    def pip_install(requirements: Any, *args: Any, **options: Any) -> None:
        host.installed.append((tuple(str(r) for r in wanted(requirements)), options))

    def pip_ensure(
        requirements: Any, constraints: Any = None, skip_packages: Any = None, prompt_install: bool = True,
        prompt_restart: bool = True, requester: str | None = None, skip_in_testing: bool = True,
        show_progress: bool = True,
    ) -> None:  # fmt: skip
        missing = [r for r in wanted(requirements) if not host.is_installed(r)]
        if not missing:
            return
        if prompt_install and not answers_of_now().take("install", requester or "", " ".join(map(str, missing))):
            raise RuntimeError("User declined package installation")
        pip_install(missing, constraints=constraints, requester=requester)

    for function in (load_requirements, pip_check, pip_install, pip_ensure):
        setattr(module, function.__name__, function)
    return module


def sample_data_module(host: Any) -> ModuleType:
    """The module ``SampleData``: sources that modules offer are recorded in `Host.sample_sources`."""
    module = ModuleType("SampleData", "Stand-in for Slicer's module Sample Data.")

    class SampleDataLogic:
        @staticmethod
        def registerCustomSampleDataSource(
            category: str = "Custom", sampleName: Any = None, uris: Any = None, fileNames: Any = None,
            nodeNames: Any = None, customDownloader: Callable[..., Any] | None = None, thumbnailFileName: Any = None,
            loadFileTypes: Any = None, loadFiles: Any = None, loadFileProperties: Any = None, checksums: Any = None,
            loadFileType: Any = None,
        ) -> None:  # fmt: skip
            if not sampleName:
                raise ValueError("a sample needs a name")
            host.sample_sources.append({key: value for key, value in locals().items() if key != "host"})

    module.SampleDataLogic = SampleDataLogic
    return module


class FileManager:
    """``slicer.app.coreIOManager()``: enough for slicer.util's load and save functions."""

    def __init__(self, host: Any) -> None:
        self._host = host

    def fileType(self, name: str) -> str:
        text = str(name).lower()
        if text.endswith((".mrb", ".mrml")):
            return "SceneFile"
        if ".seg." in text:
            return "SegmentationFile"
        return "TransformFile" if text.endswith((".h5", ".tfm")) else "VolumeFile"

    def fileWriterFileType(self, node: Any, format: str = "") -> str:  # noqa: A002  (Slicer's name)
        return str(node.GetClassName())

    def loadNodes(self, kind: str, properties: Any, loaded: Any = None, messages: Any = None) -> bool:
        import slicer

        scene, name = self._host.scene, properties["fileName"]
        if not Path(name).is_file():
            return False
        if kind == "SceneFile":
            return bool(self._host.open_scene(name))
        if kind == "VolumeFile":
            logic = slicer.modules.volumes.logic()
            node = logic.AddArchetypeVolume(name, properties.get("name") or Path(name).name.split(".")[0])
        elif kind == "SegmentationFile":
            node = slicer.modules.segmentations.logic().LoadSegmentationFromFile(name, True)
        else:
            raise NotImplementedError(f"loading a {kind} is not imitated")
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None and scene.IsNodePresent(node) != 0

    def saveNodes(self, kind: str, properties: Any, messages: Any = None) -> bool:
        if kind == "SceneFile":
            return bool(self._host.save_scene(properties["fileName"]))
        node = self._host.scene.GetNodeByID(properties["nodeID"])
        storage = node.CreateDefaultStorageNode()
        storage.UnRegister(None)
        storage.SetFileName(str(properties["fileName"]))
        return bool(storage.WriteData(node))

    def saveScene(self, name: str, screenshot: Any = None) -> bool:
        return bool(self._host.save_scene(name))
