"""What several tests of the lab share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.lab.esxi_scene import Lab, open_lab


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab
