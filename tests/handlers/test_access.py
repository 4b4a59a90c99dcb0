"""Who may ask where: the table, user groups read from Slack, and their short memory."""

import pytest

from handlers.access import Access
from tests.lab.slack import ALICE, BOB, CARO, INCIDENT, NETWORK_GROUP, VIRT, SlackTwin
from workers.slack import Slack


@pytest.mark.parametrize(
    ("channels", "users", "user", "channel", "refusal"),
    [
        (set(), set(), ALICE, INCIDENT, "ARPCHECK_CHANNELS"),
        (set(), {ALICE}, ALICE, INCIDENT, "ARPCHECK_CHANNELS"),
        ({"*"}, set(), ALICE, INCIDENT, None),
        ({INCIDENT}, set(), ALICE, INCIDENT, None),
        ({INCIDENT}, set(), ALICE, VIRT, f"only in <#{INCIDENT}>"),
        ({INCIDENT, VIRT}, set(), ALICE, "C99", f"<#{INCIDENT}> and <#{VIRT}>"),
        ({"*"}, {ALICE}, ALICE, VIRT, None),
        ({"*"}, {ALICE}, BOB, VIRT, f"may: <@{ALICE}>"),
        ({INCIDENT}, {ALICE}, ALICE, VIRT, "may not be used here"),
        ({"*"}, {NETWORK_GROUP}, BOB, VIRT, None),
        ({"*"}, {NETWORK_GROUP}, ALICE, VIRT, f"members of <!subteam^{NETWORK_GROUP}>"),
        ({"*"}, {ALICE, NETWORK_GROUP}, ALICE, VIRT, None),
        ({"*"}, {ALICE, NETWORK_GROUP}, CARO, VIRT, f"<@{ALICE}> and members of"),
        ({"*"}, {"S0UNKNOWN"}, BOB, VIRT, "could not be read"),
    ],
)
async def test_who_may(
    slack: Slack, channels: set[str], users: set[str], user: str, channel: str, refusal: str | None
) -> None:
    told = await Access(slack, channels, users).refusal(user, channel)
    if refusal is None:
        assert told is None
    else:
        assert told is not None
        assert refusal in told


async def test_a_group_is_asked_for_once(twin: SlackTwin, slack: Slack) -> None:
    access = Access(slack, {"*"}, {NETWORK_GROUP})
    assert await access.refusal(BOB, VIRT) is None
    twin.fail("usergroups.users.list", 9, "internal_error")
    assert await access.refusal(BOB, VIRT) is None
    assert await access.refusal(ALICE, VIRT) is not None
    assert not twin.api.faults.struck
