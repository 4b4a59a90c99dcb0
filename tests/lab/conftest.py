"""What several tests of the lab share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.bolt_peer import new_app
from tests.lab.esxi_scene import Lab, open_lab
from tests.lab.slack import SlackTwin


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with open_lab() as lab:
        yield lab


@pytest.fixture
async def twin() -> AsyncIterator[SlackTwin]:
    """A Slack that sends an event again at once, not after minutes."""
    async with SlackTwin() as running:
        running.deliveries.retry_seconds = (0, 0, 0)
        yield running


@pytest.fixture
def client(twin: SlackTwin) -> AsyncWebClient:
    return AsyncWebClient(twin.bot_token, base_url=twin.api_url, timeout=5)


@pytest.fixture
def app(twin: SlackTwin) -> AsyncApp:
    return new_app(twin)
