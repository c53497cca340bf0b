"""How packages get into the Python that the panels run in: 3D Slicer's own functions, where this is 3D Slicer."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from synthetic_imaging.errors import Cancelled, JobFailed
from synthetic_imaging.setup.installing import Plan, kept_versions, why_pip_failed
from synthetic_imaging.setup.packages import Requirement
from synthetic_imaging.setup.privacy import anonymous

_REQUESTER = "SyntheticImaging"


class ProgramPython:
    """The program around the panels.

    Attributes:
        inside_slicer: whether it is 3D Slicer with a Python of its own.
        name: program and version for the report; "" when it is not 3D Slicer.
    """

    def __init__(self, inside_slicer: bool | None = None) -> None:
        """Look round; ``inside_slicer`` overrules what is found."""
        app = getattr(slicer, "app", None)
        # 3D Slicer puts its Python launcher on the path of its own process, whatever the system.
        found = app is not None and shutil.which("PythonSlicer") is not None
        self.inside_slicer = found if inside_slicer is None else inside_slicer
        version = str(getattr(app, "applicationVersion", "") or "") if app is not None else ""
        self.name = f"3D Slicer {version}".strip() if self.inside_slicer else ""

    def install(self, plan: Plan) -> None:
        """Install the packages of a plan that was agreed to; PyTorch excepted. Returns when it is done.

        Raises:
            JobFailed: if it failed; 3D Slicer has shown its own report then.
        """
        packaging = _packaging()
        with tempfile.TemporaryDirectory(prefix="synthetic-imaging-setup-", ignore_cleanup_errors=True) as folder:
            kept = Path(folder) / "constraints.txt"
            kept.write_text(kept_versions(plan.requirements), encoding="utf-8")
            try:
                if packaging is None:
                    slicer.util.pip_install(["-c", str(kept), *plan.words])
                elif plan.folder is not None:
                    packaging.pip_install(plan.words, constraints=str(kept), requester=_REQUESTER)
                else:
                    # The question was asked with sizes and names: a second one would be a surprise.
                    packaging.pip_ensure(plan.words, constraints=str(kept), prompt_install=False, requester=_REQUESTER)
            except (subprocess.CalledProcessError, RuntimeError, OSError) as problem:
                told = anonymous(f"{problem}\n{getattr(problem, 'output', '') or ''}")
                sentence = why_pip_failed(told)
                error = JobFailed(f"{sentence} {_('3D Slicer shows more in its Python console.')}")
                error.details = told
                raise error from None
        importlib.invalidate_caches()

    def install_torch(self, requirement: Requirement) -> None:
        """Install PyTorch through the extension of that name, which finds the build that fits the graphics card.

        Raises:
            Cancelled: if the user refused.
            JobFailed: if the extension is not installed, or could not install.
        """
        if not hasattr(slicer.modules, "pytorchutils"):
            raise JobFailed(
                _("PyTorch comes through the extension 'PyTorch'. Install it in the Extensions Manager, restart "
                  "3D Slicer, then press the button again.")
            )
        try:
            utilities: Any = importlib.import_module("PyTorchUtils")
            installed = utilities.PyTorchUtilsLogic().installTorch(
                askConfirmation=True, torchVersionRequirement=f">={requirement.floor}"
            )
        except Exception as problem:  # whatever pip, the network or torch itself raises
            error = JobFailed(
                _("The extension 'PyTorch' could not install PyTorch. Try its own module, 'PyTorch Utils'.")
            )
            error.details = anonymous(str(problem))
            raise error from None
        if installed is None:
            raise Cancelled(_("PyTorch was not installed."))
        importlib.invalidate_caches()


def _packaging() -> Any:
    # 3D Slicer 5.12 and newer.
    try:
        packaging = importlib.import_module("slicer.packaging")
    except ImportError:
        return None
    return packaging if hasattr(packaging, "pip_ensure") else None
