from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")


@pytest.fixture
def host() -> Iterator[Any]:
    from SyntheticImagingLib.headless import HeadlessSlicer

    with HeadlessSlicer() as made:
        yield made
