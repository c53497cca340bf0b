"""The extension as Slicer's build would make it: configured and installed once, for the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from slicer_build import Built, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The repository, configured with the stand-in of Slicer's macros and installed into a temporary folder."""
    return build(Path(__file__).parents[2], tmp_path_factory.mktemp("slicer"))
