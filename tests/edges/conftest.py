"""A workspace of Slack's twin and the edge that speaks to it, for the tests of that edge."""

from collections.abc import AsyncIterator

import pytest

from tests.lab.slack import SlackTwin
from workers.slack import Slack


@pytest.fixture
async def twin() -> AsyncIterator[SlackTwin]:
    async with SlackTwin() as twin:
        yield twin


@pytest.fixture
async def slack(twin: SlackTwin) -> AsyncIterator[Slack]:
    slack = Slack(twin.bot_token, twin.api_url)
    yield slack
    await slack.close()
