"""A Slack workspace in the practice lab: real HTTP and WebSocket in, messages and files out."""

from tests.lab.slack.faults import Fault
from tests.lab.slack.forms import NotPossible
from tests.lab.slack.person import Press, Slash
from tests.lab.slack.state import ApiError, Channel, File, Message, User, UserGroup, Version, View
from tests.lab.slack.twin import SlackTwin
from tests.lab.slack.workspace import (
    ALICE,
    BOB,
    BOT_USER,
    CARO,
    DM_ALICE,
    INCIDENT,
    MALLORY,
    NET_ONCALL,
    NETWORK_GROUP,
    VIRT,
    WAR_ROOM,
)

__all__ = [
    "ALICE",
    "BOB",
    "BOT_USER",
    "CARO",
    "DM_ALICE",
    "INCIDENT",
    "MALLORY",
    "NETWORK_GROUP",
    "NET_ONCALL",
    "VIRT",
    "WAR_ROOM",
    "ApiError",
    "Channel",
    "Fault",
    "File",
    "Message",
    "NotPossible",
    "Press",
    "SlackTwin",
    "Slash",
    "User",
    "UserGroup",
    "Version",
    "View",
]
